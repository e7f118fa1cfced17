//! Shared by the tests: databases, servers, clients, browsers, proxies and mail servers.

pub mod accessibility;
pub mod app;
pub mod browser;
pub mod cli;
pub mod clients;
pub mod database;
pub mod database_outage;
pub mod direct_database;
pub mod driver;
pub mod hs256;
pub mod logged_process;
pub mod mail;
pub mod peers;
pub mod postgres_proxy;
pub mod process;
pub mod proxies;
pub mod responses;
pub mod reverse_proxy;
pub mod sources;
pub mod tutorial;
pub mod visitor;

pub use app::TestApp;
pub use database::TestDatabase;
pub use process::ServerProcess;
pub use responses::TestResponse;

/// Builds clients that open a connection for each request. A connection from a pool could be the one that the server closes
/// at this moment, after five idle seconds: a test that waits as long, on a busy machine, would fail.
pub fn client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().pool_max_idle_per_host(0)
}

/// Such a client, without cookies, that follows redirects.
pub fn http_client() -> reqwest::Client {
    client_builder().build().expect("a client")
}

/// A password that satisfies every rule.
pub const PASSWORD: &str = "nine violet tractors hum";
/// Another one.
pub const OTHER_PASSWORD: &str = "seven violet tractors hum";
/// The server key of every test server.
pub const SERVER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// Another one.
pub const OTHER_SERVER_KEY: &str = "HBAQDw4NDAsKCQgHBgUEAwIBAAECAwQFBgcICQoLDA0";
