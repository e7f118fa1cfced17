//! Forged key IDs, and signing keys changed in the database.

use diesel::prelude::*;
use serde_json::{Value, json};
use vestibule::config::{KeyAlgorithm, Signing};
use vestibule::db::schema::signing_keys;
use vestibule::secret::{ServerKey, base64url};
use vestibule::tokens::Keys;

use crate::harness::hs256::{claims, part};
use crate::harness::responses::assert_refusal;
use crate::harness::{SERVER_KEY, TestApp, TestResponse};

pub async fn assert_refused(app: &TestApp, token: &str, what: &str) {
    assert_refusal(&TestResponse::read(app.get_me(token).await).await, 401, "invalid_token", what);
}

/// A server with a key of each algorithm, and a token signed with the first.
pub async fn with_all_keys() -> (TestApp, String, Vec<Value>) {
    let app = TestApp::start().await;
    app.add_user("alice", &["admin"]).await;
    let (db, server_key) = (&app.services.db, ServerKey::parse(SERVER_KEY).expect("a key"));
    for algorithm in KeyAlgorithm::ALL {
        let signing = Signing::KeyPair(algorithm);
        Keys::load(db, &signing, &server_key, app.clock.now()).await.expect("the keys load");
    }
    app.services.tokens.keys().refresh(db).await.expect("the database responds");
    let token = app.token_of("alice").await;
    let set = TestResponse::to(app.get("/.well-known/jwks.json")).await.json();
    let keys = set["keys"].as_array().expect("a list").clone();
    assert_eq!(keys.len(), 3);
    (app, token, keys)
}

pub fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()))
}

#[tokio::test]
async fn hostile_kid_finds_no_key() {
    let (app, token, keys) = with_all_keys().await;
    let (header, claims) = (part(&token, 0), claims(&token));
    let genuine = token.rsplit('.').next().expect("a signature");
    let kid = header["kid"].as_str().expect("a kid");
    let mut strange: Vec<Value> = [
        "../../../../dev/null",
        "/dev/null",
        "server.key",
        "file:///etc/passwd",
        "https://evil.example/jwks.json",
        "' OR '1'='1",
        "'; DROP TABLE signing_keys; --",
        "%",
        "_",
        "*",
        "",
        " ",
        "\0",
        "null",
        "\u{202e}",
    ]
    .map(Value::from)
    .to_vec();
    strange.extend(
        [
            format!("{kid}\0"),
            format!("{kid} "),
            format!(" {kid}"),
            format!("{kid}' --"),
            kid.to_lowercase(),
            kid[..42].to_owned(),
            "k".repeat(8_000),
        ]
        .map(Value::from),
    );
    strange.extend([Value::Null, json!(0), json!([kid]), json!({"kid": kid}), json!(true)]);
    for kid in strange {
        let mut header = header.clone();
        header["kid"] = kid.clone();
        let what: String = kid.to_string().chars().take(60).collect();
        assert_refused(&app, &format!("{}.{genuine}", message(&header, &claims)), &what).await;
    }
    // Larger than the limit of a request head. The server closes the connection, so the request uses its own.
    let mut huge = header;
    huge["kid"] = Value::from("k".repeat(1_000_000));
    let request = TestApp::browser().get(format!("{}/me", app.url)).bearer_auth(message(&huge, &claims) + ".AAAA");
    let status = request.send().await.map_or(400, |response| response.status().as_u16());
    assert!((400..500).contains(&status), "{status}");
    let still: Value = TestResponse::to(app.get("/.well-known/jwks.json")).await.json();
    assert_eq!(still["keys"].as_array().map(Vec::len), Some(keys.len()));
    assert_eq!(app.get_me(&token).await.status(), 200);
}

#[tokio::test]
async fn swapped_public_key_in_the_database_is_refused() {
    let (app, token, keys) = with_all_keys().await;
    let kid = part(&token, 0)["kid"].as_str().expect("a kid").to_owned();
    let mut forged = keys.iter().find(|key| key["kid"] != kid).expect("another key").clone();
    forged["kid"] = Value::from(kid.as_str());
    let text = forged.to_string();
    let count = app.write(move |conn| {
        diesel::update(signing_keys::table.find(kid)).set(signing_keys::public_jwk.eq(text)).execute(conn)
    });
    assert_eq!(count.await, 1);
    let server_key = ServerKey::parse(SERVER_KEY).expect("a key");
    let signing = Signing::KeyPair(KeyAlgorithm::Es256);
    let Err(error) = Keys::load(&app.services.db, &signing, &server_key, app.clock.now()).await else {
        panic!("the swapped key was loaded");
    };
    assert!(error.to_string().contains("was modified"), "{error}");
    assert_eq!(app.get_me(&token).await.status(), 200, "a running server has the right key");
}
