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
pub mod visitor;

pub use app::TestApp;
pub use database::TestDatabase;
pub use process::ServerProcess;
pub use responses::TestResponse;

/// A password that satisfies every rule.
pub const PASSWORD: &str = "correct horse battery staple";
/// Another one.
pub const OTHER_PASSWORD: &str = "seven violet tractors hum";
/// The server key of every test server.
pub const SERVER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// Another one.
pub const OTHER_SERVER_KEY: &str = "HBAQDw4NDAsKCQgHBgUEAwIBAAECAwQFBgcICQoLDA0";
