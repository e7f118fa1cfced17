//! Refusals of `/token` that depend on the database, as in the table "Errors" of `docs/architecture.md`.

use reqwest::RequestBuilder;
use vestibule::users;

use crate::harness::hs256::claims;
use crate::harness::responses::assert_refusal;
use crate::harness::{PASSWORD, TestApp, TestResponse};

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const JSON: &str = "application/json";

pub fn post(app: &TestApp, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    app.post("/token").header("content-type", content_type).body(body)
}

#[tokio::test]
async fn repeated_or_unreadable_parameter_is_an_invalid_request() {
    let app = TestApp::start().await;
    for (content_type, body) in [
        (FORM, &b"username=alice&username=bob&password=x"[..]),
        (FORM, b"username=alice&password=x&password=x"),
        (FORM, b"username=alice&password=x&grant_type=password&grant_type=password"),
        (FORM, b"username=alice&password=x&%75sername=alice"),
        (FORM, b"username=alice&password=x&scope=&scope="),
        (FORM, b"username=%FF&password=x"),
        (FORM, b"username=alice&password=\xff\xfe"),
        (FORM, b"username=alice&password=%C3"),
        (FORM, b"username=ali%00ce&password=x"),
        (FORM, b"username=alice&password=x%00"),
        (FORM, b"username=alice&password=x&other=%00"),
        (FORM, b"username=alice&password=x\0"),
        (JSON, br#"{"username":"alice","username":"bob","password":"x"}"#),
        (JSON, br#"{"username":"alice","password":"x","password":"x"}"#),
        (JSON, br#"{"username":"alice","password":"x","\u0070assword":"x"}"#),
        (JSON, b"{\"username\":\"\xff\",\"password\":\"x\"}"),
        (JSON, br#"{"username":"ali\u0000ce","password":"x"}"#),
        (JSON, br#"{"username":"alice","password":"x\u0000"}"#),
        (JSON, br#"{"username":"\ud800","password":"x"}"#),
        (JSON, br#"{"username":"alice","password":"x""#),
        (JSON, br#"{"username":"alice","password":"x"} {}"#),
    ] {
        let response = TestResponse::to(post(&app, content_type, body)).await;
        assert_refusal(&response, 400, "invalid_request", &format!("{content_type} {}", String::from_utf8_lossy(body)));
    }
}

#[tokio::test]
async fn token_response_is_identical_for_unknown_disabled_and_deleted_users() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (disabled, deleted) = (app.add_user("dora", &[]).await.id, app.add_user("dell", &[]).await.id);
    let now = app.clock.now();
    app.write(move |conn| {
        assert!(users::set_disabled(conn, disabled, Some(now))?);
        assert!(users::delete(conn, deleted, now)?);
        Ok(())
    })
    .await;
    let mut responses = Vec::new();
    for (name, password) in [
        ("alice", "the wrong password"),
        ("nobody", PASSWORD),
        ("nobody", "the wrong password"),
        ("dora", PASSWORD),
        ("dora", "the wrong password"),
        ("dell", PASSWORD),
        ("<nobody may be called that>", PASSWORD),
    ] {
        let form = [("username", name), ("password", password), ("grant_type", "password")];
        responses.push((name, TestResponse::to(app.post("/token").form(&form)).await));
        let json = serde_json::json!({"username": name, "password": password});
        responses.push((name, TestResponse::to(app.post("/token").json(&json)).await));
    }
    for (name, response) in &responses {
        assert_refusal(response, 400, "invalid_grant", name);
        assert_eq!(response, &responses[0].1, "{name}");
    }
}

#[tokio::test]
async fn disallowed_scope_is_reported_after_the_password_check() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    for (password, scope, error) in [
        (PASSWORD, "admin", "invalid_scope"),
        (PASSWORD, "read write", "invalid_scope"),
        (PASSWORD, "not\ta\tscope", "invalid_scope"),
        ("the wrong password", "not\ta\tscope", "invalid_scope"),
        ("the wrong password", "admin", "invalid_grant"),
    ] {
        let form = [("username", "alice"), ("password", password), ("scope", scope)];
        assert_refusal(&TestResponse::to(app.post("/token").form(&form)).await, 400, error, scope);
        let json = serde_json::json!({"username": "alice", "password": password, "scope": scope});
        assert_refusal(&TestResponse::to(app.post("/token").json(&json)).await, 400, error, scope);
    }
    let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", "")];
    let body = TestResponse::to(app.post("/token").form(&form)).await.json();
    let claims = claims(body["access_token"].as_str().expect("FastAPI's empty scope requests nothing"));
    assert_eq!((&claims["scope"], &claims["roles"]), (&"".into(), &serde_json::json!([])));
}

#[tokio::test]
async fn throttled_token_request_is_429_with_retry_after() {
    let app = TestApp::start_with(|settings| settings.set("THROTTLE_ACCOUNT_NETWORK", "2")).await;
    for _ in 0..2 {
        let response = TestResponse::read(app.post_token("alice", "the wrong password").await).await;
        assert_refusal(&response, 400, "invalid_grant", "a wrong password");
    }
    let form = TestResponse::read(app.post_token("alice", PASSWORD).await).await;
    assert_refusal(&form, 429, "too_many_requests", "form");
    let json =
        TestResponse::to(app.post("/token").json(&serde_json::json!({"username": "alice", "password": "x"}))).await;
    assert_refusal(&json, 429, "too_many_requests", "JSON");
    assert!(form.retry_after().is_some_and(|wait| (1..=30).contains(&wait)), "{form:?}");
}
