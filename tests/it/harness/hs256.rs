//! A server that signs with a shared secret, and tokens that a test signs with it.

use std::io::Write as _;

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use vestibule::config::Settings;
use vestibule::secret::{base64url, from_base64url};

use super::TestApp;

/// `JWT_SECRET` of these servers.
pub const JWT_SECRET: &str = "a secret that is longer than thirty-two bytes";

/// Starts a server that signs with [`JWT_SECRET`].
pub async fn start() -> TestApp {
    start_with(|_| {}).await
}

/// Like [`start`], with some settings changed.
pub async fn start_with(change: impl FnOnce(&mut Settings)) -> TestApp {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(JWT_SECRET.as_bytes()).expect("written");
    let path = file.path().display().to_string();
    TestApp::start_with(move |settings| {
        settings.set("JWT_SECRET_FILE", path);
        change(settings);
    })
    .await
}

/// The header of the server's HS256 tokens.
pub fn header() -> Value {
    json!({"typ": "JWT", "alg": "HS256"})
}

/// A token with this header and these claims, signed with [`JWT_SECRET`].
pub fn sign(header: &Value, claims: &str) -> String {
    sign_with(JWT_SECRET.as_bytes(), header, claims)
}

/// A token signed by HMAC-SHA256 with any key.
pub fn sign_with(key: &[u8], header: &Value, claims: &str) -> String {
    let message = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.as_bytes()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", base64url(tag.as_ref()))
}

/// The JSON in the nth part of a token.
pub fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).and_then(from_base64url).expect("base64url");
    serde_json::from_slice(&part).expect("JSON")
}

/// A token's claims.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// A token with other claims under the same signature.
pub fn swap_claims(token: &str, claims: &Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    [parts[0], &base64url(claims.to_string().as_bytes()), parts[2]].join(".")
}
