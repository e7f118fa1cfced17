//! Passwords that the set-up page refuses.

use crate::harness::TestApp;
use crate::people_setup::{ROOT, open};

#[tokio::test]
async fn weak_password_is_refused_with_a_reason_and_other_fields_are_kept() {
    let app = TestApp::start().await;
    let (visitor, mut form) = open(&app).await;
    let long = "correct horse ".repeat(20);
    for (password, why) in [
        ("", "Use at least 12 characters."),
        ("short", "Use at least 12 characters."),
        ("password1234", "This password is too common"),
        ("qwertyuiop123", "This password is too common"),
        ("Correct Horse Battery Staple", "This password is too common"),
        ("Administrator", "Your password can’t be your username."),
        ("correct\u{7}horse battery", "the character U+0007, which can’t be used"),
        (long.as_str(), "Use at most 256 characters."),
    ] {
        let fields = [("username", "administrator"), ("display_name", "Ada <L>"), ("password", password)];
        let page = visitor.submit(&form, "/setup", &fields).await;
        assert_eq!(page.status, 422, "{password:.20}");
        assert!(page.alert().starts_with("The account wasn’t created. "), "{}", page.alert());
        assert!(page.alert().contains(why), "{password:.20}: {}", page.alert());
        assert_eq!(page.value_of("username"), Some("administrator"));
        assert_eq!(page.value_of("display_name"), Some("Ada &#60;L&#62;"));
        assert!(
            page.value_of("password").is_none()
                && (password.is_empty() || !page.html.contains(&format!("\"{password}")))
        );
        form = page;
    }
    assert_eq!(visitor.submit(&form, "/setup", &ROOT).await.status, 303, "the link was not used up");
}
