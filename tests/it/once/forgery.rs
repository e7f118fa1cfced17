//! Forged and damaged tokens that are refused by their signature, header or claims alone.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vestibule::secret::{base64url, from_base64url};

use crate::forgery::{assert_refused, me, with};
use crate::harness::hs256::{self, JWT_SECRET, claims, part};
use crate::harness::responses::{assert_refusal, send_raw};
use crate::harness::{TestApp, TestResponse};

#[tokio::test]
async fn algorithm_none_is_refused_in_every_spelling() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let (header, claims) = (part(&token, 0), claims(&token));
    let genuine = token.rsplit('.').next().expect("a signature");
    for alg in ["none", "None", "NONE", "nOnE", "", " none", "null"] {
        for header in [with(&header, "alg", alg), json!({"alg": alg, "typ": "at+jwt"}), json!({"alg": alg})] {
            let message = unsigned(&header, &claims);
            for forged in
                [message.clone(), format!("{message}."), format!("{message}.{genuine}"), format!("{message}.e30")]
            {
                assert_refused(&app, &forged, &header.to_string()).await;
            }
        }
    }
    for alg in [Value::Null, json!(0), json!(["ES256"]), json!({})] {
        let message = unsigned(&with(&header, "alg", alg), &claims);
        assert_refused(&app, &format!("{message}.{genuine}"), "an alg that is not text").await;
    }
}

#[tokio::test]
async fn wrong_algorithm_or_key_is_refused() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let (header, claims) = (part(&token, 0), claims(&token));
    let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm, message: &str| {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).expect("the key");
        base64url(pair.sign(&random, message.as_bytes()).expect("a signature").as_ref())
    };
    let genuine = token.rsplit('.').next().expect("a signature");
    for header in [header.clone(), json!({"alg": "ES256", "typ": "at+jwt"}), with(&header, "kid", "another")] {
        let message = unsigned(&header, &claims);
        let forged = format!("{message}.{}", ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &message));
        assert_refused(&app, &forged, &format!("another key: {header}")).await;
    }
    for alg in ["ES384", "ES512", "ES256K", "RS256", "PS256", "HS256", "HS384", "EdDSA", "Ed25519", "es256", "ES256 "] {
        let message = unsigned(&with(&header, "alg", alg), &claims);
        assert_refused(&app, &format!("{message}.{genuine}"), alg).await;
        let es384 = ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, &message);
        assert_refused(&app, &format!("{message}.{es384}"), alg).await;
        let ed25519 = Ed25519KeyPair::generate().expect("a key").sign(message.as_bytes());
        assert_refused(&app, &format!("{message}.{}", base64url(ed25519.as_ref())), alg).await;
    }
    // Java once accepted zeros as an ECDSA signature of anything (CVE-2022-21449).
    let message = unsigned(&header, &claims);
    assert_refused(&app, &format!("{message}.{}", base64url(&[0; 64])), "r = s = 0").await;
}

#[tokio::test]
async fn hs256_with_the_public_key_as_secret_is_refused() {
    let app = TestApp::start().await;
    app.add_user("alice", &["admin"]).await;
    let token = app.token_of("alice").await;
    let claims = claims(&token).to_string();
    let set = TestResponse::to(app.get("/.well-known/jwks.json")).await;
    let jwk = &set.json()["keys"][0];
    let coordinate = |name: &str| from_base64url(jwk[name].as_str().expect("text")).expect("base64url");
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    // SubjectPublicKeyInfo of a P-256 key (RFC 5480) up to the point.
    let prefix = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").expect("base64");
    let der = [&prefix[..prefix.len() - 1], &point].concat();
    let encoded = STANDARD.encode(&der);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("ASCII")).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    let pem_line = format!("{pem}\n");
    let x = jwk["x"].as_str().expect("text");
    let (jwk_text, set_text) = (jwk.to_string(), set.text());
    let keys: [&[u8]; 8] = [
        pem.as_bytes(),
        pem_line.as_bytes(),
        &der,
        encoded.as_bytes(),
        jwk_text.as_bytes(),
        set_text.as_bytes(),
        &point,
        x.as_bytes(),
    ];
    for key in keys {
        for header in [
            json!({"alg": "HS256", "typ": "JWT"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": jwk["kid"]}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": jwk["kid"]}),
        ] {
            let forged = hs256::sign_with(key, &header, &claims);
            assert_refused(&app, &forged, &String::from_utf8_lossy(key)).await;
        }
    }
    assert_eq!(me(&app, &token).await.status, 200);
}

