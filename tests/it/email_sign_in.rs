//! Signing in with an email address instead of the username.

use vestibule::audit::Cause;
use vestibule::users;

use crate::harness::visitor::Visitor;
use crate::harness::{PASSWORD, TestApp, TestResponse};
use crate::throttling::{WRONG, behind_a_proxy, sign_in, sign_in_from};

/// Whose token a sign-in with this name returns; `None` if it is rejected.
async fn user_of(app: &TestApp, name: &str) -> Option<String> {
    let response = sign_in(app, name, PASSWORD).await;
    let token = response.json()["access_token"].as_str()?.to_owned();
    let me = TestResponse::read(app.get_me(&token).await).await;
    Some(me.json()["sub"].as_str().expect("a username").to_owned())
}

async fn set_email(app: &TestApp, user: users::UserId, email: &'static str, is_confirmed: bool) {
    let now = app.clock.now();
    app.write(move |conn| {
        if is_confirmed {
            users::set_verified_email(conn, user, email, now)
        } else {
            users::set_email(conn, user, Some(email))
        }
    })
    .await;
}

#[tokio::test]
async fn address_finds_the_username_then_who_confirmed_it_then_the_only_account_that_has_it() {
    let app = TestApp::start().await;
    let mina = app.add_user("mina", &[]).await.id;
    let hana = app.add_user("hana", &[]).await.id;
    assert_eq!(user_of(&app, "mina@example.com").await, None);
    set_email(&app, mina, "mina@example.com", false).await;
    for typed in ["mina@example.com", " Mina@EXAMPLE.com "] {
        assert_eq!(user_of(&app, typed).await.as_deref(), Some("mina"), "the only one: {typed}");
    }
    set_email(&app, hana, "Mina@example.com", false).await;
    assert_eq!(user_of(&app, "mina@example.com").await, None, "two accounts have it");
    set_email(&app, hana, "mina@example.com", true).await;
    assert_eq!(user_of(&app, "mina@example.com").await.as_deref(), Some("hana"), "who has confirmed it");
    let own = app.add_user("mina@example.com", &[]).await.id;
    assert_eq!(user_of(&app, "mina@example.com").await.as_deref(), Some("mina@example.com"), "the username");
    let now = app.clock.now();
    app.write(move |conn| users::delete(conn, own, now)).await;
    assert_eq!(user_of(&app, "mina@example.com").await.as_deref(), Some("hana"), "a deleted account hides no other");
    app.write(move |conn| users::set_disabled(conn, hana, Some(now))).await;
    assert_eq!(user_of(&app, "mina@example.com").await, None, "no other account stands in for a disabled one");
    // Who has this name types it as before.
    assert_eq!(user_of(&app, "mina").await.as_deref(), Some("mina"));
}

#[tokio::test]
async fn username_and_address_are_throttled_each_for_itself_and_unlocked_together() {
    let app = TestApp::start_with(|settings| {
        settings.set("THROTTLE_ACCOUNT_NETWORK", "2");
        settings.set("THROTTLE_NETWORK", "1000");
        behind_a_proxy(settings);
    })
    .await;
    let mina = app.add_user("mina", &[]).await.id;
    set_email(&app, mina, "mina@xn--vv4b11d.xn--3e0b707e", true).await;
    // Spellings of one address share a counter.
    for typed in ["mina@예시.한국", "MINA@예시.xn--3e0b707e"] {
        assert_eq!(sign_in_from(&app, "192.0.2.1", typed, WRONG).await.status, 400, "{typed}");
    }
    for typed in ["mina@예시.한국", "mina@xn--vv4b11d.xn--3e0b707e", "mina@xn--vv4b11d.한국"] {
        assert_eq!(sign_in_from(&app, "192.0.2.1", typed, PASSWORD).await.status, 429, "{typed}");
    }
    for _ in 0..2 {
        assert_eq!(sign_in_from(&app, "192.0.2.1", "mina", WRONG).await.status, 400, "the username has its own");
    }
    assert_eq!(sign_in_from(&app, "192.0.2.1", "mina", PASSWORD).await.status, 429);
    let name = users::LookupName::parse("mina").expect("a name");
    let locks = &app.services.locks;
    app.services.accounts.unlock(&name, locks, &Cause::command()).await.expect("the database");
    for typed in ["mina@예시.한국", "mina"] {
        assert_eq!(sign_in_from(&app, "192.0.2.1", typed, PASSWORD).await.status, 200, "{typed}");
    }
}

#[tokio::test]
async fn browser_that_is_known_by_the_username_is_known_by_the_address() {
    let app = TestApp::start().await;
    let mina = app.add_user("mina", &[]).await.id;
    set_email(&app, mina, "mina@example.com", true).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("mina").await;
    visitor.sign_out().await;
    let device = visitor.cookie("vestibule_device").expect("a known browser");
    for name in ["mina@example.com", "mina", "mina@example.com"] {
        visitor.sign_in(name).await;
        visitor.sign_out().await;
        assert_eq!(visitor.cookie("vestibule_device").as_ref(), Some(&device), "{name}: the browser stays known");
    }
    visitor.sign_in("mina").await;
    let page = visitor.get("/account/sessions").await;
    assert!(page.html.contains("Signed in") && !page.html.contains("new device"), "{}", page.html);
}
