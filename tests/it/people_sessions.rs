//! A browser session: its two cookies, its lifetimes, and its end.

use std::time::Duration;

use serde_json::Value;
use vestibule::sessions::{self, EndReason};
use vestibule::users;

use crate::harness::TestApp;
use crate::harness::visitor::{SESSION, TOKEN, Visitor};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn token_cookie_is_valid_for_me_only() {
    let (app, visitor) = app_with_alice().await;
    let token = visitor.cookie(TOKEN).expect("signed in");
    let holder = Visitor::with_cookies(&app, &[(TOKEN, &token)]);
    assert_eq!(holder.get("/me").await.status, 200);
    let page = holder.get("/").await;
    assert_eq!((page.status, page.location()), (303, "/login"));
    assert_eq!(holder.get("/login").await.status, 200);
    let holder = Visitor::with_cookies(&app, &[(TOKEN, &token)]);
    holder.same_origin().post("/logout", &[]).await;
    assert!(visitor.is_signed_in().await, "it does not end the session either");
}

#[tokio::test]
async fn session_cookie_is_not_valid_for_me() {
    let (app, visitor) = app_with_alice().await;
    let session = visitor.cookie(SESSION).expect("signed in");
    let holder = Visitor::with_cookies(&app, &[(SESSION, &session)]);
    let page = holder.get("/me").await;
    assert_eq!((page.status, page.header("www-authenticate")), (401, "Bearer realm=\"vestibule\""));
    let page = Visitor::with_cookies(&app, &[(TOKEN, &session)]).get("/me").await;
    assert_eq!(page.status, 401);
    assert!(holder.is_signed_in().await);
    assert_eq!(holder.get("/me").await.status, 200, "the page issued a token");
}

#[tokio::test]
async fn page_issues_a_new_token_when_the_old_one_has_expired() {
    let (app, visitor) = app_with_alice().await;
    let old = visitor.cookie(TOKEN).expect("signed in");
    assert!(visitor.is_signed_in().await);
    assert_eq!(visitor.cookie(TOKEN).as_ref(), Some(&old), "not before the old one expires");
    app.clock.advance(Duration::from_secs(1_300));
    assert_eq!(visitor.get("/me").await.status, 401, "the old one has expired");
    let page = visitor.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.set_cookie(TOKEN).is_some_and(|cookie| cookie.contains("Max-Age=1200")));
    assert!(page.set_cookie(SESSION).is_none());
    assert_ne!(visitor.cookie(TOKEN), Some(old));
    let me = visitor.get("/me").await;
    let me: Value = serde_json::from_str(&me.html).expect("JSON");
    assert_eq!(me["sub"], "alice");
}

#[tokio::test]
async fn session_expires_when_idle() {
    let (app, visitor) = app_with_alice().await;
    app.clock.advance(Duration::from_mins(12 * 60 - 1));
    assert!(visitor.is_signed_in().await);
    app.clock.advance(Duration::from_mins(12 * 60 - 1));
    assert!(visitor.is_signed_in().await, "each use extends the session");
    app.clock.advance(12 * HOUR);
    let page = visitor.get("/").await;
    assert_eq!((page.status, page.location()), (303, "/login?notice=session-ended"));
    assert_eq!(visitor.get("/login").await.status, 200);
    assert!(visitor.sign_in("alice").await.location() == "/" && visitor.is_signed_in().await);
}

#[tokio::test]
async fn session_expires_after_thirty_days() {
    let (app, visitor) = app_with_alice().await;
    let mut hours = 0;
    while visitor.is_signed_in().await {
        app.clock.advance(10 * HOUR);
        hours += 10;
        assert!(hours <= 720, "thirty days are 720 hours");
    }
    assert_eq!(hours, 720);
    let last = visitor.get("/me").await;
    assert_eq!(last.status, 401, "no token outlives its session");
}

