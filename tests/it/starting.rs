//! First starts: concurrent servers on an empty database, the set-up link and the server key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use reqwest::StatusCode;
use serde_json::Value;

use crate::harness::cli::run;
use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::{OTHER_SERVER_KEY, PASSWORD, ServerProcess, TestApp, TestDatabase};

const ROUNDS: usize = 20;
const SERVERS: usize = 8;

/// A server with the database as its only setting; on SQLite it creates the key file.
fn serve_with_defaults(database: &TestDatabase) -> Command {
    let mut command = database.serve(&[]);
    if !database.is_postgres() {
        command.env_remove("SERVER_KEY");
    }
    command
}

/// Starts a server and waits until it listens.
fn start_with_defaults(database: &TestDatabase) -> ServerProcess {
    ServerProcess::from_command(serve_with_defaults(database)).expect("the server starts")
}

async fn token_from(server: &ServerProcess) -> String {
    let form = [("username", "alice"), ("password", PASSWORD)];
    let response = crate::harness::http_client().post(format!("{}/token", server.url)).form(&form).send().await;
    let response = response.expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.expect("JSON");
    body["access_token"].as_str().expect("a token").to_owned()
}

async fn status_of_me(server: &ServerProcess, token: &str) -> StatusCode {
    let request = crate::harness::http_client().get(format!("{}/me", server.url)).bearer_auth(token);
    request.send().await.expect("a response").status()
}

/// The status of the page behind a set-up link: 200 with the form, or 410.
pub async fn status_of_link(server: &ServerProcess, secret: &str) -> StatusCode {
    let browser = TestApp::browser();
    let opened = browser.get(format!("{}/setup?link={secret}", server.url)).send().await.expect("a response");
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    browser.get(format!("{}/setup", server.url)).send().await.expect("a response").status()
}

#[tokio::test]
async fn concurrent_first_starts_share_keys_and_one_setup_link() {
    for round in 0..ROUNDS {
        let database = TestDatabase::empty();
        let servers: Vec<ServerProcess> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..SERVERS).map(|_| scope.spawn(|| start_with_defaults(&database))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let mut direct = DirectConnection::open(&database);
        let migrations =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("a folder").count();
        let run = direct.count("__diesel_schema_migrations", "version NOT LIKE '0000%'");
        assert_eq!(usize::try_from(run), Ok(migrations), "round {round}");
        assert_eq!(direct.count("signing_keys", "1 = 1"), 1, "round {round}");
        // Each printed a link; only the newest is valid, at every server.
        let mut working = 0;
        for server in &servers {
            let link = server.setup_link.as_ref().expect("a set-up link");
            working += usize::from(status_of_link(&servers[round % SERVERS], link).await == StatusCode::OK);
        }
        assert_eq!(working, 1, "round {round}");
        direct_database::add_user(&database, "alice", &["admin"]).await;
        let token = token_from(&servers[round % SERVERS]).await;
        for server in &servers {
            assert_eq!(status_of_me(server, &token).await, StatusCode::OK, "round {round}");
        }
        if let Some(file) = database.sqlite_file() {
            let names = std::fs::read_dir(file.parent().expect("a folder")).expect("a folder");
            let names: Vec<String> =
                names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
            let is_expected = |name: &String| name == "server.key" || name.starts_with("vestibule.db");
            assert!(
                names.iter().all(is_expected) && names.iter().any(|name| name == "server.key"),
                "round {round}: {names:?}"
            );
        }
    }
}

