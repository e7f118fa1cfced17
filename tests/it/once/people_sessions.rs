//! The cookies that a sign-in sets: their attributes, and an account with too many roles for one.

use crate::harness::proxies::{PROXY, check_both};
use crate::harness::visitor::{SESSION, TOKEN, Visitor};
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};
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

#[tokio::test]
async fn account_with_more_roles_than_a_cookie_holds_signs_in_without_a_token_cookie() {
    let app = TestApp::start().await;
    let roles: Vec<String> = (0..60).map(|number| format!("{number:0>64}")).collect();
    app.add_user("alice", &roles.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // The cookie of an earlier user of this browser must not stay.
    let visitor = Visitor::with_cookies(&app, &[(TOKEN, "x")]);
    visitor.sign_in("alice").await;
    assert_eq!(visitor.cookie(TOKEN), None);
    for path in ["/", "/account/profile", "/login?next=/account/profile"] {
        let page = visitor.get(path).await;
        assert!(page.status < 400, "{path}: {}", page.html);
        assert!(page.set_cookie(TOKEN).is_none(), "{path}");
    }
    let proxy = visitor.cookie(PROXY).expect("the others are set");
    for response in check_both(&app, &[("cookie", &format!("{PROXY}={proxy}"))]).await {
        assert_eq!((response.status, response.header("remote-user")), (200, "alice"));
    }
    assert_eq!(visitor.get("/me").await.status, 401);
    assert_eq!(app.get_me(&app.token_of("alice").await).await.status(), 200, "clients get their tokens");
    let form = visitor.get("/account/password").await;
    let done = visitor.submit(&form, "/account/password", &[("current", PASSWORD), ("password", OTHER_PASSWORD)]).await;
    assert_eq!(done.status, 303, "{}", done.html);
    assert!(visitor.is_signed_in().await);
}

#[tokio::test]
async fn size_of_the_token_cookie_is_computed_exactly() {
    for (setting, value) in [
        ("JWT_ALGORITHM", "ES256"),
        ("JWT_ALGORITHM", "EdDSA"),
        ("JWT_ALGORITHM", "RS256"),
        ("JWT_SECRET_FILE", "tests/it/main.rs"),
    ] {
        for audience in ["", "https://api.example.com/\"quoted\"/경로"] {
            let app = TestApp::start_with(|settings| {
                settings.set(setting, value);
                settings.set("AUDIENCE", audience);
            })
            .await;
            for roles in [&[][..], &["admin"], &["a", "bc", "def", "ghij"]] {
                let name = format!("홍길동.{}", roles.len());
                let user = app.add_user(&name, roles).await;
                let visitor = Visitor::new(&app);
                visitor.sign_in(&name).await;
                let token = visitor.cookie(TOKEN).expect("signed in");
                let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
                let size = app.services.tokens.browser_token_size();
                assert_eq!(size.bytes(&name, user.id, &roles), token.len(), "{value} {audience} {roles:?}");
            }
        }
    }
}
