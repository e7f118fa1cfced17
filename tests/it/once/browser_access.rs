//! Accessibility of every page (WCAG 2.2 AA): both languages, all color schemes, two sizes; writes `target/pages.md`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use vestibule::admin::clients::ClientFields;
use vestibule::config::Settings;
use vestibule::links::{self, LinkPurpose, NewLink};
use vestibule::users::UserId;

use crate::harness::browser::{Browser, BrowserOptions, HOST_NAME};
use crate::harness::{PASSWORD, TestApp, accessibility, proxies};

const SUBMIT: &str = "form button[type=submit]";
const WIDE: (u32, u32) = (1_100, 900);
/// A window of 1,280 pixels at a zoom of 400 % (WCAG 1.4.10).
const NARROW: (u32, u32) = (320, 640);
/// Each page in each of its states, with its template. A new page needs a line here and one in `open`.
const PAGES: [(&str, &str); 43] = [
    ("sign-in", "login.html"),
    ("sign-in-notice", "login.html"),
    ("sign-in-error", "login.html"),
    ("branded", "login.html"),
    ("branded-error", "login.html"),
    ("branded-account", "account_profile.html"),
    ("setup", "link_form.html"),
    ("setup-error", "link_form.html"),
    ("rescue", "link_form.html"),
    ("rescue-error", "link_form.html"),
    ("account", "account.html"),
    ("profile", "account_profile.html"),
    ("profile-error", "account_profile.html"),
    ("email", "account_email.html"),
    ("email-error", "account_email.html"),
    ("sessions", "account_sessions.html"),
    ("sessions-error", "account_sessions.html"),
    ("password", "account_password.html"),
    ("password-error", "account_password.html"),
    ("delete", "account_delete.html"),
    ("delete-error", "account_delete.html"),
    ("sign-out-error", "logout.html"),
    ("not-found", "error.html"),
    ("forgot", "forgot.html"),
    ("forgot-error", "forgot.html"),
    ("reset", "link_form.html"),
    ("reset-error", "link_form.html"),
    ("verify", "verify.html"),
    ("verify-error", "verify.html"),
    ("register", "register.html"),
    ("register-error", "register.html"),
    ("invite", "link_form.html"),
    ("invite-error", "link_form.html"),
    ("refused", "forward_auth_error.html"),
    ("returns", "redirect_loop.html"),
    ("admin-users", "admin_users.html"),
    ("admin-user", "admin_user.html"),
    ("admin-user-error", "admin_user.html"),
    ("admin-invite", "admin_invite.html"),
    ("admin-invite-error", "admin_invite.html"),
    ("admin-events", "admin_events.html"),
    ("admin-clients", "admin_clients.html"),
    ("admin-keys", "admin_keys.html"),
];

/// Shown at an application's URL, where the stylesheet cannot be loaded.
const UNSTYLED: &str = "refused";

struct Servers {
    /// Without an admin.
    fresh: TestApp,
    /// With an admin called hana.
    used: TestApp,
    /// The same with a brand.
    branded: TestApp,
    /// The same, for applications behind a reverse proxy.
    proxied: TestApp,
}

impl Servers {
    async fn start() -> Self {
        let servers = Self {
            fresh: TestApp::start().await,
            used: TestApp::start_with(enable_every_page).await,
            branded: TestApp::start_with(add_brand).await,
            proxied: proxies::start().await,
        };
        for app in [&servers.used, &servers.branded, &servers.proxied] {
            app.add_user("hana", &["admin"]).await;
        }
        servers.used.add_user("jun", &["editor", "reviewer"]).await;
        let client = ClientFields {
            name: "billing".to_owned(),
            grants: vec!["client_credentials".to_owned()],
            scopes: vec!["invoices:read".to_owned()],
            forwards_client_address: false,
        };
        servers.used.admin().add_client(client).await.expect("the database responds");
        servers
    }
}

#[tokio::test]
async fn every_page_is_accessible() {
    let ((english, mut problems), (korean, others)) = tokio::join!(check_all_pages("en"), check_all_pages("ko"));
    let head = "| page | language | axe, light | axe, dark | HTML | packed | stylesheet | packed | script | packed |\n|---|---|---|---|---|---|---|---|---|---|\n";
    std::fs::write("target/pages.md", format!("{head}{english}{korean}")).expect("written");
    problems.extend(others);
    assert_eq!(problems, [""; 0]);
}

