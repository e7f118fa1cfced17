//! The change of an account's email address.

use std::time::Duration;

use vestibule::audit::Cause;
use vestibule::links::LinkPurpose;
use vestibule::users::{self, User};

use crate::harness::mail::{MailServer, Received};
use crate::harness::visitor::{Page, Visitor};
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};

const PATH: &str = "/account/email";
const OLD: &str = "alice@example.com";
const NEW: &str = "alice@example.org";
const PENDING: &str = "Unconfirmed email";
/// The redirect to the sign-in page, which leads back to the link.
const SIGN_IN: (u16, &str) = (303, "/login?notice=verify-sign-in&next=/email/verify");
const CONFIRM: &str = "Confirm your email address for Vestibule";

#[tokio::test]
async fn email_changes_when_confirmed_and_the_old_address_gets_two_notices() {
    let (server, app, visitor) = start().await;
    let form = visitor.get(PATH).await;
    assert!(form.html.contains(OLD) && !form.html.contains(PENDING), "{}", form.html);
    let page = request_change(&visitor, NEW).await;
    assert_eq!((page.status, page.location()), (303, "/account/email?notice=email-asked"), "{}", page.html);
    let page = visitor.get(page.location()).await;
    assert!(page.html.contains("sent an email to the new address") && page.html.contains(PENDING));
    assert!(visitor.get("/account/profile").await.html.contains(NEW), "shown on the profile too");
    assert_eq!(email_of(&app).await, (Some(OLD.to_owned()), false), "nothing is changed yet");
    server.wait_for_one(OLD, "Request to change your email at Vestibule").await;
    let mail = server.wait_for_one(NEW, CONFIRM).await;
    assert_eq!(confirm(&visitor, &mail).await.status, 303);
    assert_eq!(email_of(&app).await, (Some(NEW.to_owned()), true));
    server.wait_for_one(OLD, "Your email address at Vestibule was changed").await;
    assert!(!visitor.get(PATH).await.html.contains(PENDING));
    let events = visitor.get("/account/sessions").await;
    assert_eq!(events.html.matches("Email address changed").count(), 1);
    let page = request_change(&visitor, "ALICE@EXAMPLE.ORG").await;
    assert_eq!(page.status, 422);
    assert!(page.alert().contains("already your email address"), "{}", page.alert());
}

