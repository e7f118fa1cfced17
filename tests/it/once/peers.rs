//! PyJWT, python-jose, Authlib, jose and openid-client (`tests/peers/`) against the server.

use serde_json::{Value, json};
use vestibule::clients::GrantType;

use crate::harness::clients::text;
use crate::harness::hs256::{self, JWT_SECRET, claims, part, swap_claims};
use crate::harness::peers::{self, folder, node, python};
use crate::harness::{PASSWORD, TestApp, TestResponse};

/// The output of a Python script: the claims, or the reason for the refusal.
async fn run_script(script: &str, environment: &[(&str, &str)]) -> Value {
    let mut command = python();
    command.arg(folder().join(script));
    peers::run(command, environment).await
}

#[tokio::test]
async fn pyjwt_and_jose_verify_every_algorithm_by_the_published_keys() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let app = TestApp::start_with(|settings| settings.set("JWT_ALGORITHM", algorithm)).await;
        app.add_user("alice", &["admin"]).await;
        let token = app.token_of("alice").await;
        let keys = format!("{}/.well-known/jwks.json", app.url);
        let environment = [("JWKS_URL", keys.as_str()), ("ISSUER", "http://localhost:8080"), ("ALGORITHM", algorithm)];
        let check = async |token: &str| {
            let environment = [&environment[..], &[("TOKEN", token)]].concat();
            let jose = peers::run(node(&folder().join("jose_client.mjs")), &environment).await;
            [run_script("verify_jwks.py", &environment).await, jose]
        };
        assert_eq!(check(&token).await, [claims(&token), claims(&token)], "{algorithm}");
        let mut forged = claims(&token);
        forged["sub"] = json!("bob");
        let refused = ["InvalidSignatureError", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"];
        let refused = refused.map(|name| json!({"refused": name}));
        assert_eq!(check(&swap_claims(&token, &forged)).await, refused, "{algorithm}");
    }
}

#[tokio::test]
async fn pyjwt_and_python_jose_verify_hs256_by_the_shared_secret() {
    let app = hs256::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let responses = run_script("verify_hs256.py", &[("TOKEN", &token), ("SECRET_KEY", JWT_SECRET)]).await;
    assert_eq!(responses, json!({"PyJWT": claims(&token), "python-jose": claims(&token)}));
    let another =
        run_script("verify_hs256.py", &[("TOKEN", &token), ("SECRET_KEY", "another secret of over thirty-two bytes")])
            .await;
    assert_eq!(another, json!({"PyJWT": "InvalidSignatureError", "python-jose": "JWTError"}));
}

#[tokio::test]
async fn authlib_uses_every_grant_and_revokes_tokens() {
    let app = TestApp::start().await;
    app.add_user("alice", &["editor"]).await;
    app.allow("editor", "read write").await;
    let client = app.add_client("authlib", &GrantType::ALL, "read").await;
    let environment = [
        ("URL", app.url.as_str()),
        ("CLIENT_ID", &client.id),
        ("CLIENT_SECRET", &client.secret),
        ("PASSWORD", PASSWORD),
    ];
    let results = run_script("authlib_client.py", &environment).await;
    let user = json!({
        "scope": "read", "rotated": true, "active": true, "me": "alice", "revoked": 200,
        "active_after": {"active": false}, "refused": "invalid_grant",
    });
    let own = json!({"scope": "read", "has_refresh_token": false});
    let expected = json!({"client_secret_basic": user, "client_secret_post": user, "client_credentials": own});
    assert_eq!(results, expected);
}

#[tokio::test]
async fn simple_oauth2_uses_a_password_refreshes_and_revokes() {
    let app = TestApp::start().await;
    app.add_user("alice", &["editor"]).await;
    app.allow("editor", "read").await;
    let client = app.add_client("simple-oauth2", &GrantType::ALL, "read").await;
    let environment = [
        ("URL", app.url.as_str()),
        ("CLIENT_ID", &client.id),
        ("CLIENT_SECRET", &client.secret),
        ("PASSWORD", PASSWORD),
    ];
    let results = peers::run(node(&folder().join("simple_oauth2.mjs")), &environment).await;
    assert_eq!(results, json!({"scope": "read", "refused": "invalid_grant", "own": true}));
}

