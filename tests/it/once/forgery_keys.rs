//! Tokens signed with one key or algorithm under the name of another, or with a public key as the secret.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vestibule::secret::{base64url, from_base64url};

use crate::forgery_keys::{assert_refused, message, with_all_keys};
use crate::harness::hs256::{self, claims, part};

#[tokio::test]
async fn token_signed_by_another_key_or_algorithm_is_refused_under_every_kid() {
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
    // The genuine signature under the key IDs of the other keys.
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

/// A public key in its usual encodings.
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
async fn hs256_with_a_public_rsa_or_ed25519_key_as_secret_is_refused() {
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

/// Signs a message.
type Sign<'a> = dyn Fn(&[u8]) -> Vec<u8> + 'a;