#[tokio::test]
async fn invalid_email_or_wrong_password_changes_nothing() {
    let (server, _app, visitor) = start().await;
    let form = visitor.get(PATH).await;
    for (email, current, says) in [
        ("", PASSWORD, "Invalid email address"),
        ("alice at home", PASSWORD, "Invalid email address"),
        (NEW, "", "Incorrect password"),
        (NEW, "not my password", "Incorrect password"),
    ] {
        let page = visitor.submit(&form, PATH, &[("email", email), ("current", current)]).await;
        assert_eq!(page.status, 422, "{email:?}");
        assert!(page.alert().contains(says), "{}", page.alert());
        assert!(!page.html.contains(PENDING));
        assert!(page.html.contains("<title>Error: "), "{}", page.html);
    }
    let page = visitor.submit(&form, PATH, &[("email", NEW), ("current", "wrong")]).await;
    assert_eq!(page.value_of("email"), Some(NEW), "the typed email is kept, the password is not");
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn email_changes_are_throttled_by_password_and_by_mail() {
    let (_server, app, visitor) = start().await;
    for new in ["a@example.org", "b@example.org", "c@example.org"] {
        assert_eq!(request_change(&visitor, new).await.status, 303);
    }
    let page = request_change(&visitor, NEW).await;
    assert!(page.status == 429 && !page.header("retry-after").is_empty(), "{}", page.html);
    assert!(page.alert().contains("Nothing was changed") && page.html.contains("c@example.org"));
    app.clock.advance(Duration::from_mins(61));
    assert_eq!(request_change(&visitor, NEW).await.status, 303);
    let form = visitor.get(PATH).await;
    for _ in 0..10 {
        let page = visitor.submit(&form, PATH, &[("email", NEW), ("current", "not my password")]).await;
        assert_eq!(page.status, 422, "{}", page.html);
    }
    assert_eq!(request_change(&visitor, NEW).await.status, 429, "even the right password must wait");
    visitor.sign_out().await;
    assert_eq!(visitor.try_sign_in("alice", PASSWORD).await.status, 429, "at sign-in too");
}

#[tokio::test]
async fn taken_email_is_revealed_to_its_owner_only() {
    let (server, app, visitor) = start().await;
    let bob = app.add_user("bob", &[]).await;
    let now = app.clock.now();
    app.write(move |conn| users::set_verified_email(conn, bob.id, "Bob@example.com", now)).await;
    let mut responses = Vec::new();
    for email in ["bob@example.com", "not@example.com"] {
        let page = request_change(&visitor, email).await;
        let after = visitor.get(PATH).await;
        let shown = after.html_without_csrf().replace(email, "");
        responses.push((page.status, page.location().to_owned(), after.status, shown));
    }
    assert_eq!(responses[0], responses[1]);
    let notice = server.wait_for_one("Bob@example.com", "Request to use your email address at Vestibule").await;
    assert!(!notice.text.contains("?link=") && !notice.text.contains("alice"), "{}", notice.text);
    server.wait_for_one("not@example.com", CONFIRM).await;
    assert!(server.received().iter().all(|mail| mail.to != ["bob@example.com"]));
}

#[tokio::test]
async fn email_change_can_be_cancelled_or_replaced() {
    let (server, app, visitor) = start().await;
    request_change(&visitor, "first@example.org").await;
    let first = server.wait_for_one("first@example.org", CONFIRM).await;
    request_change(&visitor, NEW).await;
    let page = visitor.get(PATH).await;
    assert!(page.html.contains(NEW) && !page.html.contains("first@example.org"));
    assert_eq!(open(&app, &first).await.1.status, 410);
    let second = server.wait_for_one(NEW, CONFIRM).await;
    let done = visitor.submit(&page, PATH, &[("cancel", "on")]).await;
    assert_eq!(done.location(), "/account/email?notice=email-cancelled");
    assert!(!visitor.get(done.location()).await.html.contains(PENDING));
    assert_eq!(open(&app, &second).await.1.status, 410);
    assert_eq!(email_of(&app).await, (Some(OLD.to_owned()), false));
}

#[tokio::test]
async fn user_without_an_email_adds_one() {
    let server = MailServer::start();
    let app = server.app().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    assert!(visitor.get("/account/profile").await.html.contains(">Add an email address</a>"));
    let page = visitor.get(PATH).await;
    assert!(page.html.contains("<h1>Add an email address</h1>") && !page.html.contains("Current email"));
    request_change(&visitor, NEW).await;
    let page = visitor.get(PATH).await;
    assert!(page.html.contains(">Cancel</button>") && !page.html.contains("Current email"), "{}", page.html);
    assert_eq!(confirm(&visitor, &server.wait_for_one(NEW, CONFIRM).await).await.status, 303);
    assert!(visitor.get(PATH).await.html.contains("<h1>Change your email address</h1>"));
    assert_eq!(server.received().len(), 1, "no old address to notify");
}

#[tokio::test]
async fn ending_sessions_cancels_a_pending_email_change() {
    let (server, app, visitor) = start().await;
    let (accounts, alice) = (&app.services.accounts, users::LookupName::parse("alice").expect("a name"));
    for (step, way) in ["password", "others", "set-password", "sign-out", "disable"].into_iter().enumerate() {
        let email = format!("{way}@example.org");
        visitor.forget_cookies();
        visitor.try_sign_in("alice", if step == 0 { PASSWORD } else { "purple monkey dishwasher lamp" }).await;
        let current = if step == 0 { PASSWORD } else { "purple monkey dishwasher lamp" };
        let form = visitor.get(PATH).await;
        let page = visitor.submit(&form, PATH, &[("email", &email), ("current", current)]).await;
        assert_eq!(page.status, 303, "{way}: {}", page.html);
        let mail = server.wait_for_one(&email, CONFIRM).await;
        assert_eq!(open(&app, &mail).await.1.status, 303, "{way}: the link is still valid");
        match way {
            "password" => {
                let form = visitor.get("/account/password").await;
                let fields = [("current", PASSWORD), ("password", "purple monkey dishwasher lamp")];
                assert_eq!(visitor.submit(&form, "/account/password", &fields).await.status, 303);
            }
            "others" => {
                let form = visitor.get("/account/sessions").await;
                assert_eq!(visitor.submit(&form, "/account/sessions", &[("end", "others")]).await.status, 303);
            }
            "set-password" => {
                let password = "purple monkey dishwasher lamp".to_owned().into();
                accounts.set_password(&alice, &password, &Cause::command()).await.expect("the database responds");
            }
            "sign-out" => drop(accounts.sign_out(&alice, &Cause::command()).await.expect("the database responds")),
            _ => {
                accounts.disable(&alice, false, &Cause::command()).await.expect("the database responds");
                accounts.enable(&alice, &Cause::command()).await.expect("the database responds");
            }
        }
        assert_eq!(open(&app, &mail).await.1.status, 410, "{way}");
        app.clock.advance(Duration::from_mins(61));
    }
    assert_eq!(email_of(&app).await, (Some(OLD.to_owned()), false));
}

#[tokio::test]
async fn email_change_invalidates_reset_links_sent_to_the_old_address() {
    let (server, app, visitor) = start().await;
    let stranger = Visitor::new(&app);
    let form = stranger.get("/password/forgot").await;
    assert_eq!(stranger.submit(&form, "/password/forgot", &[("login", "alice")]).await.status, 303);
    let reset = server.wait_for_one(OLD, "Reset your password for Vestibule").await;
    request_change(&visitor, NEW).await;
    assert_eq!(open(&app, &reset).await.1.status, 200);
    let mail = server.wait_for_one(NEW, CONFIRM).await;
    assert_eq!(confirm(&visitor, &mail).await.status, 303);
    assert_eq!(open(&app, &reset).await.1.status, 410);
}

#[tokio::test]
async fn only_the_signed_in_owner_of_the_account_can_confirm_its_email() {
    let (server, app, visitor) = start().await;
    app.add_user("bob", &[]).await;
    request_change(&visitor, NEW).await;
    let mail = server.wait_for_one(NEW, CONFIRM).await;
    let (browser, page) = open(&app, &mail).await;
    assert_eq!((page.status, page.location()), SIGN_IN, "nobody is signed in");
    let login = browser.get(page.location()).await;
    assert!(login.html.contains("Sign in to confirm your email address."), "{}", login.html);
    let page = browser.submit(&login, "/email/verify", &[]).await;
    assert_eq!((page.status, page.location()), SIGN_IN, "a post confirms nothing either");
    // Another user at the same browser.
    let next = [("password", PASSWORD), ("next", "/email/verify")];
    let page = browser.submit(&login, "/login", &[&[("username", "bob")][..], &next].concat()).await;
    assert_eq!((page.status, page.location()), (303, "/email/verify"));
    let page = browser.get("/email/verify").await;
    assert_eq!(page.status, 403);
    assert!(page.html.contains("This link is for another account") && page.html.contains("signed in as bob"));
    assert!(!page.html.contains("alice"), "the account of the link is not revealed: {}", page.html);
    let profile = browser.get("/account/profile").await;
    let page = browser.submit(&profile, "/email/verify", &[]).await;
    assert_eq!(page.status, 403);
    assert_eq!(email_of(&app).await, (Some(OLD.to_owned()), false), "nothing is changed");
    // The page leads to the account of the link.
    let logout = browser.get("/logout?next=/email/verify").await;
    let page = browser.submit(&logout, "/logout", &[("next", "/email/verify")]).await;
    assert_eq!((page.status, page.location()), (303, "/email/verify"));
    let page = browser.get("/email/verify").await;
    let login = browser.get(page.location()).await;
    let page = browser.submit(&login, "/login", &[&[("username", "alice")][..], &next].concat()).await;
    let form = browser.get(page.location()).await;
    assert!(form.value_of("username") == Some("alice") && form.value_of("email") == Some(NEW), "{}", form.html);
    let page = browser.submit(&form, "/email/verify", &[]).await;
    assert_eq!((page.status, page.location()), (303, "/?notice=email-verified"));
    assert_eq!(email_of(&app).await, (Some(NEW.to_owned()), true));
}

#[tokio::test]
async fn mail_to_an_unconfirmed_address_repeats_no_text_that_the_account_chose() {
    let server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "open")).await;
    for (name, address, third, is_confirmed) in [
        ("evil-offer", "stranger@example.com", "third@example.net", false),
        ("evil-other", "own@example.com", "fourth@example.net", true),
    ] {
        let user = app.add_user(name, &[]).await;
        let now = app.clock.now();
        app.write(move |conn| {
            users::set_display_name(conn, user.id, Some("Evil: visit evil.example"))?;
            if is_confirmed {
                users::set_verified_email(conn, user.id, address, now)
            } else {
                users::set_email(conn, user.id, Some(address))
            }
        })
        .await;
        let visitor = Visitor::new(&app);
        visitor.sign_in(name).await;
        Visitor::new(&app).with("user-agent", "evil.example/1.0").sign_in(name).await;
        server.wait_for_one(address, "New sign-in to Vestibule").await;
        let form = visitor.get("/password/forgot").await;
        visitor.submit(&form, "/password/forgot", &[("login", name)]).await;
        server.wait_for_one(address, "Reset your password for Vestibule").await;
        let form = visitor.get("/register").await;
        visitor.submit(&form, "/register", &[("email", address)]).await;
        server.wait_for_one(address, "You already have an account at Vestibule").await;
        let form = visitor.get("/account/password").await;
        let fields = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
        assert_eq!(visitor.submit(&form, "/account/password", &fields).await.status, 303);
        server.wait_for_one(address, "Your password for Vestibule was changed").await;
        let form = visitor.get(PATH).await;
        let fields = [("email", third), ("current", OTHER_PASSWORD)];
        assert_eq!(visitor.submit(&form, PATH, &fields).await.status, 303);
        server.wait_for_one(address, "Request to change your email at Vestibule").await;
        let mail = server.wait_for_one(third, CONFIRM).await;
        assert_eq!(confirm(&visitor, &mail).await.status, 303);
        server.wait_for_one(address, "Your email address at Vestibule was changed").await;
        let mails = server.received();
        let (to_account, to_third): (Vec<_>, Vec<_>) = mails
            .iter()
            .filter(|mail| mail.to == [address] || mail.to == [third])
            .partition(|mail| mail.to == [address]);
        assert_eq!((to_account.len(), to_third.len()), (6, 1), "{mails:#?}");
        let has_text =
            |mail: &Received| format!("{:?}{}{}", mail.headers, mail.text, mail.html).to_lowercase().contains("evil");
        assert!(to_account.iter().all(|mail| has_text(mail) == is_confirmed), "{to_account:#?}");
        assert!(!to_third.iter().any(|mail| has_text(mail)), "{to_third:#?}");
    }
}

