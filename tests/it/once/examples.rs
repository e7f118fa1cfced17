//! The resource servers of `examples/`: the tokens that they accept and refuse, offline.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::process::Command;
use vestibule::config::KeyAlgorithm;
use vestibule::secret::{ServerKey, base64url};
use vestibule::{sessions, users};

use crate::harness::clients::text;
use crate::harness::hs256::{claims, part, sign_with, swap_claims};
use crate::harness::peers::{self, ListeningProcess, node, python};
use crate::harness::{PASSWORD, SERVER_KEY, ServerProcess, TestApp, TestResponse};
use crate::revocation_bounds;

const ISSUER: &str = "http://localhost:8080";
/// The longest time until a resource server knows of a change: it polls every five seconds.
const POLL_TIMEOUT: Duration = Duration::from_secs(20);

/// Starts an example with these settings.
async fn start(example: &str, vestibule: &str, settings: &[(&str, &str)]) -> ListeningProcess {
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
    ListeningProcess::start(with_settings(command, settings), port).await
}

fn with_settings(mut command: Command, settings: &[(&str, &str)]) -> Command {
    command.envs(settings.iter().copied());
    command
}

/// The path of a Rust example, which `cargo test --no-run` builds.
fn built(example: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a path");
    let built = tests.ancestors().nth(2).expect("a folder").join("examples").join(example);
    assert!(built.exists(), "{} is missing: cargo build --examples builds it", built.display());
    built
}

async fn get_whoami(server: &ListeningProcess, token: &str) -> TestResponse {
    TestResponse::to(crate::harness::http_client().get(format!("{}/whoami", server.url)).bearer_auth(token)).await
}

/// Waits for this status.
async fn wait_for(status: u16, server: &ListeningProcess, token: &str) {
    let began = Instant::now();
    loop {
        let response = get_whoami(server, token).await;
        if response.status == status {
            return;
        }
        assert!(began.elapsed() < POLL_TIMEOUT, "{response:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Invalid tokens, each with its error.
async fn invalid_tokens(app: &TestApp, valid: &str) -> Vec<(&'static str, String)> {
    let mut bob = claims(valid);
    bob["sub"] = json!("bob");
    let [header, payload, signature] = [0, 1, 2].map(|at| valid.split('.').nth(at).expect("a part"));
    let with_header = |change: &dyn Fn(&mut Value)| {
        let mut changed = part(valid, 0);
        change(&mut changed);
        format!("{}.{payload}.{signature}", base64url(changed.to_string().as_bytes()))
    };
    let jwks = TestResponse::to(app.get("/.well-known/jwks.json")).await;
    let public_key = jwks.json()["keys"][0].to_string();
    let mut shared = part(valid, 0);
    shared["alg"] = json!("HS256");
    app.clock.step_back(Duration::from_hours(1));
    let expired = app.token_of("alice").await;
    app.clock.advance(Duration::from_hours(1));
    vec![
        ("not a JWT", "x".to_owned()),
        ("other claims", swap_claims(valid, &bob)),
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

/// Starts and ends more sessions of alice than are listed one by one.
async fn end_many_sessions(app: &TestApp) {
    let id = app.write(|conn| users::find_by_key(conn, "alice")).await.expect("the user").id;
    revocation_bounds::end_sessions(app, id, sessions::MAX_LISTED + 1).await;
}

async fn assert_accepts_valid_tokens_only(example: &str) {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let issued = app.tokens_of("alice").await;
    let valid = text(&issued, "access_token");
    let server = start(example, &app.url, &[]).await;
    let response = get_whoami(&server, valid).await;
    assert_eq!((response.status, response.json()), (200, json!({"sub": "alice", "scope": ""})), "{response:?}");
    let bare = TestResponse::to(crate::harness::http_client().get(format!("{}/whoami", server.url))).await;
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, r#"Bearer realm="example""#));
    for (what, token) in invalid_tokens(&app, valid).await {
        let response = get_whoami(&server, &token).await;
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
    assert_ne!(part(&new, 0)["kid"], part(valid, 0)["kid"]);
    wait_for(200, &server, &new).await;
    assert_eq!(get_whoami(&server, valid).await.status, 200, "tokens of the old key are still valid");

    let revoked = app.post("/token/revoke").form(&[("token", text(&issued, "refresh_token"))]);
    assert_eq!(TestResponse::to(revoked).await.status, 200);
    wait_for(401, &server, valid).await;
    assert_eq!(get_whoami(&server, &new).await.status, 200, "another session is still valid");

    // So many sessions end that one entry of their holder replaces most of theirs.
    end_many_sessions(&app).await;
    wait_for(401, &server, &new).await;
    let later = app.token_of("alice").await;
    assert_eq!(get_whoami(&server, &later).await.status, 200, "a later session is valid");

    // The resource server keeps working while Vestibule is unavailable.
    drop(app);
    let statuses = [valid, &new, &later].map(|token| get_whoami(&server, token));
    let statuses = futures_util::future::join_all(statuses).await;
    assert_eq!(statuses.iter().map(|response| response.status).collect::<Vec<_>>(), [401, 401, 200]);
}

#[tokio::test]
async fn fastapi_example_accepts_valid_tokens_only() {
    assert_accepts_valid_tokens_only("fastapi").await;
}

#[tokio::test]
async fn express_example_accepts_valid_tokens_only() {
    assert_accepts_valid_tokens_only("express").await;
}

#[tokio::test]
async fn actix_example_accepts_valid_tokens_only() {
    assert_accepts_valid_tokens_only("actix").await;
}

#[tokio::test]
async fn examples_require_their_audience_and_respond_503_without_keys() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let ours = token_of_another(&app, "AUDIENCE", "articles").await;
    let theirs = token_of_another(&app, "AUDIENCE", "invoices").await;
    let none = app.token_of("alice").await;
    let unreachable = format!("http://127.0.0.1:{}", peers::free_port());
    for example in ["fastapi", "express", "actix"] {
        let server = start(example, &app.url, &[("AUDIENCE", "articles")]).await;
        let statuses =
            [get_whoami(&server, &ours).await, get_whoami(&server, &theirs).await, get_whoami(&server, &none).await];
        assert_eq!(statuses.map(|response| response.status), [200, 401, 401], "{example}");
        let without_keys = start(example, &unreachable, &[]).await;
        let response = get_whoami(&without_keys, &none).await;
        assert_eq!((response.status, response.retry_after()), (503, Some(5)), "{example}: {response:?}");
    }
}
