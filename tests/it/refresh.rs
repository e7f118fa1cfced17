//! Refresh tokens: rotation, reuse, scopes and lifetimes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use vestibule::clients::GrantType;
use vestibule::sessions::{self, EndReason};
use vestibule::{tokens, users};

use crate::harness::clients::text;
use crate::harness::direct_database::DirectConnection;
use crate::harness::hs256::claims;
use crate::harness::{PASSWORD, TestApp, TestResponse};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

async fn app_with_alice() -> (TestApp, Value) {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let first = app.tokens_of("alice").await;
    (app, first)
}

/// The response to a refresh that must succeed.
async fn refreshed(app: &TestApp, token: &str) -> Value {
    let response = app.refresh(token).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn assert_refused(response: &TestResponse) {
    assert_eq!(
        (response.status, response.json()["error"].as_str()),
        (400, Some("invalid_grant")),
        "{}",
        response.text()
    );
}

#[tokio::test]
async fn refresh_token_is_exchanged_for_an_access_token_and_a_successor() {
    let (app, first) = app_with_alice().await;
    assert_eq!(text(&first, "refresh_token").len(), 87);
    let second = refreshed(&app, text(&first, "refresh_token")).await;
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!((&second["token_type"], &second["expires_in"]), (&"Bearer".into(), &1200.into()));
    assert_eq!(second["token"], second["access_token"]);
    // It is the same session, and the earlier access token stays valid.
    assert_eq!(claims(text(&second, "access_token"))["sid"], claims(text(&first, "access_token"))["sid"]);
    for response in [&first, &second] {
        assert_eq!(app.get_me(text(response, "access_token")).await.status(), 200);
    }
    refreshed(&app, text(&second, "refresh_token")).await;
}

#[tokio::test]
async fn concurrent_refreshes_share_one_successor() {
    let (app, first) = app_with_alice().await;
    let token = text(&first, "refresh_token");
    let responses = futures_util::future::join_all((0..100).map(|_| app.refresh(token))).await;
    let mut successors = BTreeSet::new();
    for response in &responses {
        assert_eq!(response.status, 200, "{}", response.text());
        successors.insert(text(&response.json(), "refresh_token").to_owned());
    }
    assert_eq!(successors.len(), 1);
    let live = DirectConnection::open(&app.database)
        .count("refresh_tokens", "successor_hash IS NULL AND superseded_at IS NULL");
    assert_eq!(live, 1);
    refreshed(&app, successors.first().expect("one")).await;
}

#[tokio::test]
async fn used_refresh_token_returns_the_same_successor_for_ten_seconds() {
    let (app, first) = app_with_alice().await;
    let token = text(&first, "refresh_token");
    let second = refreshed(&app, token).await;
    app.clock.advance(9 * SECOND);
    let again = refreshed(&app, token).await;
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    assert_ne!(again["access_token"], second["access_token"]);
    let third = refreshed(&app, text(&second, "refresh_token")).await;
    assert_eq!(refreshed(&app, token).await["refresh_token"], third["refresh_token"]);
    refreshed(&app, text(&third, "refresh_token")).await;
}

#[tokio::test]
async fn three_lost_responses_are_tolerated_and_a_fourth_ends_the_session() {
    let (app, first) = app_with_alice().await;
    let token = text(&first, "refresh_token");
    let mut lost = refreshed(&app, token).await;
    for delay in [11 * SECOND, DAY, 20 * DAY] {
        app.clock.advance(delay);
        let fresh = refreshed(&app, token).await;
        assert_ne!(fresh["refresh_token"], lost["refresh_token"]);
        lost = fresh;
    }
    app.clock.advance(11 * SECOND);
    assert_refused(&app.refresh(token).await);
    assert_refused(&app.refresh(text(&lost, "refresh_token")).await);
}

#[tokio::test]
async fn superseded_refresh_token_ends_the_session() {
    let (app, first) = app_with_alice().await;
    let lost = refreshed(&app, text(&first, "refresh_token")).await;
    app.clock.advance(11 * SECOND);
    let fresh = refreshed(&app, text(&first, "refresh_token")).await;
    assert_refused(&app.refresh(text(&lost, "refresh_token")).await);
    assert_refused(&app.refresh(text(&fresh, "refresh_token")).await);
    assert_eq!(app.get_me(text(&fresh, "access_token")).await.status(), 401);
}

#[tokio::test]
async fn reused_refresh_token_ends_the_session() {
    let (app, first) = app_with_alice().await;
    let other = app.tokens_of("alice").await;
    let second = refreshed(&app, text(&first, "refresh_token")).await;
    let third = refreshed(&app, text(&second, "refresh_token")).await;
    app.clock.advance(11 * SECOND);
    assert_refused(&app.refresh(text(&first, "refresh_token")).await);
    assert_refused(&app.refresh(text(&third, "refresh_token")).await);
    for response in [&first, &second, &third] {
        assert_eq!(app.get_me(text(response, "access_token")).await.status(), 401);
    }
    assert_eq!(app.get_me(text(&other, "access_token")).await.status(), 200);
    refreshed(&app, text(&other, "refresh_token")).await;
    let mut direct = DirectConnection::open(&app.database);
    assert_eq!(direct.count("audit_events", "kind = 'refresh_token_reused' AND user_id = 1"), 1);
    assert_eq!(direct.count("sessions", "end_reason = 'refresh_token_reused'"), 1);
}

#[tokio::test]
async fn malformed_or_unknown_refresh_token_is_refused() {
    let (app, first) = app_with_alice().await;
    for token in ["x", &"A".repeat(43), &"A".repeat(44), &"é".repeat(43), &"A".repeat(87), text(&first, "access_token")]
    {
        assert_refused(&app.refresh(token).await);
    }
    let missing = app.grant(&[("grant_type", "refresh_token")]).await;
    assert_eq!((missing.status, missing.json()["error"].as_str()), (400, Some("invalid_request")));
    // A refresh token is not an access token.
    assert_eq!(app.get_me(text(&first, "refresh_token")).await.status(), 401);
}

#[tokio::test]
async fn refresh_reads_current_roles_and_refuses_a_disabled_user() {
    let app = TestApp::start().await;
    let id = app.add_user("alice", &["editor"]).await.id;
    let first = app.tokens_of("alice").await;
    app.write(move |conn| users::revoke_role(conn, id, "editor")).await;
    let second = refreshed(&app, text(&first, "refresh_token")).await;
    assert_eq!(claims(text(&first, "access_token"))["roles"], serde_json::json!(["editor"]));
    assert_eq!(claims(text(&second, "access_token"))["roles"], serde_json::json!([]));
    // Disabled without ending its sessions: the refresh itself must check.
    let now = app.clock.now();
    app.write(move |conn| users::set_disabled(conn, id, Some(now))).await;
    assert_refused(&app.refresh(text(&second, "refresh_token")).await);
    app.write(move |conn| users::set_disabled(conn, id, None)).await;
    refreshed(&app, text(&second, "refresh_token")).await;
}

#[tokio::test]
async fn ended_session_cannot_be_refreshed() {
    let (app, first) = app_with_alice().await;
    let sid = text(&claims(text(&first, "access_token")), "sid").to_owned();
    let now = app.clock.now();
    app.write_elsewhere(move |conn, ended| sessions::end(conn, ended, &sid, EndReason::SignedOut, now)).await;
    assert_refused(&app.refresh(text(&first, "refresh_token")).await);
}

#[tokio::test]
async fn refresh_tokens_expire_when_idle_and_at_the_maximum_age() {
    let (app, first) = app_with_alice().await;
    app.clock.advance(29 * DAY);
    let second = refreshed(&app, text(&first, "refresh_token")).await;
    app.clock.advance(31 * DAY);
    assert_refused(&app.refresh(text(&second, "refresh_token")).await);

    let mut response = app.tokens_of("alice").await;
    for _ in 0..4 {
        app.clock.advance(22 * DAY);
        response = refreshed(&app, text(&response, "refresh_token")).await;
    }
    // After 88 days: a token never outlives its session.
    app.clock.advance(DAY + Duration::from_mins(24 * 60 - 10));
    response = refreshed(&app, text(&response, "refresh_token")).await;
    assert!(response["expires_in"].as_i64().expect("a number") <= 600, "{response}");
    app.clock.advance(601 * SECOND);
    assert_refused(&app.refresh(text(&response, "refresh_token")).await);
}

#[tokio::test]
async fn refresh_token_is_bound_to_its_client() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let both = [GrantType::Password, GrantType::RefreshToken];
    let [mine, other] = [app.add_client("mine", &both, "").await, app.add_client("other", &both, "").await];
    let password = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
    let first = app.grant(&[&password[..], &mine.form()].concat()).await.json();
    assert_eq!(claims(text(&first, "access_token"))["client_id"], mine.id.as_str());
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&first, "refresh_token"))];
    assert_refused(&app.grant(&refresh).await);
    assert_refused(&app.grant(&[&refresh[..], &other.form()].concat()).await);
    // The refused requests changed nothing.
    assert_eq!(app.grant(&[&refresh[..], &mine.form()].concat()).await.status, 200);
    let free = app.tokens_of("alice").await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&free, "refresh_token"))];
    assert_refused(&app.grant(&[&refresh[..], &mine.form()].concat()).await);
    refreshed(&app, text(&free, "refresh_token")).await;
}

