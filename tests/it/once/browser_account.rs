//! The account pages with a real browser: by keyboard, and the hints of the password script.

use fantoccini::key::Key;

use crate::harness::browser::{Browser, BrowserOptions};
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};

const SUBMIT: &str = "form button[type=submit]";

/// Presses Tab until the element has the focus, at most 20 times.
async fn tab_to(browser: &Browser, css: &str) {
    for _ in 0..20 {
        browser.press(&char::from(Key::Tab).to_string()).await;
        if browser.evaluate(&format!("document.activeElement.matches('{css}')")).await == true {
            return;
        }
    }
    panic!("Tab does not lead to {css}");
}

async fn press_enter(browser: &Browser) {
    browser.press_to_submit(&char::from(Key::Enter).to_string()).await;
}

#[tokio::test]
async fn account_pages_work_by_keyboard() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/login", app.url)).await;
    browser.wait_until("document.activeElement.id == 'username'").await;
    browser.press("alice").await;
    tab_to(&browser, "#password").await;
    browser.press(PASSWORD).await;
    press_enter(&browser).await;

    tab_to(&browser, "a[href=\"/account/profile\"]").await;
    press_enter(&browser).await;
    tab_to(&browser, "#display_name").await;
    browser.press("Alice Liddell").await;
    press_enter(&browser).await;
    browser.find("[role=status]").await;

    tab_to(&browser, "a[href=\"/account/password\"]").await;
    press_enter(&browser).await;
    tab_to(&browser, "#current").await;
    browser.press(PASSWORD).await;
    tab_to(&browser, "#password").await;
    browser.press(OTHER_PASSWORD).await;
    tab_to(&browser, "button.show").await;
    browser.press(" ").await;
    assert_eq!(browser.evaluate("document.querySelector('#password').type").await, "text", "the password is shown");
    tab_to(&browser, "button[type=submit]").await;
    press_enter(&browser).await;
    assert!(browser.text("[role=status]").await.contains("changed"));

    // Ends another session.
    let elsewhere = crate::harness::visitor::Visitor::new(&app);
    assert_eq!(elsewhere.try_sign_in("alice", OTHER_PASSWORD).await.status, 303);
    tab_to(&browser, "a[href=\"/account/sessions\"]").await;
    press_enter(&browser).await;
    tab_to(&browser, "button[name=end]").await;
    press_enter(&browser).await;
    browser.find("[role=status]").await;
    assert!(!elsewhere.is_signed_in().await);

    tab_to(&browser, "a[href=\"/\"]").await;
    press_enter(&browser).await;
    assert!(browser.text("h1").await.contains("Alice Liddell"));
    tab_to(&browser, "form[action=\"/logout\"] button").await;
    press_enter(&browser).await;
    assert_eq!(browser.text("[role=status]").await, "You’re signed out.");
    assert_eq!(browser.console().await, [""; 0]);
}

#[tokio::test]
async fn account_pages_use_a_wide_screen() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/login", app.url)).await;
    browser.fill("#username", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    for path in ["/", "/account/profile", "/account/sessions", "/account/password"] {
        browser.resize(1_280, 720).await;
        browser.goto(&format!("{}{path}", app.url)).await;
        let side = "document.querySelector('.tabs').getBoundingClientRect()";
        let title = "document.querySelector('h1').getBoundingClientRect()";
        let is_beside = format!("{side}.right < {title}.left && {title}.left - {side}.left < 400");
        assert_eq!(browser.evaluate(&is_beside).await, true, "{path}: navigation at the side");
        browser.resize(320, 640).await;
        assert_eq!(browser.evaluate(&format!("{side}.bottom < {title}.top")).await, true, "{path}: above on a phone");
        assert_eq!(browser.evaluate("document.scrollingElement.scrollWidth").await, 320, "{path}");
    }
    browser.resize(1_280, 720).await;
    browser.goto(&format!("{}/account/sessions", app.url)).await;
    assert!(browser.has(".session svg[aria-hidden=true] path[d^='M3 5']").await, "the icon of a computer");
    browser.goto(&format!("{}/account/profile", app.url)).await;
    let arrow = browser.evaluate("getComputedStyle(document.querySelector('select')).backgroundImage").await;
    assert!(arrow.as_str().is_some_and(|image| image.contains("gradient")), "the select has an arrow: {arrow}");
}

