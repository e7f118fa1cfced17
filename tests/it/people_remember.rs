//! "Keep me signed in": lifetimes and cookie of a remembered session.

use std::time::Duration;

use vestibule::sessions;

use crate::harness::visitor::{Page, SESSION, Visitor};
use crate::harness::{OTHER_PASSWORD, PASSWORD, ServerProcess, TestApp, TestResponse};

const DAY: Duration = Duration::from_hours(24);

async fn sign_in_remembered(visitor: &Visitor) -> Page {
    let form = visitor.get("/login").await;
    assert!(
        form.html.contains("name=\"remember\"") && !form.html.contains(" checked"),
        "the box is not checked by default"
    );
    let fields = [("username", "alice"), ("password", PASSWORD), ("remember", "on")];
    let page = visitor.submit(&form, "/login", &fields).await;
    assert_eq!(page.status, 303, "{}", page.html);
    page
}

#[tokio::test]
async fn remembered_session_cookie_is_persistent() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let remembered = sign_in_remembered(&Visitor::new(&app)).await;
    let cookie = remembered.set_cookie(SESSION).expect("set at sign-in");
    let seconds: i64 = cookie.rsplit_once("; Max-Age=").expect("a persistent cookie").1.parse().expect("a number");
    assert!((7_775_900..=7_776_000).contains(&seconds), "{cookie}");
    let visitor = Visitor::new(&app);
    let page = visitor.sign_in("alice").await;
    let cookie = page.set_cookie(SESSION).expect("set at sign-in");
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    // After a sign-out the cookie is no longer persistent.
    visitor.forget_cookies();
    sign_in_remembered(&visitor).await;
    let page = visitor.sign_out().await;
    assert!(!page.set_cookie(SESSION).expect("renewed").contains("Max-Age"));
}

#[tokio::test]
async fn password_change_keeps_the_absolute_timeout_of_a_remembered_session() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    sign_in_remembered(&visitor).await;
    for days in [20, 20, 20] {
        app.clock.advance(days * DAY);
        assert!(visitor.is_signed_in().await);
    }
    let form = visitor.get("/account/password").await;
    let done = visitor.submit(&form, "/account/password", &[("current", PASSWORD), ("password", OTHER_PASSWORD)]).await;
    let cookie = done.set_cookie(SESSION).expect("a new session cookie");
    let seconds: i64 = cookie.rsplit_once("; Max-Age=").expect("a persistent cookie").1.parse().expect("a number");
    assert!((2_591_900..=2_592_000).contains(&seconds), "thirty of the ninety days are left: {cookie}");
    app.clock.advance(20 * DAY);
    assert!(visitor.is_signed_in().await);
    app.clock.advance(11 * DAY);
    assert!(!visitor.is_signed_in().await);
}

#[tokio::test]
async fn remembered_session_has_its_own_lifetimes() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (remembered, other) = (Visitor::new(&app), Visitor::new(&app));
    sign_in_remembered(&remembered).await;
    other.sign_in("alice").await;
    app.clock.advance(29 * DAY);
    assert!(remembered.is_signed_in().await && !other.is_signed_in().await);
    app.clock.advance(30 * DAY);
    assert!(!remembered.is_signed_in().await, "it expires after thirty days without use");
    sign_in_remembered(&remembered).await;
    for _ in 0..4 {
        app.clock.advance(20 * DAY);
        assert!(remembered.is_signed_in().await);
    }
    app.clock.advance(10 * DAY);
    assert!(!remembered.is_signed_in().await, "it expires after ninety days in total");
}

#[tokio::test]
async fn shorter_lifetime_applies_to_existing_sessions() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id;
    let visitor = Visitor::new(&app);
    sign_in_remembered(&visitor).await;
    let two_days_ago = app.clock.now() - chrono::TimeDelta::days(2);
    app.write(move |conn| {
        let session = sessions::list_unended_of_user(conn, alice, 1)?.remove(0);
        sessions::set_used(conn, &session.id, two_days_ago)
    })
    .await;
    let cookie = visitor.cookie(SESSION).expect("signed in");
    for (idle, status) in [("30d", 200), ("1d", 303)] {
        let server = ServerProcess::start(&app.database, &[("REMEMBER_IDLE", idle)]);
        let client =
            crate::harness::client_builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let request = client.get(&server.url).header("cookie", format!("{SESSION}={cookie}"));
        assert_eq!(TestResponse::to(request).await.status, status, "{idle}");
        let session = app.write(move |conn| Ok(sessions::list_unended_of_user(conn, alice, 1)?.remove(0))).await;
        app.write(move |conn| sessions::set_used(conn, &session.id, two_days_ago)).await;
    }
}

#[tokio::test]
async fn refused_form_keeps_the_remember_box() {
    let app = TestApp::start().await;
    let visitor = Visitor::new(&app);
    let form = visitor.get("/login").await;
    let fields = [("username", "alice"), ("password", "wrong"), ("remember", "on")];
    let page = visitor.submit(&form, "/login", &fields).await;
    assert!(page.status == 422 && page.html.contains(" checked"), "{}", page.html);
}