/// Checks all pages and returns the rows of the table, and all errors.
async fn check_all_pages(language: &'static str) -> (String, Vec<String>) {
    let (servers, axe) = (Box::pin(Servers::start()).await, accessibility::axe());
    let browser = Browser::start_with(BrowserOptions { language, ..BrowserOptions::default() }).await;
    let (mut table, mut problems) = (String::new(), Vec::new());
    for (page, _) in PAGES {
        browser.resize(WIDE.0, WIDE.1).await;
        open(page, &browser, &servers).await;
        let name = format!("{page}-{language}");
        assert_eq!(browser.evaluate("document.documentElement.lang").await, language, "{name}");
        let is_styled = page != UNSTYLED;
        let weight = accessibility::weight(&browser, &name, is_styled).await;
        let mut report = |kind: &str, found: Vec<String>| {
            let count = found.len();
            problems.extend(found.into_iter().map(|problem| format!("{name}, {kind}: {problem}")));
            count
        };
        let mut results = Vec::new();
        for scheme in ["light", "dark"] {
            // Without motion: contrast must not be measured during a transition.
            browser.emulate(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]).await;
            take_picture(&browser, &format!("{name}-{scheme}")).await;
            results.push(report(scheme, accessibility::violations(&browser, &axe).await));
        }
        report("still", accessibility::moving(&browser).await);
        if is_styled {
            report("wide", accessibility::too_small(&browser).await);
        }
        browser.emulate(&[("forced-colors", "active"), ("prefers-reduced-motion", "reduce")]).await;
        report("forced colors", accessibility::lost_in_forced_colors(&browser).await);
        browser.resize(NARROW.0, NARROW.1).await;
        // The keyboard walk runs once in each language.
        if language == "ko" && is_styled {
            report("forced colors, Tab", accessibility::keyboard_errors(&browser).await);
        }
        take_picture(&browser, &format!("{name}-forced")).await;
        browser.emulate(&[("prefers-reduced-motion", "reduce")]).await;
        report("narrow", accessibility::too_wide(&browser, NARROW.0).await);
        if is_styled {
            report("narrow", accessibility::too_small(&browser).await);
            if language == "en" {
                report("Tab", accessibility::keyboard_errors(&browser).await);
            }
        }
        browser.evaluate("void (document.activeElement.blur(), scrollTo(0, 0))").await;
        take_picture(&browser, &format!("{name}-narrow")).await;
        browser.emulate(&[]).await;
        let [light, dark] = results[..] else { unreachable!("two schemes") };
        writeln!(table, "| {page} | {language} | {light} | {dark} | {weight} |").expect("text");
    }
    (table, problems)
}

#[test]
fn every_page_template_is_listed() {
    for file in std::fs::read_dir("templates").expect("templates/") {
        let path = file.expect("an entry").path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file()) else { continue };
        let is_page = name != "layout.html" && {
            let text = std::fs::read_to_string(&path).expect("text");
            text.contains("{% extends") || text.contains("<!DOCTYPE")
        };
        let has_line = PAGES.iter().any(|(_, template)| *template == name);
        assert!(!is_page || has_line, "{name}: give it a line in PAGES and one in open()");
    }
}

/// Settings that enable every page; no mail is sent.
fn enable_every_page(settings: &mut Settings) {
    settings.set("SMTP_URL", "smtp://127.0.0.1:1");
    settings.set("MAIL_FROM", "login@example.com");
    settings.set("REGISTRATION", "open");
    settings.set("ACCOUNT_DELETION", "on");
}

/// A pale accent, a wide logo and both links.
fn add_brand(settings: &mut Settings) {
    enable_every_page(settings);
    settings.set("PRODUCT_NAME", "Sunflower");
    settings.set("LOGO_FILE", "tests/it/harness/wordmark.svg");
    settings.set("ACCENT_COLOR", "#f2b705");
    settings.set("HELP_URL", "https://help.example.com");
    settings.set("PRIVACY_URL", "https://www.example.com/privacy");
}

/// Opens the page behind a one-time link for the first user.
async fn open_link(browser: &Browser, app: &TestApp, (path, purpose): (&str, LinkPurpose)) {
    let now = app.clock.now();
    let user_id = (purpose != LinkPurpose::Invite).then_some(UserId(1));
    let new = NewLink { purpose, user_id, email: Some("hana@example.com"), roles: &[] };
    let link = app.write(move |conn| links::create_for(conn, &new, now)).await;
    // Under this name the browser sends no `Sec-Fetch-Site`.
    let url = app.url.replace("127.0.0.1", HOST_NAME);
    browser.goto(&format!("{url}{path}?link={}", link.reveal())).await;
}

