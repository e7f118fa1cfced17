//! The redirect after a sign-in: always to a path on this server.

use std::fmt::Write as _;

use reqwest::Url;

use crate::harness::visitor::Visitor;
use crate::harness::{PASSWORD, TestApp};

#[tokio::test]
async fn next_returns_to_the_requested_page() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    for next in ["/docs/", "/me?x=1&y=2", "/a//b", "/account#end"] {
        let visitor = Visitor::new(&app);
        let form = visitor.get(&format!("/login?next={}", encode(next))).await;
        assert_eq!(form.value_of("next").map(unescape).as_deref(), Some(next));
        // A failed attempt keeps it.
        let fields = [("username", "alice"), ("password", "wrong password"), ("next", next)];
        let form = visitor.submit(&form, "/login", &fields).await;
        assert_eq!(form.value_of("next").map(unescape).as_deref(), Some(next));
        let fields = [("username", "alice"), ("password", PASSWORD), ("next", next)];
        let page = visitor.submit(&form, "/login", &fields).await;
        assert_eq!((page.status, page.location()), (303, next));
        let page = visitor.get(&format!("/login?next={}", encode(next))).await;
        assert_eq!((page.status, page.location()), (303, next), "a signed-in browser is redirected at once");
    }
}

#[tokio::test]
async fn next_never_leads_to_another_origin() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let base = Url::parse(&app.url).expect("a URL");
    let attacks = attacks();
    let signed_in = Visitor::new(&app);
    signed_in.sign_in("alice").await;
    for next in &attacks {
        let visitor = Visitor::new(&app);
        let form = visitor.get(&format!("/login?next={}", encode(next))).await;
        assert_eq!(form.status, 200, "{next:.60?}");
        assert_eq!(form.value_of("next"), None, "{next:.60?}");
        let mut pages = vec![signed_in.get(&format!("/login?next={}", encode(next))).await];
        let fields = [("username", "alice"), ("password", PASSWORD), ("next", next.as_str())];
        let page = visitor.submit(&form, "/login", &fields).await;
        // U+0000 is refused in any field.
        if !next.contains('\0') || page.status != 422 {
            pages.push(page);
        }
        for page in pages {
            assert_eq!(page.location(), "/", "{next:.60?} gave {}", page.status);
            assert_eq!(base.join(page.location()).expect("a path").origin(), base.origin());
            assert!(page.headers.get("x-injected").is_none());
        }
    }
}

#[tokio::test]
async fn malformed_query_is_ignored() {
    let app = TestApp::start().await;
    let visitor = Visitor::new(&app);
    let long = "a".repeat(10_000);
    for query in [
        "next",
        "next=",
        "next=%",
        "next=%zz",
        "next=%ff%fe",
        "next=%00",
        "next=/a&next=/b",
        "next[]=/a",
        "=/a",
        "&&&",
        "next=%0d%0aX-Injected:%201",
        "notice=%ff",
        "username=mallory&password=x",
        long.as_str(),
    ] {
        let page = visitor.get(&format!("/login?{query}")).await;
        assert_eq!(page.status, 200, "{query:.40}");
        assert_eq!((page.value_of("next"), page.value_of("username")), (None, None), "{query:.40}");
    }
}

fn attacks() -> Vec<String> {
    let mut attacks: Vec<String> = [
        "//e",
        "///e",
        "////e.example/x",
        "/\\e",
        "\\/e",
        "\\\\e",
        "/\t/e",
        "\t//e",
        "/\n/e",
        "/\r\n/e",
        "/\r\nX-Injected: 1",
        "/\u{0}/e",
        " //e",
        "/ /e",
        "http://e",
        "https://e/",
        "https:e",
        "https:/e",
        "http:\\\\e",
        "HTTP://E",
        "ftp://e",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "blob:x",
        "file:///etc/passwd",
        "//user@e",
        "//user:password@e/",
        "http://127.0.0.1@e",
        "@e",
        ":80",
        ".e",
        "e.example",
        "?x",
        "#x",
        "/.//e",
        "/..//e",
        "/x/..//e",
        "/x/.//../..//e",
        "/%2e//e",
        "/%2E%2e//e",
        "/\u{e9}",
        "/\u{ff0f}e",
        "\u{ff0f}\u{ff0f}e",
        "/\u{2028}/e",
        "/\u{7f}",
        "/login",
        "/login?next=//e",
        "/logout",
        "/x/../logout",
        "/setup",
    ]
    .map(str::to_owned)
    .into();
    attacks.push(format!("/{}", "a".repeat(10_240)));
    attacks.push("/a".repeat(1_025));
    attacks
}

/// Percent-encodes every byte, independent of the client.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        encoded
    })
}

fn unescape(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&")
}
