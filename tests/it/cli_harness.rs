//! A fresh database for each test and the real binary beside it. `TEST_DATABASE` chooses: `sqlite` (the default: a temporary
//! file) or `postgres` (a database of its own on the server that `TEST_POSTGRES_URL` names, dropped at the end).
//! What may not live here: tests.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use vestibule::accounts::AccountService;
use vestibule::authentication::{AttemptOrigin, AuthService, PasswordAttempt, SignIn, SignInPurpose};
use vestibule::clock::Clock;
use vestibule::config::{Config, Settings};
use vestibule::db::Db;
use vestibule::mail::Outbox;
use vestibule::secret::ServerKey;
use vestibule::sessions::{Lifetimes, SessionService};
use vestibule::tokens::{Keys, TokenService};
use vestibule::users::LookupName;
use vestibule::users::hash_pool::HashPool;
use vestibule::users::password::{Password, PasswordPolicy};

use crate::harness::ServerProcess;

pub const SERVER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub const GOOD_PASSWORD: &str = "correct horse battery staple";
pub const OTHER_PASSWORD: &str = "seven violet tractors hum";

/// A database that nobody else uses, and a folder to work in.
pub struct TestDb {
    pub url: String,
    pub folder: tempfile::TempDir,
    /// Where to drop the database, and its name.
    dropped: Option<(String, String)>,
}

/// A server on a database of its own, and commands beside it that have the same settings.
pub struct Served {
    pub db: TestDb,
    pub server: ServerProcess,
    settings: Vec<(String, String)>,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Answer {
    /// The answer, which must be exit code 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The answer, which must be this exit code with these words on standard error.
    #[track_caller]
    pub fn fails(self, code: i32, words: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.contains(words), "{words:?} is not in {self:?}");
        self
    }

    /// Standard output as JSON, of a command that must succeed.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let answer = self.ok();
        serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }
}

impl TestDb {
    /// A database with all migrations run.
    pub fn new() -> Self {
        let db = Self::empty();
        db.cli(&["migrate", "run"]).ok();
        db
    }

    /// A database without a table; on SQLite not even a file.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if std::env::var("TEST_DATABASE").is_ok_and(|kind| kind == "postgres") {
            let server = std::env::var("TEST_POSTGRES_URL")
                .expect("TEST_POSTGRES_URL names a server where databases can be made");
            let name = format!("vestibule_{}", vestibule::secret::random_id().replace('-', "_").to_lowercase());
            let mut connection = PgConnection::establish(&server).expect("TEST_POSTGRES_URL can be reached");
            connection.batch_execute(&format!("CREATE DATABASE {name}")).expect("a database can be made");
            let mut url = url::Url::parse(&server).expect("TEST_POSTGRES_URL is a URL");
            url.set_path(&name);
            return Self { url: url.to_string(), folder, dropped: Some((server, name)) };
        }
        let url = format!("sqlite://{}", folder.path().join("db/vestibule.db").display());
        Self { url, folder, dropped: None }
    }

    pub fn is_sqlite(&self) -> bool {
        self.dropped.is_none()
    }

    /// The binary with a clean environment and these arguments.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(args).current_dir(self.folder.path()).env_clear();
        command.env("DATABASE_URL", &self.url).env("SERVER_KEY", SERVER_KEY);
        command.env("ARGON2_MEMORY_KIB", "64").env("ARGON2_ITERATIONS", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end.
    pub fn cli(&self, args: &[&str]) -> Answer {
        finish(self.command(args).spawn().expect("the binary starts"))
    }

    /// Runs the binary with `input` on its standard input.
    pub fn cli_with_input(&self, args: &[&str], input: &str) -> Answer {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("piped");
        // A command that refuses before it reads closes its end.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        finish(child)
    }

    /// Adds a user with [`GOOD_PASSWORD`].
    #[track_caller]
    pub fn add(&self, name: &str, more: &[&str]) -> serde_json::Value {
        let args = [&["users", "add", name, "--password-stdin", "--json"], more].concat();
        self.cli_with_input(&args, &format!("{GOOD_PASSWORD}\n")).json()
    }

    /// All users as `users list --json` shows them.
    #[track_caller]
    pub fn users(&self) -> Vec<serde_json::Value> {
        self.cli(&["users", "list", "--json"]).json().as_array().expect("an array").clone()
    }

    /// Writes a file in the folder and returns its name.
    pub fn write_file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        PathBuf::from(name)
    }

    /// The settings, as the library takes them.
    pub fn config(&self) -> Config {
        let mut settings = Settings::default();
        settings.set("DATABASE_URL", &self.url);
        settings.set("ARGON2_MEMORY_KIB", "64");
        settings.set("ARGON2_ITERATIONS", "1");
        settings.check().expect("the settings are right")
    }

    /// Signs in through the library, as both doors do.
    pub fn sign_in(&self, username: &str, password: &str) -> SignIn {
        let (config, pool, clock) = (self.config(), self.pool(), Clock::system());
        let server_key = ServerKey::parse(SERVER_KEY).expect("a key");
        let attempt = PasswordAttempt {
            username: LookupName::parse(username).expect("a name"),
            password: Password::parse(password).expect("a password"),
            origin: AttemptOrigin { client_ip: [192, 0, 2, 1].into(), user_agent: None, device: None, language: None },
        };
        let purpose = SignInPurpose::Browser { is_remembered: false, previous: None };
        block_on(async {
            let keys = Keys::load(&pool, &config.signing, &server_key, clock.now()).await.expect("keys");
            let hash_pool = HashPool::start(1, config.passwords.into()).expect("a thread");
            let sessions = SessionService::new(pool.clone(), clock.clone(), Lifetimes::new(config.lifetimes));
            let tokens = TokenService::new(keys, &config, clock.clone(), pool.clone(), &sessions);
            let auth = AuthService::new(&config, &server_key, pool.clone(), hash_pool, sessions, tokens);
            auth.sign_in(attempt, purpose).await.expect("the database answers")
        })
    }

    /// The use cases on accounts.
    pub fn accounts(&self) -> AccountService {
        let (config, pool, clock) = (self.config(), self.pool(), Clock::system());
        let sessions = SessionService::new(pool.clone(), clock.clone(), Lifetimes::new(config.lifetimes));
        let hash_pool = HashPool::start(1, config.passwords.into()).expect("a thread");
        AccountService::new(pool, clock, hash_pool, PasswordPolicy::new(&config), Outbox::off(), sessions)
    }

    /// Whether this password lets the user in.
    pub fn can_sign_in(&self, username: &str, password: &str) -> bool {
        matches!(self.sign_in(username, password), SignIn::Done(_))
    }

    /// A pool of connections beside the binary's.
    pub fn pool(&self) -> Db {
        Db::new(&self.config().database)
    }
}

