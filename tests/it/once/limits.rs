//! The time limit of a request body, and the audience of a token.

use std::io::Read as _;
use std::time::{Duration, Instant};

use crate::harness::answers::write_raw;
use crate::harness::hs256::claims;
use crate::harness::programs::text;
use crate::harness::{Answer, PASSWORD, ServerProcess, TestApp, TestDatabase, beside};

#[tokio::test]
async fn request_body_times_out_after_ten_seconds() {
    let app = TestApp::start().await;
    let head = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\na";
    let url = app.url.clone();
    let began = Instant::now();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = write_raw(&url, head.as_bytes());
        let mut bytes = [0; 4_096];
        let count = stream.read(&mut bytes).expect("an answer");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    });
    let answer = answer.await.expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"error\":\"invalid_request\""), "{answer}");
    let took = began.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&took), "{took:?}");
    // The server still responds to others.
    app.add_user("alice", &[]).await;
    assert_eq!(app.post_token("alice", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn token_for_another_audience_is_refused() {
    let database = TestDatabase::create();
    beside::add_user(&database, "alice", &[]).await;
    let client = reqwest::Client::new();
    let audiences = [None, Some("https://api.example.com"), Some("https://other.example.com")];
    let servers = audiences.map(|audience| {
        let settings: Vec<_> = audience.into_iter().map(|audience| ("AUDIENCE", audience)).collect();
        ServerProcess::start(&database, &settings)
    });
    for (at, audience) in audiences.iter().enumerate() {
        let form = [("username", "alice"), ("password", PASSWORD)];
        let answer = Answer::to(client.post(format!("{}/token", servers[at].url)).form(&form)).await.json();
        let token = text(&answer, "access_token");
        assert_eq!(claims(token)["aud"].as_str(), *audience);
        for (other, server) in servers.iter().enumerate() {
            let answer = Answer::to(client.get(format!("{}/me", server.url)).bearer_auth(token)).await;
            assert_eq!(answer.status, if other == at { 200 } else { 401 }, "{at} {other}");
        }
    }
}
