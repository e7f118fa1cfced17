//! Revoked sessions between the expiry of their tokens and the last moment at which a verifier accepts these.

use std::time::Duration;

use serde_json::Value;
use vestibule::clients::GrantType;
use vestibule::clock::unix_seconds;
use vestibule::sessions::{self, EndReason, Holders, SessionService};

use crate::harness::clients::text;
use crate::harness::hs256::claims;
use crate::harness::{PASSWORD, TestApp, TestResponse};

/// Moves the clock to this many seconds after the token's `exp`.
fn advance_past_expiry(app: &TestApp, token: &str, seconds: i64) {
    let exp = claims(token)["exp"].as_i64().expect("a number");
    let wait = exp + seconds - unix_seconds(app.clock.now());
    app.clock.advance(Duration::from_secs(wait.try_into().expect("not in the past")));
}

/// Reads the revoked sessions again, as the server does twice a second.
async fn poll(app: &TestApp, sessions: &SessionService) {
    sessions.revoked().refresh(&app.services.db, app.clock.now()).await.expect("the database responds");
}

async fn list_revoked(app: &TestApp) -> Vec<Value> {
    TestResponse::to(app.get("/revoked")).await.json()["sessions"].as_array().expect("a list").clone()
}

async fn me(app: &TestApp, token: &str) -> u16 {
    app.get_me(token).await.status().as_u16()
}

#[tokio::test]
async fn revoked_token_is_rejected_and_listed_until_no_verifier_accepts_it() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (tokens, other) = (app.tokens_of("alice").await, app.token_of("alice").await);
    let token = text(&tokens, "access_token");
    let revoked = app.post("/token/revoke").form(&[("token", text(&tokens, "refresh_token"))]);
    assert_eq!(TestResponse::to(revoked).await.status, 200);
    advance_past_expiry(&app, token, 5);
    poll(&app, &app.services.sessions).await;
    assert_eq!(me(&app, &other).await, 200, "the leeway accepts a token for 30 seconds after its expiry");
    assert_eq!(me(&app, token).await, 401);
    let listed = list_revoked(&app).await;
    assert_eq!(listed[0]["sid"], claims(token)["sid"]);
    // A verifier whose clock is 30 seconds late accepts the token for 60 seconds, and some compare whole seconds.
    assert!(listed[0]["until"].as_i64() >= claims(token)["exp"].as_i64().map(|exp| exp + 61), "{listed:?}");
    let clock = app.clock.clone();
    let started = SessionService::new(app.services.db.clone(), clock, app.services.sessions.lifetimes());
    poll(&app, &started).await;
    let sid = claims(token)["sid"].as_str().expect("text").to_owned();
    assert!(started.revoked().contains(&sid, &Holders::default()), "an instance that starts now rejects the token");
    // An unchanged list is built again after a minute.
    advance_past_expiry(&app, token, 125);
    poll(&app, &app.services.sessions).await;
    assert_eq!(list_revoked(&app).await, [Value::Null; 0]);
}

#[tokio::test]
async fn session_that_ends_after_its_tokens_expired_is_revoked_during_the_leeway() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let client = app.add_client("app", &[GrantType::Password], "").await;
    let form = [&[("username", "alice"), ("password", PASSWORD)][..], &client.form()].concat();
    let through_client = text(&app.grant(&form).await.json(), "access_token").to_owned();
    let by_herself = app.token_of("alice").await;
    advance_past_expiry(&app, &by_herself, 5);
    let now = app.clock.now();
    for (token, of_client) in [(&through_client, Some(client.id.clone())), (&by_herself, None)] {
        assert_eq!(me(&app, token).await, 200);
        let sid = claims(token)["sid"].as_str().expect("text").to_owned();
        let ending = app.services.sessions.write(move |conn, ended| -> Result<_, vestibule::db::DbError> {
            Ok(match of_client {
                Some(id) => sessions::end_all_of_client(conn, ended, &id, EndReason::ClientDeleted, now)? == 1,
                None => sessions::end(conn, ended, &sid, EndReason::SignedOut, now)?,
            })
        });
        assert!(ending.await.expect("the database responds"));
        assert_eq!(me(&app, token).await, 401);
    }
}

#[tokio::test]
async fn cleanup_keeps_a_revoked_session_while_a_verifier_accepts_its_tokens() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let sid = claims(&token)["sid"].as_str().expect("text").to_owned();
    app.services.sessions.end(sid.clone(), EndReason::SignedOut).await.expect("the database responds");
    advance_past_expiry(&app, &token, 5);
    for (seconds, is_kept) in [(0, true), (60, false)] {
        app.clock.advance(Duration::from_secs(seconds));
        let (now, sid) = (app.clock.now(), sid.clone());
        let found = app.write(move |conn| {
            let expired = sessions::list_expired(conn, now, now, 10)?;
            sessions::delete(conn, &expired)?;
            sessions::find(conn, &sid)
        });
        assert_eq!(found.await.is_some(), is_kept, "{seconds}");
    }
}

#[tokio::test]
async fn session_that_another_instance_ends_during_the_leeway_is_revoked_here() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let sid = claims(&token)["sid"].as_str().expect("text").to_owned();
    advance_past_expiry(&app, &token, 1);
    poll(&app, &app.services.sessions).await;
    assert_eq!(me(&app, &token).await, 200);
    let now = app.clock.now();
    app.write_elsewhere(move |conn, ended| sessions::end(conn, ended, &sid, EndReason::UserDisabled, now)).await;
    poll(&app, &app.services.sessions).await;
    assert_eq!(me(&app, &token).await, 401);
}
