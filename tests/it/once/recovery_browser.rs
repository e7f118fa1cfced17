//! Password reset and invitation with a real browser, with and without scripts.

use fantoccini::key::Key;
use vestibule::users;

use crate::harness::browser::{Browser, BrowserOptions};
use crate::harness::cli::run;
use crate::harness::mail::MailServer;
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};

const SUBMIT: &str = "form button[type=submit]";

async fn app(server: &MailServer) -> TestApp {
    let app = server.app_with(|settings| settings.set("REGISTRATION", "open")).await;
    let user = app.add_user("alice", &[]).await;
    app.write(move |conn| users::set_email(conn, user.id, Some("alice@example.com"))).await;
    app
}

/// Signs in on the page that follows a link, where the username is filled in and the password has the focus.
async fn sign_in_with_filled_in_name(browser: &Browser, username: &str, password: &str) {
    assert_eq!(browser.evaluate("document.querySelector('#username').value").await, username);
    browser.wait_until("document.activeElement.id == 'password'").await;
    // The keys go to the field that has the focus.
    browser.press_to_submit(&format!("{password}{}", char::from(Key::Enter))).await;
}

async fn reset_password(runs_scripts: bool) {
    let server = MailServer::start();
    let app = app(&server).await;
    let browser = Browser::start_with(BrowserOptions { runs_scripts, ..BrowserOptions::default() }).await;
    browser.goto(&format!("{}/login", app.url)).await;
    browser.submit("a[href='/password/forgot']").await;
    browser.fill("#login", "alice").await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=status]").await.contains("sent a link"));
    let mail = server.wait_for(1).await.remove(0);
    browser.goto(&format!("{}{}", app.url, mail.link())).await;
    assert_eq!(browser.path().await, "/password/reset", "the secret is not in the URL");
    browser.fill("#password", "too short").await;
    browser.press_to_submit(&char::from(Key::Enter).to_string()).await;
    assert!(browser.text("[role=alert]").await.contains("at least 12 characters"));
    if runs_scripts {
        browser.wait_until("document.activeElement.getAttribute('role') == 'alert'").await;
    }
    browser.fill("#password", OTHER_PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert_eq!(browser.path().await, "/login?notice=password-reset");
    sign_in_with_filled_in_name(&browser, "alice", OTHER_PASSWORD).await;
    assert!(browser.text("h1").await.contains("alice"));
    assert_eq!(browser.console().await, Vec::<String>::new(), "no policy violation");
}

#[tokio::test]
async fn forgotten_password_is_reset_by_mail() {
    reset_password(true).await;
}

#[tokio::test]
async fn forgotten_password_is_reset_by_mail_without_scripts() {
    reset_password(false).await;
}

async fn accept_invitation(runs_scripts: bool) {
    let server = MailServer::start();
    let app = app(&server).await;
    let mut command = app.database.command(&["invites", "add"]);
    command.env("REGISTRATION", "invite");
    let url = run(command).ok().out.replace("http://localhost:8080", &app.url);
    let browser = Browser::start_with(BrowserOptions { runs_scripts, ..BrowserOptions::default() }).await;
    browser.goto(url.trim()).await;
    assert_eq!(browser.path().await, "/invite");
    browser.fill("#username", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=alert]").await.contains("is taken"));
    browser.evaluate("void (document.querySelector('#username').value = '')").await;
    browser.fill("#username", "hana").await;
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=status]").await.contains("Your account is ready"));
    assert_eq!(browser.path().await, "/login?notice=account-made", "the name is not in the URL");
    sign_in_with_filled_in_name(&browser, "hana", PASSWORD).await;
    assert!(browser.text("h1").await.contains("hana"));
    assert_eq!(browser.console().await, Vec::<String>::new(), "no policy violation");
}

#[tokio::test]
async fn read_only_fields_look_read_only() {
    let server = MailServer::start();
    let app = app(&server).await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/login", app.url)).await;
    browser.fill("#username", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    for scheme in ["light", "dark"] {
        browser.emulate(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]).await;
        browser.goto(&format!("{}/account/password", app.url)).await;
        let style =
            |field: &str, property: &str| format!("getComputedStyle(document.querySelector('#{field}')).{property}");
        for property in ["backgroundColor", "borderTopColor", "color"] {
            let differs = format!("{} != {}", style("username", property), style("current", property));
            assert_eq!(browser.evaluate(&differs).await, true, "{scheme}: {property}");
        }
        let border = browser.evaluate(&style("username", "borderTopColor")).await;
        assert_eq!(border, "rgba(0, 0, 0, 0)", "{scheme}: no border");
    }
}

#[tokio::test]
async fn invited_user_creates_an_account() {
    accept_invitation(true).await;
}

#[tokio::test]
async fn invited_user_creates_an_account_without_scripts() {
    accept_invitation(false).await;
}
