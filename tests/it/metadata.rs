//! Shared signing keys, and liveness and readiness without the database.

use std::time::{Duration, Instant};

use crate::harness::database_outage::Outage;
use crate::harness::responses::assert_refusal;
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestResponse};

#[tokio::test]
async fn key_and_tokens_survive_a_restart_and_are_shared_by_servers() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let ours = TestResponse::to(app.get("/.well-known/jwks.json")).await.json();
    let client = crate::harness::http_client();
    let mut tokens = vec![app.token_of("alice").await];
    for _ in 0..2 {
        let mut server = ServerProcess::start(&app.database, &[]);
        let theirs = TestResponse::to(client.get(format!("{}/.well-known/jwks.json", server.url))).await.json();
        assert_eq!(theirs, ours);
        for token in &tokens {
            let me = TestResponse::to(client.get(format!("{}/me", server.url)).bearer_auth(token)).await;
            assert_eq!(me.status, 200, "{me:?}");
        }
        let form = [("username", "alice"), ("password", PASSWORD)];
        let issued = TestResponse::to(client.post(format!("{}/token", server.url)).form(&form)).await.json();
        tokens.push(issued["access_token"].as_str().expect("a token").to_owned());
        server.kill();
    }
    assert_eq!(app.get_me(&tokens[2]).await.status(), 200);
}

async fn ready_status(url: &str) -> u16 {
    TestResponse::to(crate::harness::http_client().get(format!("{url}/readyz"))).await.status
}

async fn wait_for_ready_status(url: &str, status: u16) {
    let began = Instant::now();
    while ready_status(url).await != status {
        assert!(began.elapsed() < Duration::from_secs(20), "/readyz has not become {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn server_without_its_database_is_alive_but_not_ready() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let server = ServerProcess::start(&app.database, &[]);
    let me = || app.client.get(format!("{}/me", server.url)).bearer_auth(&token);
    let sign_in = || {
        let form = [("username", "alice"), ("password", PASSWORD)];
        app.client.post(format!("{}/token", server.url)).form(&form)
    };
    assert_eq!((ready_status(&server.url).await, TestResponse::to(me()).await.status), (200, 200));
    let outage = Outage::begin_for_readers(&app.database);
    let response = TestResponse::to(sign_in()).await;
    assert_refusal(&response, 503, "temporarily_unavailable", "unreachable, or on SQLite without a table");
    wait_for_ready_status(&server.url, 503).await;
    let ready = TestResponse::to(app.client.get(format!("{}/readyz", server.url))).await;
    assert_eq!(ready.text(), "not ready\n", "the response does not show the cause");
    assert_eq!(TestResponse::to(app.client.get(format!("{}/healthz", server.url))).await.status, 200);
    assert_eq!(TestResponse::to(me()).await.status, 200, "the last known revoked sessions are kept");
    drop(outage);
    wait_for_ready_status(&server.url, 200).await;
    assert_eq!(TestResponse::to(sign_in()).await.status, 200);
}