impl Served {
    /// Starts the real binary twice over: once to migrate, once to serve.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let db = TestDb::new();
        let mut command = db.command(&["serve"]);
        command.env("BIND", "127.0.0.1:0").envs(settings.iter().copied()).stderr(Stdio::null());
        let server = ServerProcess::from_command(command).expect("the server starts");
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { db, server, settings }
    }

    /// Runs a command to its end.
    pub fn cli(&self, args: &[&str]) -> Answer {
        self.cli_with_input(args, "")
    }

    /// Runs a command with `input` on its standard input.
    pub fn cli_with_input(&self, args: &[&str], input: &str) -> Answer {
        let mut command = self.db.command(args);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the binary starts");
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        finish(child)
    }

    /// `POST path` with these fields, by HTTP Basic when a client is given.
    pub async fn post(
        &self,
        path: &str,
        client: Option<(&str, &str)>,
        fields: &[(&str, &str)],
    ) -> crate::harness::Answer {
        let request = reqwest::Client::new().post(format!("{}{path}", self.server.url)).form(fields);
        let request = match client {
            Some((id, secret)) => request.basic_auth(id, Some(secret)),
            None => request,
        };
        crate::harness::Answer::to(request).await
    }

    /// The status of `GET /me` with a bearer token.
    pub async fn me(&self, token: &str) -> u16 {
        let request = reqwest::Client::new().get(format!("{}/me", self.server.url)).bearer_auth(token);
        crate::harness::Answer::to(request).await.status
    }

    /// Asks until the server refuses the token, which must be within a second of what was done at `since`.
    pub async fn assert_refused_within_a_second(&self, token: &str, since: Instant) {
        while self.me(token).await != 401 {
            assert!(since.elapsed() < Duration::from_secs(1), "the server still takes the token");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Some((server, name)) = &self.dropped else { return };
        let mut connection = PgConnection::establish(server).expect("TEST_POSTGRES_URL can be reached");
        connection.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).expect("the database can be dropped");
    }
}

/// Waits for the end of a command.
pub fn finish(child: Child) -> Answer {
    let output = child.wait_with_output().expect("the binary ends");
    let text = |bytes| String::from_utf8(bytes).expect("the binary writes UTF-8");
    Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs async code of the library.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}
