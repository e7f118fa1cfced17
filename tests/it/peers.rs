//! Programs that others wrote, in Python, against our tokens and keys: PyJWT, python-jose, Authlib, FastAPI's tutorial (`tests/peers/`).
//! What may not live here: anything that they do not check.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use vestibule::clients::GrantType;

use crate::harness::hs256::{self, JWT_SECRET, claims, part};
use crate::harness::{Answer, PASSWORD, TestApp};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// The interpreter with `tests/peers/requirements.txt` installed, which `bin/test` makes.
fn python() -> Command {
    let made = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin/python");
    let interpreter = std::env::var_os("TEST_PYTHON").map_or(made, PathBuf::from);
    assert!(interpreter.exists(), "{} is missing: bin/test makes it", interpreter.display());
    let mut command = Command::new(interpreter);
    command.kill_on_drop(true).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What a script prints: the claims, or why it refuses.
async fn ask(script: &str, environment: &[(&str, &str)]) -> Value {
    let mut command = python();
    command.arg(folder().join(script)).envs(environment.iter().copied());
    let output = command.output().await.expect("the interpreter runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn swap_payload(token: &str, claims: &Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    [parts[0], &vestibule::secret::base64url(claims.to_string().as_bytes()), parts[2]].join(".")
}

#[tokio::test]
async fn pyjwt_verifies_every_algorithm_by_the_published_keys_alone() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let app = TestApp::start_with(|settings| settings.jwt_algorithm = Some(algorithm.to_owned())).await;
        app.add_user("alice", &["admin"]).await;
        let token = app.token_of("alice").await;
        let keys = format!("{}/.well-known/jwks.json", app.url);
        let environment = [("JWKS_URL", keys.as_str()), ("ISSUER", "http://localhost:8080"), ("ALGORITHM", algorithm)];
        let check = async |token: &str| ask("verify_jwks.py", &[&environment[..], &[("TOKEN", token)]].concat()).await;
        assert_eq!(check(&token).await, claims(&token), "{algorithm}");
        let mut forged = claims(&token);
        forged["sub"] = json!("bob");
        let refused = json!({"refused": "InvalidSignatureError"});
        assert_eq!(check(&swap_payload(&token, &forged)).await, refused, "{algorithm}");
    }
}

#[tokio::test]
async fn pyjwt_and_python_jose_verify_hs256_by_the_shared_secret() {
    let app = hs256::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let answers = ask("verify_hs256.py", &[("TOKEN", &token), ("SECRET_KEY", JWT_SECRET)]).await;
    assert_eq!(answers, json!({"PyJWT": claims(&token), "python-jose": claims(&token)}));
    let another =
        ask("verify_hs256.py", &[("TOKEN", &token), ("SECRET_KEY", "another secret of over thirty-two bytes")]).await;
    assert_eq!(another, json!({"PyJWT": "InvalidSignatureError", "python-jose": "JWTError"}));
}

/// The tutorial's application under uvicorn, killed when dropped.
struct Tutorial {
    url: String,
    _child: Child,
}

impl Tutorial {
    async fn start(token_url: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut command = python();
        command.args(["-m", "uvicorn", "tutorial_app:app", "--log-level", "warning", "--app-dir"]).arg(folder());
        command.args(["--port", &port.to_string()]).env("SECRET_KEY", JWT_SECRET).env("TOKEN_URL", token_url);
        let tutorial = Self {
            url: format!("http://127.0.0.1:{port}"),
            _child: command.stdin(Stdio::null()).spawn().expect("uvicorn runs"),
        };
        let began = Instant::now();
        while reqwest::get(format!("{}/openapi.json", tutorial.url)).await.is_err() {
            assert!(began.elapsed() < Duration::from_mins(1), "uvicorn does not listen");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tutorial
    }
}

#[tokio::test]
async fn the_fastapi_tutorials_resource_server_takes_our_token_and_refuses_a_forged_one() {
    let app = hs256::start().await;
    app.add_user("alice", &[]).await;
    let tutorial = Tutorial::start(&format!("{}/token", app.url)).await;
    let document = Answer::to(app.client.get(format!("{}/openapi.json", tutorial.url))).await.json();
    let flow = &document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"];
    // As the Authorize button of its /docs does: ask the token URL that the document names, with these fields.
    let token_url = flow["tokenUrl"].as_str().expect("a URL");
    let fields = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", "")];
    let issued =
        Answer::to(app.client.post(token_url).form(&fields).header("authorization", "Basic Og==")).await.json();
    let token = issued["access_token"].as_str().expect("a token");
    let me = |token: &str| Answer::to(app.client.get(format!("{}/users/me", tutorial.url)).bearer_auth(token));
    let answer = me(token).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"username": "alice"})));
    let mut bob = claims(token);
    bob["sub"] = json!("bob");
    let unsigned = part(token, 0).to_string().replace("HS256", "none");
    let none =
        format!("{}.{}.", vestibule::secret::base64url(unsigned.as_bytes()), token.split('.').nth(1).expect("claims"));
    let stranger =
        hs256::sign_with(b"another secret that is longer than thirty-two", &hs256::header(), &bob.to_string());
    for forged in [swap_payload(token, &bob), none, stranger, "garbage".to_owned()] {
        assert_eq!(me(&forged).await.status, 401, "{forged}");
    }
}

#[tokio::test]
async fn authlib_uses_every_grant_and_gives_tokens_back() {
    let app = TestApp::start().await;
    app.add_user("alice", &["editor"]).await;
    app.allow("editor", "read write").await;
    let client = app.add_client("authlib", &GrantType::ALL, "read").await;
    let environment = [
        ("URL", app.url.as_str()),
        ("CLIENT_ID", &client.id),
        ("CLIENT_SECRET", &client.secret),
        ("PASSWORD", PASSWORD),
    ];
    let saw = ask("authlib_client.py", &environment).await;
    let user = json!({
        "scope": "read", "rotated": true, "active": true, "me": "alice", "revoked": 200,
        "active_after": {"active": false}, "refused": "invalid_grant",
    });
    let own = json!({"scope": "read", "has_refresh_token": false});
    let expected = json!({"client_secret_basic": user, "client_secret_post": user, "client_credentials": own});
    assert_eq!(saw, expected);
}
