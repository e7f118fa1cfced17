//! The resource servers of `examples/`: the tokens that they accept and refuse, offline.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::process::Command;
use vestibule::config::KeyAlgorithm;
use vestibule::secret::{ServerKey, base64url};

use crate::harness::clients::text;
use crate::harness::hs256::{claims, part, sign_with, swap_claims};
use crate::harness::peers::{self, Listening, node, python};
use crate::harness::{PASSWORD, SERVER_KEY, ServerProcess, TestApp, TestResponse};

const ISSUER: &str = "http://localhost:8080";
/// The longest time until a resource server knows of a change: it polls every five seconds.
const SOON: Duration = Duration::from_secs(20);

/// Starts an example with these settings.
async fn start(example: &str, vestibule: &str, settings: &[(&str, &str)]) -> Listening {
    let port = peers::free_port();
    let mut command = match example {
        "fastapi" => {
            let mut command = python();
            command.args(["-m", "uvicorn", "fastapi_resource_server:app", "--log-level", "warning", "--app-dir"]);
            command.arg(peers::examples()).args(["--port", &port.to_string()]);
            command
        }
        "express" => node(&peers::examples().join("express_resource_server.mjs")),
        _ => Command::new(built("actix_resource_server")),
    };
    command.env("PORT", port.to_string()).env("ISSUER", ISSUER).env("VESTIBULE_URL", vestibule);
    Listening::start(envs(command, settings), port).await
}

fn envs(mut command: Command, settings: &[(&str, &str)]) -> Command {
    command.envs(settings.iter().copied());
    command
}

/// The path of a Rust example, which `cargo test --no-run` builds.
fn built(example: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a path");
    let built = tests.ancestors().nth(2).expect("a folder").join("examples").join(example);
    assert!(built.exists(), "{} is missing: cargo build --examples makes it", built.display());
    built
}

async fn ask(server: &Listening, token: &str) -> TestResponse {
    TestResponse::to(reqwest::Client::new().get(format!("{}/whoami", server.url)).bearer_auth(token)).await
}

