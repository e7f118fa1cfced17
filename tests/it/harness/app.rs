//! A server in the test's process, on real sockets, whose clock a test can move.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use vestibule::admin::AdminService;
use vestibule::authentication::Lock;
use vestibule::clock::Clock;
use vestibule::config::Settings;
use vestibule::server::{self, Running};
use vestibule::users::argon2id::PasswordHash;
use vestibule::users::password::{Password, PasswordPolicy};
use vestibule::users::{self, Creation, NewUser, User, Username};

use super::{PASSWORD, SERVER_KEY, TestDatabase};

/// A running server and a client of it that follows no redirect and keeps no cookie.
pub struct TestApp {
    /// Such as `http://127.0.0.1:41234`.
    pub url: String,
    /// Without cookies.
    pub client: Client,
    /// The server's clock.
    pub clock: Clock,
    /// The services behind the routes.
    pub lock: Lock,
    /// The secret in the set-up link, while there is no admin.
    pub setup_link: Option<String>,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
    /// Dropped last: its files and connections are the server's.
    pub database: TestDatabase,
}

impl TestApp {
    /// Starts a server with default settings, but for its database and cheap hashes.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server with some settings changed.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(TestDatabase::create(), Clock::system(), change).await
    }

    /// Starts a server on a database that exists.
    pub async fn start_on(database: TestDatabase, clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.database.database_url = Some(database.url.clone());
        settings.database.argon2_memory_kib = Some("64".to_owned());
        settings.database.argon2_iterations = Some("1".to_owned());
        settings.database.hash_threads = Some("2".to_owned());
        settings.bind = Some("127.0.0.1:0".to_owned());
        change(&mut settings);
        let mut config = settings.check().expect("settings of a test");
        config.server_key = vestibule::secret::ServerKey::parse(SERVER_KEY);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let server_clock = clock.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let Running { server, addresses, report, lock, sending } =
                    server::start(config, server_clock).await.expect("the server starts");
                let setup_link = report.setup_link.map(|secret| secret.reveal().to_owned());
                assert!(
                    sender.send((server.handle(), addresses[0], lock, setup_link)).is_ok(),
                    "the test waits for the server"
                );
                server.await.expect("the server runs");
                if let Some(sending) = sending {
                    sending.stop().await;
                }
            });
        });
        let (handle, address, lock, setup_link) = receiver.await.expect("the server starts");
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        Self {
            url: format!("http://{address}"),
            client,
            clock,
            lock,
            setup_link,
            handle,
            thread: Some(thread),
            database,
        }
    }

    /// A client with a cookie jar of its own, as a browser has, that follows no redirect.
    pub fn browser() -> Client {
        Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .cookie_store(true)
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client")
    }

    /// Creates an account with [`PASSWORD`] and these roles.
    pub async fn add_user(&self, name: &str, roles: &[&str]) -> User {
        let hash = self.lock.hash_pool.hash(Password::parse(PASSWORD).expect("fit")).await.expect("room");
        self.add_user_with_hash(name, roles, hash).await
    }

    /// Creates an account with a hash made elsewhere.
    pub async fn add_user_with_hash(&self, name: &str, roles: &[&str], hash: PasswordHash) -> User {
        let new = NewUser {
            id: None,
            username: Username::parse(name, None).expect("a name"),
            display_name: None,
            email: None,
            password_hash: Some(hash),
        };
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        let now = self.clock.now();
        let creation = self.write(move |conn| {
            let creation = users::create(conn, new, now)?;
            if let Creation::Created(user) = &creation {
                for role in &roles {
                    users::grant_role(conn, user.id, role, now)?;
                }
            }
            Ok(creation)
        });
        match creation.await {
            Creation::Created(user) => user,
            other => panic!("{other:?}"),
        }
    }

    /// The use cases of the command line, on the server's database and by its clock.
    pub fn admin(&self) -> AdminService {
        let Lock { db, clock, hash_pool, mail, .. } = self.lock.clone();
        let password_policy = PasswordPolicy::new(&Settings::default().check().expect("the defaults"));
        AdminService { db, clock, hash_pool, password_policy, mail }
    }

    /// Runs a step in a transaction on the server's database.
    pub async fn write<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut vestibule::db::DbConnection) -> diesel::QueryResult<T> + Send + 'static,
    ) -> T {
        let result: Result<T, vestibule::db::DbError> = self.lock.db.write(move |conn| Ok(step(conn)?)).await;
        result.expect("the database answers")
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
        self.post("/token").form(&[("username", username), ("password", password)]).send().await.expect("an answer")
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
        self.get("/me").bearer_auth(token).send().await.expect("an answer")
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