#[tokio::test]
async fn times_are_in_the_browsers_zone_or_without_scripts_in_the_servers() {
    let app = TestApp::start_with(|settings| settings.set("TIME_ZONE", "Asia/Seoul")).await;
    app.add_user("alice", &[]).await;
    let last_used = "[...document.querySelectorAll('.session time')].pop()";
    for runs_scripts in [false, true] {
        let browser = Browser::start_with(BrowserOptions { runs_scripts, ..BrowserOptions::default() }).await;
        browser.set_time_zone("America/New_York").await;
        browser.goto(&format!("{}/login", app.url)).await;
        browser.fill("#username", "alice").await;
        browser.fill("#password", PASSWORD).await;
        browser.submit(SUBMIT).await;
        browser.goto(&format!("{}/account/sessions", app.url)).await;
        // The expected text, from the time that the page states for machines.
        let (zone, end) = if runs_scripts { ("America/New_York", "") } else { ("Asia/Seoul", " KST") };
        let at = format!("new Date({last_used}.dateTime)");
        let date = format!("{at}.toLocaleDateString('en-GB', {{ dateStyle: 'long', timeZone: '{zone}' }})");
        let clock = format!("{at}.toLocaleTimeString('en-GB', {{ timeStyle: 'short', timeZone: '{zone}' }})");
        browser.wait_until(&format!("{last_used}.textContent == `${{{date}}}, ${{{clock}}}{end}`")).await;
        let title = browser.evaluate(&format!("{last_used}.title")).await;
        assert!(title.as_str().is_some_and(|title| title.ends_with(" UTC")), "{title}");
        // Events have a heading for each day.
        let at = "new Date(document.querySelector('.days time').dateTime)";
        let date = format!("{at}.toLocaleDateString('en-GB', {{ dateStyle: 'long', timeZone: '{zone}' }})");
        assert_eq!(browser.evaluate(&format!("document.querySelector('.days h3').textContent == {date}")).await, true);
        assert_eq!(browser.evaluate("document.querySelectorAll('.days > ul > li').length > 0").await, true);
        assert_eq!(browser.console().await, [""; 0], "no policy violation");
    }
}

#[tokio::test]
async fn password_script_gives_the_servers_hints_and_is_optional() {
    let app = TestApp::start().await;
    let setup = format!("{}/setup?link={}", app.url, app.setup_link.as_deref().expect("a set-up link"));
    let browser = Browser::start().await;
    browser.goto(&setup).await;
    browser.fill("#username", "hana.kim").await;
    for (typed, hint) in [
        ("short", "Use at least 12 characters"),
        ("aaaaaaaaaaaaaaaa", "Repeated characters"),
        ("hana.kim.2026", ""),
        ("hana.kim.hana", "name, email"),
        (PASSWORD, ""),
    ] {
        browser.evaluate("void (document.querySelector('#password').value = '')").await;
        browser.fill("#password", typed).await;
        let shown = "document.querySelector('#password-error').textContent";
        let condition = if hint.is_empty() { format!("{shown} == ''") } else { format!("{shown}.includes('{hint}')") };
        browser.wait_until(&condition).await;
    }
    assert_eq!(browser.evaluate("document.querySelector('#password-error').getAttribute('aria-live')").await, "polite");
    // The server may refuse what the script accepts.
    browser.evaluate("void (document.querySelector('#password').value = '')").await;
    browser.fill("#password", "password1234").await;
    browser.submit(SUBMIT).await;
    let alert_with_scripts = browser.text("[role=alert]").await;
    drop(browser);

    let browser = Browser::start_with(BrowserOptions { runs_scripts: false, ..BrowserOptions::default() }).await;
    browser.goto(&setup).await;
    browser.fill("#username", "hana.kim").await;
    browser.fill("#password", "password1234").await;
    assert!(!browser.has("button.show").await && browser.text("#password-error").await.is_empty());
    browser.submit(SUBMIT).await;
    assert_eq!(browser.text("[role=alert]").await, alert_with_scripts, "the same error without scripts");
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("h1").await.contains("hana.kim"));
}
