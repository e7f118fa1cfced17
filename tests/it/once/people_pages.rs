//! The rules of every page: headers, languages, methods, and error pages.

use reqwest::Method;

use crate::harness::visitor::{Page, Visitor};
use crate::harness::{PASSWORD, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn errors_are_html_for_browsers_and_json_otherwise() {
    let app = TestApp::start().await;
    let page = Visitor::new(&app).get("/nothing-here").await;
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(page.html.contains("Page not found") && page.html.contains("href=\"/\""));
    let korean = Visitor::new(&app).with("accept-language", "ko").get("/nothing-here").await;
    assert!(korean.html.contains("<html lang=\"ko\">") && korean.html.contains("페이지를 찾을 수 없습니다"));
    for accept in ["application/json", "*/*", ""] {
        let page = Visitor::new(&app).with("accept", accept).with("accept-language", "ko").get("/nothing-here").await;
        assert_eq!((page.status, page.header("content-type")), (404, "application/json"));
        assert!(page.html.starts_with("{\"error\":\"not_found\""), "{}", page.html);
    }
}

#[tokio::test]
async fn unsupported_method_is_405_with_allow() {
    let app = TestApp::start().await;
    let methods =
        [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::from_bytes(b"BREW").expect("a method")];
    for method in methods {
        for (path, allow) in [
            ("/", "GET, HEAD"),
            ("/login", "GET, HEAD, POST"),
            ("/logout", "GET, HEAD, POST"),
            ("/setup", "GET, HEAD, POST"),
            ("/account/profile", "GET, HEAD, POST"),
            ("/account/email", "GET, HEAD, POST"),
            ("/account/sessions", "GET, HEAD, POST"),
            ("/account/password", "GET, HEAD, POST"),
            ("/account/delete", "GET, HEAD, POST"),
        ] {
            let page = Visitor::new(&app).request(method.clone(), path, None).await;
            assert_eq!((page.status, page.header("allow")), (405, allow), "{method} {path}");
            assert!(page.html.contains("Request not supported"), "{method} {path}: {}", page.html);
        }
    }
    let json = Visitor::new(&app).with("accept", "application/json").request(Method::PUT, "/logout", None).await;
    assert!(json.html.starts_with("{\"error\":\"method_not_allowed\""), "{}", json.html);
}

#[tokio::test]
async fn unreadable_form_is_shown_again() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let huge = format!("username=alice&password={}", "a".repeat(17_000)).into_bytes();
    for (status, media_type, body) in [
        (413, FORM, huge),
        (415, "text/plain", b"username=alice".to_vec()),
        (422, "multipart/form-data; boundary=x", b"--x--".to_vec()),
        (422, FORM, b"username=alice&username=bob".to_vec()),
        (422, FORM, b"username=%ff".to_vec()),
        (422, FORM, b"username=a%00b".to_vec()),
    ] {
        let visitor = Visitor::new(&app);
        visitor.get("/login").await;
        let page = visitor.request(Method::POST, "/login", Some((media_type, body))).await;
        assert_eq!(page.status, status, "{media_type}");
        assert!(page.alert().starts_with("The form couldn’t be read"), "{}", page.alert());
        let fields = [("username", "alice"), ("password", PASSWORD)];
        assert_eq!(visitor.submit(&page, "/login", &fields).await.status, 303, "the form that is shown works");
    }
}

#[tokio::test]
async fn oversized_body_is_refused_unread() {
    let app = TestApp::start().await;
    for path in ["/login", "/logout", "/setup", "/", "/account/profile", "/account/password"] {
        let client = app.client.post(format!("{}{path}", app.url)).header("content-type", FORM);
        // The server may close the connection during the upload.
        if let Ok(response) = client.body(vec![b'a'; 10_000_000]).send().await {
            assert!([413, 405, 303, 410].contains(&response.status().as_u16()), "{path}: {}", response.status());
        }
    }
    assert_eq!(Visitor::new(&app).get("/login").await.status, 200, "the server still responds");
}

