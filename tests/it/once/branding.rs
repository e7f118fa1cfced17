//! Product name, logo, accent color and links, also with hostile values.

use vestibule::config::Settings;
use vestibule::mail::{Mail, MailKind};

use crate::harness::cli::run;
use crate::harness::mail::MailServer;
use crate::harness::visitor::{Page, Visitor};
use crate::harness::{PASSWORD, TestApp, TestDatabase};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An SVG with scripts.
const HOSTILE_SVG: &str = r#"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40" onload="alert(1)"><script>alert(2)</script><circle cx="20" cy="20" r="20" fill="tan"/></svg>"#;
const WORDMARK_SVG: &str =
    r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40"><path d="M0 0h160v40H0z"/></svg>"#;

/// A server with a logo and these settings. The logo is read at the start; its file is not needed later.
async fn with_logo(logo: &str, change: impl FnOnce(&mut Settings)) -> TestApp {
    let folder = tempfile::tempdir().expect("a folder");
    // The file name must not matter.
    let path = folder.path().join("logo.gif");
    std::fs::write(&path, logo).expect("written");
    TestApp::start_with(|settings| {
        settings.set("LOGO_FILE", path.to_str().expect("text"));
        change(settings);
    })
    .await
}

/// The text between two other texts on a page.
fn between<'a>(page: &'a Page, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.html.split_once(before).unwrap_or_else(|| panic!("{before} in {}", page.html));
    rest.split_once(after).expect("closed").0
}

fn stylesheet(page: &Page) -> &str {
    between(page, "rel=\"stylesheet\" href=\"", "\"")
}

