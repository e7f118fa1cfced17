//! Refused changes of a password.

use crate::account::app_with_alice;
use crate::harness::{OTHER_PASSWORD, PASSWORD};

#[tokio::test]
async fn refused_password_change_says_why_and_changes_nothing() {
    let (_app, visitor) = app_with_alice().await;
    for (current, new, says) in [
        ("", OTHER_PASSWORD, "Enter your current password"),
        (PASSWORD, "", "Enter your current password"),
        (PASSWORD, PASSWORD, "the same as the current one"),
        (PASSWORD, "short", "Use at least 12 characters"),
        (PASSWORD, "alice-vestibule", "name, email"),
        (PASSWORD, "password1234", "too common"),
        ("not my password", OTHER_PASSWORD, "Incorrect password"),
        // The strength of a new password is estimated for the owner only.
        ("not my password", "password1234", "Incorrect password"),
    ] {
        let form = visitor.get("/account/password").await;
        let page = visitor.submit(&form, "/account/password", &[("current", current), ("password", new)]).await;
        assert_eq!(page.status, 422, "{says}");
        assert!(page.alert().contains(says), "{}", page.alert());
        assert!(current.is_empty() || !page.html.contains(current), "no password is sent back");
    }
    assert!(visitor.is_signed_in().await);
}
