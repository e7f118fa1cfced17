//! Signing in and out with a real browser: without scripts, by keyboard, in Korean, in two tabs, on a small screen.

use fantoccini::key::Key;

use crate::harness::browser::{Browser, BrowserOptions, HOST_NAME};
use crate::harness::{PASSWORD, TestApp};

const SUBMIT: &str = "form button[type=submit]";

#[tokio::test]
async fn setup_link_creates_a_signed_in_admin() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/setup?link={}", app.url, app.setup_link.as_deref().expect("a set-up link"))).await;
    assert_eq!(browser.path().await, "/setup", "the secret is not in the URL");
    browser.fill("#username", "root").await;
    browser.fill("#display_name", "Ada Lovelace").await;
    browser.fill("#password", "too short").await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("[role=alert]").await.contains("Use at least 12 characters."));
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("h1").await.contains("Ada Lovelace"));
    assert_eq!(browser.text("[role=status]").await, "Your administrator account is ready.");
    assert_eq!(browser.console().await, Vec::<String>::new(), "no policy violation");
}

#[tokio::test]
async fn user_signs_in_and_out() {
    let app = app_with_alice().await;
    let browser = Browser::start().await;
    browser.goto(&app.url).await;
    assert_eq!(browser.path().await, "/login");
    sign_in(&browser, PASSWORD).await;
    assert_eq!(browser.path().await, "/");
    assert!(browser.text("h1").await.contains("alice"));
    browser.submit(SUBMIT).await;
    assert_eq!(browser.text("[role=status]").await, "You’re signed out.");
    browser.client.back().await.expect("there is a page before");
    assert_eq!(browser.path().await, "/login", "the account page is not cached");
    assert_eq!(browser.console().await, Vec::<String>::new(), "no policy violation");
}

#[tokio::test]
async fn sign_in_and_out_work_without_scripts() {
    let app = app_with_alice().await;
    let browser = Browser::start_with(BrowserOptions { runs_scripts: false, ..BrowserOptions::default() }).await;
    browser.goto("data:text/html,<title>off</title><script>document.title='on'</script>").await;
    assert_eq!(browser.client.title().await.expect("a title"), "off", "scripts are disabled");
    browser.goto(&app.url).await;
    sign_in(&browser, "wrong password").await;
    assert!(browser.text("[role=alert]").await.contains("Incorrect username or password"));
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("h1").await.contains("alice"));
    browser.submit(SUBMIT).await;
    assert_eq!(browser.text("[role=status]").await, "You’re signed out.");
}

#[tokio::test]
async fn alert_has_the_focus_after_a_wrong_password() {
    let app = app_with_alice().await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/login", app.url)).await;
    browser.wait_until("document.activeElement.id == 'username'").await;
    sign_in(&browser, "wrong password").await;
    assert_eq!(browser.client.title().await.expect("a title"), "Error: Sign in · Vestibule");
    browser.wait_until("document.activeElement.getAttribute('role') == 'alert'").await;
    assert_eq!(browser.evaluate("document.querySelector('#username').value").await, "alice");
    assert_eq!(browser.evaluate("document.querySelector('#password').value").await, "");
    // From the alert, one Tab leads to the name and the next to the password.
    let (tab, enter) = (char::from(Key::Tab), char::from(Key::Enter));
    browser.press(&tab.to_string()).await;
    assert_eq!(browser.evaluate("document.activeElement.id").await, "username");
    browser.press(&tab.to_string()).await;
    browser.press_to_submit(&format!("{PASSWORD}{enter}")).await;
    assert!(browser.text("h1").await.contains("alice"));
}

#[tokio::test]
async fn sign_in_and_out_work_by_keyboard() {
    let app = app_with_alice().await;
    let browser = Browser::start().await;
    let (tab, enter) = (char::from(Key::Tab), char::from(Key::Enter));
    browser.goto(&format!("{}/login", app.url)).await;
    browser.wait_until("document.activeElement.id == 'username'").await;
    browser.press(&format!("alice{tab}")).await;
    // Past the button that shows the password.
    browser.press(&format!("{PASSWORD}{tab}{tab}")).await;
    browser.press(" ").await;
    assert_eq!(browser.evaluate("document.activeElement.checked").await, true, "the box is checked");
    browser.press(&tab.to_string()).await;
    assert_eq!(browser.evaluate("document.activeElement.type").await, "submit");
    let outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle").await;
    assert_eq!(outline, "solid", "the focus is visible");
    browser.press_to_submit(&enter.to_string()).await;
    assert!(browser.text("h1").await.contains("alice"));
    // Past the four links of the account.
    browser.press(&tab.to_string().repeat(5)).await;
    browser.press_to_submit(&enter.to_string()).await;
    assert_eq!(browser.text("[role=status]").await, "You’re signed out.");
}