#[tokio::test]
async fn refresh_can_narrow_scopes_and_never_widen_them() {
    let app = TestApp::start().await;
    let id = app.add_user("alice", &["editor", "reader"]).await.id;
    app.allow("editor", "write publish").await;
    app.allow("reader", "read").await;
    let password = [("username", "alice"), ("password", PASSWORD)];
    let first = app.grant(&[&password[..], &[("scope", "write read admin")]].concat()).await.json();
    assert_eq!(
        (&first["scope"], &claims(text(&first, "access_token"))["scope"]),
        (&"read write".into(), &"read write".into())
    );
    assert_eq!(app.tokens_of("alice").await.get("scope"), None, "no scope is requested and none is granted");
    let with_scope = |token: String, scope: &'static str| {
        let app = &app;
        async move {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", scope)];
            app.grant(&form).await
        }
    };
    let refused = with_scope(text(&first, "refresh_token").to_owned(), "publish").await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_scope")));
    assert_eq!(refused.json()["error_description"], "Unknown or disallowed scope: publish");
    let second = with_scope(text(&first, "refresh_token").to_owned(), "read publish").await.json();
    assert_eq!(second["scope"], "read");
    // The scopes are narrowed for one access token only.
    let third = refreshed(&app, text(&second, "refresh_token")).await;
    assert_eq!(third["scope"], "read write");
    app.write(move |conn| users::revoke_role(conn, id, "editor")).await;
    let fourth = refreshed(&app, text(&third, "refresh_token")).await;
    assert_eq!(fourth["scope"], "read");
    app.write(move |conn| {
        let now = vestibule::clock::Clock::system().now();
        users::grant_role(conn, id, "editor", now)
    })
    .await;
    app.allow("editor", "write publish").await;
    assert_eq!(refreshed(&app, text(&fourth, "refresh_token")).await["scope"], "read write");
}

