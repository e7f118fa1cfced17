//! Hostile values of `next`, followed with a real browser.

use std::fmt::Write as _;

use crate::harness::browser::{Browser, BrowserOptions};
use crate::harness::{PASSWORD, TestApp};

const SUBMIT: &str = "main form button[type=submit]";
const ATTACKS: [&str; 20] = [
    "//evil.vestibule.test",
    "///evil.vestibule.test",
    "/\\evil.vestibule.test",
    "\\\\evil.vestibule.test",
    "/\t/evil.vestibule.test",
    "\t//evil.vestibule.test",
    "/\n/evil.vestibule.test",
    "/\r\n/evil.vestibule.test",
    "/\u{0}/evil.vestibule.test",
    "/\u{b}/evil.vestibule.test",
    "/.//evil.vestibule.test",
    "/x/..//evil.vestibule.test",
    "javascript:document.title='run'",
    "java\nscript:document.title='run'",
    "data:text/html,<title>run</title>",
    "http://evil.vestibule.test/",
    "https:evil.vestibule.test",
    "http://127.0.0.1@evil.vestibule.test/",
    "//alice:password@evil.vestibule.test/",
    "/\u{2028}/evil.vestibule.test",
];

/// Opens a page of another site with one link, and clicks on it.
async fn follow(browser: &Browser, app: &TestApp, path: &str, next: &str) {
    // Every byte as `%XX`, encoded once more because the other site's page is itself a URL.
    let next = next.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%25{byte:02X}").expect("writing to a String cannot fail");
        encoded
    });
    browser.goto(&format!("data:text/html,<a href='{}{path}?next={next}'>come</a>", app.url)).await;
    browser.submit("a").await;
    assert_same_origin(browser, app, &next).await;
}

async fn assert_same_origin(browser: &Browser, app: &TestApp, next: &str) {
    let url = browser.client.current_url().await.expect("a page is open");
    assert_eq!(url.origin().ascii_serialization(), app.url, "{next}");
    assert_eq!((url.username(), url.password()), ("", None), "{next}");
    assert!(browser.client.title().await.expect("a title").ends_with("· Vestibule"), "{next}");
}

/// Fills in the form by a script, which takes less time than keys.
async fn sign_in(browser: &Browser) {
    browser.find("#password").await;
    let form = format!("document.forms[0].username.value = 'alice', document.forms[0].password.value = '{PASSWORD}'");
    browser.evaluate(&format!("void ({form})")).await;
    browser.submit(SUBMIT).await;
}

async fn follow_attacks(runs_scripts: bool) {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let browser = Browser::start_with(BrowserOptions { runs_scripts, ..BrowserOptions::default() }).await;
    for next in ATTACKS {
        follow(&browser, &app, "/login", next).await;
        sign_in(&browser).await;
        assert_eq!(browser.path().await, "/", "{next:?}");
        assert_same_origin(&browser, &app, next).await;
        // A signed-in browser is redirected at once.
        follow(&browser, &app, "/login", next).await;
        assert_eq!(browser.path().await, "/", "{next:?}");
        follow(&browser, &app, "/logout", next).await;
        browser.submit(SUBMIT).await;
        assert_eq!(browser.path().await, "/login?notice=signed-out", "{next:?}");
        assert_same_origin(&browser, &app, next).await;
    }
    // A path on this server is followed, with its query.
    follow(&browser, &app, "/login", "/account/sessions?x=1").await;
    sign_in(&browser).await;
    assert_eq!(browser.path().await, "/account/sessions?x=1");
}

#[tokio::test]
async fn next_never_leads_a_browser_to_another_origin() {
    follow_attacks(true).await;
}

#[tokio::test]
async fn next_never_leads_a_browser_to_another_origin_without_scripts() {
    follow_attacks(false).await;
}
