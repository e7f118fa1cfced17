//! Signals: which stop the server gracefully, and which it ignores.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use reqwest::StatusCode;
use rustix::process::Signal;

use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::{PASSWORD, ServerProcess, TestDatabase, TestResponse};

/// Starts a server by a command that replaces itself with it.
fn start_through(starter: &[&str], database: &TestDatabase, settings: &[(&str, &str)]) -> ServerProcess {
    let serve = database.serve(settings);
    let mut command = Command::new(starter[0]);
    command.args(&starter[1..]).arg(serve.get_program()).args(serve.get_args());
    command.current_dir(database.folder.path()).env_clear();
    command.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/bin:/bin");
    ServerProcess::from_command(command).expect("the server starts")
}

#[tokio::test]
async fn signals_that_mean_nothing_to_the_server_are_ignored() {
    let database = TestDatabase::create();
    let mut server = ServerProcess::start(&database, &[]);
    for signal in [Signal::USR1, Signal::USR2, Signal::XFSZ, Signal::PIPE] {
        server.signal(signal);
        // The signal is delivered before the process responds: it would have ended.
        let response = TestResponse::to(crate::harness::http_client().get(format!("{}/healthz", server.url))).await;
        assert_eq!(response.status, 200, "{signal:?}");
    }
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn hangup_finishes_requests_in_flight_and_stops_the_server() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    // The account's hash is weaker than these, and a sign-in computes a slow one.
    let slow = [("ARGON2_MEMORY_KIB", "65536"), ("ARGON2_ITERATIONS", "5")];
    // This process may have been started with SIGHUP ignored, which its children inherit.
    let mut server = start_through(&["env", "--default-signal=HUP"], &database, &slow);
    let (client, url) = (crate::harness::http_client(), format!("{}/token", server.url));
    let form = [("username", "alice"), ("password", PASSWORD)];
    let request = tokio::spawn(async move { client.post(url).form(&form).send().await });
    let mut direct = DirectConnection::open(&database);
    direct_database::wait_until_in_flight(&mut direct, &request).await;
    server.signal(Signal::HUP);
    let response = request.await.expect("no panic").expect("the request in flight gets a response");
    assert_eq!(response.status(), StatusCode::OK);
    let status = server.wait();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
}

#[tokio::test]
async fn hangup_is_ignored_under_nohup() {
    let database = TestDatabase::create();
    let server = start_through(&["nohup"], &database, &[]);
    server.signal(Signal::HUP);
    let response = TestResponse::to(crate::harness::http_client().get(format!("{}/healthz", server.url))).await;
    assert_eq!(response.status, 200);
}