#[tokio::test]
async fn logo_is_served_as_an_image_that_runs_no_script() {
    let app = with_logo(HOSTILE_SVG, |settings| settings.set("PRODUCT_NAME", "A \"B\" <c>")).await;
    let visitor = Visitor::new(&app);
    let page = visitor.get("/login").await;
    let tag = between(&page, "<img ", ">");
    assert!(tag.contains("alt=\"\"") && tag.contains("width=\"48\" height=\"48\""), "the name is next to it: {tag}");
    assert!(page.html.contains("<span>A &#34;B&#34; &#60;c&#62;</span>"), "{}", page.html);
    assert_eq!(page.header("content-security-policy"), POLICY);
    let logo = visitor.get(between(&page, "<img src=\"", "\"")).await;
    assert_eq!((logo.status, logo.header("content-type"), logo.html.as_str()), (200, "image/svg+xml", HOSTILE_SVG));
    assert_eq!(
        logo.header("content-security-policy"),
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox"
    );
    assert_eq!(logo.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(logo.header("x-content-type-options"), "nosniff");
    for path in ["/static/logo.svg", "/static/logo.AAAAAAAAAAAA.svg", "/static/logo.gif"] {
        assert_eq!(visitor.get(path).await.status, 404, "{path}");
    }
    // A wide logo contains the name: the name is its alternative text and appears nowhere else.
    let app = with_logo(WORDMARK_SVG, |settings| settings.set("PRODUCT_NAME", "A \"B\"")).await;
    let page = Visitor::new(&app).get("/login").await;
    let tag = between(&page, "<img ", ">");
    assert!(tag.contains("alt=\"A &#34;B&#34;\"") && tag.contains("width=\"192\" height=\"48\""), "{tag}");
    assert!(!between(&page, "<header", "</header>").contains("<span>"), "{}", page.html);
}

#[tokio::test]
async fn accent_color_is_part_of_the_stylesheet() {
    let plain = TestApp::start().await;
    let app = TestApp::start_with(|settings| settings.set("ACCENT_COLOR", "#FFDD00")).await;
    let page = Visitor::new(&app).get("/login").await;
    let plain_page = Visitor::new(&plain).get("/login").await;
    assert_ne!(
        stylesheet(&page),
        stylesheet(&plain_page),
        "a browser that has cached the other stylesheet loads this one"
    );
    assert!(!page.html.contains("style=") && !page.html.contains("<style") && !page.html.contains("ffdd00"));
    assert_eq!(page.header("content-security-policy"), POLICY);
    let style = Visitor::new(&app).get(stylesheet(&page)).await;
    let whole = Visitor::new(&plain).get(stylesheet(&plain_page)).await;
    let added = style.html.strip_prefix(&whole.html).expect("the accent color follows the rest");
    let (light, dark) = added.split_once("@media (prefers-color-scheme:dark)").expect("both");
    assert!(dark.contains("--accent:#ffdd00;") && !light.contains("--accent:#ffdd00;"), "too pale on white: {added}");
    assert_eq!(Visitor::new(&plain).get(stylesheet(&page)).await.status, 404);
}

#[tokio::test]
async fn help_and_privacy_links_are_on_every_page_and_escaped() {
    let app = TestApp::start_with(|settings| {
        settings.set("HELP_URL", "https://help.example.com/?a='b'&c=\"><script>");
        settings.set("PRIVACY_URL", "https://www.example.com/privacy");
    })
    .await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    let sign_in = visitor.get("/login").await;
    let refused = visitor.try_sign_in("alice", "wrong").await;
    assert_eq!(visitor.try_sign_in("alice", PASSWORD).await.status, 303);
    for page in [&sign_in, &refused] {
        assert!(
            page.html.contains(">Need help?</a>") && !page.html.contains("Contact your administrator"),
            "{}",
            page.html
        );
    }
    for page in
        [sign_in, refused, visitor.get("/").await, visitor.get("/account/sessions").await, visitor.get("/no").await]
    {
        let links = between(&page, "<p class=\"links\">", "</p>");
        assert!(
            links.contains("<a href=\"https://help.example.com/?a=%27b%27&#38;c=%22%3E%3Cscript%3E\">Help</a>"),
            "{links}"
        );
        assert!(links.contains("<a href=\"https://www.example.com/privacy\">Privacy</a>"), "{links}");
        assert!(!page.html.contains("<script>"), "{}", page.html);
    }
    let korean = visitor.clone().with("accept-language", "ko").get("/").await;
    assert!(korean.html.contains(">도움말</a>") && korean.html.contains(">개인정보 처리방침</a>"), "{}", korean.html);
    let plain = TestApp::start().await;
    let page = Visitor::new(&plain).get("/login").await;
    assert!(!page.html.contains("class=\"links\"") && !page.html.contains("Need help?"), "{}", page.html);
    assert!(page.html.contains("Contact your administrator"), "{}", page.html);
}

#[tokio::test]
async fn mails_use_the_product_name_color_and_help_link() {
    let server = MailServer::start();
    let app = server
        .app_with(|settings| {
            settings.set("PRODUCT_NAME", "Grand <Budapest>");
            settings.set("ACCENT_COLOR", "#1f3fbf");
            settings.set("HELP_URL", "mailto:help@example.com");
        })
        .await;
    let (outbox, now) = (app.services.accounts.outbox().clone(), app.clock.now());
    let kind = MailKind::PasswordChanged;
    let to = "alice@example.com".to_owned();
    let mail = Mail { kind, to, name: None, language: None, user_id: Some(1) };
    app.write(move |conn| outbox.queue(conn, mail, now)).await;
    let mails = server.wait_for(1).await;
    assert!(mails[0].subject().contains("Grand <Budapest>"), "{}", mails[0].subject());
    assert!(mails[0].text.contains("Help: mailto:help@example.com"), "{}", mails[0].text);
    let html = &mails[0].html;
    assert!(html.contains("<a href=\"mailto:help@example.com\"") && html.contains("background:#1f3fbf"), "{html}");
    assert!(html.contains("Grand &#60;Budapest&#62;") && !html.contains("<Budapest>"), "{html}");
}

#[test]
fn invalid_logo_file_fails_the_start() {
    let database = TestDatabase::create();
    let folder = tempfile::tempdir().expect("a folder");
    let large = format!("{WORDMARK_SVG}{}", " ".repeat(64 * 1024));
    for (content, hint) in [
        ("<html><script>alert(1)</script></html>", "is neither PNG nor SVG"),
        ("GIF89a", "is neither PNG nor SVG"),
        ("", "is neither PNG nor SVG"),
        (&large, "is larger than 64 KiB"),
    ] {
        let path = folder.path().join("logo.png");
        std::fs::write(&path, content).expect("written");
        let path = path.to_str().expect("text");
        let output = run(database.serve(&[("LOGO_FILE", path)]));
        let stderr = output.err;
        assert_eq!(output.code, Some(2), "{stderr}");
        assert!(stderr.contains(&format!("LOGO_FILE={path}: ")) && stderr.contains(hint), "{stderr}");
    }
}