#[tokio::test]
async fn expired_refresh_tokens_and_seals_are_erased() {
    let (app, first) = app_with_alice().await;
    let second = refreshed(&app, text(&first, "refresh_token")).await;
    let ended_tokens = app.tokens_of("alice").await;
    let sid = text(&claims(text(&ended_tokens, "access_token")), "sid").to_owned();
    let now = app.clock.now();
    app.write_elsewhere(move |conn, ended| sessions::end(conn, ended, &sid, EndReason::Revoked, now)).await;
    let mut direct = DirectConnection::open(&app.database);
    assert_eq!(direct.count("refresh_tokens", "successor_sealed IS NOT NULL"), 1);
    let moment = move |seconds: i64| now + chrono::TimeDelta::seconds(seconds);
    assert_eq!(app.write(move |conn| tokens::erase_sealed_successors(conn, moment(9), 10)).await, 0);
    assert_eq!(app.write(move |conn| tokens::erase_sealed_successors(conn, moment(30), 10)).await, 1);
    assert_eq!(direct.count("refresh_tokens", "successor_sealed IS NOT NULL"), 0);
    // The ended session is deleted with its tokens; the other stays.
    assert!(app.write(move |conn| sessions::list_ended(conn, moment(0), 10)).await.is_empty());
    app.clock.advance(DAY + 1_300 * SECOND);
    assert!(app.clean_up().await);
    assert_eq!((direct.count("sessions", "1 = 1"), direct.count("refresh_tokens", "1 = 1")), (1, 2));
    refreshed(&app, text(&second, "refresh_token")).await;
    assert_eq!(app.write(move |conn| tokens::delete_old_refresh_tokens(conn, moment(2 * 86_400), 10)).await, 3);
}
