//! Cookies that another host under the domain plants in a real browser.

use crate::harness::browser::Browser;
use crate::harness::proxies::{PROXY, start};
use crate::harness::visitor::{SESSION, Visitor};
use crate::harness::{PASSWORD, TestApp};

/// Sets a cookie for the whole domain from a page of another host.
async fn plant(browser: &Browser, app: &TestApp, name: &str, value: &str, path: &str) {
    browser.goto(&format!("{}/healthz", app.url.replace("127.0.0.1", "evil.vestibule.test"))).await;
    let cookie = format!("{name}={value}; domain=vestibule.test; path={path}");
    browser.evaluate(&format!("void (document.cookie = '{cookie}')")).await;
}

async fn sign_in(browser: &Browser) {
    browser.fill("#username", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.submit("main form button[type=submit]").await;
}

#[tokio::test]
async fn planted_cookies_are_removed_and_sign_nobody_in() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    app.add_user("mallory", &[]).await;
    let mallory = Visitor::new(&app);
    mallory.sign_in("mallory").await;
    let [session, proxy] = [SESSION, PROXY].map(|name| mallory.cookie(name).expect("signed in"));
    let browser = Browser::start().await;
    let login = app.url.replace("127.0.0.1", "login.vestibule.test");
    browser.goto(&format!("{login}/login?next=/account/profile")).await;
    sign_in(&browser).await;
    assert_eq!(browser.path().await, "/account/profile");

    for path in ["/", "/account", "/account/profile"] {
        plant(&browser, &app, SESSION, &session, path).await;
        browser.goto(&format!("{login}/account/profile")).await;
        assert!(browser.path().await.starts_with("/login?"), "{path}: no one is signed in");
        sign_in(&browser).await;
        assert_eq!(browser.path().await, "/account/profile", "{path}: alice is not locked out");
        assert!(browser.text("main").await.contains("alice"), "{path}");
        // The server's own cookies are `HttpOnly`, the planted ones are not.
        let visible = browser.evaluate("document.cookie").await;
        assert!(!visible.as_str().expect("text").contains(SESSION), "{path}: {visible}");
    }

    plant(&browser, &app, PROXY, &proxy, "/account").await;
    browser.goto(&format!("{login}/account/profile")).await;
    assert_eq!(browser.path().await, "/account/profile", "the session is not affected");
    let visible = browser.evaluate("document.cookie").await;
    assert!(!visible.as_str().expect("text").contains(PROXY), "{visible}");
}
