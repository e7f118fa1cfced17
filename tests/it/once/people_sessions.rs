//! The attributes of the cookies that a sign-in sets.

use crate::harness::TestApp;
use crate::harness::visitor::{SESSION, TOKEN, Visitor};
use crate::people_sessions::{app_with_alice, attributes};

#[tokio::test]
async fn http_cookies_are_http_only_and_same_site() {
    let (app, _) = app_with_alice().await;
    let page = Visitor::new(&app).sign_in("alice").await;
    for (name, max_age) in [(SESSION, None), (TOKEN, Some(1_200)), ("vestibule_device", Some(90 * 86_400))] {
        let cookie = page.set_cookie(name).expect("set at sign-in");
        let max_age = max_age.map(|seconds| format!("Max-Age={seconds}"));
        let expected: Vec<&str> =
            ["HttpOnly"].into_iter().chain(max_age.as_deref()).chain(["Path=/", "SameSite=Lax"]).collect();
        assert_eq!(attributes(cookie), expected);
        assert!(cookie.len() < 4_096);
    }
}

#[tokio::test]
async fn https_cookies_are_secure_and_bound_to_the_host() {
    let app = TestApp::start_with(|settings| settings.set("PUBLIC_URL", "https://login.example"));
    let app = app.await;
    app.add_user("alice", &[]).await;
    let page = Visitor::new(&app).sign_in("alice").await;
    for name in ["__Host-vestibule_session", "__Host-vestibule_token", "__Host-vestibule_device"] {
        let attributes = attributes(page.set_cookie(name).expect("set at sign-in")).join("; ");
        assert!(attributes.ends_with("Path=/; SameSite=Lax; Secure") && attributes.starts_with("HttpOnly"), "{name}");
    }
    assert!(page.header("strict-transport-security").starts_with("max-age="));
}
