//! The checks of every form post: the cookie, the CSRF token, and the origin.

use reqwest::Method;

use crate::harness::visitor::{Page, SESSION, TOKEN, Visitor};
use crate::harness::{PASSWORD, TestApp};

const ALICE: [(&str, &str); 2] = [("username", "alice"), ("password", PASSWORD)];

#[tokio::test]
async fn stale_form_is_shown_again_with_the_name() {
    let app = app_with_alice().await;
    let visitor = Visitor::new(&app);
    visitor.get("/login").await;
    let other_token = Visitor::new(&app).get("/login").await.value_of("csrf").expect("a token").to_owned();
    for csrf in ["", "x", other_token.as_str(), &"A".repeat(86), "\u{e9}"] {
        let page = visitor.post("/login", &[&ALICE[..], &[("csrf", csrf)]].concat()).await;
        assert_eq!(page.status, 422);
        assert!(page.alert().starts_with("This form has expired"), "{}", page.alert());
        assert_eq!(page.value_of("username"), Some("alice"));
        assert!(page.set_cookie(TOKEN).is_none());
        assert_eq!(visitor.submit(&page, "/login", &ALICE).await.status, 303, "the form that is shown works");
        visitor.forget_cookies();
        visitor.get("/login").await;
    }
}

#[tokio::test]
async fn missing_cookie_is_named_as_the_cause() {
    let app = app_with_alice().await;
    let visitor = Visitor::new(&app);
    let form = visitor.get("/login").await;
    visitor.forget_cookies();
    let page = visitor.submit(&form, "/login", &ALICE).await;
    assert_eq!(page.status, 422);
    assert!(page.alert().starts_with("Cookies required. Your browser didn’t send"), "{}", page.alert());
    assert_eq!(visitor.submit(&page, "/login", &ALICE).await.status, 303, "once cookies are allowed, it works");
}

#[tokio::test]
async fn secure_cookie_over_http_is_named_as_the_cause() {
    let app = TestApp::start_with(|settings| {
        settings.set("PUBLIC_URL", "https://login.example");
        settings.set("TRUSTED_PROXIES", "127.0.0.1");
    })
    .await;
    app.add_user("alice", &[]).await;
    // A standard cookie jar sends secure cookies over http to local addresses only.
    let address: std::net::SocketAddr = app.url.trim_start_matches("http://").parse().expect("an address");
    let browser = crate::harness::client_builder().cookie_store(true).resolve("login.example", address);
    let browser = browser.build().expect("a client");
    let url = format!("http://login.example:{}/login", address.port());
    let html = browser.get(&url).send().await.expect("a response").text().await.expect("text");
    let (csrf, _) = html.split_once("name=\"csrf\" value=\"").expect("a form").1.split_once('"').expect("closed");
    let fields = [&ALICE[..], &[("csrf", csrf)]].concat();
    let page = browser.post(&url).form(&fields).send().await.expect("a response").text().await.expect("text");
    assert!(page.contains("only keeps over https") && page.contains("https://login.example"), "{page}");
    // Behind the https proxy the cause is the browser.
    let page = Visitor::new(&app).with("x-forwarded-proto", "https").post("/login", &fields).await;
    assert!(page.alert().contains("Allow cookies"), "{}", page.alert());
}

