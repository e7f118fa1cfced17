//! Which responses are compressed, and which never are.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::harness::visitor::Visitor;
use crate::harness::{PASSWORD, TestApp};

/// A GET by a client that accepts these codings: the headers and the raw body.
async fn get(app: &TestApp, path: &str, codings: Option<&str>) -> (HeaderMap, Vec<u8>) {
    let mut request = app.client.get(format!("{}{path}", app.url)).header("accept", "text/html,*/*");
    if let Some(codings) = codings {
        request = request.header("accept-encoding", codings);
    }
    let response = request.send().await.expect("a response");
    (response.headers().clone(), response.bytes().await.expect("a body").to_vec())
}

fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut plain).expect("gzip");
    plain
}

fn attribute<'a>(html: &'a str, before: &str) -> &'a str {
    html.split_once(before).expect("the page has it").1.split_once('"').expect("closed").0
}

#[tokio::test]
async fn pages_and_files_are_compressed_on_request() {
    let app = TestApp::start().await;
    let (_, page) = get(&app, "/login", None).await;
    let page = String::from_utf8(page).expect("text");
    let stylesheet = attribute(&page, "rel=\"stylesheet\" href=\"");
    for (path, ending) in [
        ("/login", "</html>"),
        ("/password/forgot", "</html>"),
        ("/nothing-here", "</html>"),
        ("/openapi.json", "}"),
        (stylesheet, "}"),
    ] {
        let (plain_headers, plain) = get(&app, path, None).await;
        let (headers, packed) = get(&app, path, Some("br, gzip;q=0.8")).await;
        assert!(!plain_headers.contains_key("content-encoding"), "{path}");
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        assert_eq!(headers["content-length"], *packed.len().to_string(), "{path}");
        for headers in [&plain_headers, &headers] {
            assert!(headers["vary"].to_str().expect("ASCII").contains("Accept-Encoding"), "{path}: {headers:?}");
        }
        assert_eq!(headers["content-type"], plain_headers["content-type"], "{path}");
        assert!(packed.len() * 10 < plain.len() * 6, "{path}: {} of {}", packed.len(), plain.len());
        assert!(unpack(&packed).trim_ascii_end().ends_with(ending.as_bytes()), "{path}");
        for codings in ["", "identity", "gzip;q=0", "br"] {
            let (headers, _) = get(&app, path, Some(codings)).await;
            assert!(!headers.contains_key("content-encoding"), "{path}: {codings}");
        }
    }
}

#[tokio::test]
async fn responses_with_tokens_are_never_compressed() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    // Long enough to be compressed if it were a page.
    let state = "a".repeat(1_500);
    let form = [("username", "alice"), ("password", PASSWORD), ("state", &state)];
    let response = app
        .client
        .post(format!("{}/token", app.url))
        .header("accept-encoding", "gzip")
        .header("accept", "text/html")
        .form(&form)
        .send()
        .await
        .expect("a response");
    assert_eq!((response.status().as_u16(), response.headers().get("content-encoding")), (200, None));
    let tokens: Value = response.json().await.expect("uncompressed JSON");
    assert!(tokens["access_token"].is_string());
    for path in ["/me", "/revoked", "/.well-known/jwks.json", "/verify/auth-request", "/healthz"] {
        let (headers, _) = get(&app, path, Some("gzip")).await;
        assert!(!headers.contains_key("content-encoding"), "{path}");
    }
}

#[tokio::test]
async fn query_text_never_appears_on_account_pages() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    // Reflected query text would let an attacker guess secrets from the compressed size (BREACH).
    for path in ["/", "/account/profile", "/account/sessions", "/account/password"] {
        let query = "?notice=zqxj&next=/zqxj&username=zqxj&display_name=zqxj&link=zqxj&here=zqxj";
        let page = visitor.get(&format!("{path}{query}")).await;
        assert!(page.status == 200 && !page.html.contains("zqxj"), "{path}: {}", page.html);
    }
    // The CSRF token differs on each page.
    let [one, two] = [visitor.get("/").await, visitor.get("/").await];
    assert_ne!(one.value_of("csrf").expect("a token"), two.value_of("csrf").expect("a token"));
}