#[tokio::test]
async fn sign_out_ends_the_session_and_its_token_at_once() {
    let (app, visitor) = app_with_alice().await;
    let thief = visitor.copy(&app);
    let token = visitor.cookie(TOKEN).expect("signed in");
    let session_cookie = visitor.cookie(SESSION);
    assert_eq!(app.get_me(&token).await.status(), 200);
    let page = visitor.sign_out().await;
    assert_eq!((page.status, page.location()), (303, "/login?notice=signed-out"));
    assert_eq!(app.get_me(&token).await.status(), 401, "at once, though it has not expired");
    assert_eq!(visitor.cookie(TOKEN), None, "the token cookie is removed");
    assert_ne!(visitor.cookie(SESSION), session_cookie, "the session cookie is renewed");
    assert_eq!(visitor.get("/").await.location(), "/login", "the account page redirects to sign-in");
    assert!(!thief.is_signed_in().await, "a copy of the cookie is invalid");
    let live = app.write(|conn| sessions::list_unended_of_user(conn, users::UserId(1), 10)).await;
    assert!(live.is_empty(), "{live:?}");
}

#[tokio::test]
async fn sign_out_is_idempotent() {
    let (_app, visitor) = app_with_alice().await;
    let account = visitor.get("/").await;
    for browser in [visitor.clone(), visitor.clone(), visitor.same_origin()] {
        let page = browser.submit(&account, "/logout", &[]).await;
        assert_eq!((page.status, page.location()), (303, "/login?notice=signed-out"));
    }
    assert_eq!(visitor.sign_in("alice").await.location(), "/", "the next sign-in works");
}

#[tokio::test]
async fn sign_in_ends_the_earlier_session_of_the_same_browser_only() {
    let (app, visitor) = app_with_alice().await;
    let elsewhere = Visitor::new(&app);
    elsewhere.sign_in("alice").await;
    app.add_user("bob", &[]).await;
    let earlier = visitor.copy(&app);
    // A form that was open in another tab.
    let fields = [("username", "bob"), ("password", crate::harness::PASSWORD)];
    assert_eq!(visitor.same_origin().post("/login", &fields).await.status, 303);
    assert!(visitor.get("/").await.html.contains("<bdi>bob</bdi>"));
    let token = earlier.cookie(TOKEN).expect("signed in");
    assert_eq!(app.get_me(&token).await.status(), 401, "its token is refused");
    assert!(!earlier.is_signed_in().await);
    assert!(elsewhere.is_signed_in().await);
}

#[tokio::test]
async fn disabled_user_is_signed_out_at_the_next_page() {
    let (app, visitor) = app_with_alice().await;
    let now = app.clock.now();
    app.write(move |conn| users::set_disabled(conn, users::UserId(1), Some(now))).await;
    assert_eq!(visitor.get("/").await.location(), "/login?notice=session-ended");
    let page = visitor.get("/login?notice=session-ended").await;
    assert!(page.html.contains("Your session has ended. Sign in to continue."));
}

#[tokio::test]
async fn session_ended_elsewhere_is_signed_out_at_the_next_page() {
    let (app, visitor) = app_with_alice().await;
    let now = app.clock.now();
    app.write_elsewhere(move |conn, ended| {
        sessions::end_all_of_user(conn, ended, users::UserId(1), EndReason::PasswordChanged, now)
    })
    .await;
    assert_eq!(visitor.get("/").await.location(), "/login?notice=session-ended");
    app.clock.advance(Duration::from_secs(1_300));
    assert!(visitor.get("/").await.set_cookie(TOKEN).is_none(), "no token is issued for it");
}

/// A server with `alice`, and her signed-in browser.
pub async fn app_with_alice() -> (TestApp, Visitor) {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    (app, visitor)
}

/// The sorted attributes of a cookie, without `Expires`.
pub fn attributes(cookie: &str) -> Vec<&str> {
    let mut attributes: Vec<&str> =
        cookie.split("; ").skip(1).filter(|attribute| !attribute.starts_with("Expires=")).collect();
    attributes.sort_unstable();
    attributes
}
