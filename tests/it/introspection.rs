//! Introspection reports what the database has now, and never what a holder of the shared secret has signed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vestibule::clients::{self, GrantType};
use vestibule::clock::unix_seconds;
use vestibule::scope::Scopes;
use vestibule::sessions::{self, EndReason};
use vestibule::users;

use crate::forgery::with;
use crate::harness::clients::{RegisteredClient, text};
use crate::harness::hs256::{self, claims};
use crate::harness::{PASSWORD, TestApp, TestResponse};

async fn introspect(app: &TestApp, server: &RegisteredClient, token: &str) -> Value {
    let request = app.post("/token/introspect").basic_auth(&server.id, Some(&server.secret));
    let response = TestResponse::to(request.form(&[("token", token)])).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn inactive() -> Value {
    json!({"active": false})
}

/// The roles and scopes that introspection reports of an active token.
async fn rights(app: &TestApp, server: &RegisteredClient, token: &str) -> Value {
    let response = introspect(app, server, token).await;
    assert_eq!(response["active"], true);
    json!([response["roles"], response["scope"]])
}

#[tokio::test]
async fn introspection_reports_roles_and_scopes_as_they_are_now() {
    for app in [TestApp::start().await, hs256::start().await] {
        let id = app.add_user("alice", &["editor", "reader"]).await.id;
        app.allow("editor", "write").await;
        app.allow("reader", "read list").await;
        let server = app.add_client("resource server", &[GrantType::ClientCredentials], "read write").await;
        let client = app.add_client("app", &[GrantType::Password], "read write list").await;
        let form = [("username", "alice"), ("password", PASSWORD), ("scope", "read write")];
        let token = text(&app.grant(&[&form[..], &client.form()].concat()).await.json(), "access_token").to_owned();
        let own = [("grant_type", "client_credentials"), ("scope", "read write")];
        let own = text(&app.grant(&[&own[..], &server.form()].concat()).await.json(), "access_token").to_owned();
        assert_eq!(rights(&app, &server, &token).await, json!([["editor", "reader"], "read write"]));
        assert!(app.write(move |conn| users::revoke_role(conn, id, "editor")).await);
        assert_eq!(rights(&app, &server, &token).await, json!([["reader"], "read"]));
        // A right that is granted later is not in the token.
        app.allow("reader", "read list write").await;
        assert_eq!(rights(&app, &server, &token).await, json!([["reader"], "read write"]));
        app.allow("reader", "admin").await;
        assert_eq!(rights(&app, &server, &token).await, json!([["reader"], null]));
        app.allow("reader", "read write").await;
        for (of, narrowed) in [(&client, &token), (&server, &own)] {
            let of = of.id.clone();
            let grants = [GrantType::Password, GrantType::ClientCredentials];
            let scopes = Scopes::parse("write").expect("scopes");
            assert!(app.write(move |conn| clients::set_rights(conn, &of, &grants, &scopes)).await);
            assert_eq!(introspect(&app, &server, narrowed).await["scope"], "write");
        }
    }
}

#[tokio::test]
async fn introspection_knows_changes_at_once_and_those_of_another_instance_within_a_second() {
    for app in [TestApp::start().await, hs256::start().await] {
        let server = app.add_client("resource server", &[GrantType::ClientCredentials], "").await;
        let client = app.add_client("app", &[GrantType::ClientCredentials], "").await;
        let id = app.add_user("alice", &[]).await.id;
        let [ended, disabled] = [app.token_of("alice").await, app.token_of("alice").await];
        let own = [&[("grant_type", "client_credentials")][..], &client.form()].concat();
        let own = text(&app.grant(&own).await.json(), "access_token").to_owned();
        for token in [&ended, &disabled, &own] {
            assert_eq!(introspect(&app, &server, token).await["active"], true);
        }
        let (now, sid) = (app.clock.now(), claims(&ended)["sid"].as_str().expect("text").to_owned());
        app.write_elsewhere(move |conn, ended| sessions::end(conn, ended, &sid, EndReason::SignedOut, now)).await;
        let since = Instant::now();
        while introspect(&app, &server, &ended).await != inactive() {
            assert!(since.elapsed() < Duration::from_secs(1), "the session ended");
        }
        // An older release could disable an account without ending its sessions.
        assert!(app.write(move |conn| users::set_disabled(conn, id, Some(now))).await);
        assert_eq!(introspect(&app, &server, &disabled).await, inactive(), "the account is disabled");
        let of = client.id.clone();
        assert!(app.write(move |conn| clients::delete(conn, &of)).await);
        assert_eq!(introspect(&app, &server, &own).await, inactive(), "the client was deleted");
    }
}

#[tokio::test]
async fn introspection_allows_no_leeway_after_the_expiry() {
    for app in [TestApp::start().await, hs256::start().await] {
        app.add_user("alice", &[]).await;
        let server = app.add_client("resource server", &[GrantType::ClientCredentials], "").await;
        let token = app.token_of("alice").await;
        let seconds = claims(&token)["exp"].as_i64().expect("a number") - unix_seconds(app.clock.now());
        app.clock.advance(Duration::from_secs(u64::try_from(seconds).expect("not expired") - 2));
        assert_eq!(introspect(&app, &server, &token).await["active"], true);
        app.clock.advance(Duration::from_secs(3));
        assert_eq!(app.get_me(&token).await.status(), 200, "verification allows for clocks that differ");
        assert_eq!(introspect(&app, &server, &token).await, inactive());
    }
}

#[tokio::test]
async fn token_forged_with_the_shared_secret_is_inactive() {
    let app = hs256::start().await;
    app.add_user("alice", &["editor"]).await;
    app.allow("editor", "read write").await;
    let server = app.add_client("resource server", &[GrantType::ClientCredentials], "").await;
    let form = [("username", "alice"), ("password", PASSWORD), ("scope", "read write")];
    let first = app.grant(&form).await.json();
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", text(&first, "refresh_token")), ("scope", "read")];
    let narrowed = text(&app.grant(&refresh).await.json(), "access_token").to_owned();
    let genuine = claims(&narrowed);
    assert_eq!(genuine["scope"], "read");
    let sign = |claims: &Value| hs256::sign(&hs256::header(), &claims.to_string());
    assert_eq!(introspect(&app, &server, &narrowed).await["scope"], "read");
    let resigned = introspect(&app, &server, &sign(&genuine)).await;
    assert_eq!(resigned["active"], true, "the same claims under the same secret are the same token");
    let number = |name: &str| genuine[name].as_i64().expect("a number");
    for (what, forged) in [
        ("a scope of the session that the token lacks", with(&genuine, "scope", "read write")),
        ("fewer scopes", with(&genuine, "scope", "")),
        ("no roles", with(&genuine, "roles", json!([]))),
        ("an earlier expiry", with(&genuine, "exp", number("exp") - 60)),
        ("a later expiry that the session covers", with(&genuine, "exp", number("exp") + 30)),
        ("another issue time", with(&genuine, "iat", number("iat") - 1)),
        ("a start time", with(&genuine, "nbf", number("iat"))),
        ("another ID", with(&genuine, "jti", "AAAAAAAAAAAAAAAAAAAAAA")),
        ("the ID of another token", with(&genuine, "jti", claims(text(&first, "access_token"))["jti"].clone())),
        ("an empty ID", with(&genuine, "jti", "")),
        ("a claim that this release does not know", with(&genuine, "acr", "high")),
    ] {
        assert_eq!(introspect(&app, &server, &sign(&forged)).await, inactive(), "{what}");
    }
}
