//! The account pages: sessions, password, profile, deletion, and forms whose session expired.

use std::time::Duration;

use vestibule::sessions;
use vestibule::users::UserId;

use crate::harness::proxies::{PROXY, check_both};
use crate::harness::visitor::{Page, SESSION, TOKEN, Visitor};
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};

const PAGES: [&str; 5] = ["/", "/account/profile", "/account/email", "/account/sessions", "/account/password"];

#[tokio::test]
async fn account_pages_redirect_to_sign_in_and_back() {
    let (app, visitor) = app_with_alice().await;
    for path in &PAGES[1..] {
        for page in [Visitor::new(&app).get(path).await, Visitor::new(&app).same_origin().post(path, &[]).await] {
            assert_eq!((page.status, page.location()), (303, format!("/login?next={path}").as_str()));
        }
        let page = visitor.get(path).await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{path}");
        assert!(page.html.contains("aria-current=\"page\""), "{path}");
        let forged = visitor.post(path, &[("csrf", "x"), ("end", "others"), ("display_name", "x")]).await;
        assert_eq!(forged.status, 422, "{path}: {}", forged.html);
        assert!(forged.alert().contains("has expired"), "{path}");
        let elsewhere = visitor.clone().with("sec-fetch-site", "cross-site").post(path, &[("end", "others")]).await;
        assert_eq!(elsewhere.status, 403, "{path}");
    }
    let page = Visitor::new(&app).get("/.well-known/change-password").await;
    assert_eq!((page.status, page.location()), (303, "/account/password"));
    assert_eq!(visitor.get("/account/delete").await.status, 404, "only if the setting allows it");
}

#[tokio::test]
async fn one_session_or_all_others_can_be_ended() {
    let (app, visitor) = app_with_alice().await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let other = Visitor::new(&app).with("user-agent", firefox);
    other.sign_in("alice").await;
    let third = Visitor::new(&app);
    third.sign_in("alice").await;
    let app_token = app.token_of("alice").await;
    app.add_user("bob", &[]).await;
    let bob = Visitor::new(&app);
    bob.sign_in("bob").await;
    let page = visitor.get("/account/sessions").await;
    assert_eq!(page.html.matches("This device").count(), 1);
    assert!(page.html.contains("<bdi>Firefox, Linux</bdi>") && page.html.contains("<bdi>127.0.0.1</bdi>"));
    assert!(page.html.contains("<h2>Apps</h2>") && page.html.contains("Signed in from a new device"));
    let id = button_after(&page, "Firefox, Linux");
    // A user cannot end another user's session.
    let bobs = bob.get("/account/sessions").await;
    bob.submit(&bobs, "/account/sessions", &[("end", &id)]).await;
    assert!(other.is_signed_in().await);
    let token = other.cookie(TOKEN).expect("signed in");
    let done = visitor.submit(&page, "/account/sessions", &[("end", &id)]).await;
    assert_eq!((done.status, done.location()), (303, "/account/sessions?notice=one-ended"));
    assert!(!other.is_signed_in().await && third.is_signed_in().await && visitor.is_signed_in().await);
    assert_eq!(app.get_me(&token).await.status(), 401, "its token is refused too");
    let done = visitor.submit(&page, "/account/sessions", &[("end", "others")]).await;
    assert_eq!(done.location(), "/account/sessions?notice=others-ended");
    assert!(!third.is_signed_in().await && visitor.is_signed_in().await && bob.is_signed_in().await);
    assert_eq!(app.get_me(&app_token).await.status(), 401, "at once");
    let page = visitor.get("/account/sessions?notice=others-ended").await;
    assert!(page.html.contains("You’re signed out on all other devices.") && !page.html.contains("name=\"end\""));
    assert!(page.html.contains("Signed out on all other devices") && page.html.contains("Signed out a device"));
}

#[tokio::test]
async fn password_change_ends_other_sessions_and_renews_the_session_secret() {
    let (app, visitor) = app_with_alice().await;
    let (other, thief) = (Visitor::new(&app), visitor.copy(&app));
    other.sign_in("alice").await;
    let app_token = app.token_of("alice").await;
    let form = visitor.get("/account/password").await;
    assert!(form.header("content-security-policy").contains("script-src 'self'"));
    let done = visitor.submit(&form, "/account/password", &[("current", PASSWORD), ("password", OTHER_PASSWORD)]).await;
    assert_eq!((done.status, done.location()), (303, "/?notice=password-changed"), "{}", done.html);
    let page = visitor.get("/?notice=password-changed").await;
    assert!(page.html.contains("Password changed."), "{}", page.html);
    assert!(!other.is_signed_in().await);
    assert!(!thief.is_signed_in().await, "a copy of the old cookie is invalid");
    assert_eq!(app.get_me(&app_token).await.status(), 401);
    assert_eq!(Visitor::new(&app).try_sign_in("alice", PASSWORD).await.status, 422);
    assert_eq!(Visitor::new(&app).try_sign_in("alice", OTHER_PASSWORD).await.status, 303);
    let page = visitor.get("/account/sessions").await;
    assert!(page.html.contains("Password changed"));
}