#[tokio::test]
async fn first_load_finds_open_connections() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let server = ServerProcess::start(&database, &[]);
    if let Some(mut admin) = DirectConnection::admin(&database) {
        let name = database.url.rsplit('/').next().expect("a name");
        let open = admin.count("pg_stat_activity", &format!("datname = '{name}'"));
        assert!(open >= 8, "{open} of the pool's connections are open");
    }
    let client = crate::harness::http_client();
    let form = [("username", "alice"), ("password", PASSWORD)];
    let requests = (0..8).map(|_| client.post(format!("{}/token", server.url)).form(&form).send());
    for response in futures_util::future::join_all(requests).await {
        assert_eq!(response.expect("a response").status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn setup_link_is_printed_until_an_admin_exists() {
    let database = TestDatabase::empty();
    let first = start_with_defaults(&database);
    let first_link = first.setup_link.clone().expect("a link");
    assert_eq!(status_of_link(&first, &first_link).await, StatusCode::OK);
    let second = start_with_defaults(&database);
    let second_link = second.setup_link.clone().expect("a link while there is no admin");
    assert_eq!(status_of_link(&first, &first_link).await, StatusCode::GONE);
    assert_eq!(status_of_link(&first, &second_link).await, StatusCode::OK);
    direct_database::add_user(&database, "alice", &["admin"]).await;
    assert_eq!(status_of_link(&second, &second_link).await, StatusCode::GONE);
    assert_eq!(start_with_defaults(&database).setup_link, None);
}

#[test]
fn server_key_is_created_for_sqlite_and_required_for_postgres() {
    let database = TestDatabase::empty();
    let Some(file) = database.sqlite_file() else {
        let mut command = database.serve(&[]);
        command.env_remove("SERVER_KEY");
        let output = run(command);
        let stderr = output.err;
        assert_eq!(output.code, Some(1), "{stderr}");
        let line = stderr.lines().find(|line| line.starts_with("SERVER_KEY=")).expect("a line to paste");
        let mut command = serve_with_defaults(&database);
        command.env("SERVER_KEY", line.trim_start_matches("SERVER_KEY="));
        assert!(ServerProcess::from_command(command).is_some(), "the pasted line works");
        return;
    };
    let folder = file.parent().expect("a folder").join("data").join("deep");
    let start = || {
        let mut command = serve_with_defaults(&database);
        command.env("DATABASE_URL", format!("sqlite://{}", folder.join("vestibule.db").display()));
        ServerProcess::from_command(command).expect("the server starts")
    };
    drop(start());
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder.join("server.key")), 0o600);
    assert_eq!(mode(&folder.join("vestibule.db")), 0o600);
    assert_eq!((mode(&folder), mode(folder.parent().expect("a folder"))), (0o700, 0o700));
    let key = std::fs::read(folder.join("server.key")).expect("a key");
    drop(start());
    assert_eq!(std::fs::read(folder.join("server.key")).expect("a key"), key);
}

#[tokio::test]
async fn lost_server_key_fails_the_start_until_it_is_restored() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &["admin"]).await;
    drop(token_from(&start_with_defaults(&database)).await);
    let mut command = database.serve(&[]);
    command.env_remove("SERVER_KEY");
    let (mut direct, everything) = (DirectConnection::open(&database), "1 = 1");
    // With HS256 the database has no key, and only the session shows that a server key was in use.
    direct.run("DELETE FROM signing_keys");
    let Some(file) = database.sqlite_file() else {
        let output = run(command);
        assert_eq!(output.code, Some(1));
        assert!(output.err.contains("SERVER_KEY is not set"), "{}", output.err);
        assert_eq!(direct.count("sessions", everything), 1);
        return;
    };
    let (key, moved) = (file.with_file_name("server.key"), file.with_file_name("elsewhere"));
    std::fs::rename(&key, &moved).expect("it is moved");
    let output = run(command);
    assert_eq!(output.code, Some(1));
    for words in ["server.key is missing", "backup", "SERVER_KEY"] {
        assert!(output.err.contains(words), "{}", output.err);
    }
    assert!(!key.exists(), "no new key is created");
    assert_eq!(direct.count("sessions", everything), 1);
    std::fs::rename(&moved, &key).expect("it is restored");
    direct.run("UPDATE counters SET value = 0 WHERE name = 'signing_keys_made'");
    drop(token_from(&start_with_defaults(&database)).await);
}

#[tokio::test]
async fn wrong_server_key_fails_the_start() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &["admin"]).await;
    drop(ServerProcess::start(&database, &[]));
    let output = run(database.serve(&[("SERVER_KEY", OTHER_SERVER_KEY)]));
    let stderr = output.err;
    assert_eq!(output.code, Some(1), "{stderr}");
    assert!(stderr.contains("SERVER_KEY does not decrypt the signing key"), "{stderr}");
    assert!(!stderr.contains(OTHER_SERVER_KEY), "{stderr}");
    drop(token_from(&ServerProcess::start(&database, &[])).await);
}
