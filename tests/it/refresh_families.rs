//! The rows of a refresh-token family: how many are kept, and what a token whose row was deleted still does.

use std::time::Duration;

use serde_json::Value;
use vestibule::clients::GrantType;
use vestibule::ops::housekeeping;
use vestibule::secret::random_id;

use crate::harness::clients::text;
use crate::harness::direct_database::DirectConnection;
use crate::harness::hs256::claims;
use crate::harness::{PASSWORD, TestApp};

const DAY: Duration = Duration::from_hours(24);
const REUSED: &str = "end_reason = 'refresh_token_reused'";

async fn app_with_alice() -> (TestApp, Value) {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let first = app.tokens_of("alice").await;
    (app, first)
}

/// Refreshes one token after the other, with these further parameters. Returns the last response.
async fn refresh_often(app: &TestApp, first: &Value, count: usize, client: &[(&str, &str)]) -> Value {
    let mut response = first.clone();
    for _ in 0..count {
        let form = [("grant_type", "refresh_token"), ("refresh_token", text(&response, "refresh_token"))];
        let next = app.grant(&[&form[..], client].concat()).await;
        assert_eq!(next.status, 200, "{next:?}");
        response = next.json();
    }
    response
}

fn sid(response: &Value) -> String {
    text(&claims(text(response, "access_token")), "sid").to_owned()
}

fn count(app: &TestApp, table: &str, condition: &str) -> i64 {
    DirectConnection::open(&app.database).count(table, condition)
}

#[tokio::test]
async fn family_keeps_its_hundred_newest_tokens() {
    let (app, first) = app_with_alice().await;
    let other = app.tokens_of("alice").await;
    let last = refresh_often(&app, &first, 99, &[]).await;
    assert_eq!(count(&app, "refresh_tokens", "1 = 1"), 101, "the other session has one");
    let last = refresh_often(&app, &last, 30, &[]).await;
    assert_eq!(count(&app, "refresh_tokens", "1 = 1"), 101);
    // Lost responses leave rows as well.
    let mut token = text(&last, "refresh_token").to_owned();
    for _ in 0..5 {
        for _ in 0..3 {
            assert_eq!(app.refresh(&token).await.status, 200);
            app.clock.advance(Duration::from_secs(11));
        }
        text(&app.refresh(&token).await.json(), "refresh_token").clone_into(&mut token);
    }
    assert_eq!(count(&app, "refresh_tokens", "1 = 1"), 101);
    for token in [token.as_str(), text(&other, "refresh_token")] {
        assert_eq!(app.refresh(token).await.status, 200);
    }
}

#[tokio::test]
async fn refresh_token_whose_row_was_deleted_ends_its_session() {
    let (app, stolen) = app_with_alice().await;
    let other = app.tokens_of("alice").await;
    let last = refresh_often(&app, &stolen, 110, &[]).await;
    let response = app.refresh(text(&stolen, "refresh_token")).await;
    assert_eq!((response.status, response.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(app.refresh(text(&last, "refresh_token")).await.status, 400);
    assert_eq!(app.get_me(text(&last, "access_token")).await.status(), 401);
    assert_eq!(app.get_me(text(&other, "access_token")).await.status(), 200);
    assert_eq!(app.refresh(text(&stolen, "refresh_token")).await.status, 400, "again");
    assert_eq!(count(&app, "sessions", REUSED), 1);
    assert_eq!(count(&app, "audit_events", "kind = 'refresh_token_reused' AND user_id = 1"), 1);
}

#[tokio::test]
async fn expired_refresh_token_of_a_live_session_ends_it() {
    let (app, stolen) = app_with_alice().await;
    app.clock.advance(29 * DAY);
    let last = refresh_often(&app, &stolen, 1, &[]).await;
    app.clock.advance(2 * DAY);
    assert!(app.clean_up().await);
    assert_eq!(count(&app, "refresh_tokens", "1 = 1"), 1, "the stolen one is older than thirty days");
    assert_eq!(app.refresh(text(&stolen, "refresh_token")).await.status, 400);
    assert_eq!(app.refresh(text(&last, "refresh_token")).await.status, 400);
    assert_eq!(count(&app, "sessions", REUSED), 1);
}

#[tokio::test]
async fn newest_refresh_token_that_was_deleted_is_no_sign_of_theft() {
    let (app, tokens) = app_with_alice().await;
    DirectConnection::open(&app.database).run("DELETE FROM refresh_tokens");
    assert_eq!(app.refresh(text(&tokens, "refresh_token")).await.status, 400);
    assert_eq!(count(&app, "sessions", REUSED), 0);
    assert_eq!(count(&app, "audit_events", "kind = 'refresh_token_reused'"), 0);
}

#[tokio::test]
async fn only_the_client_of_a_deleted_refresh_token_can_end_its_session() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let both = [GrantType::Password, GrantType::RefreshToken];
    let [mine, other] = [app.add_client("mine", &both, "").await, app.add_client("other", &both, "").await];
    let password = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
    let first = app.grant(&[&password[..], &mine.form()].concat()).await.json();
    refresh_often(&app, &first, 110, &mine.form()).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&first, "refresh_token"))];
    for (client, ended) in [(&[][..], 0), (&other.form(), 0), (&mine.form(), 1)] {
        assert_eq!(app.grant(&[&refresh[..], client].concat()).await.status, 400);
        assert_eq!(count(&app, "sessions", REUSED), ended, "{client:?}");
    }
}