#[tokio::test]
async fn password_can_be_shown_and_caps_lock_is_noticed_where_scripts_run() {
    let app = app_with_alice().await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/login", app.url)).await;
    let field_type = "document.querySelector('#password').type";
    browser.fill("#username", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("button.show").await;
    assert_eq!(browser.evaluate(field_type).await, "text");
    assert_eq!(browser.evaluate("document.querySelector('button.show').getAttribute('aria-pressed')").await, "true");
    browser.click("button.show").await;
    assert_eq!(browser.evaluate(field_type).await, "password");
    for (is_on, hint) in [(true, "Caps Lock is on."), (false, ""), (true, "Caps Lock is on.")] {
        let event = format!("new KeyboardEvent('keydown', {{ key: 'a', modifierCapsLock: {is_on} }})");
        browser.evaluate(&format!("document.querySelector('#password').dispatchEvent({event})")).await;
        assert_eq!(browser.evaluate("document.querySelector('.field-note').textContent").await, hint);
    }
    browser.evaluate("void document.querySelector('#password').dispatchEvent(new Event('blur'))").await;
    assert_eq!(browser.evaluate("document.querySelector('.field-note').textContent").await, "");
    // The password is masked before it is sent.
    browser.click("button.show").await;
    browser.evaluate("void document.forms[0].addEventListener('submit', event => event.preventDefault())").await;
    browser.click(SUBMIT).await;
    assert_eq!(browser.evaluate(field_type).await, "password");
    assert_eq!(browser.console().await, [""; 0], "no policy violation");

    let browser = Browser::start_with(BrowserOptions { runs_scripts: false, ..BrowserOptions::default() }).await;
    browser.goto(&format!("{}/login", app.url)).await;
    assert!(!browser.has("button.show").await && !browser.has(".field-note").await);
}

#[tokio::test]
async fn sign_in_form_is_sent_once() {
    let app = app_with_alice().await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/login", app.url)).await;
    browser.fill("#username", "alice").await;
    browser.fill("#password", PASSWORD).await;
    // Counts the submissions that the script lets through, without sending them.
    browser
        .evaluate(
            "void (window.sent = 0, document.forms[0].addEventListener('submit', event => { sent += event.defaultPrevented ? 0 : 1; event.preventDefault(); }))",
        )
        .await;
    browser.evaluate("void [1, 2].forEach(() => document.forms[0].requestSubmit())").await;
    let is_disabled = format!("document.querySelector('{SUBMIT}').disabled");
    browser.wait_until(&is_disabled).await;
    assert_eq!(browser.evaluate("sent").await, 1);
    // As after the back button.
    browser.evaluate("void dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    assert_eq!(browser.evaluate(&is_disabled).await, false);
    browser.evaluate("void document.forms[0].requestSubmit()").await;
    assert_eq!(browser.evaluate("sent").await, 2);
}

#[tokio::test]
async fn sign_in_form_and_its_links_fit_a_laptop_screen() {
    let app = TestApp::start_with(|settings| {
        settings.set("SMTP_URL", "smtp://127.0.0.1:1");
        settings.set("MAIL_FROM", "login@example.com");
        settings.set("REGISTRATION", "open");
        settings.set("HELP_URL", "https://help.example.com");
    })
    .await;
    for language in ["en", "ko"] {
        let browser = Browser::start_with(BrowserOptions { language, ..BrowserOptions::default() }).await;
        browser.resize(1_280, 720).await;
        for path in ["/login", "/login?notice=password-reset"] {
            browser.goto(&format!("{}{path}", app.url)).await;
            let bottom = browser.evaluate("document.querySelector('.aside').getBoundingClientRect().bottom").await;
            let bottom = bottom.as_f64().expect("a number");
            assert!(bottom > 400.0 && bottom <= 720.0, "{language}, {path}: {bottom}");
        }
        sign_in(&browser, "wrong password").await;
        browser.find("[role=alert]").await;
        let bottom = browser.evaluate("document.querySelector('.aside').getBoundingClientRect().bottom").await;
        assert!(bottom.as_f64().expect("a number") <= 720.0, "{language}, alert: {bottom}");
        assert_eq!(browser.evaluate("innerHeight").await, 720);
    }
}

#[tokio::test]
async fn korean_browser_gets_korean_pages() {
    let app = app_with_alice().await;
    let browser =
        Browser::start_with(BrowserOptions { language: "ko-KR,ko,en-US,en", ..BrowserOptions::default() }).await;
    browser.goto(&app.url).await;
    assert_eq!(browser.evaluate("document.documentElement.lang").await, "ko");
    assert_eq!(browser.text("h1").await, "로그인");
    sign_in(&browser, "wrong password").await;
    assert!(browser.text("[role=alert]").await.starts_with("아이디 또는 비밀번호가 올바르지 않습니다"));
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert_eq!(browser.text(SUBMIT).await, "로그아웃");
}

#[tokio::test]
async fn stale_tab_can_sign_in_and_out() {
    let app = app_with_alice().await;
    app.add_user("bob", &[]).await;
    let browser = Browser::start().await;
    let first = browser.client.window().await.expect("a tab");
    browser.goto(&format!("{}/login", app.url)).await;
    let second = browser.client.new_window(true).await.expect("a tab").handle;
    browser.client.switch_to_window(second.clone()).await.expect("the tab is open");
    browser.goto(&format!("{}/login", app.url)).await;
    sign_in(&browser, PASSWORD).await;
    // The form in the first tab, and its CSRF token, are older.
    browser.client.switch_to_window(first).await.expect("the tab is open");
    browser.fill("#username", "bob").await;
    browser.fill("#password", PASSWORD).await;
    browser.submit(SUBMIT).await;
    assert!(browser.text("h1").await.contains("bob"));
    // The second tab still shows alice; its button signs this browser out without an error.
    browser.client.switch_to_window(second).await.expect("the tab is open");
    assert!(browser.text("h1").await.contains("alice"));
    browser.submit(SUBMIT).await;
    assert_eq!(browser.text("[role=status]").await, "You’re signed out.");
    browser.goto(&app.url).await;
    assert_eq!(browser.path().await, "/login");
}

#[tokio::test]
async fn other_site_cannot_sign_a_user_in_or_out() {
    let app = app_with_alice().await;
    app.add_user("mallory", &[]).await;
    let browser = Browser::start().await;
    // Over http, browsers send no `Sec-Fetch-Site` to the second URL, and `Origin: null` from a `data:` page.
    for url in [app.url.clone(), app.url.replace("127.0.0.1", HOST_NAME)] {
        browser.goto(&url).await;
        sign_in(&browser, PASSWORD).await;
        for path in ["/logout", "/login"] {
            let form = format!(
                "<form method=post action={url}{path}><input name=username value=mallory><input name=password value='{PASSWORD}'><button type=submit>x</button></form>"
            );
            browser.goto(&format!("data:text/html,{form}")).await;
            browser.submit(SUBMIT).await;
            assert!(browser.text("[role=alert]").await.contains("This form came from another site"), "{url}{path}");
            browser.goto(&url).await;
            assert!(browser.text("h1").await.contains("alice"), "{url}{path}");
        }
    }
}

#[tokio::test]
async fn dropped_secure_cookie_is_explained_with_the_https_url() {
    let app = TestApp::start_with(|settings| settings.set("PUBLIC_URL", "https://login.example"));
    let app = app.await;
    let browser = Browser::start().await;
    browser.goto(&format!("{}/login", app.url.replace("127.0.0.1", HOST_NAME))).await;
    sign_in(&browser, PASSWORD).await;
    let alert = browser.text("[role=alert]").await;
    assert!(alert.contains("Cookies required") && alert.contains("Open https://login.example"), "{alert}");
}

#[tokio::test]
async fn pages_fit_the_smallest_screen() {
    let app = TestApp::start_with(|settings| settings.set("THROTTLE_ACCOUNT_NETWORK", "1")).await;
    let long = "w".repeat(64);
    app.add_user(&long, &["very-long-role-name-without-any-space-that-could-break"]).await;
    for language in ["en", "ko"] {
        let browser = Browser::start_with(BrowserOptions { language, ..BrowserOptions::default() }).await;
        browser.resize(320, 640).await;
        let at = |path: &str| format!("{}{path}", app.url);
        browser.goto(&at(&format!("/setup?link={}", app.setup_link.as_deref().expect("a set-up link")))).await;
        fits(&browser, "set-up").await;
        browser.fill("#username", &"@".repeat(200)).await;
        browser.fill("#password", PASSWORD).await;
        browser.submit(SUBMIT).await;
        fits(&browser, "set-up refused").await;
        for path in ["/login?notice=session-ended", "/setup?link=x", "/nothing", "/logout"] {
            browser.goto(&at(path)).await;
            fits(&browser, path).await;
        }
        browser.goto(&at("/login")).await;
        browser.fill("#username", &long).await;
        browser.fill("#password", PASSWORD).await;
        browser.submit(SUBMIT).await;
        fits(&browser, "account").await;
        browser.submit(SUBMIT).await;
        for state in ["wrong password", "throttled"] {
            browser.goto(&at("/login")).await;
            browser.fill("#username", &format!("{}{language}", "m".repeat(60))).await;
            browser.fill("#password", "wrong password").await;
            browser.submit(SUBMIT).await;
            browser.find("[role=alert]").await;
            fits(&browser, state).await;
        }
    }
}

async fn fits(browser: &Browser, page: &str) {
    let width = browser.evaluate("document.documentElement.scrollWidth").await.as_u64().expect("a number");
    let language = browser.evaluate("document.documentElement.lang").await;
    assert!(width <= 320, "{page} in {language} is {width} pixels wide");
    // Nothing is cut off inside either.
    let outside = "[...document.querySelectorAll('main *')].filter(e => e.type !== 'hidden' && e.getBoundingClientRect().right > 320.5).map(e => e.outerHTML)";
    assert_eq!(browser.evaluate(outside).await, serde_json::json!([]), "{page} in {language}");
}

async fn app_with_alice() -> TestApp {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    app
}

async fn sign_in(browser: &Browser, password: &str) {
    browser.fill("#username", "alice").await;
    browser.fill("#password", password).await;
    browser.submit(SUBMIT).await;
}
