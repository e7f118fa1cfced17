//! The time limit of a request body, and the audience of a token.

use std::io::Read as _;
use std::time::{Duration, Instant};

use crate::harness::clients::text;
use crate::harness::hs256::claims;
use crate::harness::responses::write_raw;
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestDatabase, TestResponse, direct_database};

#[tokio::test]
async fn request_body_times_out_after_ten_seconds() {
    let app = TestApp::start().await;
    let head = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\na";
    let url = app.url.clone();
    let began = Instant::now();
    let response = tokio::task::spawn_blocking(move || {
        let mut stream = write_raw(&url, head.as_bytes());
        let mut bytes = [0; 4_096];
        let count = stream.read(&mut bytes).expect("a response");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    });
    let response = response.await.expect("no panic");
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert!(response.contains("\"error\":\"invalid_request\""), "{response}");
    let took = began.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&took), "{took:?}");
    // The server still responds to others.
    app.add_user("alice", &[]).await;
    assert_eq!(app.post_token("alice", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn token_for_another_audience_is_refused() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let client = crate::harness::http_client();
    let audiences = [None, Some("https://api.example.com"), Some("https://other.example.com")];
    let servers = audiences.map(|audience| {
        let settings: Vec<_> = audience.into_iter().map(|audience| ("AUDIENCE", audience)).collect();
        ServerProcess::start(&database, &settings)
    });
    for (at, audience) in audiences.iter().enumerate() {
        let form = [("username", "alice"), ("password", PASSWORD)];
        let response = TestResponse::to(client.post(format!("{}/token", servers[at].url)).form(&form)).await.json();
        let token = text(&response, "access_token");
        assert_eq!(claims(token)["aud"].as_str(), *audience);
        for (other, server) in servers.iter().enumerate() {
            let response = TestResponse::to(client.get(format!("{}/me", server.url)).bearer_auth(token)).await;
            assert_eq!(response.status, if other == at { 200 } else { 401 }, "{at} {other}");
        }
    }
}
