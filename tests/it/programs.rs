//! The programs' door: `/token`, `/me`, JWKS. What may not live here: pages.

use serde_json::Value;

use crate::harness::{PASSWORD, ServerProcess, TestApp, TestDatabase};

#[tokio::test]
async fn a_username_and_password_become_a_token_and_the_token_says_who() {
    let app = TestApp::start().await;
    app.add_user("alice", &["admin"]).await;
    let response = app.post_token("Alice", PASSWORD).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 1_200);
    assert_eq!(body["scope"], "");
    assert_eq!(body["token"], body["access_token"]);
    let me: Value = app.get_me(body["token"].as_str().expect("text")).await.json().await.expect("JSON");
    assert_eq!((&me["id"], &me["sub"], &me["roles"][0]), (&1.into(), &"alice".into(), &"admin".into()));
}

#[tokio::test]
async fn two_hundred_wrong_passwords_at_once_cost_ten_hashes() {
    let database = TestDatabase::create();
    let server = ServerProcess::start(&database, &[]);
    let client = reqwest::Client::new();
    let tries = (0..200).map(|_| {
        let request =
            client.post(format!("{}/token", server.url)).form(&[("username", "alice"), ("password", "wrong password")]);
        tokio::spawn(async move { request.send().await.expect("an answer").status().as_u16() })
    });
    let mut statuses = Vec::new();
    for status in tries.collect::<Vec<_>>() {
        statuses.push(status.await.expect("no panic"));
    }
    assert_eq!(server.counter("vestibule_password_hashes_total").await, 10);
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 190, "{statuses:?}");
}
