//! The real binary as a command, and a server together with commands that have the same settings.

use std::borrow::BorrowMut;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use vestibule::accounts::AccountService;
use vestibule::audit::RejectedSignIns;
use vestibule::authentication::{AttemptOrigin, AuthService, PasswordAttempt, SignIn, SignInPurpose};
use vestibule::clock::Clock;
use vestibule::config::Config;
use vestibule::db::Db;
use vestibule::mail::Outbox;
use vestibule::secret::ServerKey;
use vestibule::sessions::{Lifetimes, SessionService};
use vestibule::tokens::{Keys, TokenService};
use vestibule::users::LookupName;
use vestibule::users::hash_pool::HashPool;
use vestibule::users::password::Password;

use super::process::kill;
use super::{PASSWORD, SERVER_KEY, ServerProcess, TestDatabase, TestResponse, direct_database};

/// The time limit of a command, long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A server on its own database, and commands with the same settings.
pub struct ServerWithCli {
    pub db: TestDatabase,
    pub server: ServerProcess,
    settings: Vec<(String, String)>,
}

/// The exit code and the output of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl CommandOutput {
    /// The output of a command that must succeed.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The output of a command that must fail with this exit code and these words on standard error.
    #[track_caller]
    pub fn fails(self, code: i32, words: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.contains(words), "{words:?} is not in {self:?}");
        self
    }

    /// Standard output as JSON, of a command that must succeed.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let output = self.ok();
        serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

impl TestDatabase {
    /// The binary with these arguments and a clean environment, in the folder of the database.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(args).current_dir(self.folder.path()).env_clear();
        command.env("DATABASE_URL", &self.url).env("SERVER_KEY", SERVER_KEY);
        command.env("ARGON2_MEMORY_KIB", "64").env("ARGON2_ITERATIONS", "1");
        command
    }

    /// A `serve` command on a free port.
    pub fn serve(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = self.command(&["serve"]);
        command.env("BIND", "127.0.0.1:0").envs(settings.iter().copied());
        command
    }

    /// Runs the binary to its end.
    pub fn cli(&self, args: &[&str]) -> CommandOutput {
        run(self.command(args))
    }

    /// Runs the binary with `input` on its standard input.
    pub fn cli_with_input(&self, args: &[&str], input: &str) -> CommandOutput {
        run_with_input(self.command(args), input)
    }

    /// Adds a user with [`PASSWORD`].
    #[track_caller]
    pub fn add(&self, name: &str, more: &[&str]) -> serde_json::Value {
        let args = [&["users", "add", name, "--password-stdin", "--json"], more].concat();
        self.cli_with_input(&args, &format!("{PASSWORD}\n")).json()
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

    /// The settings of a server on this database.
    pub fn config(&self) -> Config {
        direct_database::config(self)
    }

    /// Signs in through the library, as the sign-in page and `/token` do.
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
            let tokens = TokenService::new(keys, &server_key, &config, clock.clone(), pool.clone(), &sessions);
            let auth = AuthService::new(
                &config,
                &server_key,
                pool.clone(),
                hash_pool,
                sessions,
                tokens,
                RejectedSignIns::default(),
            );
            auth.sign_in(attempt, purpose).await.expect("the database responds")
        })
    }

    /// The use cases on accounts.
    pub fn accounts(&self) -> AccountService {
        let (config, pool, clock) = (self.config(), self.pool(), Clock::system());
        let sessions = SessionService::new(pool.clone(), clock.clone(), Lifetimes::new(config.lifetimes));
        let hash_pool = HashPool::start(1, config.passwords.into()).expect("a thread");
        AccountService::new(&config, pool, clock, hash_pool, Outbox::disabled(), sessions)
    }

    /// Whether the user can sign in with this password.
    pub fn can_sign_in(&self, username: &str, password: &str) -> bool {
        matches!(self.sign_in(username, password), SignIn::Done(_))
    }

    /// A pool of connections, separate from the binary's.
    pub fn pool(&self) -> Db {
        Db::new(&self.config().database)
    }
}

impl ServerWithCli {
    /// Starts the real binary.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let db = TestDatabase::create();
        let server = ServerProcess::from_command(db.serve(settings)).expect("the server starts");
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { db, server, settings }
    }

    /// Runs a command to its end.
    pub fn cli(&self, args: &[&str]) -> CommandOutput {
        self.cli_with_input(args, "")
    }

    /// Runs a command with `input` on its standard input.
    pub fn cli_with_input(&self, args: &[&str], input: &str) -> CommandOutput {
        let mut command = self.db.command(args);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        run_with_input(command, input)
    }

    /// `POST path` with these fields, with HTTP Basic authentication if a client is given.
    pub async fn post(&self, path: &str, client: Option<(&str, &str)>, fields: &[(&str, &str)]) -> TestResponse {
        let request = crate::harness::http_client().post(format!("{}{path}", self.server.url)).form(fields);
        let request = match client {
            Some((id, secret)) => request.basic_auth(id, Some(secret)),
            None => request,
        };
        TestResponse::to(request).await
    }

    /// The status of `GET /me` with a bearer token.
    pub async fn me(&self, token: &str) -> u16 {
        let request = crate::harness::http_client().get(format!("{}/me", self.server.url)).bearer_auth(token);
        TestResponse::to(request).await.status
    }

    /// Asserts that the server refuses the token within a second of `since`.
    pub async fn assert_refused_within_a_second(&self, token: &str, since: Instant) {
        while self.me(token).await != 401 {
            assert!(since.elapsed() < Duration::from_secs(1), "the server still accepts the token");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Runs a command to its end.
pub fn run(command: impl BorrowMut<Command>) -> CommandOutput {
    finish(start(command))
}

fn run_with_input(command: Command, input: &str) -> CommandOutput {
    let mut child = start_with(command, Stdio::piped());
    // A command that fails before it reads closes the pipe.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    finish(child)
}

/// Starts a command whose output [`finish`] reads.
pub fn start(command: impl BorrowMut<Command>) -> Child {
    start_with(command, Stdio::null())
}

fn start_with(mut command: impl BorrowMut<Command>, input: Stdio) -> Child {
    command.borrow_mut().stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

/// Waits until a command ends, such as a server that refuses to start; kills it after the time limit.
pub fn finish(child: Child) -> CommandOutput {
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(TIMEOUT) else {
        kill(id);
        panic!("the command has not ended after {TIMEOUT:?}");
    };
    let output = output.expect("the binary ends");
    let text = |bytes| String::from_utf8(bytes).expect("the binary writes UTF-8");
    CommandOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs async code of the library.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}
