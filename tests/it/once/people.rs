//! Sign-in forms that are refused, and the notices on the sign-in page.

use crate::harness::visitor::{TOKEN, Visitor};
use crate::harness::{PASSWORD, TestApp};

#[tokio::test]
async fn impossible_names_and_passwords_look_like_wrong_ones() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let right_shape = Visitor::new(&app).try_sign_in("alice", "not the password").await;
    let (long_name, long_password) = ("a".repeat(5_000), "a".repeat(10_000));
    for (name, password) in [
        (long_name.as_str(), PASSWORD),
        ("alice", long_password.as_str()),
        ("al\u{7}ice", PASSWORD),
        ("a b c", PASSWORD),
        ("\u{202e}alice", PASSWORD),
        ("alice", "bell\u{7}"),
    ] {
        let page = Visitor::new(&app).try_sign_in(name, password).await;
        assert_eq!((page.status, page.alert()), (422, right_shape.alert()), "{name:.20?} {password:.20?}");
        assert!(page.html.len() < 8_000, "a long name is not sent back whole");
    }
}

#[tokio::test]
async fn missing_sign_in_field_is_named_as_the_cause() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    for fields in [&[("username", "alice")][..], &[("username", "alice"), ("password", "")], &[("password", PASSWORD)]]
    {
        let visitor = Visitor::new(&app);
        let form = visitor.get("/login").await;
        let page = visitor.submit(&form, "/login", fields).await;
        assert_eq!(page.status, 422);
        assert!(page.alert().starts_with("Missing username or password"), "{fields:?}: {}", page.alert());
    }
}

#[tokio::test]
async fn submitted_username_is_escaped() {
    let app = TestApp::start().await;
    let page = Visitor::new(&app).try_sign_in("\"><script>alert('1')</script>&", "wrong").await;
    assert_eq!(page.status, 422);
    assert!(!page.html.contains("<script>") && !page.html.contains("&</"), "{}", page.html);
    assert!(page.value_of("username").is_some_and(|value| value.contains("script") && value.contains("&#")));
}

#[tokio::test]
async fn unknown_notice_shows_nothing() {
    let app = TestApp::start().await;
    let visitor = Visitor::new(&app);
    assert!(visitor.get("/login?notice=signed-out").await.html.contains("You’re signed out."));
    assert!(visitor.get("/login?notice=session-ended").await.html.contains("Your session has ended."));
    let plain = visitor.get("/login").await;
    for code in ["", "You+won", "signed-out%00", "alert-stale-text", "signed-out&notice=set-up"] {
        let page = visitor.get(&format!("/login?notice={code}")).await;
        assert_eq!(page.html_without_csrf(), plain.html_without_csrf(), "{code}");
    }
}

#[tokio::test]
async fn wrong_password_shows_the_form_with_the_name_and_without_the_password() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    let page = visitor.try_sign_in("alice", "not the password").await;
    assert_eq!(page.status, 422);
    assert_eq!(page.value_of("username"), Some("alice"));
    assert_eq!(page.value_of("password"), None);
    assert!(!page.html.contains("not the password"));
    assert!(page.alert().starts_with("Incorrect username or password. Check both"), "{}", page.alert());
    // Screen readers announce the title, the role and the focused element.
    assert!(page.html.contains("<title>Error: Sign in · Vestibule</title>"));
    assert!(page.html.contains("role=\"alert\" tabindex=\"-1\" autofocus"));
    assert_eq!(page.html.matches("autofocus").count(), 1);
    assert!(page.set_cookie(TOKEN).is_none());
    assert!(!visitor.is_signed_in().await);
}
