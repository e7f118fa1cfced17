//! The sign-in page: success, refusal and throttling.

use std::time::Duration;

use serde_json::Value;
use vestibule::users;

use crate::harness::visitor::{Page, Visitor};
use crate::harness::{PASSWORD, TestApp};

#[tokio::test]
async fn sign_in_shows_the_account() {
    let app = TestApp::start().await;
    app.add_user("Alice", &["admin", "editor"]).await;
    let visitor = Visitor::new(&app);
    let page = visitor.try_sign_in("alice", PASSWORD).await;
    assert_eq!((page.status, page.location()), (303, "/"));
    let account = visitor.get("/").await;
    assert_eq!(account.status, 200);
    for text in ["Signed in as", "<bdi>Alice</bdi>", "Administrator", "editor", " UTC</time>"] {
        assert!(account.html.contains(text), "{text}: {}", account.html);
    }
    let me: Value = serde_json::from_str(&visitor.get("/me").await.html).expect("JSON");
    assert_eq!(me["sub"], "Alice");
    let again = visitor.get("/login").await;
    assert_eq!((again.status, again.location()), (303, "/"), "a signed-in browser is redirected");
}

#[tokio::test]
async fn failed_sign_ins_look_the_same_for_unknown_and_disabled_users() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    disable(&app, "carol").await;
    let mut responses = Vec::new();
    // Names of the same length, because the form contains them.
    for name in ["alice", "carol", "zelda"] {
        let visitor = Visitor::new(&app);
        responses.push(comparable(&visitor.try_sign_in(name, "not the password").await, name));
    }
    assert_eq!(responses[0], responses[1]);
    assert_eq!(responses[0], responses[2]);
}

#[tokio::test]
async fn disabled_account_is_revealed_with_the_right_password_only() {
    let app = TestApp::start().await;
    disable(&app, "carol").await;
    let visitor = Visitor::new(&app);
    let page = visitor.try_sign_in("carol", PASSWORD).await;
    assert_eq!(page.status, 422);
    assert!(page.alert().starts_with("This account is disabled"), "{}", page.alert());
    assert!(!visitor.is_signed_in().await);
}

#[tokio::test]
async fn throttled_sign_in_page_shows_the_wait() {
    let app = TestApp::start_with(|settings| settings.set("THROTTLE_ACCOUNT_NETWORK", "2")).await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    for name in ["alice", "zelda"] {
        for _ in 0..2 {
            assert_eq!(visitor.try_sign_in(name, "not the password").await.status, 422);
        }
    }
    let mut waits = Vec::new();
    for (name, password) in [("alice", PASSWORD), ("alice", "not the password"), ("zelda", PASSWORD)] {
        let page = visitor.try_sign_in(name, password).await;
        assert_eq!(page.status, 429, "whether the name exists or the password is right");
        let seconds: u64 = page.header("retry-after").parse().expect("seconds");
        assert!((25..=30).contains(&seconds), "{seconds}");
        assert!(page.alert().contains(&format!("Try again in {seconds} seconds.")), "{}", page.alert());
        assert_eq!(page.value_of("username"), Some(name));
        waits.push(seconds);
    }
    let korean = visitor.clone().with("accept-language", "ko").try_sign_in("alice", PASSWORD).await;
    assert!(korean.alert().contains(&format!("{}초 후에", korean.header("retry-after"))), "{}", korean.alert());
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(visitor.try_sign_in("alice", PASSWORD).await.status, 303, "the wait is as long as stated");
}

async fn disable(app: &TestApp, name: &str) {
    let (user, now) = (app.add_user(name, &[]).await, app.clock.now());
    app.write(move |conn| users::set_disabled(conn, user.id, Some(now))).await;
}

/// The status, the headers and the page, without the date, the CSRF token and the name.
fn comparable(page: &Page, name: &str) -> (u16, Vec<String>, String) {
    let mut headers: Vec<String> = page
        .headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")))
        .collect();
    headers.sort();
    (page.status, headers, page.html_without_csrf().replace(name, "NAME"))
}