#[tokio::test]
async fn page_without_a_mail_server_names_the_admin() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    let page = visitor.get(PATH).await;
    assert!(page.html.contains("Ask your administrator") && page.value_of("email").is_none());
    let csrf = visitor.get("/account/profile").await;
    let page = visitor.submit(&csrf, PATH, &[("email", NEW), ("current", PASSWORD)]).await;
    assert_eq!(page.status, 422);
    let links =
        app.write(|conn| vestibule::links::count(conn, LinkPurpose::Verify, vestibule::clock::Clock::system().now()));
    assert_eq!(links.await, 0);
}

#[tokio::test]
async fn email_change_leaves_a_username_that_is_an_email() {
    let server = MailServer::start();
    let app = server.app().await;
    let fields = vestibule::accounts::UserFields {
        username: OLD.to_owned(),
        email: Some(OLD.to_owned()),
        ..vestibule::accounts::UserFields::default()
    };
    app.services
        .accounts
        .create(fields, Some(&PASSWORD.to_owned().into()), &Cause::command())
        .await
        .expect("the database responds");
    let visitor = Visitor::new(&app);
    visitor.sign_in(OLD).await;
    assert!(visitor.get(PATH).await.html.contains("sign in with the username alice@example.com"));
    request_change(&visitor, NEW).await;
    assert_eq!(confirm(&visitor, &server.wait_for_one(NEW, CONFIRM).await).await.status, 303);
    assert_eq!(Visitor::new(&app).try_sign_in(OLD, PASSWORD).await.status, 303);
    assert_eq!(Visitor::new(&app).try_sign_in(NEW, PASSWORD).await.status, 303, "the confirmed address signs in, too");
}

