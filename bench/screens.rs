//! Takes the pictures of `docs/screens/`, as `bin/screens` runs it.

#[expect(unused, reason = "the integration tests use more of it")]
#[path = "../tests/it/harness/mod.rs"]
mod harness;

use std::path::Path;

use harness::browser::{Browser, BrowserOptions, HOST_NAME};
use harness::{PASSWORD, TestApp};

const SUBMIT: &str = "form button[type=submit]";
const WIDE: (u32, u32) = (1_100, 900);
const NARROW: (u32, u32) = (320, 640);

#[tokio::main]
async fn main() {
    let app = TestApp::start_with(|settings| {
        settings.set("THROTTLE_ACCOUNT_NETWORK", "2");
        settings.set("THROTTLE_WAIT", "10m");
    })
    .await;
    let browser = Browser::start().await;
    let login = format!("{}/login", app.url);
    browser.resize(WIDE.0, WIDE.1).await;
    browser.goto(&login).await;
    take(&browser, "wide").await;
    browser.resize(NARROW.0, NARROW.1).await;
    browser.goto(&login).await;
    take(&browser, "narrow").await;
    browser.resize(WIDE.0, WIDE.1).await;

    browser.goto(&login).await;
    fill(&browser, "hana", "wrong password").await;
    assert!(browser.text("[role=alert]").await.contains("Incorrect username or password"));
    take(&browser, "wrong-password").await;
    fill(&browser, "hana", "wrong password").await;
    fill(&browser, "hana", "wrong password").await;
    assert!(browser.text("[role=alert]").await.contains("Try again in 10 minutes"));
    take(&browser, "throttled").await;

    stale_form(&browser, &login).await;
    take(&browser, "stale-form").await;

    let setup_link = app.setup_link.as_deref().expect("the server prints a set-up link");
    browser.goto(&format!("{}/setup?link={setup_link}", app.url)).await;
    browser.fill("#display_name", "Hana Kim").await;
    fill(&browser, "hana.kim", PASSWORD).await;
    browser.goto(&app.url).await;
    assert!(browser.text("h1").await.contains("Hana Kim"));
    take(&browser, "signed-in").await;
    browser.submit(SUBMIT).await;

    browser.emulate(&[("prefers-color-scheme", "dark")]).await;
    browser.goto(&login).await;
    assert_eq!(browser.evaluate("matchMedia('(prefers-color-scheme: dark)').matches").await, true);
    take(&browser, "dark").await;
    drop(browser);

    let korean = Browser::start_with(BrowserOptions { language: "ko", ..BrowserOptions::default() }).await;
    korean.resize(WIDE.0, WIDE.1).await;
    korean.goto(&login).await;
    assert_eq!(korean.text("h1").await, "로그인");
    take(&korean, "korean").await;
}

/// A form whose token is old, from a browser that does not say where it comes from: over http it sends no `Sec-Fetch-Site` to a
/// name that is not this machine's, and `Origin: null` says nothing.
async fn stale_form(browser: &Browser, login: &str) {
    browser.goto(&login.replace("127.0.0.1", HOST_NAME)).await;
    browser.evaluate("void (document.forms[0].csrf.value = 'stale')").await;
    browser.send_header("Origin", Some("null")).await;
    fill(browser, "hana", PASSWORD).await;
    browser.send_header("Origin", None).await;
    let alert = browser.text("[role=alert]").await;
    assert!(alert.contains("has expired"), "{alert}");
}

async fn fill(browser: &Browser, username: &str, password: &str) {
    browser.fill("#username", username).await;
    browser.fill("#password", password).await;
    browser.submit(SUBMIT).await;
}

async fn take(browser: &Browser, name: &str) {
    let picture = browser.client.screenshot().await.expect("a picture");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screens");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(format!("{name}.png")), picture).expect("written");
}
