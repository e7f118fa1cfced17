//! Token revocation (RFC 7009), introspection (RFC 7662) and the list of revoked sessions.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vestibule::clients::{self, GrantType};

use crate::harness::clients::{RegisteredClient, text};
use crate::harness::hs256::{self, claims};
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestResponse};

async fn revoke(app: &TestApp, form: &[(&str, &str)]) -> TestResponse {
    TestResponse::to(app.post("/token/revoke").form(form)).await
}

async fn introspect(app: &TestApp, client: &RegisteredClient, token: &str) -> Value {
    let request = app.post("/token/introspect").basic_auth(&client.id, Some(&client.secret));
    let response = TestResponse::to(request.form(&[("token", token)])).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

async fn is_refused(app: &TestApp, response: &Value) -> bool {
    let refresh = app.refresh(text(response, "refresh_token")).await;
    app.get_me(text(response, "access_token")).await.status() == 401 && refresh.status == 400
}

#[tokio::test]
async fn revoking_either_token_ends_its_session_only() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let other = app.tokens_of("alice").await;
    for which in ["access_token", "refresh_token"] {
        let tokens = app.tokens_of("alice").await;
        let response = revoke(&app, &[("token", text(&tokens, which)), ("token_type_hint", "no such hint")]).await;
        assert_eq!((response.status, response.body.as_slice()), (200, &b"{}"[..]), "{which}");
        assert!(is_refused(&app, &tokens).await, "{which}");
        assert_eq!(revoke(&app, &[("token", text(&tokens, which))]).await.status, 200, "twice");
    }
    // A used refresh token still identifies its session.
    let tokens = app.tokens_of("alice").await;
    let next = app.refresh(text(&tokens, "refresh_token")).await.json();
    assert_eq!(revoke(&app, &[("token", text(&tokens, "refresh_token"))]).await.status, 200);
    assert!(is_refused(&app, &next).await);
    assert_eq!(app.get_me(text(&other, "access_token")).await.status(), 200);
}

#[tokio::test]
async fn revoking_an_unknown_token_succeeds_and_a_malformed_request_is_refused() {
    let app = TestApp::start().await;
    for token in ["x", &"A".repeat(43), "a.b.c", &"é".repeat(9_000)] {
        let response = revoke(&app, &[("token", token)]).await;
        assert_eq!(response.status, if token.len() > 16_000 { 413 } else { 200 });
    }
    assert_eq!(revoke(&app, &[("token_type_hint", "access_token")]).await.json()["error"], "invalid_request");
    assert_eq!(revoke(&app, &[("token", "x"), ("client_id", "client_x")]).await.status, 401);
}

#[tokio::test]
async fn clients_tokens_are_revoked_by_that_client_only() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let both = [GrantType::Password, GrantType::RefreshToken];
    let [mine, other] = [app.add_client("mine", &both, "").await, app.add_client("other", &both, "").await];
    let form = [&[("username", "alice"), ("password", PASSWORD)][..], &mine.form()].concat();
    let tokens = app.grant(&form).await.json();
    for which in ["access_token", "refresh_token"] {
        let token = [("token", text(&tokens, which))];
        assert_eq!(revoke(&app, &token).await.status, 200);
        assert_eq!(revoke(&app, &[&token[..], &other.form()].concat()).await.status, 200);
        assert_eq!(app.get_me(text(&tokens, "access_token")).await.status(), 200, "only its own client can revoke it");
    }
    revoke(&app, &[&[("token", text(&tokens, "access_token"))][..], &mine.form()].concat()).await;
    assert_eq!(app.get_me(text(&tokens, "access_token")).await.status(), 401);
}

#[tokio::test]
async fn hs256_access_token_cannot_be_revoked() {
    let app = hs256::start().await;
    app.add_user("alice", &[]).await;
    let tokens = app.tokens_of("alice").await;
    let response = revoke(&app, &[("token", text(&tokens, "access_token"))]).await;
    assert_eq!((response.status, response.json()["error"].as_str()), (400, Some("unsupported_token_type")));
    assert_eq!(revoke(&app, &[("token", text(&tokens, "refresh_token"))]).await.status, 200);
    assert!(is_refused(&app, &tokens).await);
}

