//! The language switch, how times are written, and the product name on the pages.

use crate::harness::visitor::{Page, Visitor};
use crate::harness::{PASSWORD, TestApp};

const LANGUAGE: &str = "vestibule_language";

pub fn lang(page: &Page) -> &str {
    let (_, rest) = page.html.split_once("<html lang=\"").expect("a page");
    rest.split_once('"').expect("closed").0
}

/// Presses the language button on a page.
pub async fn switch(visitor: &Visitor, page: &Page, language: &str) -> Page {
    assert!(
        page.html.contains(&format!("name=\"language\" value=\"{language}\" lang=\"{language}\"")),
        "{}",
        page.html
    );
    // Unescaped, as a browser reads the attribute.
    let here = page.value_of("here").expect("the field with the page's path").replace("&#38;", "&");
    visitor.post("/language", &[("here", &here), ("language", language)]).await
}

#[tokio::test]
async fn language_switch_keeps_the_page_and_next() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    let page = visitor.get("/login?notice=signed-out&next=/docs/%3Fa%3D1%26b%3D2").await;
    assert_eq!(lang(&page), "en");
    let response = switch(&visitor, &page, "ko").await;
    assert_eq!(response.status, 303);
    let cookie = response.set_cookie(LANGUAGE).expect("the choice is kept");
    assert!(cookie.starts_with("vestibule_language=ko; "), "only the language tag: {cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    let page = visitor.get(response.location()).await;
    assert_eq!((page.status, lang(&page)), (200, "ko"));
    assert_eq!(page.value_of("next"), Some("/docs/?a=1&#38;b=2"));
    assert_eq!(page.header("vary"), "Cookie, Accept-Language, Accept-Encoding");
    // Also after a refused post; the form still leads to `next`.
    let fields = [("username", "alice"), ("password", "wrong"), ("next", "/docs/?a=1&b=2")];
    let page = visitor.submit(&page, "/login", &fields).await;
    assert_eq!((page.status, lang(&page)), (422, "ko"));
    let page = visitor.get(switch(&visitor, &page, "en").await.location()).await;
    assert_eq!((lang(&page), page.value_of("next")), ("en", Some("/docs/?a=1&#38;b=2")));
    let fields = [("username", "alice"), ("password", PASSWORD), ("next", "/docs/?a=1&b=2")];
    assert_eq!(visitor.submit(&page, "/login", &fields).await.location(), "/docs/?a=1&b=2");
}

#[tokio::test]
async fn language_switch_works_on_error_pages() {
    let app = TestApp::start().await;
    let visitor = Visitor::new(&app);
    let page = visitor.get("/nothing/%22here%22?secret=1").await;
    let response = switch(&visitor, &page, "ko").await;
    assert_eq!(response.location(), "/nothing/%22here%22");
    let page = visitor.get(response.location()).await;
    assert_eq!((page.status, lang(&page)), (404, "ko"));
    // A route that only accepts POST is not a page to return to.
    let page = visitor.get("/language").await;
    assert_eq!((page.status, page.value_of("here")), (405, Some("/")));
}

#[tokio::test]
async fn times_are_shown_in_the_language_and_machine_readable() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    app.clock.advance(std::time::Duration::from_mins(3));
    for (language, ago, when) in [("en", "3 minutes ago · ", " UTC"), ("ko", "3분 전 · ", " (UTC)")] {
        let visitor = visitor.clone().with("accept-language", language);
        for path in ["/", "/account/sessions"] {
            let page = visitor.get(path).await;
            let (before, rest) = page.html.split_once("<time datetime=\"").expect("a time");
            let (machine, rest) = rest.split_once('"').expect("closed");
            let (tag, _) = rest.split_once("</time>").expect("closed");
            assert!(machine.starts_with("20") && machine.ends_with('Z'), "{machine}");
            assert!(before.ends_with(ago) && tag.ends_with(when), "{path}: {tag}");
            assert!(tag.contains(" UTC\" data-format="), "the title is in UTC: {tag}");
        }
    }
}

#[tokio::test]
async fn language_switch_ignores_other_origins_and_unknown_languages() {
    let app = TestApp::start().await;
    for here in ["//e.example", "https://e.example/", "/\\e.example", "javascript:alert(1)", "", "/logout", "/language"]
    {
        let response = Visitor::new(&app).post("/language", &[("here", here), ("language", "ko")]).await;
        assert_eq!((response.status, response.location()), (303, "/"), "{here}");
    }
    for language in ["xx", "", "../en", "KO", "ko\r\nx: y"] {
        let response = Visitor::new(&app).post("/language", &[("here", "/login"), ("language", language)]).await;
        assert_eq!((response.status, response.location()), (303, "/login"), "{language}");
        assert_eq!(response.set_cookie(LANGUAGE), None, "{language}");
    }
    let cookie = Visitor::with_cookies(&app, &[(LANGUAGE, "xx")]).with("accept-language", "ko");
    assert_eq!(lang(&cookie.get("/login").await), "ko");
    for elsewhere in [("sec-fetch-site", "cross-site"), ("origin", "https://e.example"), ("origin", "null")] {
        let visitor = Visitor::new(&app).with(elsewhere.0, elsewhere.1);
        let response = visitor.post("/language", &[("here", "/login"), ("language", "ko")]).await;
        assert_eq!((response.status, response.set_cookie(LANGUAGE)), (303, None), "{elsewhere:?}");
    }
    let page = Visitor::new(&app).get("/language").await;
    assert_eq!((page.status, page.header("allow")), (405, "POST"), "a GET changes nothing");
}

#[tokio::test]
async fn product_name_is_shown_and_escaped() {
    let hostile = "<b>\"A&B'</b> {{ 홍 }}";
    let app = TestApp::start_with(|settings| settings.set("PRODUCT_NAME", hostile)).await;
    for path in ["/login", "/nothing-here"] {
        let page = Visitor::new(&app).get(path).await;
        let escaped = "&#60;b&#62;&#34;A&#38;B&#39;&#60;/b&#62; {{ 홍 }}";
        assert!(page.html.contains(&format!("· {escaped}</title>")), "{}", page.html);
        assert!(page.html.contains(&format!("<span>{escaped}</span>")) && !page.html.contains("<b>"), "{}", page.html);
        assert!(!page.html.contains("Vestibule"));
    }
}
