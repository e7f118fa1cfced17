//! The most sessions of a user or client, and which one ends when there are more.

use std::time::Duration;

use vestibule::clients::GrantType;
use vestibule::clock::Moment;
use vestibule::scope::Scopes;
use vestibule::sessions::{self, EndReason, NewSession, SessionKind, SessionOrigin};
use vestibule::users::UserId;

use crate::harness::clients::text;
use crate::harness::direct_database::DirectConnection;
use crate::harness::visitor::Visitor;
use crate::harness::{PASSWORD, TestApp, TestResponse};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
/// The time between two stored sessions: a thousand of them take less than the lifetime of a token.
const STEP: Duration = Duration::from_millis(100);

/// The holder and kind of stored sessions.
#[derive(Clone)]
struct Holder {
    user_id: Option<UserId>,
    client_id: Option<String>,
    kind: SessionKind,
}

/// Stores sessions one [`STEP`] apart, as sign-ins do, and moves the clock accordingly. Returns their IDs.
async fn store_sessions(app: &TestApp, holder: &Holder, count: usize) -> Vec<String> {
    let lifetimes = app.services.sessions.lifetimes();
    let mut moments: Vec<Moment> = Vec::new();
    for _ in 0..count {
        app.clock.advance(STEP);
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

#[tokio::test]
async fn user_has_at_most_one_hundred_sessions_of_each_registered_client() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id;
    let [first, second] =
        [app.add_client("first", &[GrantType::Password], "").await, app.add_client("second", &[], "").await];
    let holder = |client_id: Option<&String>| Holder {
        user_id: Some(alice),
        client_id: client_id.cloned(),
        kind: SessionKind::PasswordGrant,
    };
    let others = store_sessions(&app, &holder(None), 100).await;
    let others = [others, store_sessions(&app, &holder(Some(&second.id)), 100).await].concat();
    let own = store_sessions(&app, &holder(Some(&first.id)), 100).await;
    app.clock.advance(SECOND);
    let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
    assert_eq!(app.grant(&[&form[..], &first.form()].concat()).await.status, 200);
    assert_eq!(surplus(&app), [own[0].clone()]);
    assert_eq!(DirectConnection::open(&app.database).count("sessions", "ended_at IS NULL"), 300);
    assert_eq!(others.len(), 200);
}

#[tokio::test]
async fn client_has_at_most_one_thousand_sessions_for_itself() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id;
    let client = app.add_client("reports", &[GrantType::ClientCredentials], "").await;
    let client_id = Some(client.id.clone());
    let of_user = Holder { user_id: Some(alice), client_id: client_id.clone(), kind: SessionKind::PasswordGrant };
    store_sessions(&app, &of_user, 1).await;
    let form = [&[("grant_type", "client_credentials")][..], &client.form()].concat();
    let oldest = app.grant(&form).await.json();
    let holder = Holder { user_id: None, client_id, kind: SessionKind::ClientCredentials };
    store_sessions(&app, &holder, 999).await;
    let introspect = async || {
        let form = [&[("token", text(&oldest, "access_token"))][..], &client.form()].concat();
        TestResponse::to(app.post("/token/introspect").form(&form)).await.json()["active"].clone()
    };
    assert_eq!((introspect().await, surplus(&app).len()), (true.into(), 0));
    assert_eq!(app.grant(&form).await.status, 200);
    assert_eq!((introspect().await, surplus(&app).len()), (false.into(), 1), "its token is revoked at once");
}

#[tokio::test]
async fn sessions_of_clients_for_themselves_are_deleted_soon_after_their_token_expires() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let client = app.add_client("reports", &[GrantType::ClientCredentials], "").await;
    let form = [&[("grant_type", "client_credentials")][..], &client.form()].concat();
    for _ in 0..3 {
        assert_eq!(app.grant(&form).await.status, 200);
    }
    let sessions = || DirectConnection::open(&app.database).texts("SELECT id AS text FROM sessions");
    app.services.sessions.end(sessions()[0].clone(), EndReason::Revoked).await.expect("ended");
    app.token_of("alice").await;
    app.clock.advance(25 * MINUTE);
    assert!(app.clean_up().await);
    assert_eq!(sessions().len(), 4, "a verifier whose clock is behind may still accept the token");
    app.clock.advance(6 * MINUTE);
    assert!(app.clean_up().await);
    assert_eq!(DirectConnection::open(&app.database).count("sessions", "kind = 'client'"), 0);
    assert_eq!(sessions().len(), 1, "the user's session stays");
}
