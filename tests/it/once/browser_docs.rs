//! Swagger UI with a real browser: the server's own, and that of FastAPI's tutorial.

use crate::harness::browser::Browser;
use crate::harness::tutorial::{self, Moved};
use crate::harness::{PASSWORD, TestApp};

#[tokio::test]
async fn swagger_ui_signs_in_and_calls_me() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/docs", app.url)).await;
    authorize(&browser, "alice", PASSWORD).await;
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
    let moved = Moved::start();
    let _application = moved.start_application_with_docs(3).await;
    for origin in [&moved.origin, &moved.localhost_origin] {
        let browser = Browser::start().await;
        browser.goto(&format!("{origin}/docs")).await;
        authorize(&browser, "johndoe", tutorial::PASSWORD).await;
        let body = execute(&browser, "/users/me/", false).await;
        assert!(body.contains("\"full_name\": \"John Doe\""), "{body}");
        assert_eq!(browser.console().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn fastapi_tutorial_cannot_sign_in_from_an_origin_that_is_not_listed() {
    let moved = Moved::start_with_one_origin();
    let _application = moved.start_application_with_docs(3).await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/docs", moved.localhost_origin)).await;
    fill_in(&browser, "johndoe", tutorial::PASSWORD).await;
    let error = browser.text(".modal-ux .errors").await;
    assert!(error.contains("Failed to fetch"), "{error}");
}

/// Signs in by the Authorize button.
async fn authorize(browser: &Browser, username: &str, password: &str) {
    fill_in(browser, username, password).await;
    // The button that replaces it once there is a token.
    browser.find(".modal-ux .btn[aria-label='Remove authorization']").await;
    browser.click(".modal-ux .btn-done").await;
}

/// Submits the form of the Authorize button.
async fn fill_in(browser: &Browser, username: &str, password: &str) {
    browser.click(".auth-wrapper .btn.authorize").await;
    browser.fill("#oauth_username", username).await;
    browser.fill("#oauth_password", password).await;
    browser.click(".modal-ux .btn.modal-btn.auth.authorize").await;
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
