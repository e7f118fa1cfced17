//! The bound of the list of revoked sessions: one user or client cannot fill it, and no other's entries are lost to it.

use std::time::Duration;

use diesel::prelude::*;
use serde_json::{Value, json};
use vestibule::clients::GrantType;
use vestibule::clock::Moment;
use vestibule::db::schema::{sessions as rows, token_holders};
use vestibule::db::{DbConnection, DbError};
use vestibule::oauth::revoked::RevocationList;
use vestibule::scope::Scopes;
use vestibule::sessions::{
    self, EndReason, EndedSessions, Holders, Lifetimes, MAX_LISTED, NewSession, SessionKind, SessionOrigin,
    SessionService,
};
use vestibule::tokens::explain;
use vestibule::users::UserId;

use crate::harness::clients::text;
use crate::harness::hs256::{self, claims};
use crate::harness::visitor::{TOKEN, Visitor};
use crate::harness::{TestApp, TestResponse, direct_database};

/// Starts a session of a user or of a client.
fn start(
    conn: &mut DbConnection,
    user_id: Option<UserId>,
    client_id: Option<&str>,
    lifetimes: &Lifetimes,
    now: Moment,
) -> QueryResult<String> {
    let kind = if user_id.is_some() { SessionKind::PasswordGrant } else { SessionKind::ClientCredentials };
    let new = NewSession {
        user_id,
        client_id: client_id.map(str::to_owned),
        scope: Scopes::default(),
        signing_kid: None,
        expires_at: None,
        is_remembered: false,
        origin: SessionOrigin { kind, network_address: None, user_agent: None },
    };
    Ok(sessions::start(conn, new, lifetimes, now)?.session.id)
}

type Step = Box<dyn FnOnce(&mut DbConnection, &mut EndedSessions, &Lifetimes, Moment) -> QueryResult<()> + Send>;

/// Runs a step that ends sessions at this server, as work that no request waits for: it writes thousands of rows.
async fn write(app: &TestApp, step: Step) {
    let (sessions, now) = (&app.services.sessions, app.clock.now());
    let lifetimes = sessions.lifetimes();
    let db = app.services.db.for_background();
    let sessions = SessionService::with_revoked(db, app.clock.clone(), lifetimes, sessions.revoked().clone());
    let written = sessions.write(move |conn, ended| -> Result<(), DbError> {
        step(conn, ended, &lifetimes, now)?;
        Ok(())
    });
    written.await.expect("the database responds");
}

/// Starts and ends this many sessions of a user.
pub async fn end_sessions(app: &TestApp, user_id: UserId, count: i64) {
    let step: Step = Box::new(move |conn, ended, lifetimes, now| {
        for _ in 0..count {
            let id = start(conn, Some(user_id), None, lifetimes, now)?;
            sessions::end(conn, ended, &id, EndReason::SignedOut, now)?;
        }
        Ok(())
    });
    write(app, step).await;
}

/// Another instance, as it is after its next reading of the database.
async fn other_instance(app: &TestApp) -> SessionService {
    let other = SessionService::new(app.services.db.clone(), app.clock.clone(), app.services.sessions.lifetimes());
    poll(app, &other).await;
    other
}

async fn poll(app: &TestApp, sessions: &SessionService) {
    sessions.revoked().refresh(&app.services.db, app.clock.now()).await.expect("the database responds");
}

fn is_revoked(sessions: &SessionService, token: &str) -> bool {
    let claims = claims(token);
    let holders: Holders = serde_json::from_value(claims["holders"].clone()).expect("holders");
    sessions.revoked().contains(claims["sid"].as_str().expect("text"), &holders)
}

async fn list(app: &TestApp) -> Value {
    poll(app, &app.services.sessions).await;
    TestResponse::to(app.get("/revoked")).await.json()
}

fn has_sid(list: &Value, token: &str) -> bool {
    list["sessions"].as_array().expect("a list").iter().any(|entry| entry["sid"] == claims(token)["sid"])
}

fn count(list: &Value, name: &str) -> i64 {
    list[name].as_array().expect("a list").len().try_into().expect("a small number")
}

async fn me(app: &TestApp, token: &str) -> u16 {
    app.get_me(token).await.status().as_u16()
}

async fn sign_out(app: &TestApp, tokens: &Value) {
    let revoked = app.post("/token/revoke").form(&[("token", text(tokens, "refresh_token"))]);
    assert_eq!(TestResponse::to(revoked).await.status, 200);
}

