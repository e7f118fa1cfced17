//! A clock that was a day ahead and was corrected: what was stored meanwhile neither locks out nor stops anything.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use chrono::TimeDelta;
use vestibule::audit::{self, Event, EventKind};
use vestibule::users;

use crate::harness::clients::text;
use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::mail::MailServer;
use crate::harness::visitor::{TOKEN, Visitor};
use crate::harness::{PASSWORD, TestApp, TestResponse, hs256};
use crate::mail::reset;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// A minute less than the idle timeout of a browser session.
const ALMOST_IDLE: Duration = Duration::from_mins(12 * 60 - 1);
const WRONG: &str = "the wrong password";

/// A server with the account `alice`, whose clock is a day ahead.
async fn app_ahead() -> TestApp {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    app.clock.advance(DAY);
    app
}

async fn sign_in(app: &TestApp, password: &str) -> TestResponse {
    TestResponse::read(app.post_token("alice", password).await).await
}

/// The IDs of a table's rows that match `condition`.
fn ids(app: &TestApp, table: &str, condition: &str) -> BTreeSet<String> {
    let sql = format!("SELECT id AS text FROM {table} WHERE {condition}");
    DirectConnection::open(&app.database).texts(&sql).into_iter().collect()
}

#[tokio::test]
async fn account_blocked_by_failures_stored_ahead_is_free_again() {
    let app = app_ahead().await;
    for _ in 0..10 {
        assert_eq!(sign_in(&app, WRONG).await.status, 400);
    }
    assert_eq!(sign_in(&app, PASSWORD).await.status, 429);
    app.clock.step_back(DAY);
    assert_eq!(sign_in(&app, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn failures_stored_ahead_leave_an_attacker_one_more_guess() {
    let app = app_ahead().await;
    for _ in 0..10 {
        assert_eq!(sign_in(&app, WRONG).await.status, 400);
    }
    app.clock.step_back(DAY);
    assert_eq!(sign_in(&app, WRONG).await.status, 400);
    for _ in 0..3 {
        let blocked = sign_in(&app, WRONG).await;
        assert_eq!(blocked.status, 429);
        assert!(blocked.retry_after().is_some_and(|seconds| seconds <= 60), "{blocked:?}");
    }
    app.clock.advance(16 * MINUTE);
    for _ in 0..9 {
        assert_eq!(sign_in(&app, WRONG).await.status, 400, "the window started at the correction and is over");
    }
}

#[tokio::test]
async fn request_limit_reached_ahead_lasts_one_window() {
    let app = app_ahead().await;
    let network = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let limit = async || app.services.limiter.limit_by_network(network).await.expect("the database responds");
    for _ in 0..20 {
        assert_eq!(limit().await, None);
    }
    assert!(limit().await.is_some());
    app.clock.step_back(DAY);
    assert!(limit().await.is_some_and(|wait| wait <= HOUR));
    app.clock.advance(HOUR / 2);
    assert!(limit().await.is_some_and(|wait| wait <= HOUR / 2), "the window does not move with each request");
    app.clock.advance(HOUR / 2 + SECOND);
    assert_eq!(limit().await, None);
}

#[tokio::test]
async fn housekeeping_that_ran_ahead_runs_again() {
    let app = app_ahead().await;
    let first = app.tokens_of("alice").await;
    app.refresh(text(&first, "refresh_token")).await;
    assert!(app.clean_up().await && !app.clean_up().await, "one instance at a time");
    assert_eq!(DirectConnection::open(&app.database).count("refresh_tokens", "successor_sealed IS NOT NULL"), 1);
    app.clock.step_back(DAY);
    assert!(app.clean_up().await);
    assert!(!app.clean_up().await, "the claim is stored by the corrected clock");
    assert_eq!(DirectConnection::open(&app.database).count("refresh_tokens", "successor_sealed IS NOT NULL"), 0);
    app.clock.advance(MINUTE);
    assert!(app.clean_up().await);
}

#[tokio::test]
async fn browser_session_started_ahead_expires_as_if_started_now() {
    let app = app_ahead().await;
    let idle = Visitor::new(&app);
    let used = Visitor::new(&app);
    for visitor in [&idle, &used] {
        visitor.sign_in("alice").await;
    }
    app.clock.step_back(DAY);
    for visitor in [&idle, &used] {
        assert!(visitor.is_signed_in().await);
        let token = visitor.cookie(TOKEN).expect("a new token");
        assert_eq!(app.get_me(&token).await.status(), 200, "one that is valid now");
    }
    app.clock.advance(ALMOST_IDLE);
    assert!(used.is_signed_in().await);
    app.clock.advance(2 * MINUTE);
    assert!(!idle.is_signed_in().await && used.is_signed_in().await, "twelve hours without use");
    for _ in 0..59 {
        app.clock.advance(ALMOST_IDLE);
        assert!(used.is_signed_in().await);
    }
    app.clock.advance(10 * HOUR);
    assert!(!used.is_signed_in().await, "thirty days after the correction");
}

#[tokio::test]
async fn sign_in_after_the_correction_outlasts_sessions_stored_ahead() {
    let app = app_ahead().await;
    for _ in 0..100 {
        app.token_of("alice").await;
    }
    app.clock.step_back(DAY);
    let [first, second] = [app.tokens_of("alice").await, app.tokens_of("alice").await];
    for tokens in [&first, &second] {
        assert_eq!(app.get_me(text(tokens, "access_token")).await.status(), 200);
    }
    assert_eq!(DirectConnection::open(&app.database).count("sessions", "ended_at IS NULL"), 100);
}

#[tokio::test]
async fn browser_becomes_known_although_twenty_were_stored_ahead() {
    let app = app_ahead().await;
    for _ in 0..20 {
        Visitor::new(&app).sign_in("alice").await;
    }
    let before = ids(&app, "known_devices", "kind = 'device'");
    app.clock.step_back(DAY);
    Visitor::new(&app).sign_in("alice").await;
    let after = ids(&app, "known_devices", "kind = 'device'");
    assert_eq!((before.len(), after.len(), after.difference(&before).count()), (20, 20, 1));
}

#[tokio::test]
async fn event_is_kept_although_one_hundred_were_stored_ahead() {
    let app = app_ahead().await;
    let ahead = app.clock.now();
    app.write(move |conn| {
        (0..100).try_for_each(|_| audit::record(conn, &Event::new(EventKind::SignInsBlocked, ahead)))
    })
    .await;
    let before = ids(&app, "audit_events", "kind = 'sign_ins_blocked'");
    app.clock.step_back(DAY);
    let now = app.clock.now();
    app.write(move |conn| audit::record(conn, &Event::new(EventKind::SignInsBlocked, now))).await;
    let after = ids(&app, "audit_events", "kind = 'sign_ins_blocked'");
    assert_eq!((before.len(), after.len(), after.difference(&before).count()), (100, 100, 1));
}

#[tokio::test]
async fn refresh_token_used_ahead_is_outside_its_grace_period() {
    let app = app_ahead().await;
    let [lost, stolen] = [app.tokens_of("alice").await, app.tokens_of("alice").await];
    let lost_successor = app.refresh(text(&lost, "refresh_token")).await.json();
    let successor = app.refresh(text(&stolen, "refresh_token")).await.json();
    assert_eq!(app.refresh(text(&successor, "refresh_token")).await.status, 200);
    app.clock.step_back(DAY);
    // The response may have been lost; it is replaced, not returned.
    let replaced = app.refresh(text(&lost, "refresh_token")).await;
    assert_eq!(replaced.status, 200, "{replaced:?}");
    assert_ne!(replaced.json()["refresh_token"], lost_successor["refresh_token"]);
    assert_eq!(app.refresh(text(&stolen, "refresh_token")).await.status, 400);
    assert_eq!(DirectConnection::open(&app.database).count("sessions", "end_reason = 'refresh_token_reused'"), 1);
}

#[tokio::test]
async fn session_cached_ahead_is_read_again() {
    let app = hs256::start().await;
    let alice = app.add_user("alice", &["editor"]).await.id;
    let token = app.token_of("alice").await;
    let roles = async || {
        let response = TestResponse::to(app.get("/me").bearer_auth(&token)).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.json()["roles"].clone()
    };
    app.clock.advance(10 * MINUTE);
    assert_eq!(roles().await, serde_json::json!(["editor"]));
    app.clock.step_back(10 * MINUTE);
    app.write(move |conn| users::revoke_role(conn, alice, "editor")).await;
    assert_eq!(roles().await, serde_json::json!([]));
}

#[tokio::test]
async fn mail_queued_or_claimed_ahead_is_sent() {
    let server = MailServer::start();
    let app = server.app().await;
    let outbox = direct_database::outbox(&app.database);
    let ahead = app.clock.now() + TimeDelta::days(1);
    app.write(move |conn| {
        for user_id in 0..2 {
            outbox.queue(conn, reset(user_id), ahead)?;
        }
        Ok(())
    })
    .await;
    let claimed = "UPDATE outbox SET next_try_at = created_at, claimed_until = created_at WHERE user_id = 1";
    DirectConnection::open(&app.database).run(claimed);
    server.wait_for(2).await;
}