#[tokio::test]
async fn password_change_gives_the_session_a_new_id_and_revokes_its_tokens() {
    let (app, visitor) = app_with_alice().await;
    let [old_token, old_proxy] = [TOKEN, PROXY].map(|name| visitor.cookie(name).expect("signed in"));
    let old_sid = sid(&old_token);
    let form = visitor.get("/account/password").await;
    let done = visitor.submit(&form, "/account/password", &[("current", PASSWORD), ("password", OTHER_PASSWORD)]).await;
    assert_eq!(done.status, 303, "{}", done.html);
    let [token, proxy] = [TOKEN, PROXY].map(|name| visitor.cookie(name).expect("still signed in"));
    assert_eq!(app.get_me(&old_token).await.status(), 401, "at once");
    assert_eq!(app.get_me(&token).await.status(), 200);
    assert_ne!(sid(&token), old_sid);
    for (secret, status) in [(old_proxy, 401), (proxy, 200)] {
        let check = check_both(&app, &[("cookie", &format!("{PROXY}={secret}"))]).await;
        assert_eq!(check.map(|response| response.status), [status; 2]);
    }
    let revoked: serde_json::Value = app.get("/revoked").send().await.expect("a response").json().await.expect("JSON");
    assert!(revoked.to_string().contains(&old_sid), "resource servers learn of it: {revoked}");
    let page = visitor.get("/account/sessions").await;
    assert_eq!(page.html.matches("This device").count(), 1);
    assert!(page.html.contains("<bdi>127.0.0.1</bdi>"), "where it was started is kept: {}", page.html);
}

/// The session ID of an access token.
fn sid(token: &str) -> String {
    let claims = token.split('.').nth(1).and_then(vestibule::secret::from_base64url).expect("a JWT");
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    claims["sid"].as_str().expect("a session ID").to_owned()
}

#[tokio::test]
async fn current_password_is_throttled_in_a_session() {
    let (app, visitor) = app_with_alice().await;
    let form = visitor.get("/account/password").await;
    let mut statuses = Vec::new();
    for _ in 0..11 {
        let fields = [("current", "not my password"), ("password", OTHER_PASSWORD)];
        statuses.push(visitor.submit(&form, "/account/password", &fields).await.status);
    }
    assert_eq!(statuses[..10], [422; 10]);
    assert_eq!(statuses[10], 429);
    let fields = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    let page = visitor.submit(&form, "/account/password", &fields).await;
    assert!(page.status == 429 && !page.header("retry-after").is_empty(), "even the right password must wait");
    let page = visitor.get("/account/sessions").await;
    assert_eq!(page.html.matches("Sign-in blocked after too many incorrect passwords").count(), 1);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(visitor.submit(&form, "/account/password", &fields).await.status, 303);
}