#[tokio::test]
async fn token_names_its_holders_under_random_ids() {
    let app = TestApp::start().await;
    let user = app.add_user("alice", &[]).await;
    app.add_user("bob", &[]).await;
    let client = app.add_client("app", &[GrantType::Password, GrantType::RefreshToken], "").await;
    let form = [&[("username", "alice"), ("password", crate::harness::PASSWORD)][..], &client.form()].concat();
    let holders = |token: &str| claims(token)["holders"].as_object().cloned().expect("an object");
    let [alice, again, bob] = [app.token_of("alice").await, app.token_of("alice").await, app.token_of("bob").await]
        .map(|token| holders(&token));
    let tokens = app.grant(&form).await.json();
    let through_client = holders(text(&tokens, "access_token"));
    assert_eq!((alice.len(), &alice), (1, &again));
    assert_ne!(alice, bob);
    let (id, generation) = alice.iter().next().expect("a holder");
    assert_eq!((id.len(), generation), (22, &json!(0)));
    assert_eq!((through_client.len(), &through_client[id]), (2, &json!(0)), "the user and the client");
    let form =
        [&[("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))][..], &client.form()];
    let refreshed = app.grant(&form.concat()).await.json();
    assert_eq!(holders(text(&refreshed, "access_token")), through_client);
    let stored: i64 = app
        .write(move |conn| token_holders::table.filter(token_holders::user_id.eq(user.id.0)).count().get_result(conn))
        .await;
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn many_revocations_of_one_user_become_one_entry_that_spares_later_sessions_and_other_users() {
    for app in [TestApp::start().await, hs256::start().await] {
        let alice = app.add_user("alice", &[]).await.id;
        app.add_user("bob", &[]).await;
        let [old, live, bob, bob_ended] = [
            app.tokens_of("alice").await,
            app.tokens_of("alice").await,
            app.tokens_of("bob").await,
            app.tokens_of("bob").await,
        ];
        let [old_token, live_token, bob_token, bob_ended_token] =
            [&old, &live, &bob, &bob_ended].map(|tokens| text(tokens, "access_token"));
        sign_out(&app, &old).await;
        sign_out(&app, &bob_ended).await;
        app.clock.advance(Duration::from_secs(2));
        end_sessions(&app, alice, MAX_LISTED - 1).await;
        let full = list(&app).await;
        assert_eq!((count(&full, "sessions"), count(&full, "holders")), (MAX_LISTED + 1, 0));
        assert_eq!(me(&app, live_token).await, 200);
        let early = other_instance(&app).await;

        end_sessions(&app, alice, 1).await;
        assert_eq!(me(&app, old_token).await, 401, "at once at the server that ended the session");
        let newest = app.token_of("alice").await;
        assert_eq!(me(&app, &newest).await, 200, "a session of the same second that started after it");
        let bounded = list(&app).await;
        assert_eq!(count(&bounded, "holders"), 1);
        assert!((1..=MAX_LISTED).contains(&count(&bounded, "sessions")), "{}", count(&bounded, "sessions"));
        assert!(!has_sid(&bounded, old_token), "the holder's entry replaces the oldest ones");
        assert!(has_sid(&bounded, bob_ended_token), "another user's entry stays");
        assert_eq!(bounded["truncated"], false);
        let entry = &bounded["holders"][0];
        assert_eq!(claims(old_token)["holders"][entry["holder"].as_str().expect("text")], json!(0));
        assert_eq!(entry["before"], json!(1));
        assert!(entry["until"].as_i64() > claims(old_token)["exp"].as_i64());

        poll(&app, &early).await;
        for sessions in [&app.services.sessions, &early, &other_instance(&app).await] {
            let rejected = [old_token, live_token, bob_ended_token].map(|token| is_revoked(sessions, token));
            let accepted = [newest.as_str(), bob_token].map(|token| is_revoked(sessions, token));
            assert_eq!((rejected, accepted), ([true; 3], [false; 2]));
        }
        assert_eq!((me(&app, old_token).await, me(&app, bob_token).await), (401, 200));
        // The session is live: only its token has to be replaced.
        assert_eq!(me(&app, live_token).await, 401);
        let refreshed = app.refresh(text(&live, "refresh_token")).await;
        assert_eq!(refreshed.status, 200);
        assert_eq!(me(&app, text(&refreshed.json(), "access_token")).await, 200);

        end_sessions(&app, alice, MAX_LISTED + 1).await;
        let again = list(&app).await;
        assert_eq!(count(&again, "holders"), 1, "one entry per holder, whatever the number of sessions");
        assert_eq!(again["holders"][0]["before"], json!(2));
        assert!((1..=MAX_LISTED).contains(&count(&again, "sessions")));
        assert_eq!(me(&app, &newest).await, 401);
        assert_eq!(me(&app, &app.token_of("alice").await).await, 200);
        app.clock.advance(Duration::from_mins(25));
        assert_eq!(list(&app).await, json!({"sessions": [], "holders": [], "truncated": false}));
    }
}

#[tokio::test]
async fn deleted_client_with_many_sessions_becomes_one_entry_for_itself_and_one_for_its_users() {
    let app = TestApp::start().await;
    let client = app.add_client("batch", &[GrantType::ClientCredentials, GrantType::Password], "").await;
    let alice = app.add_user("alice", &[]).await.id;
    let own = [&[("grant_type", "client_credentials")][..], &client.form()].concat();
    let own = text(&app.grant(&own).await.json(), "access_token").to_owned();
    let form = [&[("username", "alice"), ("password", crate::harness::PASSWORD)][..], &client.form()].concat();
    let of_alice = text(&app.grant(&form).await.json(), "access_token").to_owned();
    let (id, by_herself) = (client.id.clone(), app.token_of("alice").await);
    app.clock.advance(Duration::from_secs(2));
    let step: Step = Box::new(move |conn, _, lifetimes, now| {
        for number in 0..2 * MAX_LISTED {
            start(conn, (number % 2 == 0).then_some(alice), Some(&id), lifetimes, now)?;
        }
        Ok(())
    });
    write(&app, step).await;
    let (_, ended) = app.admin().delete_client("batch").await.expect("the database responds").expect("the client");
    assert_eq!(i64::try_from(ended), Ok(2 * MAX_LISTED + 2));
    let bounded = list(&app).await;
    assert_eq!(count(&bounded, "holders"), 2);
    assert!((1..=MAX_LISTED).contains(&count(&bounded, "sessions")));
    assert!(!has_sid(&bounded, &own) && !has_sid(&bounded, &of_alice), "covered by the two entries");
    for sessions in [&app.services.sessions, &other_instance(&app).await] {
        let revoked = [&own, &of_alice, &by_herself].map(|token| is_revoked(sessions, token));
        assert_eq!(revoked, [true, true, false], "only tokens of the client");
    }
    // The entries outlive the client, and their rows are deleted when no verifier needs them any more.
    for (minutes, kept) in [(0, 2), (30, 0)] {
        app.clock.advance(Duration::from_mins(minutes));
        let now = app.clock.now();
        let left: i64 = app
            .write(move |conn| {
                sessions::delete_stale_holders(conn, now, 10)?;
                token_holders::table.filter(token_holders::client_id.is_not_null()).count().get_result(conn)
            })
            .await;
        assert_eq!(left, kept);
    }
}

#[tokio::test]
async fn client_that_revokes_many_of_its_own_tokens_leaves_those_of_its_users_alone() {
    let app = TestApp::start().await;
    let grants = [GrantType::ClientCredentials, GrantType::Password, GrantType::RefreshToken];
    let client = app.add_client("app", &grants, "").await;
    app.add_user("alice", &[]).await;
    let form = [&[("username", "alice"), ("password", crate::harness::PASSWORD)][..], &client.form()].concat();
    let (of_alice, by_herself) = (app.grant(&form).await.json(), app.token_of("alice").await);
    let id = client.id.clone();
    let step: Step = Box::new(move |conn, ended, lifetimes, now| {
        for _ in 0..=MAX_LISTED {
            let id = start(conn, None, Some(&id), lifetimes, now)?;
            sessions::end(conn, ended, &id, EndReason::Revoked, now)?;
        }
        Ok(())
    });
    write(&app, step).await;
    assert_eq!(count(&list(&app).await, "holders"), 1);
    assert_eq!((me(&app, text(&of_alice, "access_token")).await, me(&app, &by_herself).await), (200, 200));
}

#[tokio::test]
async fn many_revocations_of_one_user_through_a_client_leave_its_other_users_alone() {
    let app = TestApp::start().await;
    let client = app.add_client("app", &[GrantType::Password], "").await;
    let alice = app.add_user("alice", &[]).await.id;
    app.add_user("bob", &[]).await;
    let form = [&[("username", "bob"), ("password", crate::harness::PASSWORD)][..], &client.form()].concat();
    let of_bob = text(&app.grant(&form).await.json(), "access_token").to_owned();
    let id = client.id.clone();
    let step: Step = Box::new(move |conn, ended, lifetimes, now| {
        for _ in 0..=MAX_LISTED {
            let id = start(conn, Some(alice), Some(&id), lifetimes, now)?;
            sessions::end(conn, ended, &id, EndReason::Revoked, now)?;
        }
        Ok(())
    });
    write(&app, step).await;
    let bounded = list(&app).await;
    assert_eq!(count(&bounded, "holders"), 1, "alice");
    assert_eq!(claims(&of_bob)["holders"].get(bounded["holders"][0]["holder"].as_str().expect("text")), None);
    assert_eq!(me(&app, &of_bob).await, 200);
}

#[tokio::test]
async fn session_of_an_earlier_release_keeps_its_own_entry() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id;
    let old = app.tokens_of("alice").await;
    let sid = claims(text(&old, "access_token"))["sid"].as_str().expect("text").to_owned();
    let mark = sid.clone();
    app.write(move |conn| diesel::update(rows::table.find(mark)).set(rows::has_holders.eq(false)).execute(conn)).await;
    sign_out(&app, &old).await;
    app.clock.advance(Duration::from_secs(2));
    end_sessions(&app, alice, MAX_LISTED + 1).await;
    let bounded = list(&app).await;
    assert_eq!(count(&bounded, "holders"), 1);
    assert!(has_sid(&bounded, text(&old, "access_token")));
    let other = other_instance(&app).await;
    assert!(other.revoked().contains(&sid, &Holders::default()), "its tokens name no holder");
}

#[tokio::test]
async fn list_is_built_once_per_change_and_shared_by_all_requests() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id;
    let (revoked, documents) = (app.services.sessions.revoked(), RevocationList::with_limit(2));
    let now = app.clock.now();
    let document = async || documents.document(revoked, now).await.expect("a list");
    let parsed = |body: &[u8]| serde_json::from_slice::<Value>(body).expect("JSON");
    let first = document().await;
    let all = futures_util::future::join_all((0..8).map(|_| document())).await;
    assert!(all.iter().all(|other| other.body().as_ptr() == first.body().as_ptr()), "the same bytes");
    end_sessions(&app, alice, 2).await;
    let second = document().await;
    assert_ne!(second.body().as_ptr(), first.body().as_ptr());
    assert_eq!((count(&parsed(second.body()), "sessions"), &parsed(second.body())["truncated"]), (2, &json!(false)));
    end_sessions(&app, alice, 1).await;
    let third = document().await;
    assert_eq!((count(&parsed(third.body()), "sessions"), &parsed(third.body())["truncated"]), (2, &json!(true)));
}

#[tokio::test]
async fn token_verify_explains_that_the_token_of_a_live_session_was_revoked() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id;
    let token = app.token_of("alice").await;
    let (config, db) = (direct_database::config(&app.database), app.services.db.clone());
    let session = async || {
        let findings = explain(&token, &config, &db, app.clock.now()).await.expect("the database responds");
        let finding = findings.into_iter().find(|finding| finding.check == "session").expect("a finding");
        (finding.ok, finding.text)
    };
    assert!(session().await.0);
    end_sessions(&app, alice, MAX_LISTED + 1).await;
    let (is_ok, text) = session().await;
    assert!(!is_ok && text.contains("refresh the token"), "{text}");
}

#[tokio::test]
async fn sign_in_that_starts_a_new_generation_gets_a_valid_token() {
    let app = TestApp::start().await;
    let user = app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app).same_origin();
    let form = visitor.get("/login").await;
    visitor.sign_in("alice").await;
    end_sessions(&app, user.id, MAX_LISTED).await;
    let before = claims(&visitor.cookie(TOKEN).expect("a token"))["holders"].clone();
    // Ends the browser's session: one more than may be listed.
    let fields = [("username", "alice"), ("password", crate::harness::PASSWORD)];
    assert_eq!(visitor.submit(&form, "/login", &fields).await.status, 303);
    let token = visitor.cookie(TOKEN).expect("a token");
    assert_ne!(claims(&token)["holders"], before, "a new generation");
    assert_eq!(me(&app, &token).await, 200);
}

