//! Addresses in use, the command line without a command, and a graceful stop.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::cli::run;
use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::logged_process::LoggedProcess;
use crate::harness::peers::free_port;
use crate::harness::{PASSWORD, ServerProcess, TestDatabase, http_client};
use crate::starting::status_of_link;

#[tokio::test]
async fn address_in_use_fails_the_start_and_keeps_the_first_setup_link() {
    let database = TestDatabase::create();
    let first = ServerProcess::start(&database, &[]);
    let address = first.url.strip_prefix("http://").expect("a URL");
    for setting in ["BIND", "METRICS_BIND"] {
        let output = run(database.serve(&[(setting, address)]));
        let stderr = output.err;
        assert_eq!(output.code, Some(1), "{stderr}");
        assert!(
            stderr.contains(address) && stderr.contains(&format!("choose another one, such as {setting}=127.0.0.1:")),
            "{stderr}"
        );
    }
    let link = first.setup_link.as_ref().expect("a link");
    assert_eq!(status_of_link(&first, link).await, StatusCode::OK);
}

#[tokio::test]
async fn ipv4_and_ipv6_listen_on_one_port() {
    let database = TestDatabase::create();
    for bind in ["0.0.0.0:PORT,[::]:PORT", "[::]:PORT,0.0.0.0:PORT", "localhost:PORT", "[::]:PORT"] {
        let port = free_port();
        let server = ServerProcess::start(&database, &[("BIND", &bind.replace("PORT", &port.to_string()))]);
        for address in ["127.0.0.1", "[::1]"] {
            let response = http_client().get(format!("http://{address}:{port}/healthz")).send().await;
            assert_eq!(response.map(|response| response.status()).ok(), Some(StatusCode::OK), "{bind} {address}");
        }
        drop(server);
    }
}

#[tokio::test]
async fn blocked_origin_is_logged_once_with_the_setting() {
    let database = TestDatabase::create();
    let mut server = LoggedProcess::start(database.serve(&[("ALLOWED_ORIGINS", "http://localhost:8000")]));
    let url = server.wait_for_url();
    let own = url.clone();
    for origin in ["http://localhost:8000", &own, "null", "http://127.0.0.1:8000", "http://127.0.0.1:8000"] {
        let request = http_client().get(format!("{url}/me")).header("origin", origin);
        assert_eq!(request.send().await.expect("a response").status(), StatusCode::UNAUTHORIZED);
    }
    let line = server.wait_for("ALLOWED_ORIGINS");
    assert!(line.contains("http://127.0.0.1:8000") && line.contains("are different origins"), "{line}");
    let id = i32::try_from(server.id()).ok().and_then(Pid::from_raw).expect("a process ID");
    kill_process(id, Signal::TERM).expect("it runs");
    server.wait();
    assert_eq!(server.count("ALLOWED_ORIGINS"), 1, "{:?}", server.seen);
}

#[test]
fn serve_is_the_default_command() {
    let database = TestDatabase::create();
    let bare = |arguments: &[&str]| database.command(arguments);
    let mut without_arguments = bare(&[]);
    without_arguments.env("BIND", "127.0.0.1:0");
    assert!(ServerProcess::from_command(without_arguments).is_some());
    assert!(ServerProcess::from_command(bare(&["--bind", "127.0.0.1:0"])).is_some());
    assert!(ServerProcess::from_command(bare(&["serve", "--bind=127.0.0.1:0"])).is_some());
    for (arguments, words) in [
        (&["--help"] as &[_], "Start the server (default)"),
        (&["-h"], "Start the server (default)"),
        (&["--version"], concat!("vestibule ", env!("CARGO_PKG_VERSION"))),
        (&["-V"], concat!("vestibule ", env!("CARGO_PKG_VERSION"))),
        (&["serve", "--help"], "--database-url <URL>"),
    ] {
        let output = run(database.command(arguments));
        assert!(output.ok().out.contains(words), "{arguments:?}");
    }
    for arguments in [&["serv"] as &[_], &["--no-such-flag"], &["serve", "more"]] {
        assert_eq!(run(database.command(arguments)).code, Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn stopping_server_finishes_requests_in_flight() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    // The account's hash is weaker than these: a sign-in fills it up to a slow one, and computes another to replace it.
    let slow = [("ARGON2_MEMORY_KIB", "65536"), ("ARGON2_ITERATIONS", "5")];
    let mut server = ServerProcess::start(&database, &slow);
    let url = format!("{}/token", server.url);
    let client = http_client();
    let form = [("username", "alice"), ("password", PASSWORD)];
    let request = tokio::spawn(async move { client.post(url).form(&form).send().await });
    let mut direct = DirectConnection::open(&database);
    direct_database::wait_until_in_flight(&mut direct, &request).await;
    server.terminate();
    let response = request.await.expect("no panic").expect("the request in flight gets a response");
    assert_eq!(response.status(), StatusCode::OK);
    let begun = Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "the server stops once nothing is in flight: {:?}",
        begun.elapsed()
    );
    assert_eq!(direct.count("sessions", "1 = 1"), 1);
}
