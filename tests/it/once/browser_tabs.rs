//! Two tabs, the back button, expired sessions, refused cookies and wrong clocks with a real browser.

use std::time::Duration;

use vestibule::users;

use crate::harness::browser::{Browser, BrowserOptions};
use crate::harness::cli::run;
use crate::harness::mail::MailServer;
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};

const SUBMIT: &str = "main form button[type=submit]";
const UNSAVED_TEXT: &str = "Alice Liddell, half";

async fn app_with_alice() -> TestApp {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    app
}

async fn browser(runs_scripts: bool) -> Browser {
    Browser::start_with(BrowserOptions { runs_scripts, ..BrowserOptions::default() }).await
}

async fn sign_in(browser: &Browser, password: &str) {
    browser.fill("#username", "alice").await;
    browser.fill("#password", password).await;
    browser.submit(SUBMIT).await;
}

async fn sign_out(browser: &Browser, app: &TestApp) {
    browser.goto(&format!("{}/logout", app.url)).await;
    browser.submit(SUBMIT).await;
    assert_eq!(browser.text("[role=status]").await, "You’re signed out.");
}

/// Types a display name without submitting it.
async fn begin_profile(browser: &Browser, app: &TestApp) {
    browser.goto(&format!("{}/account/profile", app.url)).await;
    browser.fill("#display_name", UNSAVED_TEXT).await;
}

/// The value of the field.
async fn typed(browser: &Browser) -> Option<String> {
    browser.find("#display_name").await.prop("value").await.expect("a field")
}

/// Signs in again after the notice and finds the typed text.
async fn find_text_again(browser: &Browser, app: &TestApp) {
    let notice = browser.text("[role=status]").await;
    assert!(notice.contains("Your session has ended") && notice.contains("Your changes are kept"), "{notice}");
    sign_in(browser, PASSWORD).await;
    assert_eq!(browser.path().await, "/account/profile");
    assert_eq!(typed(browser).await.as_deref(), Some(UNSAVED_TEXT));
    assert!(browser.text("[role=status]").await.contains("not saved yet."));
    browser.submit(SUBMIT).await;
    browser.goto(&app.url).await;
    assert!(browser.text("h1").await.contains(UNSAVED_TEXT), "once submitted, the text is saved");
}

async fn sign_out_in_one_tab_and_submit_in_the_other(runs_scripts: bool) {
    let app = app_with_alice().await;
    let browser = browser(runs_scripts).await;
    browser.goto(&app.url).await;
    sign_in(&browser, PASSWORD).await;
    begin_profile(&browser, &app).await;
    let first = browser.client.window().await.expect("a tab");
    browser.open_tab().await;
    sign_out(&browser, &app).await;
    browser.switch_to(&first).await;
    browser.submit(SUBMIT).await;
    find_text_again(&browser, &app).await;
}

#[tokio::test]
async fn form_sent_after_a_sign_out_in_another_tab_keeps_its_text() {
    sign_out_in_one_tab_and_submit_in_the_other(true).await;
}

#[tokio::test]
async fn form_sent_after_a_sign_out_in_another_tab_keeps_its_text_without_scripts() {
    sign_out_in_one_tab_and_submit_in_the_other(false).await;
}

async fn submit_a_form_after_the_session_expired(runs_scripts: bool) {
    let app = app_with_alice().await;
    let browser = browser(runs_scripts).await;
    browser.goto(&app.url).await;
    sign_in(&browser, PASSWORD).await;
    begin_profile(&browser, &app).await;
    app.clock.advance(Duration::from_hours(13));
    browser.submit(SUBMIT).await;
    find_text_again(&browser, &app).await;
}

#[tokio::test]
async fn form_sent_after_the_session_expired_keeps_its_text() {
    submit_a_form_after_the_session_expired(true).await;
}

#[tokio::test]
async fn form_sent_after_the_session_expired_keeps_its_text_without_scripts() {
    submit_a_form_after_the_session_expired(false).await;
}

async fn sign_in_twice(runs_scripts: bool) {
    let app = app_with_alice().await;
    let browser = browser(runs_scripts).await;
    let login = format!("{}/login", app.url);
    browser.goto(&login).await;
    let first = browser.client.window().await.expect("a tab");
    let second = browser.open_tab().await;
    browser.goto(&login).await;
    sign_in(&browser, PASSWORD).await;
    begin_profile(&browser, &app).await;
    browser.switch_to(&first).await;
    sign_in(&browser, PASSWORD).await;
    assert_eq!(browser.path().await, "/");
    // The second tab's form is older than the second sign-in: it is shown again with its text, and then saved.
    browser.switch_to(&second).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=alert]").await.contains("has expired"));
    assert_eq!(typed(&browser).await.as_deref(), Some(UNSAVED_TEXT));
    browser.submit(SUBMIT).await;
    assert_eq!(browser.path().await, "/account/profile?notice=profile-saved");
    browser.goto(&format!("{}/account/sessions", app.url)).await;
    let rows = browser.client.find_all(fantoccini::Locator::Css("form.list li")).await.expect("a list");
    assert_eq!(rows.len(), 1, "the first session of this browser has ended");
}

#[tokio::test]
async fn sign_in_in_two_tabs_leaves_one_session() {
    sign_in_twice(true).await;
}

#[tokio::test]
async fn sign_in_in_two_tabs_leaves_one_session_without_scripts() {
    sign_in_twice(false).await;
}