/// The tokens are signed with the right secret: only the claim is wrong.
#[tokio::test]
async fn mistyped_or_out_of_range_time_is_refused() {
    let app = hs256::start().await;
    app.add_user("alice", &[]).await;
    let genuine = claims(&app.token_of("alice").await);
    let ours = hs256::header();
    assert_eq!(
        me(&app, &hs256::sign(&ours, &genuine.to_string())).await.status,
        200,
        "a correctly signed token is valid"
    );
    for name in ["exp", "iat", "nbf"] {
        let right = if name == "exp" { genuine["exp"].clone() } else { genuine["iat"].clone() };
        let seconds = right.as_i64().expect("a number");
        let mut wrong: Vec<String> = ["null", "-1", "true", "[]", "{}", "\"\"", "1e300", "-1e300", "1e9", "0.5"]
            .iter()
            .map(ToString::to_string)
            .collect();
        wrong.extend([
            format!("\"{seconds}\""),
            format!("{seconds}.0"),
            format!("{seconds}.5"),
            format!("[{seconds}]"),
        ]);
        wrong.extend(["9223372036854775807", "9223372036854775808", "18446744073709551616"].map(str::to_owned));
        wrong.push("-9223372036854775808".to_owned());
        for value in wrong {
            // Inserted as text: serde_json would write some of these differently.
            let mark = "\"the place of the value\"";
            let text = with(&genuine, name, "the place of the value").to_string().replace(mark, &value);
            assert_refused(&app, &hs256::sign(&ours, &text), &format!("{name}: {value}")).await;
        }
    }
    let now = genuine["iat"].as_i64().expect("a number");
    for (name, value) in [("nbf", now + 60), ("iat", now + 60), ("exp", now - 60), ("exp", 0)] {
        let text = with(&genuine, name, value).to_string();
        assert_refused(&app, &hs256::sign(&ours, &text), &format!("{name}: {value}")).await;
    }
    for name in ["iss", "sub", "id", "iat", "exp", "jti", "sid", "scope", "roles"] {
        let mut claims = genuine.clone();
        claims.as_object_mut().expect("an object").remove(name);
        assert_refused(&app, &hs256::sign(&ours, &claims.to_string()), &format!("no {name}")).await;
    }
    let twice = format!("{{\"exp\":{},{}", now + 99_999, &genuine.to_string()[1..]);
    assert_refused(&app, &hs256::sign(&ours, &twice), "exp twice").await;
}

#[tokio::test]
async fn wrong_issuer_audience_or_header_is_refused() {
    let app = hs256::start().await;
    app.add_user("alice", &[]).await;
    let claims = claims(&app.token_of("alice").await);
    for (name, value) in [
        ("iss", json!("http://localhost:8080/")),
        ("iss", json!("https://evil.example")),
        ("iss", json!(["http://localhost:8080"])),
        ("iss", json!("")),
        ("aud", json!("somebody")),
        ("aud", json!(null)),
        ("aud", json!(["somebody"])),
        ("id", json!("1")),
        ("id", json!(1.0)),
        ("roles", json!("admin")),
        ("scope", json!(["x"])),
    ] {
        let forged = hs256::sign(&hs256::header(), &with(&claims, name, value.clone()).to_string());
        assert_refused(&app, &forged, &format!("{name}: {value}")).await;
    }
    let text = claims.to_string();
    for header in [
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "typ": "secevent+jwt"}),
        json!({"alg": "HS256", "typ": "jwt"}),
        json!({"alg": "HS256", "typ": "JOSE"}),
        json!({"alg": "HS256", "typ": null}),
        json!({"alg": "hs256", "typ": "JWT"}),
        json!({"alg": "HS384", "typ": "JWT"}),
        json!({"alg": "HS256", "typ": "JWT", "kid": "unknown"}),
        json!({"alg": "HS256", "typ": "JWT", "kid": ""}),
        json!({"alg": "HS256", "typ": "JWT", "kid": "../../dev/null"}),
        json!({"alg": "HS256", "typ": "JWT", "jwk": {"kty": "oct", "k": base64url(JWT_SECRET.as_bytes())}}),
        json!({"alg": "HS256", "typ": "JWT", "jku": "https://evil.example/jwks.json"}),
        json!({"alg": "HS256", "typ": "JWT", "x5u": "https://evil.example/key.pem"}),
        json!({"alg": "HS256", "typ": "JWT", "x5c": ["MIIB"]}),
        json!({"alg": "HS256", "typ": "JWT", "crit": ["exp"]}),
        json!({"alg": "HS256", "typ": "JWT", "crit": []}),
        json!({"alg": "HS256", "typ": "JWT", "b64": false, "crit": ["b64"]}),
        json!({"alg": "HS256", "typ": "JWT", "zip": "DEF"}),
        json!({"alg": "HS256", "typ": "JWT", "cty": "JWT"}),
        json!([]),
    ] {
        assert_refused(&app, &hs256::sign(&header, &text), &header.to_string()).await;
    }
    let another = hs256::sign_with(b"another secret that is longer than thirty-two", &hs256::header(), &text);
    assert_refused(&app, &another, "another secret").await;
    assert_refused(&app, &hs256::sign_with(b"", &hs256::header(), &text), "an empty secret").await;
}