#[tokio::test]
async fn every_page_has_security_headers() {
    let (app, visitor) = signed_in().await;
    for (name, page) in every_page(&app, &visitor, "en").await {
        // Only pages with a password field or times run a script of the server.
        let has_script = page.html.contains("<script src=\"/static/");
        let scripts = if has_script { "script-src 'self'; " } else { "" };
        let policy = format!(
            "default-src 'none'; {scripts}style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        assert_eq!(page.html.matches("<script").count(), usize::from(has_script), "{name}");
        for (header, value) in [
            ("content-security-policy", policy.as_str()),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("vary", "Cookie, Accept-Language, Accept-Encoding"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(page.header(header), value, "{header} of {name}");
        }
        assert!(page.header("permissions-policy").contains("camera=()"), "{name}");
        assert_eq!(page.headers.get("server"), None, "{name}");
        assert_eq!(page.headers.get("strict-transport-security"), None, "only on https");
        // The page must contain nothing that the policy forbids.
        for forbidden in
            ["<script>", "<style", " style=\"", " onclick", " onload", "javascript:", "http://", "https://"]
        {
            assert!(!page.html.contains(forbidden), "{forbidden} in {name}");
        }
    }
    for path in ["/", "/logout"] {
        let redirect = Visitor::new(&app).same_origin().post(path, &[]).await;
        assert_eq!(redirect.header("cache-control"), "no-store", "{path}");
        assert!(redirect.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
    }
}

#[tokio::test]
async fn every_page_has_one_cacheable_stylesheet() {
    let (app, visitor) = signed_in().await;
    for language in ["en", "ko"] {
        for (name, page) in every_page(&app, &visitor, language).await {
            let (_, rest) = page.html.split_once("rel=\"stylesheet\" href=\"").expect("one stylesheet");
            let (stylesheet, _) = rest.split_once('"').expect("closed");
            let style = visitor.get(stylesheet).await;
            assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
            assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(page.html.matches("rel=\"stylesheet\"").count(), 1, "{name}");
            assert!(page.html.contains(&format!("<html lang=\"{language}\">")), "{name}");
        }
    }
}

#[tokio::test]
async fn language_is_the_first_supported_accepted_one() {
    let app = TestApp::start().await;
    for (header, language) in [
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"),
        ("fr-FR,fr;q=0.9,ko;q=0.2", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("en;q=0.1,ko;q=0.9", "ko"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        (";;;q=q,\u{7f}", "en"),
    ] {
        let visitor = match reqwest::header::HeaderValue::from_str(header) {
            Ok(_) => Visitor::new(&app).with("accept-language", header),
            Err(_) => continue,
        };
        let page = visitor.get("/login").await;
        assert_eq!((page.status, page.html.contains(&format!("<html lang=\"{language}\">"))), (200, true), "{header}");
    }
}

#[tokio::test]
async fn csrf_token_is_new_on_each_page() {
    let (app, visitor) = signed_in().await;
    let mut tokens = Vec::new();
    let newcomer = Visitor::new(&app);
    for _ in 0..5 {
        tokens.push(newcomer.get("/login").await.value_of("csrf").expect("a token").to_owned());
        tokens.push(visitor.get("/").await.value_of("csrf").expect("a token").to_owned());
    }
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 10);
}

#[tokio::test]
async fn head_returns_the_headers_of_get() {
    let (app, visitor) = signed_in().await;
    let newcomer = Visitor::new(&app);
    newcomer.get("/login").await;
    for (visitor, path) in
        [(&newcomer, "/login"), (&visitor, "/"), (&newcomer, "/"), (&newcomer, "/setup"), (&newcomer, "/no")]
    {
        let get = visitor.get(path).await;
        let head = visitor.request(Method::HEAD, path, None).await;
        assert_eq!((head.status, head.html.as_str()), (get.status, ""), "{path}");
        for header in ["content-type", "content-length", "location", "content-security-policy", "vary"] {
            assert_eq!(head.header(header), get.header(header), "{header} of {path}");
        }
    }
}

/// A server with a signed-in admin called kim.
async fn signed_in() -> (TestApp, Visitor) {
    let app = TestApp::start().await;
    let visitor = Visitor::new(&app);
    visitor.get(&format!("/setup?link={}", app.setup_link.as_deref().expect("a set-up link"))).await;
    let form = visitor.get("/setup").await;
    let page = visitor.submit(&form, "/setup", &[("username", "kim"), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 303);
    (app, visitor)
}

/// Every page in each of its states, in one language; `visitor` is signed in.
async fn every_page(app: &TestApp, visitor: &Visitor, language: &str) -> Vec<(&'static str, Page)> {
    let (visitor, newcomer) =
        (visitor.clone().with("accept-language", language), Visitor::new(app).with("accept-language", language));
    let elsewhere = visitor.clone().with("sec-fetch-site", "cross-site");
    vec![
        ("account", visitor.get("/?notice=set-up").await),
        ("sign-out question", elsewhere.post("/logout", &[]).await),
        ("sign-in", newcomer.get("/login?notice=signed-out&next=/docs/").await),
        ("wrong password", newcomer.try_sign_in("kim", "wrong").await),
        ("stale form", newcomer.post("/login", &[("username", "kim")]).await),
        ("expired link", newcomer.get("/setup").await),
        ("not found", newcomer.get("/nothing-here").await),
        ("method", newcomer.request(Method::PUT, "/logout", None).await),
    ]
}
