//! A log that cannot be written costs lines, and nothing else; a stuck read of revoked sessions is not ignored.

use std::process::Stdio;
use std::time::{Duration, Instant};

use vestibule::clock::Clock;
use vestibule::server::Limits;

use crate::harness::clients::{RegisteredClient, text};
use crate::harness::database_outage::Outage;
use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestDatabase, TestResponse};

/// The capacity of a pipe on Linux.
pub const PIPE_BYTES: usize = 65_536;

/// Waits until `/readyz` has this status.
pub async fn wait_for_ready_status(url: &str, status: u16) {
    let begun = Instant::now();
    while TestResponse::to(crate::harness::http_client().get(format!("{url}/readyz"))).await.status != status {
        assert!(begun.elapsed() < Duration::from_secs(20), "/readyz has not become {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn status_of_me(server: &ServerProcess, token: &str) -> u16 {
    TestResponse::to(crate::harness::http_client().get(format!("{}/me", server.url)).bearer_auth(token)).await.status
}

/// A short outage, during which the server logs, does not stop it from noticing what other processes end.
async fn assert_outage_is_survived(database: &TestDatabase, server: &ServerProcess) {
    direct_database::add_user(database, "alice", &[]).await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    let response =
        TestResponse::to(crate::harness::http_client().post(format!("{}/token", server.url)).form(&form)).await;
    let token = text(&response.json(), "access_token").to_owned();
    let outage = Outage::begin_for_readers(database);
    wait_for_ready_status(&server.url, 503).await;
    drop(outage);
    wait_for_ready_status(&server.url, 200).await;
    assert_eq!(status_of_me(server, &token).await, 200);
    database.cli(&["users", "disable", "alice"]).ok();
    let since = Instant::now();
    while status_of_me(server, &token).await != 401 {
        assert!(since.elapsed() < Duration::from_secs(10), "the server still accepts the token");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn closed_log_pipe_does_not_stop_the_background_tasks() {
    let database = TestDatabase::create();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = database.serve(&[("METRICS_BIND", "127.0.0.1:0")]);
    command.stderr(writer);
    let server = ServerProcess::from_command(command).expect("the server starts");
    drop(reader);
    assert_outage_is_survived(&database, &server).await;
    assert!(server.counter("vestibule_log_lines_dropped_total").await > 0);
    assert_eq!(server.counter("vestibule_background_task_restarts_total").await, 0);
}

#[tokio::test]
async fn unread_log_pipe_blocks_neither_the_server_nor_its_stop() {
    use std::io::Write as _;

    let database = TestDatabase::create();
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(&vec![b'x'; PIPE_BYTES]).expect("the pipe has room for as much");
    let mut command = database.serve(&[("METRICS_BIND", "127.0.0.1:0")]);
    command.stderr(writer);
    let mut server = ServerProcess::from_command(command).expect("the server starts");
    assert_outage_is_survived(&database, &server).await;
    server.terminate();
    let begun = Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    drop(reader);
}

#[tokio::test]
async fn server_starts_with_full_streams() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").expect("Linux has it"));
    // HS256 causes a line of the log at the start.
    let settings = [("BIND", address.to_string()), ("JWT_SECRET", "x".repeat(64))];
    let mut command = database.serve(&[]);
    let mut child = command.envs(settings).stdout(full()).stderr(full()).spawn().expect("the binary starts");
    let begun = Instant::now();
    let url = format!("http://{address}");
    while reqwest::get(format!("{url}/healthz")).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the server does not listen");
        assert_eq!(child.try_wait().expect("a child"), None, "the server has ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait_for_ready_status(&url, 200).await;
    child.kill().expect("it runs");
    child.wait().expect("it ended");
}

#[tokio::test]
async fn tokens_are_503_while_revoked_sessions_cannot_be_read_although_the_database_responds() {
    let limits = Limits { revocations_stale_after: Duration::from_secs(1), ..Limits::default() };
    let app = TestApp::start_with_limits(TestDatabase::create(), Clock::system(), limits, |_| {}).await;
    app.add_user("alice", &[]).await;
    let client: RegisteredClient = app.add_client("api", &[], "").await;
    let token = app.token_of("alice").await;
    let introspect = || app.post("/token/introspect").basic_auth(&client.id, Some(&client.secret));
    let introspect = || TestResponse::to(introspect().form(&[("token", &token)]));
    assert_eq!((app.get_me(&token).await.status(), introspect().await.status), (200.try_into().expect("OK"), 200));
    let mut direct = DirectConnection::open(&app.database);
    direct.run("ALTER TABLE sessions RENAME TO sessions_away");
    let begun = Instant::now();
    let response = loop {
        let response = app.get_me(&token).await;
        if response.status() != 200 {
            break response;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "the token is still accepted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let verify = app.get("/verify/forward-auth").bearer_auth(&token);
    for response in [introspect().await, TestResponse::to(verify).await] {
        assert_eq!(response.status, 503, "{}", response.text());
    }
    direct.run("ALTER TABLE sessions_away RENAME TO sessions");
    wait_for_ready_status(&app.url, 200).await;
    while app.get_me(&token).await.status() != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the token is accepted again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn last_set_of_revoked_sessions_stays_in_use_while_the_database_is_away() {
    let limits = Limits { revocations_stale_after: Duration::from_secs(1), ..Limits::default() };
    let database = TestDatabase::create();
    if !database.is_postgres() {
        // No lock of another process stops a reader on SQLite.
        return;
    }
    let app = TestApp::start_with_limits(database, Clock::system(), limits, |_| {}).await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let _outage = Outage::begin(&app.database);
    wait_for_ready_status(&app.url, 503).await;
    // For longer than the set may go without being read.
    for _ in 0..5 {
        assert_eq!(app.get_me(&token).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
}