#[tokio::test]
async fn invented_refresh_token_with_a_known_session_id_ends_nothing() {
    let (app, first) = app_with_alice().await;
    // The session ID is in every access token and in /revoked, and is no secret.
    let secret = vestibule::secret::PlainSecret::generate();
    let token = [secret.reveal(), &sid(&first), &random_id()].concat();
    assert_eq!(token.len(), text(&first, "refresh_token").len());
    assert_eq!(app.refresh(&token).await.status, 400);
    assert_eq!(app.post("/token/revoke").form(&[("token", &token)]).send().await.expect("a response").status(), 200);
    assert_eq!(count(&app, "sessions", "ended_at IS NULL"), 1);
    assert_eq!(app.refresh(text(&first, "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn revoking_a_refresh_token_whose_row_was_deleted_ends_its_session() {
    let (app, first) = app_with_alice().await;
    let last = refresh_often(&app, &first, 110, &[]).await;
    let form = [("token", text(&first, "refresh_token"))];
    assert_eq!(app.post("/token/revoke").form(&form).send().await.expect("a response").status(), 200);
    assert_eq!(app.refresh(text(&last, "refresh_token")).await.status, 400);
    assert_eq!(count(&app, "sessions", "end_reason = 'revoked'"), 1);
}

#[tokio::test]
async fn refresh_tokens_of_an_earlier_release_stay_valid_and_recognized() {
    let (app, first) = app_with_alice().await;
    // An earlier release issued the secret alone and did not count.
    let [used, unused] = [first.clone(), refresh_often(&app, &first, 1, &[]).await];
    let [used, unused] = [used, unused].map(|response| text(&response, "refresh_token")[..43].to_owned());
    DirectConnection::open(&app.database).run("UPDATE refresh_tokens SET generation = 0");
    let next = app.refresh(&unused).await;
    assert_eq!(next.status, 200, "{next:?}");
    refresh_often(&app, &next.json(), 110, &[]).await;
    assert_eq!(count(&app, "refresh_tokens", "generation = 0"), 2, "kept until they expire");
    assert_eq!(count(&app, "refresh_tokens", "1 = 1"), 102);
    assert_eq!(app.refresh(&used).await.status, 400);
    assert_eq!(count(&app, "sessions", REUSED), 1);
}

#[tokio::test]
async fn session_with_many_refresh_tokens_is_deleted_in_batches() {
    let (app, first) = app_with_alice().await;
    let many = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500)
        INSERT INTO refresh_tokens (token_hash, family_id, scope, created_at)
        SELECT 'row ' || n, sessions.id, '', sessions.created_at FROM numbers, sessions";
    DirectConnection::open(&app.database).run(many);
    let rows = || (count(&app, "sessions", "1 = 1"), count(&app, "refresh_tokens", "1 = 1"));
    assert_eq!(rows(), (1, 2_501));
    let ids = [sid(&first)];
    let deleted = app.write(move |conn| housekeeping::delete_session_batch(conn, &ids, 1_000)).await;
    assert_eq!((deleted, rows()), (1_000, (1, 1_501)), "one transaction deletes a bounded number of rows");
    app.services.sessions.end(sid(&first), vestibule::sessions::EndReason::Revoked).await.expect("ended");
    app.clock.advance(2 * DAY);
    assert!(app.clean_up().await);
    assert_eq!(rows(), (0, 0));
}
