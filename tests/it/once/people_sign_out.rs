//! `/logout` as applications use it.

use crate::harness::TestApp;
use crate::harness::visitor::Visitor;

#[tokio::test]
async fn get_logout_asks_for_confirmation() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    for (path, to) in [("/logout", "/login"), ("/logout?next=/docs/", "/docs/"), ("/logout?next=//e", "/login")] {
        let page = visitor.get(path).await;
        assert_eq!((page.status, page.location()), (303, to), "no session");
    }
    visitor.sign_in("alice").await;
    let page = visitor.get("/logout").await;
    assert_eq!((page.status, page.value_of("next")), (200, None));
    assert!(page.html.contains("Sign out?") && visitor.is_signed_in().await);
    let page = visitor.submit(&page, "/logout", &[]).await;
    assert_eq!((page.status, page.location()), (303, "/login?notice=signed-out"));
    assert!(!visitor.is_signed_in().await);
}

#[tokio::test]
async fn sign_out_returns_to_the_application() {
    let change = |settings: &mut vestibule::config::Settings| {
        settings.set("PUBLIC_URL", "https://login.vestibule.test");
        settings.set("COOKIE_DOMAIN", "vestibule.test");
    };
    let app = TestApp::start_with(change).await;
    app.add_user("alice", &[]).await;
    let next = "https://app.vestibule.test/bye?x=1";
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    // A form of the application needs a confirmation: another site could send it, too.
    let from_application = visitor.clone().with("sec-fetch-site", "same-site");
    for page in [
        visitor.get(&format!("/logout?next={next}")).await,
        from_application.post(&format!("/logout?next={next}"), &[]).await,
    ] {
        assert_eq!(page.value_of("next"), Some(next));
        let policy = page.header("content-security-policy");
        assert!(policy.contains("; form-action 'self' https://app.vestibule.test; "), "{policy}");
        assert!(visitor.is_signed_in().await);
    }
    let page = visitor.get("/logout?next=https://app.evil.test/").await;
    assert_eq!(page.value_of("next"), None);
    assert!(page.header("content-security-policy").contains("; form-action 'self'; "));
    let page = visitor.submit(&page, "/logout", &[("next", next)]).await;
    assert_eq!((page.status, page.location()), (303, next));
    assert!(!visitor.is_signed_in().await);
    for name in ["__Secure-vestibule_token", "__Secure-vestibule_proxy"] {
        let cookie = page.set_cookie(name).expect("a removal");
        assert!(cookie.contains("Max-Age=0") && cookie.contains("Domain=vestibule.test"), "{cookie}");
    }
}
