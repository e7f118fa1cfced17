//! A handler or a database step that panics costs one request: it gets a 500, and everything else goes on.

use std::time::Duration;

use serde_json::Value;
use vestibule::db::DbError;

use crate::harness::{PASSWORD, TestApp, TestResponse};

/// Moves the clock to the last moment that it knows: adding to it overflows, which panics.
const TO_THE_END: Duration = Duration::from_hours(285_000 * 365 * 24);

#[tokio::test]
async fn handler_that_panics_is_a_500_with_a_request_id_on_a_connection_that_lives_on() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let (browser, login) = (TestApp::browser(), format!("{}/login", app.url));
    browser.get(&login).send().await.expect("the form and its cookie");
    app.clock.advance(TO_THE_END);
    let response = app.post_token("alice", PASSWORD).await;
    assert_eq!(response.status(), 500);
    for (name, value) in [("x-content-type-options", "nosniff"), ("cache-control", "no-store")] {
        assert_eq!(response.headers()[name], value);
    }
    let body: Value = response.json().await.expect("JSON");
    assert_eq!((body["error"].as_str(), body["request_id"].as_str().map(str::len)), (Some("server_error"), Some(22)));
    // As a page.
    let form = [("username", "alice"), ("password", PASSWORD)];
    let request =
        browser.post(&login).header("accept", "text/html").header("sec-fetch-site", "same-origin").form(&form);
    let page = TestResponse::to(request).await;
    assert_eq!(page.status, 500, "{}", page.text());
    assert!(page.text().contains("<title>") && page.text().contains("<code>"), "{}", page.text());
    app.clock.step_back(TO_THE_END);
    for _ in 0..4 {
        assert_eq!(app.get_me(&token).await.status(), 200, "every worker lives on");
    }
}

#[tokio::test]
async fn connection_outlives_a_panic_of_its_handler() {
    use std::io::{Read as _, Write as _};

    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    app.clock.advance(TO_THE_END);
    let address = app.url.strip_prefix("http://").expect("a URL").to_owned();
    let body = format!("username=alice&password={}", PASSWORD.replace(' ', "+"));
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = move || {
        let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
        let mut responses = String::new();
        for request in [request.as_str(), "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"] {
            stream.write_all(request.as_bytes()).expect("the connection is open");
            let mut bytes = [0; 4_096];
            let count = stream.read(&mut bytes).expect("a response");
            responses.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        responses
    };
    let responses = tokio::task::spawn_blocking(exchange).await.expect("no panic");
    assert!(responses.starts_with("HTTP/1.1 500 ") && responses.contains("HTTP/1.1 200 "), "{responses}");
}

#[tokio::test]
async fn database_step_that_panics_costs_no_connection() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    // More than there are connections.
    for round in 0..20 {
        let db = app.services.db.clone();
        let step = tokio::spawn(async move {
            if round % 2 == 0 {
                db.read(|_| -> Result<(), DbError> { panic!("a test's panic") }).await
            } else {
                db.write(|_| -> Result<(), DbError> { panic!("a test's panic") }).await
            }
        });
        assert!(step.await.is_err_and(|error| error.is_panic()));
    }
    assert_eq!(app.post_token("alice", PASSWORD).await.status(), 200);
}
