//! Swagger UI with a real browser: the server's own, and that of FastAPI's tutorial.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::browser::Browser;
use crate::harness::peers::free_port;
use crate::harness::{PASSWORD, TestApp};

const SECRET: &str = "a secret of forty bytes or so, for HS256";

#[tokio::test]
async fn swagger_ui_signs_in_and_calls_me() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/docs", app.url)).await;
    authorize(&browser).await;
    let body = execute(&browser, "/me", true).await;
    assert!(body.contains("\"username\": \"alice\""), "{body}");
    assert_eq!(browser.console().await, Vec::<String>::new(), "no policy violation");
    // A violation would be on the console.
    browser.evaluate("void fetch('http://127.0.0.1:1/').catch(() => null)").await;
    let messages = browser.console().await;
    assert!(messages.iter().any(|line| line.contains("Content Security Policy")), "{messages:?}");
}

#[tokio::test]
async fn fastapi_tutorial_signs_in_and_accepts_the_token() {
    let port = free_port();
    let tutorial_url = format!("http://127.0.0.1:{port}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret_file = folder.path().join("jwt-secret");
    std::fs::write(&secret_file, SECRET).expect("written");
    let app = TestApp::start_with(|settings| {
        settings.set("JWT_SECRET_FILE", secret_file.display().to_string());
        settings.set("ALLOWED_ORIGINS", tutorial_url.clone());
    })
    .await;
    app.add_user("alice", &[]).await;
    let _tutorial = Tutorial::start(port, &app).await;
    let browser = Browser::start().await;
    browser.goto(&format!("{tutorial_url}/docs")).await;
    authorize(&browser).await;
    let body = execute(&browser, "/users/me", false).await;
    assert!(body.contains("\"username\": \"alice\""), "{body}");
    assert_eq!(browser.console().await, Vec::<String>::new());
}

async fn authorize(browser: &Browser) {
    browser.click(".auth-wrapper .btn.authorize").await;
    browser.fill("#oauth_username", "alice").await;
    browser.fill("#oauth_password", PASSWORD).await;
    browser.click(".modal-ux .btn.modal-btn.auth.authorize").await;
    // The button that replaces it once there is a token.
    browser.find(".modal-ux .btn[aria-label='Remove authorization']").await;
    browser.click(".modal-ux .btn-done").await;
}

/// Presses Execute on a GET, after "Try it out" unless that is done, and returns the body of the response.
async fn execute(browser: &Browser, path: &str, is_tried_out: bool) -> String {
    let operation = format!(".opblock-get:has([data-path='{path}'])");
    browser.click(&format!("{operation} .opblock-summary-control")).await;
    if !is_tried_out {
        browser.click(&format!("{operation} .try-out__btn:not(.cancel)")).await;
    }
    browser.click(&format!("{operation} .btn.execute")).await;
    let status = browser.text(&format!("{operation} .live-responses-table .response-col_status")).await;
    // Below the heading of the same class.
    let body = browser.text(&format!("{operation} .live-responses-table .response .highlight-code")).await;
    let live = browser.text(&format!("{operation} .live-responses-table tbody .response-col_status")).await;
    assert!(live.starts_with("200"), "{status} {live}: {body}");
    body
}

/// `tests/peers/tutorial_docs.py` under uvicorn. Killed when dropped.
struct Tutorial(Child);

impl Tutorial {
    async fn start(port: u16, app: &TestApp) -> Self {
        let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON: bin/test sets it");
        let child = Command::new(python)
            .args(["-m", "uvicorn", "tutorial_docs:app", "--app-dir", "tests/peers", "--log-level", "warning"])
            .args(["--port", &port.to_string()])
            .env("SECRET_KEY", SECRET)
            .env("TOKEN_URL", format!("{}/token", app.url))
            .env("SWAGGER_UI_URL", format!("{}/docs", app.url))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .spawn()
            .expect("the peers are installed");
        let tutorial = Self(child);
        for _ in 0..600 {
            if app.client.get(format!("http://127.0.0.1:{port}/openapi.json")).send().await.is_ok() {
                return tutorial;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("uvicorn does not respond");
    }
}

impl Drop for Tutorial {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
