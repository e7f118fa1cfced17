//! An account from invitation to password reset, with real browsers and a real mail server.

use vestibule::recovery::{EmailChangeRequest, request_email_change};
use vestibule::users::{self, LookupName};

use crate::harness::browser::{Browser, BrowserOptions};
use crate::harness::cli::run;
use crate::harness::mail::{MailServer, Received};
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};

const SUBMIT: &str = "main form button[type=submit]";
const FIRST_ADDRESS: &str = "hana@example.org";
const ADDRESS: &str = "hana@example.com";

async fn open_link(browser: &Browser, app: &TestApp, mail: &Received) {
    browser.goto(&format!("{}{}", app.url, mail.link())).await;
    assert!(!browser.path().await.contains("link="), "the secret is not in the URL");
}

async fn sign_in(browser: &Browser, username: &str, password: &str) {
    browser.fill("#username", username).await;
    browser.fill("#password", password).await;
    browser.submit(SUBMIT).await;
}

async fn accept_invitation(browser: &Browser, app: &TestApp) {
    let mut command = app.database.command(&["invites", "add"]);
    command.env("REGISTRATION", "invite");
    let link = run(command).ok().out;
    browser.goto(&link.trim().replace("http://localhost:8080", &app.url)).await;
    browser.fill("#username", "hana").await;
    browser.fill("#display_name", "Hana Kim").await;
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=status]").await.contains("Your account is ready"));
    // The username is filled in.
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("h1").await.contains("Hana Kim"));
}

async fn verify_first_address(browser: &Browser, app: &TestApp, server: &MailServer) {
    let accounts = &app.services.accounts;
    let name = LookupName::parse("hana").expect("a name");
    let user = accounts.find(&name).await.expect("the database responds").expect("hana exists");
    let requested = request_email_change(accounts, accounts.outbox().clone(), user, FIRST_ADDRESS.to_owned()).await;
    assert_eq!(requested.expect("the database responds"), EmailChangeRequest::Queued);
    confirm_address(browser, app, server, FIRST_ADDRESS).await;
}

/// Confirms the address by the mail to it.
async fn confirm_address(browser: &Browser, app: &TestApp, server: &MailServer, address: &'static str) {
    let mail = server.wait_for_one(address, "Confirm your email address for Vestibule").await;
    open_link(browser, app, &mail).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=status]").await.contains("Your email address is confirmed."));
    browser.goto(&format!("{}/account/profile", app.url)).await;
    assert!(browser.text("main").await.contains(address));
    let owner = app.write(move |conn| users::find_by_verified_email_key(conn, address)).await;
    assert!(owner.is_some());
}

async fn change_address(browser: &Browser, app: &TestApp, server: &MailServer) {
    browser.submit("main a[href='/account/email']").await;
    browser.fill("#email", ADDRESS).await;
    browser.fill("#current", "not my password").await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=alert]").await.contains("Incorrect password"));
    assert_eq!(browser.evaluate("document.querySelector('#email').value").await, ADDRESS, "the typed address is kept");
    browser.fill("#current", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=status]").await.contains("sent an email to the new address"));
    server.wait_for_one(FIRST_ADDRESS, "Request to change your email at Vestibule").await;
    confirm_address(browser, app, server, ADDRESS).await;
    server.wait_for_one(FIRST_ADDRESS, "Your email address at Vestibule was changed").await;
}

/// Saves Korean and then English as the account's language.
async fn change_language(browser: &Browser) {
    for (language, status) in [("ko", "저장"), ("en", "saved")] {
        browser.evaluate(&format!("void (document.querySelector('#language').value = '{language}')")).await;
        browser.submit(SUBMIT).await;
        assert_eq!(browser.evaluate("document.documentElement.lang").await, language);
        let notice = browser.text("[role=status]").await;
        assert!(notice.contains(status), "{notice}");
    }
}

/// Signs the phone in, and out again from the laptop.
async fn sign_out_other_device([laptop, phone]: &[Browser; 2], app: &TestApp, server: &MailServer) {
    phone.goto(&app.url).await;
    sign_in(phone, "hana", PASSWORD).await;
    assert!(phone.text("h1").await.contains("Hana Kim"));
    let mail = server.wait_for_one(ADDRESS, "New sign-in to Vestibule").await;
    assert!(mail.text.contains("Chrome") && mail.text.contains("127.0.0.1"), "{}", mail.text);
    assert!(mail.text.starts_with("Hi Hana Kim,"), "{}", mail.text);
    laptop.goto(&format!("{}/account/sessions", app.url)).await;
    assert!(laptop.text("main").await.contains("This device"));
    laptop.submit("ul button[name=end]").await;
    assert_eq!(laptop.text("[role=status]").await, "That device is signed out.");
    assert!(!laptop.has("ul button[name=end]").await, "no other session is listed");
    phone.goto(&format!("{}/account/profile", app.url)).await;
    assert!(phone.text("[role=status]").await.contains("Your session has ended"));
    laptop.goto(&app.url).await;
    assert!(laptop.text("h1").await.contains("Hana Kim"), "the laptop is still signed in");
}

/// Returns the mail with the link that was used.
async fn reset_password([laptop, phone]: &[Browser; 2], app: &TestApp, server: &MailServer) -> Received {
    phone.submit("a[href='/password/forgot']").await;
    phone.fill("#login", ADDRESS).await;
    phone.submit(SUBMIT).await;
    assert!(phone.text("[role=status]").await.contains("sent a link"));
    let mail = server.wait_for_one(ADDRESS, "Reset your password for Vestibule").await;
    open_link(phone, app, &mail).await;
    phone.fill("#password", OTHER_PASSWORD).await;
    phone.submit(SUBMIT).await;
    assert!(phone.text("[role=status]").await.contains("Your password has been reset"));
    phone.fill("#password", OTHER_PASSWORD).await;
    phone.submit(SUBMIT).await;
    assert!(phone.text("h1").await.contains("Hana Kim"));
    server.wait_for_one(ADDRESS, "Your password for Vestibule was changed").await;
    laptop.goto(&format!("{}/account/profile", app.url)).await;
    assert!(laptop.path().await.starts_with("/login"), "signed out everywhere");
    sign_in(laptop, "hana", PASSWORD).await;
    assert!(
        laptop.text("[role=alert]").await.contains("Incorrect username or password"),
        "the old password is invalid"
    );
    laptop.fill("#password", OTHER_PASSWORD).await;
    laptop.submit(SUBMIT).await;
    assert_eq!(laptop.path().await, "/account/profile", "back to the requested page");
    mail
}

async fn use_account(runs_scripts: bool) {
    let server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "invite")).await;
    let browsers = Browser::start_two(BrowserOptions { runs_scripts, ..BrowserOptions::default() }).await;
    accept_invitation(&browsers[0], &app).await;
    verify_first_address(&browsers[0], &app, &server).await;
    change_address(&browsers[0], &app, &server).await;
    change_language(&browsers[0]).await;
    sign_out_other_device(&browsers, &app, &server).await;
    let mail = reset_password(&browsers, &app, &server).await;
    for browser in &browsers {
        assert_eq!(browser.console().await, Vec::<String>::new(), "no policy violation");
    }
    open_link(&browsers[0], &app, &mail).await;
    assert!(browsers[0].text("h1").await.contains("no longer valid"), "a link works once");
}

#[tokio::test]
async fn account_can_be_used_from_invitation_to_password_reset() {
    use_account(true).await;
}

#[tokio::test]
async fn account_can_be_used_from_invitation_to_password_reset_without_scripts() {
    use_account(false).await;
}