#[tokio::test]
async fn revoked_sessions_are_listed_until_their_tokens_are_rejected() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let empty = TestResponse::to(app.get("/revoked")).await;
    assert_eq!(empty.json(), json!({"sessions": [], "holders": [], "truncated": false}));
    assert_eq!(empty.header("access-control-allow-origin"), "*");
    let tokens = app.tokens_of("alice").await;
    revoke(&app, &[("token", text(&tokens, "refresh_token"))]).await;
    let known = |tag: String| app.get("/revoked").header("if-none-match", tag);
    let listed = TestResponse::to(known(empty.header("etag").to_owned())).await;
    let claims = claims(text(&tokens, "access_token"));
    assert_eq!(listed.json()["sessions"][0]["sid"], claims["sid"]);
    assert!(listed.json()["sessions"][0]["until"].as_i64() >= claims["exp"].as_i64());
    let again = TestResponse::to(known(listed.header("etag").to_owned())).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    app.clock.advance(Duration::from_mins(22));
    assert_eq!(
        TestResponse::to(app.get("/revoked")).await.json(),
        json!({"sessions": [], "holders": [], "truncated": false})
    );
}

#[tokio::test]
async fn introspection_needs_client_authentication() {
    let app = TestApp::start().await;
    app.add_user("alice", &["editor"]).await;
    app.allow("editor", "read write").await;
    let server = app.add_client("resource server", &[GrantType::ClientCredentials], "").await;
    let form = [("username", "alice"), ("password", PASSWORD), ("scope", "read")];
    let tokens = app.grant(&form).await.json();
    let introspection = introspect(&app, &server, text(&tokens, "access_token")).await;
    let claims = claims(text(&tokens, "access_token"));
    for name in ["sub", "id", "exp", "iat", "sid", "iss", "jti", "scope", "roles"] {
        assert_eq!(introspection[name], claims[name], "{name}");
    }
    let expected = json!([true, "Bearer", "alice", "read"]);
    assert_eq!(
        json!([
            introspection["active"],
            introspection["token_type"],
            introspection["username"],
            introspection["scope"]
        ]),
        expected
    );
    let nothing = json!({"active": false});
    for token in [text(&tokens, "refresh_token"), "x", "a.b.c"] {
        assert_eq!(
            introspect(&app, &server, token).await,
            nothing,
            "another client's refresh token, or an unknown token"
        );
    }
    let request = || app.post("/token/introspect");
    let bare = TestResponse::to(request().form(&[("token", text(&tokens, "access_token"))])).await;
    assert_eq!((bare.status, bare.json()["error"].as_str()), (401, Some("invalid_client")));
    assert!(bare.header("www-authenticate").starts_with("Basic "));
    let wrong = request().basic_auth(&server.id, Some("A".repeat(43))).form(&[("token", "x")]);
    assert_eq!(TestResponse::to(wrong).await.status, 401);
    revoke(&app, &[("token", text(&tokens, "refresh_token"))]).await;
    assert_eq!(introspect(&app, &server, text(&tokens, "access_token")).await, nothing);
}

#[tokio::test]
async fn client_introspects_its_own_refresh_token() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let mine = app.add_client("mine", &[GrantType::Password, GrantType::RefreshToken], "").await;
    let form = [&[("username", "alice"), ("password", PASSWORD)][..], &mine.form()].concat();
    let tokens = app.grant(&form).await.json();
    let refresh_token = text(&tokens, "refresh_token");
    let introspection = introspect(&app, &mine, refresh_token).await;
    assert_eq!((&introspection["active"], &introspection["username"]), (&true.into(), &"alice".into()));
    let form = [&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)][..], &mine.form()].concat();
    assert_eq!(app.grant(&form).await.status, 200);
    assert_eq!(introspect(&app, &mine, refresh_token).await, json!({"active": false}), "the token was used");
}