/// Opens a page in its state.
async fn open(page: &str, browser: &Browser, servers: &Servers) {
    browser.forget_cookies().await;
    let (kind, is_refused) = page.strip_suffix("-error").map_or((page, false), |kind| (kind, true));
    open_fresh(kind, browser, servers).await;
    if is_refused {
        // Disables the browser's validation.
        browser.evaluate("void [...document.forms].forEach(form => form.noValidate = true)").await;
        match kind {
            "sign-in" | "branded" => fill(browser, "hana", "wrong password").await,
            "setup" => fill(browser, "hana", "short").await,
            "profile" => {
                browser.fill("#display_name", &"long ".repeat(40)).await;
                browser.submit(SUBMIT).await;
            }
            // An empty form.
            "forgot" | "register" | "rescue" | "reset" | "invite" | "password" | "delete" => {
                browser.submit(SUBMIT).await;
            }
            // Forms whose only error is a stale token, from a browser that does not state the origin.
            _ => {
                browser.evaluate("void (document.forms[0].csrf.value = 'stale')").await;
                browser.send_header("Origin", Some("null")).await;
                browser.submit(SUBMIT).await;
                browser.send_header("Origin", None).await;
            }
        }
    }
    assert_eq!(browser.has("[role=alert]").await, is_refused, "{page} has an alert only if it is refused");
    if is_refused {
        // The error has the focus and is visible.
        let focused = "document.activeElement";
        browser.wait_until(&format!("{focused}.id == 'alert' && {focused}.getBoundingClientRect().top >= 0")).await;
        assert!(
            browser.client.title().await.expect("a title").contains([':']),
            "{page}: the title names the error too"
        );
    }
}

/// Opens a page without an error.
async fn open_fresh(page: &str, browser: &Browser, Servers { fresh, used, branded, proxied }: &Servers) {
    let host_name_url = used.url.replace("127.0.0.1", HOST_NAME);
    match page {
        "sign-in" => browser.goto(&format!("{}/login", used.url)).await,
        "sign-in-notice" => browser.goto(&format!("{}/login?notice=signed-out&next=/docs/", used.url)).await,
        "branded" => browser.goto(&format!("{}/login", branded.url)).await,
        "branded-account" => {
            sign_in(browser, &branded.url).await;
            browser.goto(&format!("{}/account/profile", branded.url)).await;
        }
        "setup" => {
            let link = fresh.setup_link.as_deref().expect("a set-up link");
            browser.goto(&format!("{}/setup?link={link}", fresh.url)).await;
        }
        "rescue" => open_link(browser, used, ("/setup", LinkPurpose::Rescue)).await,
        "forgot" => browser.goto(&format!("{}/password/forgot", used.url)).await,
        "register" => browser.goto(&format!("{}/register", used.url)).await,
        "reset" => open_link(browser, used, ("/password/reset", LinkPurpose::Reset)).await,
        "verify" => {
            sign_in(browser, &host_name_url).await;
            open_link(browser, used, ("/email/verify", LinkPurpose::Verify)).await;
        }
        "invite" => open_link(browser, used, ("/invite", LinkPurpose::Invite)).await,
        "account" => sign_in(browser, &used.url).await,
        "sign-out" => sign_in(browser, &host_name_url).await,
        "profile" | "email" | "sessions" | "password" | "delete" => {
            sign_in(browser, &host_name_url).await;
            browser.goto(&format!("{host_name_url}/account/{page}")).await;
        }
        "admin-users" | "admin-user" | "admin-invite" | "admin-events" | "admin-clients" | "admin-keys" => {
            sign_in(browser, &host_name_url).await;
            let page = page.trim_start_matches("admin-");
            browser.goto(&format!("{host_name_url}/admin/{}", if page == "user" { "users/1" } else { page })).await;
        }
        "not-found" => browser.goto(&format!("{}/nothing-here", used.url)).await,
        "refused" => {
            sign_in(browser, &proxied.url.replace("127.0.0.1", "login.vestibule.test")).await;
            browser.goto(&format!("{}/verify/forward-auth?role=operators", origin_of(browser).await)).await;
            // axe assumes white for a missing background, in dark mode too.
            browser.evaluate("void (document.documentElement.style.background = 'Canvas')").await;
        }
        "returns" => {
            sign_in(browser, &proxied.url.replace("127.0.0.1", "login.vestibule.test")).await;
            let login = origin_of(browser).await;
            let application = login.replace("login.", "app.");
            for _ in 0..5 {
                browser.goto(&format!("{login}/login?next={application}/work")).await;
            }
        }
        _ => unreachable!("{page} is missing in open_fresh()"),
    }
}

/// The origin of the page that is open.
async fn origin_of(browser: &Browser) -> String {
    browser.evaluate("location.origin").await.as_str().expect("text").to_owned()
}

async fn sign_in(browser: &Browser, url: &str) {
    browser.goto(&format!("{url}/login")).await;
    fill(browser, "hana", PASSWORD).await;
}

async fn fill(browser: &Browser, username: &str, password: &str) {
    browser.fill("#username", username).await;
    browser.fill("#password", password).await;
    browser.submit(SUBMIT).await;
}

/// Writes a picture to `target/screens/` if `PAGE_PICTURES=1` is set: the four of a page take as long as its checks.
async fn take_picture(browser: &Browser, name: &str) {
    if std::env::var_os("PAGE_PICTURES").is_none_or(|value| value != "1") {
        return;
    }
    let picture = browser.client.screenshot().await.expect("a picture");
    let folder = PathBuf::from("target/screens");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).expect("written");
}