/// Waits for this status.
async fn wait_for(status: u16, server: &Listening, token: &str) {
    let began = Instant::now();
    loop {
        let response = ask(server, token).await;
        if response.status == status {
            return;
        }
        assert!(began.elapsed() < SOON, "{response:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Invalid tokens, each with its error.
async fn bad_tokens(app: &TestApp, good: &str) -> Vec<(&'static str, String)> {
    let mut bob = claims(good);
    bob["sub"] = json!("bob");
    let [header, payload, signature] = [0, 1, 2].map(|at| good.split('.').nth(at).expect("a part"));
    let with_header = |change: &dyn Fn(&mut Value)| {
        let mut changed = part(good, 0);
        change(&mut changed);
        format!("{}.{payload}.{signature}", base64url(changed.to_string().as_bytes()))
    };
    let jwks = TestResponse::to(app.get("/.well-known/jwks.json")).await;
    let public_key = jwks.json()["keys"][0].to_string();
    let mut shared = part(good, 0);
    shared["alg"] = json!("HS256");
    app.clock.step_back(Duration::from_hours(1));
    let expired = app.token_of("alice").await;
    app.clock.advance(Duration::from_hours(1));
    vec![
        ("nothing in it", "x".to_owned()),
        ("other claims", swap_claims(good, &bob)),
        ("no signature", format!("{header}.{payload}.")),
        ("alg none", with_header(&|header| header["alg"] = json!("none"))),
        ("another typ", with_header(&|header| header["typ"] = json!("JWT"))),
        ("no kid", with_header(&|header| header["kid"] = Value::Null)),
        ("an unknown kid", with_header(&|header| header["kid"] = json!(base64url(digest_of(b"x").as_ref())))),
        ("the public key as a secret", sign_with(public_key.as_bytes(), &shared, &bob.to_string())),
        ("expired", expired),
        ("another issuer", token_of_another(app, "ISSUER", "https://other.example").await),
        ("another audience", token_of_another(app, "AUDIENCE", "other").await),
    ]
}

fn digest_of(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

/// A token that another server signed with the same key, on the same database.
async fn token_of_another(app: &TestApp, setting: &str, value: &str) -> String {
    let server = ServerProcess::start(&app.database, &[(setting, value)]);
    let form = [("username", "alice"), ("password", PASSWORD)];
    let response = TestResponse::to(app.client.post(format!("{}/token", server.url)).form(&form)).await;
    text(&response.json(), "access_token").to_owned()
}

async fn takes_good_tokens_and_no_others(example: &str) {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let issued = app.tokens_of("alice").await;
    let good = text(&issued, "access_token");
    let server = start(example, &app.url, &[]).await;
    let response = ask(&server, good).await;
    assert_eq!((response.status, response.json()), (200, json!({"sub": "alice", "scope": ""})), "{response:?}");
    let bare = TestResponse::to(reqwest::Client::new().get(format!("{}/whoami", server.url))).await;
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, r#"Bearer realm="example""#));
    for (what, token) in bad_tokens(&app, good).await {
        let response = ask(&server, &token).await;
        let challenge = response.header("www-authenticate");
        assert_eq!(
            (response.status, challenge),
            (401, r#"Bearer realm="example", error="invalid_token""#),
            "{what}: {response:?}"
        );
    }

    // Without the usual ten minutes of notice: the worst case for a resource server.
    let key = ServerKey::parse(SERVER_KEY).expect("a key");
    let rotation = app.admin().rotate_keys(KeyAlgorithm::Es256, &key, TimeDelta::zero(), TimeDelta::minutes(20)).await;
    rotation.expect("the database responds");
    app.services.tokens.keys().refresh(&app.services.db).await.expect("the database responds");
    let new = app.token_of("alice").await;
    assert_ne!(part(&new, 0)["kid"], part(good, 0)["kid"]);
    wait_for(200, &server, &new).await;
    assert_eq!(ask(&server, good).await.status, 200, "the old key's tokens live on");

    let revoked = app.post("/token/revoke").form(&[("token", text(&issued, "refresh_token"))]);
    assert_eq!(TestResponse::to(revoked).await.status, 200);
    wait_for(401, &server, good).await;
    assert_eq!(ask(&server, &new).await.status, 200, "another session lives on");

    // The resource server works on while Vestibule is unavailable.
    drop(app);
    assert_eq!((ask(&server, good).await.status, ask(&server, &new).await.status), (401, 200));
}

#[tokio::test]
async fn fastapi_example_accepts_valid_tokens_only() {
    takes_good_tokens_and_no_others("fastapi").await;
}

#[tokio::test]
async fn express_example_accepts_valid_tokens_only() {
    takes_good_tokens_and_no_others("express").await;
}

#[tokio::test]
async fn actix_example_accepts_valid_tokens_only() {
    takes_good_tokens_and_no_others("actix").await;
}

#[tokio::test]
async fn examples_require_their_audience_and_respond_503_without_keys() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let ours = token_of_another(&app, "AUDIENCE", "articles").await;
    let theirs = token_of_another(&app, "AUDIENCE", "invoices").await;
    let none = app.token_of("alice").await;
    let nobody = format!("http://127.0.0.1:{}", peers::free_port());
    for example in ["fastapi", "express", "actix"] {
        let server = start(example, &app.url, &[("AUDIENCE", "articles")]).await;
        let statuses = [ask(&server, &ours).await, ask(&server, &theirs).await, ask(&server, &none).await];
        assert_eq!(statuses.map(|response| response.status), [200, 401, 401], "{example}");
        let alone = start(example, &nobody, &[]).await;
        let response = ask(&alone, &none).await;
        assert_eq!((response.status, response.retry_after()), (503, Some(5)), "{example}: {response:?}");
    }
}