/// `at+jwt` promises `aud` and `client_id` (RFC 9068 §2.2), which strict libraries require; others reject a `typ` or an
/// audience that they do not expect.
#[tokio::test]
async fn strict_resource_servers_accept_tokens_with_an_audience_and_others_those_without() {
    const AUDIENCE: &str = "https://api.example.com";
    for audience in [None, Some(AUDIENCE)] {
        let app = TestApp::start_with(|settings| {
            if let Some(audience) = audience {
                settings.set("AUDIENCE", audience);
            }
        })
        .await;
        app.add_user("alice", &[]).await;
        let client = app.add_client("own", &GrantType::ALL, "").await;
        let own = app.post("/token").form(&[("grant_type", "client_credentials")]);
        let own = TestResponse::to(own.basic_auth(&client.id, Some(&client.secret))).await.json();
        for (token, registered) in
            [(app.token_of("alice").await, None), (text(&own, "access_token").to_owned(), Some(client.id.as_str()))]
        {
            let header = part(&token, 0);
            assert_eq!(header["typ"], if audience.is_some() { "at+jwt" } else { "JWT" });
            let issuer = text(&claims(&token), "iss").to_owned();
            let mut environment = vec![("URL", app.url.as_str()), ("ISSUER", &issuer), ("TOKEN", &token)];
            environment.extend(audience.map(|audience| ("AUDIENCE", audience)));
            let results = peers::run(node(&folder().join("strict_resource_servers.mjs")), &environment).await;
            let expected = match audience {
                None => json!({"express": registered.unwrap_or("none")}),
                Some(_) => {
                    let client_id = registered.unwrap_or("unregistered");
                    json!({"express": client_id, "oauth4webapi": client_id})
                }
            };
            assert_eq!(results, expected);
            // The server reads the ID of no client as none.
            let me = app.get_me(&token).await.status();
            assert_eq!(me, if registered.is_some() { 401 } else { 200 });
        }
        // A token of no client is revoked by anyone who has it.
        let token = app.token_of("alice").await;
        let revoked = TestResponse::to(app.post("/token/revoke").form(&[("token", &token)])).await;
        assert_eq!((revoked.status, revoked.json()), (200, json!({})));
        assert_eq!(app.get_me(&token).await.status(), 401);
    }
}

#[tokio::test]
async fn openid_client_discovers_the_server_and_uses_every_grant() {
    // Discovery requires that the issuer equals the URL.
    let port = peers::free_port();
    let url = format!("http://127.0.0.1:{port}");
    let app = TestApp::start_with(|settings| {
        settings.set("BIND", format!("127.0.0.1:{port}"));
        settings.set("PUBLIC_URL", url.clone());
    })
    .await;
    app.add_user("alice", &["editor"]).await;
    app.allow("editor", "read write").await;
    let client = app.add_client("openid-client", &GrantType::ALL, "read").await;
    let environment =
        [("URL", url.as_str()), ("CLIENT_ID", &client.id), ("CLIENT_SECRET", &client.secret), ("PASSWORD", PASSWORD)];
    let results = peers::run(node(&folder().join("openid_client.mjs")), &environment).await;
    let right = json!({
        "issuer": url, "own": {"scope": "read", "hasRefreshToken": false}, "scope": "read", "rotated": true,
        "before": {"active": true, "username": "alice"}, "after": {"active": false}, "refused": "invalid_grant",
    });
    assert_eq!(results, json!({"basic": right, "post": right, "wrong": ["OAUTH_WWW_AUTHENTICATE_CHALLENGE", 401]}));
}
