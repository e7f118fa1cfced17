//! The authorization server metadata (RFC 8414).

use serde_json::{Value, json};

use crate::harness::{TestApp, TestResponse, hs256};

#[tokio::test]
async fn authorization_server_metadata_lists_enabled_grants() {
    let app = TestApp::start_with(|settings| settings.set("PASSWORD_GRANT", "off")).await;
    let response = TestResponse::to(app.get("/.well-known/oauth-authorization-server")).await;
    assert_eq!((response.status, response.header("access-control-allow-origin")), (200, "*"));
    let (metadata, origin) = (response.json(), "http://localhost:8080");
    assert_eq!(metadata["issuer"], origin);
    for (name, path) in [
        ("token_endpoint", "/token"),
        ("revocation_endpoint", "/token/revoke"),
        ("introspection_endpoint", "/token/introspect"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(metadata[name], format!("{origin}{path}"));
        assert_ne!(TestResponse::to(app.get(path)).await.status, 404, "{path}");
    }
    assert_eq!(metadata["grant_types_supported"], json!(["refresh_token", "client_credentials"]));
    assert_eq!(metadata["response_types_supported"], json!([]));
    let known = app.get("/.well-known/oauth-authorization-server").header("if-none-match", response.header("etag"));
    assert_eq!(TestResponse::to(known).await.status, 304);
    let shared = hs256::start().await;
    let metadata = TestResponse::to(shared.get("/.well-known/oauth-authorization-server")).await.json();
    assert_eq!((&metadata["jwks_uri"], &metadata["grant_types_supported"][0]), (&Value::Null, &"password".into()));
}