#[tokio::test]
async fn damaged_token_is_refused() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    app.add_user("bob", &["admin"]).await;
    let (alice, bob) = (app.token_of("alice").await, app.token_of("bob").await);
    assert_eq!(me(&app, &alice).await.status, 200, "valid, and its claims are cached now");
    let parts: Vec<&str> = alice.split('.').collect();
    let theirs: Vec<&str> = bob.split('.').collect();
    let (half, _) = alice.split_at(alice.len() / 2);
    for (what, token) in [
        ("swapped payload", [parts[0], theirs[1], parts[2]].join(".")),
        ("swapped signature", [parts[0], parts[1], theirs[2]].join(".")),
        ("trailing dot", format!("{alice}.")),
        ("a fourth part", format!("{alice}.{}", parts[2])),
        ("leading dot", format!(".{alice}")),
        ("no signature", [parts[0], parts[1], ""].join(".")),
        ("two parts", [parts[0], parts[1]].join(".")),
        ("one part", parts[0].to_owned()),
        ("five parts, as a JWE has", "e30.e30.e30.e30.e30".to_owned()),
        ("padding", format!("{alice}=")),
        ("half", half.to_owned()),
        ("twice", format!("{alice},{alice}")),
        ("quoted", format!("\"{alice}\"")),
        ("a space within", alice.replacen('.', " .", 1)),
        ("dots", "..".to_owned()),
        ("garbage", "\u{7e}garbage!".to_owned()),
        ("empty objects", "e30.e30.e30".to_owned()),
        ("nested header", format!("{}.e30.e30", base64url("[".repeat(5_000).as_bytes()))),
        ("a header that is not UTF-8", format!("{}.e30.e30", base64url(&[0xff, 0xfe]))),
    ] {
        assert_refused(&app, &token, what).await;
    }
    let last = alice.len() - 1;
    for at in (0..alice.len()).step_by(9).chain(last - 3..=last) {
        let mut bytes = alice.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert_refused(&app, &changed, &format!("another character at {at}")).await;
        assert_refused(&app, &alice[..at.max(1)], &format!("cut at {at}")).await;
    }
    assert_eq!(me(&app, &alice).await.status, 200);
}

#[tokio::test]
async fn oversized_token_is_refused() {
    let app = TestApp::start().await;
    assert_refused(&app, &"x".repeat(100_000), "100 kB").await;
    let head = |token: &str| {
        format!("GET /me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let response = send_raw(&app.url, head(&"x".repeat(1_000_000)).into_bytes()).await;
    assert!((400..500).contains(&response.status), "{response:?}");
    let bytes = b"GET /me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe\r\n\r\n";
    let response = send_raw(&app.url, bytes.to_vec()).await;
    assert_refusal(&response, 401, "invalid_request", "not text");
    assert_eq!(TestResponse::to(app.get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn access_token_expires_after_20_minutes_and_30_seconds_of_leeway() {
    for app in [TestApp::start().await, hs256::start().await] {
        app.add_user("alice", &[]).await;
        let (used, unused) = (app.token_of("alice").await, app.token_of("alice").await);
        let claims = claims(&used);
        let lifetime = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
        assert_eq!(lifetime, Some(1_200));
        assert_eq!(me(&app, &used).await.status, 200);
        app.clock.advance(Duration::from_secs(20 * 60 + 15));
        assert_eq!(me(&app, &used).await.status, 200, "within the leeway");
        app.clock.advance(Duration::from_secs(16));
        assert_refused(&app, &used, "expired and cached").await;
        assert_refused(&app, &unused, "expired and seen for the first time").await;
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()))
}
