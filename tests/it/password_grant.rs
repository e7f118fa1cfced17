//! The password grant and `/me` on success.

use serde_json::Value;

use crate::harness::{PASSWORD, TestApp};

#[tokio::test]
async fn password_grant_returns_a_token_for_me() {
    let app = TestApp::start().await;
    app.add_user("alice", &["admin"]).await;
    let response = app.post_token("Alice", PASSWORD).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 1_200);
    assert_eq!(body.get("scope"), None, "none is granted, and a scope is never empty");
    assert_eq!(body["token"], body["access_token"]);
    let me: Value = app.get_me(body["token"].as_str().expect("text")).await.json().await.expect("JSON");
    assert_eq!((&me["id"], &me["sub"], &me["roles"][0]), (&1.into(), &"alice".into(), &"admin".into()));
}
