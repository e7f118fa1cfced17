//! The most sessions of a user or client, and which one ends when there are more.

use std::time::Duration;

use vestibule::clock::Moment;
use vestibule::scope::Scopes;
use vestibule::sessions::{self, NewSession, SessionKind, SessionOrigin};
use vestibule::users::UserId;

use crate::harness::TestApp;
use crate::harness::clients::text;
use crate::harness::direct_database::DirectConnection;
use crate::harness::visitor::Visitor;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// The holder and kind of stored sessions.
#[derive(Clone)]
struct Holder {
    user_id: Option<UserId>,
    client_id: Option<String>,
    kind: SessionKind,
}

/// Stores sessions one second apart, as sign-ins do, and moves the clock accordingly. Returns their IDs.
async fn store_sessions(app: &TestApp, holder: &Holder, count: usize) -> Vec<String> {
    let lifetimes = app.services.sessions.lifetimes();
    let mut moments: Vec<Moment> = Vec::new();
    for _ in 0..count {
        app.clock.advance(SECOND);
        moments.push(app.clock.now());
    }
    let holder = holder.clone();
    app.write(move |conn| {
        let started = moments.into_iter().map(|now| {
            let new = NewSession {
                user_id: holder.user_id,
                client_id: holder.client_id.clone(),
                scope: Scopes::default(),
                signing_kid: None,
                expires_at: None,
                is_remembered: false,
                origin: SessionOrigin { kind: holder.kind, network_address: None, user_agent: None },
            };
            Ok(sessions::start(conn, new, &lifetimes, now)?.session.id)
        });
        started.collect()
    })
    .await
}

/// The IDs of the sessions that ended because there were too many.
fn surplus(app: &TestApp) -> Vec<String> {
    DirectConnection::open(&app.database).texts("SELECT id AS text FROM sessions WHERE end_reason = 'too_many'")
}

#[tokio::test]
async fn user_has_at_most_one_hundred_sessions_without_a_client() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let first = app.tokens_of("alice").await;
    let second = app.tokens_of("alice").await;
    for _ in 0..99 {
        app.clock.advance(SECOND);
        app.token_of("alice").await;
    }
    assert_eq!(app.get_me(text(&first, "access_token")).await.status(), 401);
    assert_eq!(app.refresh(text(&first, "refresh_token")).await.status, 400);
    assert_eq!(app.get_me(text(&second, "access_token")).await.status(), 200);
    let mut direct = DirectConnection::open(&app.database);
    assert_eq!(direct.count("sessions", "ended_at IS NULL"), 100);
    assert_eq!(direct.count("sessions", "end_reason = 'too_many'"), 1);
}

#[tokio::test]
async fn hundred_and_first_client_session_ends_the_one_used_longest_ago() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id;
    let in_use = app.tokens_of("alice").await;
    let holder = Holder { user_id: Some(alice), client_id: None, kind: SessionKind::PasswordGrant };
    let others = store_sessions(&app, &holder, 99).await;
    app.clock.advance(MINUTE);
    let refreshed = app.refresh(text(&in_use, "refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    app.clock.advance(MINUTE);
    app.token_of("alice").await;
    assert_eq!(surplus(&app), [others[0].clone()]);
    assert_eq!(app.refresh(text(&refreshed.json(), "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn hundred_and_first_browser_ends_the_one_used_longest_ago() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id;
    let in_use = Visitor::new(&app);
    in_use.sign_in("alice").await;
    let holder = Holder { user_id: Some(alice), client_id: None, kind: SessionKind::Browser };
    let others = store_sessions(&app, &holder, 99).await;
    app.clock.advance(MINUTE);
    assert!(in_use.is_signed_in().await);
    app.clock.advance(MINUTE);
    Visitor::new(&app).sign_in("alice").await;
    assert_eq!(surplus(&app), [others[0].clone()]);
    assert!(in_use.is_signed_in().await);
}