#[tokio::test]
async fn access_token_of_an_earlier_generation_can_end_its_session() {
    let app = TestApp::start().await;
    let user = app.add_user("alice", &[]).await;
    let tokens = app.tokens_of("alice").await;
    end_sessions(&app, user.id, MAX_LISTED + 1).await;
    assert_eq!(me(&app, text(&tokens, "access_token")).await, 401);
    let revoked = app.post("/token/revoke").form(&[("token", text(&tokens, "access_token"))]);
    assert_eq!(TestResponse::to(revoked).await.status, 200);
    assert_eq!(app.refresh(text(&tokens, "refresh_token")).await.status, 400);
}

#[tokio::test]
async fn script_token_survives_a_new_generation_of_its_user() {
    let app = TestApp::start().await;
    let user = app.add_user("alice", &[]).await;
    let issue = ["token", "issue", "--user", "alice", "--ttl", "90d", "--json"];
    let script = app.database.cli(&issue).json();
    let token = text(&script, "access_token");
    assert_eq!(me(&app, token).await, 200);
    end_sessions(&app, user.id, MAX_LISTED + 1).await;
    assert_eq!(me(&app, token).await, 200);
    let sid = claims(token)["sid"].as_str().expect("text").to_owned();
    let now = app.clock.now();
    app.write_elsewhere(move |conn, ended| sessions::end(conn, ended, &sid, EndReason::SignedOutByAdmin, now)).await;
    poll(&app, &app.services.sessions).await;
    assert_eq!(me(&app, token).await, 401);
}
