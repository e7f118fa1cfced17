//! The authorization server metadata (RFC 8414).

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, hs256};

#[tokio::test]
async fn authorization_server_metadata_lists_enabled_grants() {
    let app = TestApp::start_with(|settings| settings.set("PASSWORD_GRANT", "off")).await;
    let answer = Answer::to(app.get("/.well-known/oauth-authorization-server")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"));
    let (told, origin) = (answer.json(), "http://localhost:8080");
    assert_eq!(told["issuer"], origin);
    for (name, path) in [
        ("token_endpoint", "/token"),
        ("revocation_endpoint", "/token/revoke"),
        ("introspection_endpoint", "/token/introspect"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(told[name], format!("{origin}{path}"));
        assert_ne!(Answer::to(app.get(path)).await.status, 404, "{path}");
    }
    assert_eq!(told["grant_types_supported"], json!(["refresh_token", "client_credentials"]));
    assert_eq!(told["response_types_supported"], json!([]));
    let known = app.get("/.well-known/oauth-authorization-server").header("if-none-match", answer.header("etag"));
    assert_eq!(Answer::to(known).await.status, 304);
    let shared = hs256::start().await;
    let told = Answer::to(shared.get("/.well-known/oauth-authorization-server")).await.json();
    assert_eq!((&told["jwks_uri"], &told["grant_types_supported"][0]), (&Value::Null, &"password".into()));
}