#[tokio::test]
async fn text_typed_before_the_session_expired_is_kept_for_its_user_only() {
    let (app, visitor) = app_with_alice().await;
    app.add_user("bob", &[]).await;
    for name in ["alice", "bob"] {
        visitor.forget_cookies();
        visitor.sign_in("alice").await;
        let form = visitor.get("/account/profile").await;
        app.clock.advance(Duration::from_hours(13));
        let page = visitor.submit(&form, "/account/profile", &[("display_name", "Alice <Liddell>")]).await;
        assert_eq!(page.location(), "/login?notice=text-kept&next=/account/profile");
        let cookie = page.set_cookie("vestibule_draft").expect("a draft cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("Max-Age=900") && !cookie.contains("Liddell"));
        let login = visitor.get(page.location()).await;
        assert!(login.html.contains("Your changes are kept"));
        let next = login.value_of("next").expect("the field").to_owned();
        let fields = [("username", name), ("password", PASSWORD), ("next", next.as_str())];
        let done = visitor.submit(&login, "/login", &fields).await;
        assert_eq!(done.location(), "/account/profile");
        let form = visitor.get("/account/profile").await;
        if name == "alice" {
            assert_eq!(form.value_of("display_name"), Some("Alice &#60;Liddell&#62;"));
            assert!(form.html.contains("not saved yet."));
            assert!(visitor.cookie("vestibule_draft").is_none(), "shown once");
            assert_eq!(visitor.get("/account/profile").await.value_of("display_name"), None);
        } else {
            assert_eq!(form.value_of("display_name"), None, "another person does not see it");
        }
    }
}

#[tokio::test]
async fn account_deletion_needs_the_password_and_spares_the_last_admin() {
    let app = TestApp::start_with(|settings| settings.set("ACCOUNT_DELETION", "on")).await;
    app.add_user("root", &["admin"]).await;
    app.add_user("alice", &[]).await;
    for (name, current, status) in [("root", PASSWORD, 422), ("alice", "wrong", 422), ("alice", PASSWORD, 303)] {
        let visitor = Visitor::new(&app);
        visitor.sign_in(name).await;
        assert!(visitor.get("/account/profile").await.html.contains("/account/delete"));
        let form = visitor.get("/account/delete").await;
        let page = visitor.submit(&form, "/account/delete", &[("current", current)]).await;
        assert_eq!(page.status, status, "{name}: {}", page.html);
        if status == 303 {
            assert_eq!(page.location(), "/login?notice=account-deleted");
            assert!(!visitor.is_signed_in().await && visitor.cookie(TOKEN).is_none());
            assert_eq!(Visitor::new(&app).try_sign_in(name, PASSWORD).await.status, 422);
        }
    }
    let live = app.write(|conn| sessions::list_unended_of_user(conn, UserId(2), 10)).await;
    assert!(live.is_empty());
}

#[tokio::test]
async fn form_from_before_a_sign_out_changes_nothing_and_keeps_its_text_for_its_user() {
    let (app, visitor) = app_with_alice().await;
    app.add_user("bob", &[]).await;
    let form = visitor.get("/account/profile").await;
    visitor.sign_out().await;
    let fields = [("display_name", "Mallory")];
    let page = visitor.submit(&form, "/account/profile", &fields).await;
    assert_eq!((page.status, page.location()), (303, "/login?next=/account/profile"), "the form could be from anyone");
    assert!(visitor.cookie("vestibule_draft").is_none());
    for name in ["bob", "alice"] {
        // The text of a same-origin form is kept; nothing is saved.
        let page = visitor.clone().same_origin().submit(&form, "/account/profile", &fields).await;
        assert_eq!(page.location(), "/login?notice=text-kept&next=/account/profile", "before {name}");
        visitor.sign_in(name).await;
        let shown = visitor.get("/account/profile").await;
        assert_eq!(shown.value_of("display_name"), (name == "alice").then_some("Mallory"), "{name}");
        if name == "bob" {
            visitor.forget_cookies();
            visitor.sign_in("alice").await;
            visitor.sign_out().await;
        }
    }
    let page = visitor.submit(&form, "/account/profile", &[("display_name", "Mallory")]).await;
    assert_eq!((page.status, page.value_of("display_name")), (422, Some("Mallory")), "stale, and the text is kept");
    assert!(visitor.cookie(SESSION).is_some());
}

/// The value of the first button after a name.
fn button_after(page: &Page, name: &str) -> String {
    let (_, rest) = page.html.split_once(&format!("<bdi>{name}</bdi>")).expect("the session is listed");
    let (_, rest) = rest.split_once("name=\"end\" value=\"").expect("a button");
    rest.split('"').next().expect("closed").to_owned()
}

pub async fn app_with_alice() -> (TestApp, Visitor) {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    (app, visitor)
}

#[tokio::test]
async fn display_name_is_saved_or_refused_with_a_reason() {
    let (_app, visitor) = app_with_alice().await;
    let form = visitor.get("/account/profile").await;
    let done = visitor.submit(&form, "/account/profile", &[("display_name", "  Alice Liddell ")]).await;
    assert_eq!(done.location(), "/account/profile?notice=profile-saved");
    assert!(visitor.get("/").await.html.contains("<bdi>Alice Liddell</bdi>"));
    let long = "x".repeat(101);
    let page = visitor.submit(&form, "/account/profile", &[("display_name", &long)]).await;
    assert_eq!((page.status, page.value_of("display_name")), (422, Some(long.as_str())), "the text is kept");
    assert!(page.alert().starts_with("Your profile wasn’t saved"), "{}", page.alert());
    let done = visitor.submit(&form, "/account/profile", &[("display_name", "")]).await;
    assert_eq!(done.status, 303);
    assert!(visitor.get("/").await.html.contains("<bdi>alice</bdi>"));
}
