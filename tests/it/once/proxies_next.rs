//! Sign-in for an application: the redirect back to it, and redirect loops.

use crate::harness::PASSWORD;
use crate::harness::proxies::{start, start_with};
use crate::harness::visitor::Visitor;

const APP: &str = "http://app.vestibule.test:8080/a?b=c";

#[tokio::test]
async fn sign_in_returns_to_the_application() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    let mut form = visitor.get(&format!("/login?next={APP}")).await;
    for password in ["not the password", PASSWORD] {
        assert_eq!(form.value_of("next"), Some(APP));
        let policy = form.header("content-security-policy");
        assert!(policy.contains("; form-action 'self' http://app.vestibule.test:8080; "), "{policy}");
        let fields = [("username", "alice"), ("password", password), ("next", APP)];
        form = visitor.submit(&form, "/login", &fields).await;
    }
    assert_eq!((form.status, form.location()), (303, APP));
    let page = visitor.get("/login?next=http://app.evil.test/").await;
    assert_eq!((page.status, page.location()), (303, "/"));
    let form = Visitor::new(&app).get("/login?next=http://app.evil.test/").await;
    assert!(
        form.header("content-security-policy").contains("; form-action 'self'; ") && form.value_of("next").is_none()
    );
}

#[tokio::test]
async fn https_never_redirects_to_http() {
    let app = start_with(|settings| settings.set("PUBLIC_URL", "https://login.vestibule.test")).await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    assert_eq!(visitor.get(&format!("/login?next={APP}")).await.value_of("next"), None);
    visitor.sign_in("alice").await;
    for (next, to) in [(APP, "/"), ("https://app.vestibule.test/a", "https://app.vestibule.test/a")] {
        assert_eq!(visitor.get(&format!("/login?next={next}")).await.location(), to);
    }
}

#[tokio::test]
async fn redirect_loop_is_detected_and_explained() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    for (language, words) in [("en", "Sign-in loop detected"), ("ko", "로그인이 반복되고 있습니다")] {
        let visitor = Visitor::new(&app).with("accept-language", language);
        visitor.sign_in("alice").await;
        for round in 0..2 {
            for turn in 0..4 {
                // A new query each time, as some applications do.
                let page = visitor.get(&format!("/login?next={APP}{turn}")).await;
                assert_eq!((page.status, page.location()), (303, format!("{APP}{turn}").as_str()), "{round}");
                let cookie = page.set_cookie("vestibule_returns").expect("a redirect count");
                assert!(cookie.ends_with("Max-Age=10") && !cookie.contains("Domain"), "{cookie}");
            }
            let page = visitor.get(&format!("/login?next={APP}")).await;
            assert_eq!((page.status, page.location()), (409, ""));
            assert!(page.html.contains(words) && page.html.contains("http://app.vestibule.test:8080"), "{}", page.html);
            assert!(page.html.contains("COOKIE_DOMAIN") && page.html.contains(&format!("href=\"{APP}\"")));
            // The count restarts with the link on the page.
            assert_eq!(visitor.cookie("vestibule_returns"), None);
        }
    }
}

#[tokio::test]
async fn redirects_to_many_pages_are_not_a_redirect_loop() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    for page in 0..10 {
        for host in ["a", "b"] {
            let next = format!("http://{host}.vestibule.test/{page}");
            assert_eq!(visitor.get(&format!("/login?next={next}")).await.location(), next);
        }
    }
    for _ in 0..10 {
        assert_eq!(visitor.get("/login").await.location(), "/");
    }
    for value in ["9999999999999.x", "x", "4.", ".", "-1.x"] {
        let session = visitor.cookie("vestibule_session").expect("signed in");
        let held = [("vestibule_session", session.as_str()), ("vestibule_returns", value)];
        let page = Visitor::with_cookies(&app, &held).get(&format!("/login?next={APP}")).await;
        assert_eq!(page.location(), APP, "{value}");
    }
}
