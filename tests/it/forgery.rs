//! Tokens signed with the right secret whose claims the database contradicts.

use std::time::Duration;

use diesel::prelude::*;
use serde_json::{Value, json};
use vestibule::db::schema::user_roles;
use vestibule::sessions;

use crate::harness::hs256::{self, claims};
use crate::harness::responses::assert_refusal;
use crate::harness::{TestApp, TestResponse};

pub async fn me(app: &TestApp, token: &str) -> TestResponse {
    TestResponse::read(app.get_me(token).await).await
}

pub async fn assert_refused(app: &TestApp, token: &str, what: &str) {
    let response = me(app, token).await;
    assert_refusal(&response, 401, "invalid_token", what);
    assert!(
        response.header("www-authenticate").starts_with("Bearer realm=\"vestibule\", error=\"invalid_token\""),
        "{what}: {response:?}"
    );
}

/// The claims with one of them changed.
pub fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

#[tokio::test]
async fn token_signed_with_the_shared_secret_cannot_invent_sessions_users_or_roles() {
    let app = hs256::start().await;
    app.add_user("alice", &[]).await;
    app.add_user("bob", &["admin"]).await;
    let (alice, bob) = (claims(&app.token_of("alice").await), claims(&app.token_of("bob").await));
    let sign = |claims: &Value| hs256::sign(&hs256::header(), &claims.to_string());
    for (what, forged) in [
        ("an invented session", with(&alice, "sid", "AAAAAAAAAAAAAAAAAAAAAA")),
        ("no session", with(&alice, "sid", "")),
        ("a session with U+0000", with(&alice, "sid", "a\0b")),
        ("another's session", with(&alice, "sid", bob["sid"].clone())),
        ("another's name", with(&alice, "sub", "bob")),
        ("the name in other letters", with(&alice, "sub", "Alice")),
        ("another's ID", with(&alice, "id", 2)),
        ("another's name and ID", with(&with(&alice, "sub", "bob"), "id", 2)),
        ("a later expiry", with(&alice, "exp", alice["exp"].as_i64().expect("a number") + 2)),
        ("a scope", with(&alice, "scope", "admin")),
    ] {
        assert_refused(&app, &sign(&forged), what).await;
    }
    let promoted = me(&app, &sign(&with(&alice, "roles", json!(["admin"])))).await;
    assert_eq!((promoted.status, &promoted.json()["roles"]), (200, &json!([])), "the roles come from the database");
    let demoted = me(&app, &sign(&with(&bob, "roles", json!([])))).await;
    assert_eq!(demoted.json()["roles"], json!(["admin"]));
    app.write(|conn| diesel::delete(user_roles::table.filter(user_roles::user_id.eq(2))).execute(conn)).await;
    app.clock.advance(Duration::from_secs(31));
    let after = me(&app, &sign(&bob)).await;
    assert_eq!((after.status, &after.json()["roles"]), (200, &json!([])), "a revoked role is gone within 30 seconds");
    let sid = alice["sid"].as_str().expect("text").to_owned();
    let now = app.clock.now();
    app.write_elsewhere(move |conn, ended| sessions::end(conn, ended, &sid, sessions::EndReason::SignedOut, now)).await;
    app.clock.advance(Duration::from_secs(31));
    assert_refused(&app, &sign(&with(&alice, "jti", "another")), "a session that ended").await;
}