async fn go_back_after_the_sign_out(runs_scripts: bool) {
    let app = app_with_alice().await;
    let browser = browser(runs_scripts).await;
    browser.goto(&app.url).await;
    sign_in(&browser, PASSWORD).await;
    for path in ["/account/sessions", "/account/password", "/account/profile"] {
        browser.goto(&format!("{}{path}", app.url)).await;
    }
    // From another site, the back button could use the browser's page cache.
    browser.goto("data:text/html,<title>elsewhere</title>").await;
    let first = browser.client.window().await.expect("a tab");
    browser.open_tab().await;
    sign_out(&browser, &app).await;
    browser.switch_to(&first).await;
    for step in 0..4 {
        browser.client.back().await.expect("there is a page before");
        assert!(browser.path().await.starts_with("/login"), "step {step}: {}", browser.path().await);
        let page = browser.text("body").await;
        assert!(page.contains("Sign in") && !page.contains("alice"), "step {step}: {page}");
    }
}

#[tokio::test]
async fn back_button_after_sign_out_shows_no_account_page() {
    go_back_after_the_sign_out(true).await;
}

#[tokio::test]
async fn back_button_after_sign_out_shows_no_account_page_without_scripts() {
    go_back_after_the_sign_out(false).await;
}

async fn refuse_cookies(runs_scripts: bool) {
    let app = TestApp::start_with(|settings| settings.set("REGISTRATION", "invite")).await;
    app.add_user("alice", &[]).await;
    let options = BrowserOptions { runs_scripts, refuses_cookies: true, ..BrowserOptions::default() };
    let browser = Browser::start_with(options).await;
    browser.goto(&app.url).await;
    for _ in 0..2 {
        sign_in(&browser, PASSWORD).await;
        let alert = browser.text("[role=alert]").await;
        assert!(alert.contains("Cookies required") && alert.contains("Allow cookies for this site"), "{alert}");
        assert_eq!(browser.find("#username").await.prop("value").await.expect("a field").as_deref(), Some("alice"));
        browser.find("#username").await.clear().await.expect("emptied");
    }
    let mut command = app.database.command(&["invites", "add"]);
    command.env("REGISTRATION", "invite");
    let link = run(command).ok().out;
    browser.goto(&link.trim().replace("http://localhost:8080", &app.url)).await;
    assert!(browser.text("main").await.contains("allow cookies for this site and open the link again"));
}

#[tokio::test]
async fn refused_cookies_are_named_as_the_cause() {
    refuse_cookies(true).await;
}

#[tokio::test]
async fn refused_cookies_are_named_as_the_cause_without_scripts() {
    refuse_cookies(false).await;
}

/// Cookies must use `Max-Age`: with `Expires`, they would expire too early on a clock that is an hour ahead.
async fn use_clocks_an_hour_apart(runs_scripts: bool) {
    for is_ahead in [true, false] {
        let server = MailServer::start();
        let app = server.app().await;
        let hour = Duration::from_hours(1);
        if is_ahead {
            app.clock.advance(hour);
        } else {
            app.clock.step_back(hour);
        }
        let user = app.add_user("alice", &[]).await;
        app.write(move |conn| users::set_email(conn, user.id, Some("alice@example.com"))).await;
        let browser = browser(runs_scripts).await;
        browser.goto(&app.url).await;
        browser.submit("a[href='/password/forgot']").await;
        browser.fill("#login", "alice").await;
        browser.submit(SUBMIT).await;
        let mail = server.wait_for(1).await.remove(0);
        browser.goto(&format!("{}{}", app.url, mail.link())).await;
        browser.fill("#password", OTHER_PASSWORD).await;
        browser.submit(SUBMIT).await;
        assert_eq!(browser.path().await, "/login?notice=password-reset", "ahead: {is_ahead}");
        browser.click("#remember").await;
        sign_in(&browser, OTHER_PASSWORD).await;
        begin_profile(&browser, &app).await;
        let first = browser.client.window().await.expect("a tab");
        browser.open_tab().await;
        browser.goto(&app.url).await;
        browser.submit("button[lang=ko]").await;
        let cookies = browser.client.get_all_cookies().await.expect("cookies");
        let names: Vec<&str> = cookies.iter().map(fantoccini::cookies::Cookie::name).collect();
        for name in ["vestibule_session", "vestibule_token", "vestibule_device", "vestibule_language"] {
            assert!(names.contains(&name), "ahead: {is_ahead}: {name} in {names:?}");
        }
        // Still signed in.
        browser.find("a[href='/account/profile']").await;
        // The draft cookie lasts minutes: the text survives a sign-out and the next sign-in.
        browser.submit("button[lang=en]").await;
        sign_out(&browser, &app).await;
        browser.switch_to(&first).await;
        browser.submit(SUBMIT).await;
        sign_in(&browser, OTHER_PASSWORD).await;
        assert_eq!(typed(&browser).await.as_deref(), Some(UNSAVED_TEXT), "ahead: {is_ahead}");
    }
}

#[tokio::test]
async fn wrong_client_clock_does_not_affect_cookies() {
    use_clocks_an_hour_apart(true).await;
}

#[tokio::test]
async fn wrong_client_clock_does_not_affect_cookies_without_scripts() {
    use_clocks_an_hour_apart(false).await;
}