/// A user with an email that an admin set, signed in.
async fn start() -> (MailServer, TestApp, Visitor) {
    let server = MailServer::start();
    let app = server.app().await;
    let user = app.add_user("alice", &[]).await;
    app.write(move |conn| users::set_email(conn, user.id, Some(OLD))).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    (server, app, visitor)
}

async fn request_change(visitor: &Visitor, email: &str) -> Page {
    let form = visitor.get(PATH).await;
    visitor.submit(&form, PATH, &[("email", email), ("current", PASSWORD)]).await
}

/// Opens a link in a new browser and returns the page behind it.
async fn open(app: &TestApp, mail: &Received) -> (Visitor, Page) {
    let visitor = Visitor::new(app);
    let taken = visitor.get(&mail.link()).await;
    let form = visitor.get(taken.location()).await;
    (visitor, form)
}

/// Confirms the address in the browser of the account's owner.
async fn confirm(owner: &Visitor, mail: &Received) -> Page {
    let taken = owner.get(&mail.link()).await;
    let form = owner.get(taken.location()).await;
    owner.submit(&form, "/email/verify", &[]).await
}

async fn email_of(app: &TestApp) -> (Option<String>, bool) {
    let user: User = app.write(|conn| users::find_by_key(conn, "alice")).await.expect("alice exists");
    (user.email, user.email_verified_at.is_some())
}