#[tokio::test]
async fn client_credentials_token_is_not_valid_for_me() {
    let app = TestApp::start().await;
    let client = app.add_client("batch", &[GrantType::ClientCredentials], "read write").await;
    let grant = [("grant_type", "client_credentials"), ("scope", "write admin")];
    for request in [
        app.post("/token").basic_auth(&client.id, Some(&client.secret)).form(&grant),
        app.post("/token").form(&[&grant[..], &client.form()].concat()),
    ] {
        let response = TestResponse::to(request).await.json();
        assert_eq!((&response["scope"], &response["refresh_token"]), (&"write".into(), &Value::Null));
        let claims = claims(text(&response, "access_token"));
        assert_eq!(claims["sub"], client.id.as_str());
        assert_eq!((&claims["client_id"], &claims["id"]), (&client.id.as_str().into(), &Value::Null));
        let me = TestResponse::read(app.get_me(text(&response, "access_token")).await).await;
        assert_eq!((me.status, me.json()["error"].as_str()), (401, Some("invalid_token")));
        assert_eq!(introspect(&app, &client, text(&response, "access_token")).await["active"], true);
    }
    for (form, error) in [
        (&[("grant_type", "client_credentials"), ("scope", "admin")], "invalid_scope"),
        (&[("username", "alice"), ("password", PASSWORD)], "unauthorized_client"),
    ] {
        assert_eq!(app.grant(&[&form[..], &client.form()].concat()).await.json()["error"], error);
    }
    let unnamed = app.grant(&[("grant_type", "client_credentials")]).await;
    assert_eq!((unnamed.status, unnamed.json()["error"].as_str()), (401, Some("invalid_client")));
    let id = client.id.clone();
    app.write(move |conn| clients::delete(conn, &id)).await;
    assert_eq!(app.grant(&[&[("grant_type", "client_credentials")][..], &client.form()].concat()).await.status, 401);
}

#[tokio::test]
async fn revoked_token_is_refused_by_another_server_within_a_second() {
    const WORKERS: u32 = 10;
    const ROUNDS: u32 = 10;
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let other = ServerProcess::start(&app.database, &[]);
    // The other server polls every 450 ms: the workers revoke at different moments between two polls.
    let work = async |worker: u32| {
        let mut slowest = Duration::ZERO;
        for _ in 0..ROUNDS {
            let tokens = app.tokens_of("alice").await;
            let get_me = || app.client.get(format!("{}/me", other.url)).bearer_auth(text(&tokens, "access_token"));
            assert_eq!(TestResponse::to(get_me()).await.status, 200);
            tokio::time::sleep(worker * Duration::from_millis(45)).await;
            revoke(&app, &[("token", text(&tokens, "refresh_token"))]).await;
            let began = Instant::now();
            while TestResponse::to(get_me()).await.status != 401 {
                assert!(began.elapsed() < Duration::from_secs(10), "the other server still accepts the token");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            slowest = slowest.max(began.elapsed());
        }
        slowest
    };
    let slowest = futures_util::future::join_all((0..WORKERS).map(work)).await.into_iter().max().expect("some workers");
    println!("slowest of {}: {slowest:?}", WORKERS * ROUNDS);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

#[tokio::test]
async fn password_grant_can_be_restricted_to_clients() {
    let app = TestApp::start_with(|settings| settings.set("PASSWORD_GRANT", "clients")).await;
    app.add_user("alice", &["editor"]).await;
    app.allow("editor", "read write").await;
    let form = [("username", "alice"), ("password", PASSWORD), ("scope", "read write")];
    let unnamed = app.grant(&form).await;
    assert_eq!((unnamed.status, unnamed.json()["error"].as_str()), (401, Some("invalid_client")));
    let client = app.add_client("app", &[GrantType::Password], "read").await;
    let response = app.grant(&[&form[..], &client.form()].concat()).await.json();
    // The client's scopes narrow the user's, and a client without the refresh grant gets no refresh token.
    assert_eq!((&response["scope"], &response["refresh_token"]), (&"read".into(), &Value::Null));
}