#[tokio::test]
async fn origin_of_another_scheme_host_or_port_is_cross_site() {
    let app = TestApp::start_with(|settings| {
        settings.set("PUBLIC_URL", "https://login.example");
        settings.set("TRUSTED_PROXIES", "127.0.0.1");
    })
    .await;
    app.add_user("alice", &[]).await;
    for (proto, host, origin, status) in [
        ("https", "login.example", "https://login.example", 303),
        ("https", "login.example", "https://login.example:443", 303),
        ("https", "other.example:8443", "https://other.example:8443", 303),
        ("https", "upstream:8080", "https://login.example", 303),
        ("https", "login.example", "http://login.example", 403),
        ("https", "login.example:443", "http://login.example:443", 403),
        ("https", "login.example", "https://login.example:8443", 403),
        ("https", "login.example", "https://example", 403),
        ("https", "login.example", "https://login.example.evil", 403),
        ("https", "login.example", "ftp://login.example", 403),
        // A browser that opened the page over http sends no secure cookie; the page says so.
        ("http", "login.example", "http://login.example", 422),
        ("http", "login.example", "http://evil.example", 403),
    ] {
        let visitor = Visitor::new(&app).with("x-forwarded-proto", proto).with("host", host);
        let form = visitor.get("/login").await;
        if proto == "http" {
            visitor.forget_cookies();
        }
        let page = visitor.clone().with("origin", origin).submit(&form, "/login", &ALICE).await;
        assert_eq!(page.status, status, "{origin} at {proto}://{host}: {}", page.alert());
        assert_eq!(page.alert().contains("https://login.example"), status == 422, "{}", page.alert());
    }
    let app = app_with_alice().await;
    let own = app.url.clone();
    for (origin, status) in [(own.clone(), 303), (own.replace("http:", "https:"), 403)] {
        let visitor = Visitor::new(&app);
        let form = visitor.get("/login").await;
        assert_eq!(visitor.with("origin", &origin).submit(&form, "/login", &ALICE).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn forwarded_proto_from_an_untrusted_address_is_ignored() {
    let app = TestApp::start_with(|settings| settings.set("PUBLIC_URL", "https://login.example"));
    let page = Visitor::new(&app.await).with("x-forwarded-proto", "https").post("/login", &ALICE).await;
    assert!(page.alert().contains("Open https://login.example instead."), "{}", page.alert());
}

#[tokio::test]
async fn cross_site_form_is_refused() {
    let app = app_with_alice().await;
    let signed_in = Visitor::new(&app);
    signed_in.sign_in("alice").await;
    let csrf = signed_in.get("/").await.value_of("csrf").expect("a token").to_owned();
    for (name, value) in cross_site_headers() {
        let visitor = Visitor::new(&app);
        let form = visitor.get("/login").await;
        // Even with a valid CSRF token.
        let page = visitor.clone().with(name, value).submit(&form, "/login", &ALICE).await;
        assert_eq!((page.status, page.set_cookie(TOKEN)), (403, None), "{name}: {value}");
        assert!(page.alert().starts_with("This form came from another site"), "{}", page.alert());
        assert_eq!(visitor.submit(&page, "/login", &ALICE).await.status, 303, "the form on this page works");
        let page = signed_in.clone().with(name, value).post("/logout", &[("csrf", &csrf)]).await;
        assert_eq!(page.status, 403, "{name}: {value}");
        assert!(page.html.contains("Sign out?"));
        assert!(signed_in.is_signed_in().await, "{name}: {value}");
    }
}

/// A browser sends no `Lax` cookie with another site's post, but it stores the response's cookies: a new session cookie
/// would replace the signed-in one.
#[tokio::test]
async fn cross_site_form_without_cookies_sets_no_cookie() {
    let app = app_with_alice().await;
    for path in ["/login", "/logout", "/setup", "/account/profile", "/account/sessions", "/account/password"] {
        for (name, value) in cross_site_headers().into_iter().chain([("origin", "null")]) {
            let stranger = Visitor::new(&app).with(name, value);
            // The second is what `enctype="text/plain"` sends.
            let plain = Some(("text/plain", b"username=alice".to_vec()));
            for page in [stranger.post(path, &ALICE).await, stranger.request(Method::POST, path, plain).await] {
                assert_eq!(page.headers.get("set-cookie"), None, "{path} {name}: {value}");
            }
        }
    }
    // Older browsers do not say where a post comes from.
    let page = Visitor::new(&app).post("/logout", &[]).await;
    assert_eq!((page.status, page.headers.get("set-cookie")), (303, None));
}

#[tokio::test]
async fn same_origin_form_is_accepted_with_a_stale_token() {
    let app = app_with_alice().await;
    let host = app.url.clone();
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", host.as_str())] {
        let visitor = Visitor::new(&app).with(name, value);
        visitor.get("/login").await;
        let page = visitor.post("/login", &[&ALICE[..], &[("csrf", "stale")]].concat()).await;
        assert_eq!(page.status, 303, "{name}: {value}");
        let page = visitor.post("/logout", &[("csrf", "stale")]).await;
        assert_eq!((page.status, visitor.is_signed_in().await), (303, false), "{name}: {value}");
    }
}

#[tokio::test]
async fn stale_sign_out_of_unknown_origin_asks_for_confirmation() {
    let app = app_with_alice().await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    for origin in ["none", "null"] {
        let page = visitor.clone().with("origin", origin).with("sec-fetch-site", "none").post("/logout", &[]).await;
        if origin == "none" {
            // Not a URL, therefore not this server's origin.
            assert_eq!(page.status, 403);
            continue;
        }
        assert_eq!(page.status, 422);
        assert!(page.alert().contains("To sign out, use the button below."), "{}", page.alert());
        assert!(visitor.is_signed_in().await);
        assert_eq!(visitor.submit(&page, "/logout", &[]).await.status, 303);
        assert!(!visitor.is_signed_in().await);
    }
}

#[tokio::test]
async fn two_tabs_opened_before_the_first_cookie_both_sign_in() {
    let app = app_with_alice().await;
    let visitor = Visitor::new(&app);
    let first = visitor.get("/login").await;
    visitor.forget_cookies();
    let second = visitor.get("/login").await;
    assert_eq!(visitor.same_origin().submit(&first, "/login", &ALICE).await.status, 303);
    assert_eq!(visitor.same_origin().submit(&second, "/login", &ALICE).await.status, 303);
    assert!(visitor.is_signed_in().await);
}

#[tokio::test]
async fn pages_fetched_during_a_sign_in_do_not_undo_it() {
    let app = app_with_alice().await;
    for round in 0..25 {
        let visitor = Visitor::new(&app);
        let form = visitor.get("/login").await;
        let pages = (0..20).map(|number| {
            let visitor = visitor.clone();
            tokio::spawn(async move {
                let path = ["/login", "/", "/login?next=/docs/", "/nothing-here"][number % 4];
                let page = visitor.get(path).await;
                assert_eq!(page.set_cookie(SESSION), None, "{path}");
            })
        });
        let pages: Vec<_> = pages.collect();
        assert_eq!(visitor.submit(&form, "/login", &ALICE).await.status, 303);
        for page in pages {
            page.await.expect("no panic");
        }
        assert!(visitor.is_signed_in().await, "round {round}");
    }
}

#[tokio::test]
async fn session_cookie_is_set_at_the_first_form_at_sign_in_and_at_sign_out_only() {
    let app = app_with_alice().await;
    let visitor = Visitor::new(&app);
    let is_written = |page: &Page| page.set_cookie(SESSION).is_some();
    for path in ["/", "/me", "/nothing", "/setup", "/docs/", "/healthz", "/openapi.json"] {
        assert!(!is_written(&visitor.get(path).await), "{path} has no form");
    }
    assert!(is_written(&visitor.get("/login").await), "the first form");
    let form = visitor.get("/login").await;
    assert!(!is_written(&form));
    let wrong = visitor.submit(&form, "/login", &[("username", "alice"), ("password", "wrong")]).await;
    assert!(wrong.status == 422 && !is_written(&wrong));
    let stale = visitor.post("/login", &ALICE).await;
    assert!(stale.status == 422 && !is_written(&stale));
    assert!(is_written(&visitor.submit(&form, "/login", &ALICE).await), "sign-in");
    for path in ["/", "/login", "/me", "/nothing", "/setup", "/docs/"] {
        assert!(!is_written(&visitor.get(path).await), "{path}");
    }
    assert!(is_written(&visitor.sign_out().await), "sign-out");
    for path in ["/", "/login?notice=signed-out"] {
        assert!(!is_written(&visitor.get(path).await), "{path}");
    }
}

#[tokio::test]
async fn invalid_session_cookie_counts_as_none() {
    let app = app_with_alice().await;
    for garbage in ["", "x", "AAAA%00", &"A".repeat(4_000)] {
        let visitor = Visitor::with_cookies(&app, &[(SESSION, garbage), (TOKEN, garbage)]);
        assert!(!visitor.is_signed_in().await);
        assert_eq!(visitor.sign_in("alice").await.location(), "/");
        assert!(visitor.is_signed_in().await, "{garbage:.10}");
    }
}

async fn app_with_alice() -> TestApp {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    app
}

fn cross_site_headers() -> [(&'static str, &'static str); 6] {
    [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1:1"),
        ("origin", "http://localhost"),
        ("origin", "chrome-extension://abc"),
    ]
}
