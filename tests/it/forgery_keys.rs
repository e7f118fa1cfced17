//! Forged tokens that play with keys: strange `kid`s, one key's algorithm under another's name, public keys as secrets.
//! What may not live here: forged claims and headers otherwise (`forgery.rs`).

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;
use serde_json::{Value, json};
use vestibule::config::{KeyAlgorithm, Signing};
use vestibule::db::schema::signing_keys;
use vestibule::secret::{ServerKey, base64url, from_base64url};
use vestibule::tokens::Keys;

use crate::harness::app::SERVER_KEY;
use crate::harness::hs256::{self, claims, part};
use crate::harness::{Answer, TestApp};
use crate::token_errors::assert_refusal;

/// Makes a signature.
type Sign<'a> = dyn Fn(&[u8]) -> Vec<u8> + 'a;

async fn assert_refused(app: &TestApp, token: &str, what: &str) {
    assert_refusal(&Answer::read(app.get_me(token).await).await, 401, "invalid_token", what);
}

/// A server with a key of each algorithm, and a token signed with the first.
async fn with_all_keys() -> (TestApp, String, Vec<Value>) {
    let app = TestApp::start().await;
    app.add_user("alice", &["admin"]).await;
    let (db, server_key) = (&app.services.db, ServerKey::parse(SERVER_KEY).expect("a key"));
    for algorithm in KeyAlgorithm::ALL {
        let signing = Signing::KeyPair(algorithm);
        Keys::load(db, &signing, &server_key, app.clock.now()).await.expect("the keys open");
    }
    app.services.tokens.keys().refresh(db).await.expect("the database answers");
    let token = app.token_of("alice").await;
    let set = Answer::to(app.get("/.well-known/jwks.json")).await.json();
    let keys = set["keys"].as_array().expect("a list").clone();
    assert_eq!(keys.len(), 3);
    (app, token, keys)
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()))
}

#[tokio::test]
async fn a_kid_with_the_marks_of_a_path_or_of_sql_or_of_any_size_finds_no_key() {
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
    // More than a request's head may hold; the connection it came on is closed, and so it has one of its own.
    let mut huge = header;
    huge["kid"] = Value::from("k".repeat(1_000_000));
    let request = TestApp::browser().get(format!("{}/me", app.url)).bearer_auth(message(&huge, &claims) + ".AAAA");
    let status = request.send().await.map_or(400, |answer| answer.status().as_u16());
    assert!((400..500).contains(&status), "{status}");
    let still: Value = Answer::to(app.get("/.well-known/jwks.json")).await.json();
    assert_eq!(still["keys"].as_array().map(Vec::len), Some(keys.len()));
    assert_eq!(app.get_me(&token).await.status(), 200);
}

#[tokio::test]
async fn a_token_signed_by_another_key_or_algorithm_is_refused_under_every_kid() {
    let (app, token, keys) = with_all_keys().await;
    let claims = claims(&token);
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("a key");
    let ed = Ed25519KeyPair::generate().expect("a key");
    let rsa = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
    let by_rsa = |message: &[u8]| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
        signature
    };
    let by_point = |message: &[u8]| ec.sign(&random, message).expect("signed").as_ref().to_vec();
    let by_curve = |message: &[u8]| ed.sign(message).as_ref().to_vec();
    let signers: [(&str, &Sign<'_>); 3] = [("ES256", &by_point), ("EdDSA", &by_curve), ("RS256", &by_rsa)];
    for (name, forge) in signers {
        for key in &keys {
            for alg in ["ES256", "EdDSA", "RS256", "PS256", "ES384", "Ed25519", "es256", name] {
                let header = json!({"alg": alg, "typ": "at+jwt", "kid": key["kid"]});
                let message = message(&header, &claims);
                let forged = format!("{message}.{}", base64url(&forge(message.as_bytes())));
                assert_refused(&app, &forged, &format!("{name}: {header}")).await;
            }
        }
    }
    // The genuine signature under the names of the others.
    let genuine = token.rsplit('.').next().expect("a signature");
    for key in &keys {
        for alg in ["ES256", "EdDSA", "RS256"] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": key["kid"]});
            if header["kid"] != part(&token, 0)["kid"] || alg != "ES256" {
                assert_refused(&app, &format!("{}.{genuine}", message(&header, &claims)), &header.to_string()).await;
            }
        }
    }
    assert_eq!(app.get_me(&token).await.status(), 200);
}

/// A public key in the forms in which it is found lying about.
fn forms(jwk: &Value) -> Vec<Vec<u8>> {
    let bytes = |name: &str| from_base64url(jwk[name].as_str().expect("text")).expect("base64url");
    let (raw, der) = match jwk["kty"].as_str() {
        Some("RSA") => {
            let components = RsaPublicKeyComponents { n: bytes("n"), e: bytes("e") };
            let der: PublicKeyX509Der<'_> = components.as_der().expect("a key");
            (bytes("n"), der.as_ref().to_vec())
        }
        // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 §4) up to the key.
        Some("OKP") => (bytes("x"), [STANDARD.decode("MCowBQYDK2VwAyEA").expect("base64"), bytes("x")].concat()),
        _ => return Vec::new(),
    };
    let encoded = STANDARD.encode(&der);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("ASCII")).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    let set = json!({"keys": [jwk]}).to_string();
    vec![
        raw,
        der,
        encoded.into_bytes(),
        format!("{pem}\n").into_bytes(),
        pem.into_bytes(),
        jwk.to_string().into_bytes(),
        set.into_bytes(),
    ]
}

#[tokio::test]
async fn hs256_with_a_public_rsa_or_ed25519_key_as_its_secret_is_refused_however_it_is_written() {
    let (app, token, keys) = with_all_keys().await;
    let claims = claims(&token).to_string();
    let mut tried = 0;
    for jwk in &keys {
        for secret in forms(jwk) {
            for header in [
                json!({"alg": "HS256", "typ": "JWT"}),
                json!({"alg": "HS256", "typ": "JWT", "kid": jwk["kid"]}),
                json!({"alg": "HS256", "typ": "at+jwt", "kid": jwk["kid"]}),
                json!({"alg": jwk["alg"], "typ": "at+jwt", "kid": jwk["kid"]}),
            ] {
                assert_refused(&app, &hs256::sign_with(&secret, &header, &claims), &header.to_string()).await;
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 2 * 7 * 4);
}

#[tokio::test]
async fn a_public_key_that_was_put_in_anothers_place_in_the_database_is_not_taken() {
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
        panic!("it is loaded");
    };
    assert!(error.to_string().contains("was modified"), "{error}");
    assert_eq!(app.get_me(&token).await.status(), 200, "a server that runs has the right one");
}
