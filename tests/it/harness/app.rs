//! A server in the test's process, on real sockets, whose clock a test can move.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use vestibule::admin::AdminService;
use vestibule::clock::Clock;
use vestibule::config::Settings;
use vestibule::db::Db;
use vestibule::ops::housekeeping::{self, HousekeepingConfig};
use vestibule::server::{self, Limits, Running, Services};
use vestibule::sessions::{EndedSessions, SessionService};
use vestibule::users::password::Password;
use vestibule::users::stored_hash::StoredHash;
use vestibule::users::{self, NewUser, User, UserCreation, Username};

use super::{PASSWORD, SERVER_KEY, TestDatabase, direct_database};

/// A running server and a client of it that follows no redirect and keeps no cookie.
pub struct TestApp {
    /// Such as `http://127.0.0.1:41234`.
    pub url: String,
    /// Without cookies.
    pub client: Client,
    /// The server's clock.
    pub clock: Clock,
    /// The services behind the routes.
    pub services: Services,
    /// The secret in the set-up link, while there is no admin.
    pub setup_link: Option<String>,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
    /// Dropped last: the server uses its files and connections.
    pub database: TestDatabase,
}

impl TestApp {
    /// Starts a server with default settings, except for its database and cheap hashes.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server with some settings changed.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(TestDatabase::create(), Clock::system(), change).await
    }

    /// Starts a server on an existing database.
    pub async fn start_on(database: TestDatabase, clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_with_limits(database, clock, Limits::default(), change).await
    }

    /// Starts a server on an existing database, with other limits.
    pub async fn start_with_limits(
        database: TestDatabase,
        clock: Clock,
        limits: Limits,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::default();
        settings.set("DATABASE_URL", database.url.clone());
        settings.set("ARGON2_MEMORY_KIB", "64");
        settings.set("ARGON2_ITERATIONS", "1");
        settings.set("HASH_THREADS", "2");
        settings.set("BIND", "127.0.0.1:0");
        change(&mut settings);
        let mut config = settings.check().expect("valid settings");
        config.server_key = vestibule::secret::ServerKey::parse(SERVER_KEY);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let server_clock = clock.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let Running { server, addresses, report, services, sending, .. } =
                    server::start_with(config, server_clock, limits).await.expect("the server starts");
                let setup_link = report.setup_link.map(|secret| secret.reveal().to_owned());
                assert!(
                    sender.send((server.handle(), addresses[0], services, setup_link)).is_ok(),
                    "the test waits for the server"
                );
                server.await.expect("the server runs");
                if let Some(sending) = sending {
                    sending.stop().await;
                }
            });
        });
        let (handle, address, services, setup_link) = receiver.await.expect("the server starts");
        let client = crate::harness::client_builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        Self {
            url: format!("http://{address}"),
            client,
            clock,
            services,
            setup_link,
            handle,
            thread: Some(thread),
            database,
        }
    }

    /// A client with its own cookie jar, as a browser has, that follows no redirect.
    pub fn browser() -> Client {
        crate::harness::client_builder()
            .redirect(reqwest::redirect::Policy::none())
            .cookie_store(true)
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client")
    }

    /// Creates an account with [`PASSWORD`] and these roles.
    pub async fn add_user(&self, name: &str, roles: &[&str]) -> User {
        let password = Password::parse(PASSWORD).expect("a valid password");
        let hash = self.services.accounts.hash_pool().hash(password).await.expect("room in the queue");
        self.add_user_with_hash(name, roles, hash).await
    }

    /// Creates an account with this password hash.
    pub async fn add_user_with_hash(&self, name: &str, roles: &[&str], hash: impl Into<StoredHash>) -> User {
        let new = NewUser {
            id: None,
            username: Username::parse(name, Some(name)).expect("a name"),
            display_name: None,
            email: None,
            password_hash: Some(hash.into()),
        };
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        let now = self.clock.now();
        let creation = self.write(move |conn| {
            let creation = users::create(conn, new, now)?;
            if let UserCreation::Created(user) = &creation {
                for role in &roles {
                    users::grant_role(conn, user.id, role, now)?;
                }
            }
            Ok(creation)
        });
        match creation.await {
            UserCreation::Created(user) => user,
            other => panic!("{other:?}"),
        }
    }

    /// The use cases of the command line, on the server's database and with its clock.
    pub fn admin(&self) -> AdminService {
        let Services { db, clock, sessions, .. } = self.services.clone();
        AdminService::new(db, clock, sessions)
    }

    /// Runs a step in a transaction on the server's database, with the limits of background work: a test may write
    /// thousands of rows.
    pub async fn write<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut vestibule::db::DbConnection) -> diesel::QueryResult<T> + Send + 'static,
    ) -> T {
        let result: Result<T, vestibule::db::DbError> =
            self.services.db.for_background().write(move |conn| Ok(step(conn)?)).await;
        result.expect("the database responds")
    }

    /// Runs a step that ends sessions as another instance does: this server notices when it next reads the revoked
    /// sessions.
    pub async fn write_elsewhere<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut vestibule::db::DbConnection, &mut EndedSessions) -> diesel::QueryResult<T> + Send + 'static,
    ) -> T {
        let Services { clock, sessions, .. } = self.services.clone();
        let db = Db::new(&direct_database::url(&self.database)).for_background();
        let elsewhere = SessionService::new(db, clock, sessions.lifetimes());
        let result: Result<T, vestibule::db::DbError> =
            elsewhere.write(move |conn, ended| Ok(step(conn, ended)?)).await;
        result.expect("the database responds")
    }

    /// Runs housekeeping once. Returns `false` if it ran within the last half minute.
    pub async fn clean_up(&self) -> bool {
        let Services { db, sessions, tokens, .. } = &self.services;
        let config = HousekeepingConfig::new(&direct_database::config(&self.database));
        housekeeping::clean_up(db, sessions, tokens, config).await.expect("the database responds")
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    /// `POST path`.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    /// `POST /token` with a username and password, as the tutorial's form sends them.
    pub async fn post_token(&self, username: &str, password: &str) -> Response {
        self.post("/token").form(&[("username", username), ("password", password)]).send().await.expect("a response")
    }

    /// An access token for an account that has [`PASSWORD`].
    pub async fn token_of(&self, username: &str) -> String {
        let response = self.post_token(username, PASSWORD).await;
        assert_eq!(response.status(), 200, "{username} signs in");
        let body: Value = response.json().await.expect("JSON");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    /// `GET /me` with a bearer token.
    pub async fn get_me(&self, token: &str) -> Response {
        self.get("/me").bearer_auth(token).send().await.expect("a response")
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let has_panicked = thread.join().is_err();
            assert!(!has_panicked || std::thread::panicking(), "the server ended without a panic");
        }
    }
}
