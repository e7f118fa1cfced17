//! The password reset by mail, and the verification of an email address.

use std::time::Duration;

use reqwest::Method;
use vestibule::accounts::find_verified_owner;
use vestibule::db::DbError;
use vestibule::links::{self, LinkPurpose};
use vestibule::recovery::{EmailChangeRequest, request_email_change};
use vestibule::users::{self, User};

use crate::harness::mail::{MailServer, Received};
use crate::harness::visitor::{Page, TOKEN, Visitor};
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};

/// A user with an email that an admin set.
async fn alice(app: &TestApp) -> User {
    let user = app.add_user("alice", &[]).await;
    app.write(move |conn| {
        users::set_email(conn, user.id, Some("Alice@Example.com"))?;
        users::find_by_id(conn, user.id)
    })
    .await
    .expect("alice exists")
}

async fn request_reset(app: &TestApp, login: &str) -> Visitor {
    let visitor = Visitor::new(app);
    let form = visitor.get("/password/forgot").await;
    let page = visitor.submit(&form, "/password/forgot", &[("login", login)]).await;
    assert_eq!((page.status, page.location()), (303, "/login?notice=reset-asked"), "{}", page.html);
    visitor
}

/// Opens a link and returns the browser and the form behind it.
async fn open(app: &TestApp, mail: &Received) -> (Visitor, Page) {
    let visitor = Visitor::new(app);
    let link = mail.link();
    let (path, _) = link.split_once('?').expect("a secret");
    let page = visitor.get(&link).await;
    assert_eq!((page.status, page.location()), (303, path), "the secret is removed from the URL at once");
    let form = visitor.get(path).await;
    (visitor, form)
}

#[tokio::test]
async fn sign_in_page_after_a_reset_names_the_account_once() {
    let server = MailServer::start();
    let app = server.app().await;
    alice(&app).await;
    request_reset(&app, "alice").await;
    let mails = server.wait_for(1).await;
    let (visitor, form) = open(&app, &mails[0]).await;
    let done = visitor.submit(&form, "/password/reset", &[("password", OTHER_PASSWORD)]).await;
    assert_eq!(done.location(), "/login?notice=password-reset", "the name is not in the URL");
    let cookie = done.set_cookie("vestibule_username").expect("set");
    assert!(cookie.contains("HttpOnly") && cookie.contains("Max-Age=300") && !cookie.contains("alice"), "{cookie}");
    let page = visitor.get(done.location()).await;
    assert_eq!(page.value_of("username"), Some("alice"));
    assert!(visitor.cookie("vestibule_username").is_none(), "shown once");
    assert_eq!(visitor.get("/login").await.value_of("username").unwrap_or_default(), "");
    // A value that this server did not encrypt, or not for this cookie, names no one.
    let foreign = visitor.cookie("vestibule_session").expect("a session cookie");
    for planted in ["alice", foreign.as_str()] {
        let page = Visitor::with_cookies(&app, &[("vestibule_username", planted)]).get("/login").await;
        assert_eq!((page.status, page.value_of("username").unwrap_or_default()), (200, ""), "{planted}");
    }
}

#[tokio::test]
async fn password_reset_by_mail_ends_every_session() {
    let server = MailServer::start();
    let app = server.app().await;
    alice(&app).await;
    let earlier = Visitor::new(&app);
    earlier.sign_in("alice").await;
    // By the email, in another case.
    let requester = request_reset(&app, "alice@EXAMPLE.COM").await;
    assert!(requester.get("/login?notice=reset-asked").await.html.contains("sent a link"));
    let mails = server.wait_for(1).await;
    assert_eq!(mails[0].to, ["Alice@example.com"]);
    let (visitor, form) = open(&app, &mails[0]).await;
    assert_eq!((form.status, form.value_of("username")), (200, Some("alice")));
    let form = visitor.submit(&form, "/password/reset", &[("password", "short")]).await;
    assert_eq!(form.status, 422);
    assert!(form.alert().contains("at least 12 characters"), "{}", form.alert());
    let done = visitor.submit(&form, "/password/reset", &[("password", OTHER_PASSWORD)]).await;
    assert_eq!((done.status, done.location()), (303, "/login?notice=password-reset"));
    assert!(visitor.get(done.location()).await.html.contains("Your password has been reset."));
    assert!(!visitor.is_signed_in().await && !earlier.is_signed_in().await);
    assert_eq!(Visitor::new(&app).try_sign_in("alice", PASSWORD).await.status, 422);
    assert_eq!(Visitor::new(&app).try_sign_in("alice", OTHER_PASSWORD).await.status, 303);
    // Another mail reports the new sign-in; their order may vary.
    let received = server.wait_for(3).await;
    assert!(received.iter().any(|mail| mail.subject() == "Your password for Vestibule was changed"), "{received:#?}");
    let token = earlier.cookie(TOKEN).expect("signed in");
    app.services.sessions.revoked().refresh(&app.services.db, app.clock.now()).await.expect("the database responds");
    assert_eq!(app.get_me(&token).await.status(), 401);
}

#[tokio::test]
async fn rescued_admin_gets_a_mail() {
    let server = MailServer::start();
    let app = server.app().await;
    let user = alice(&app).await;
    let now = app.clock.now();
    let link = app.write(move |conn| {
        users::grant_role(conn, user.id, users::ADMIN_ROLE, now)?;
        links::create(conn, LinkPurpose::Rescue, Some(user.id), now)
    });
    let link = link.await;
    let visitor = Visitor::new(&app);
    // The link is valid at its own page only.
    visitor.get(&format!("/password/reset?link={}", link.reveal())).await;
    assert_link_expired(&visitor.get("/password/reset").await);
    visitor.get(&format!("/setup?link={}", link.reveal())).await;
    let form = visitor.get("/setup").await;
    assert_eq!(visitor.submit(&form, "/setup", &[("password", OTHER_PASSWORD)]).await.location(), "/?notice=rescued");
    server.wait_for_one("Alice@example.com", "Your password for Vestibule was changed").await;
}

#[tokio::test]
async fn reset_link_works_once_for_half_an_hour_and_only_the_newest() {
    let server = MailServer::start();
    let app = server.app().await;
    alice(&app).await;
    request_reset(&app, "ALICE").await;
    let first = server.wait_for(1).await.remove(0);
    request_reset(&app, "alice").await;
    let second = server.wait_for(2).await.remove(1);
    assert_link_expired(&open(&app, &first).await.1);
    let (late, late_form) = open(&app, &second).await;
    let (visitor, form) = open(&app, &second).await;
    assert_eq!(visitor.submit(&form, "/password/reset", &[("password", OTHER_PASSWORD)]).await.status, 303);
    assert_link_expired(&late.submit(&late_form, "/password/reset", &[("password", PASSWORD)]).await);
    assert_link_expired(&open(&app, &second).await.1);
    request_reset(&app, "alice").await;
    let third = server.wait_for(4).await.into_iter().rfind(|mail| mail.text.contains("?link=")).expect("a link");
    let (visitor, form) = open(&app, &third).await;
    app.clock.advance(Duration::from_secs(30 * 60 + 1));
    assert_link_expired(&visitor.submit(&form, "/password/reset", &[("password", PASSWORD)]).await);
}

#[tokio::test]
async fn reset_link_survives_scanners_and_works_for_one_of_concurrent_posts() {
    let server = MailServer::start();
    let app = server.app().await;
    alice(&app).await;
    request_reset(&app, "alice").await;
    let mail = server.wait_for(1).await.remove(0);
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let scanner = Visitor::new(&app);
        assert_eq!(scanner.request(method, &mail.link(), None).await.status, 303);
        assert_eq!(scanner.get("/password/reset").await.status, 200);
        assert_eq!(
            scanner.post("/password/reset", &[("password", OTHER_PASSWORD)]).await.status,
            422,
            "the form lacks the CSRF token"
        );
    }
    let mut posts = Vec::new();
    for _ in 0..4 {
        let (visitor, form) = open(&app, &mail).await;
        assert!(!form.html.contains(mail.link().split_once('=').expect("a secret").1), "the secret is in no page");
        posts.push(
            async move { visitor.submit(&form, "/password/reset", &[("password", OTHER_PASSWORD)]).await.status },
        );
    }
    let posts: Vec<_> = posts.into_iter().map(tokio::spawn).collect();
    let mut statuses = Vec::new();
    for post in posts {
        statuses.push(post.await.expect("no panic"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410, 410, 410]);
}

#[tokio::test]
async fn reset_link_of_a_disabled_account_is_invalid() {
    let server = MailServer::start();
    let app = server.app().await;
    let user = alice(&app).await;
    request_reset(&app, "alice").await;
    let mail = server.wait_for(1).await.remove(0);
    let (visitor, form) = open(&app, &mail).await;
    for path in ["/email/verify", "/invite", "/setup"] {
        assert_eq!(visitor.get(path).await.status, 410, "{path}");
    }
    let now = app.clock.now();
    app.write(move |conn| users::set_disabled(conn, user.id, Some(now))).await;
    assert_link_expired(&visitor.submit(&form, "/password/reset", &[("password", OTHER_PASSWORD)]).await);
}

/// Accounts that an admin gave one address.
async fn sharing(app: &TestApp, email: &'static str, count: usize) -> Vec<User> {
    let mut sharing = Vec::new();
    for index in 0..count {
        let user = app.add_user(&format!("sharing{index}"), &[]).await;
        app.write(move |conn| users::set_email(conn, user.id, Some(email))).await;
        sharing.push(user);
    }
    sharing
}

#[tokio::test]
async fn every_active_account_with_the_typed_email_gets_a_reset_mail() {
    let server = MailServer::start();
    let app = server.app().await;
    let sharing = sharing(&app, "office@example.com", 8).await;
    let (disabled, now) = (sharing[0].id, app.clock.now());
    app.write(move |conn| users::set_disabled(conn, disabled, Some(now))).await;
    request_reset(&app, "Office@example.com").await;
    let mails = server.wait_for(7).await;
    let mut usernames = Vec::new();
    for mail in &mails {
        usernames.push(open(&app, mail).await.1.value_of("username").expect("the form names the account").to_owned());
    }
    usernames.sort();
    assert!(usernames.iter().eq(sharing[1..].iter().map(|user| &user.username)), "{usernames:?}");
}

#[tokio::test]
async fn address_is_verified_for_one_account_however_many_have_it() {
    let app = TestApp::start().await;
    let sharing = sharing(&app, "office@example.com", 8).await;
    let (owner, other, now) = (sharing[7].id, sharing[6].id, app.clock.now());
    app.write(move |conn| users::set_verified_email(conn, owner, "office@example.com", now)).await;
    let find = |except| {
        let read = move |conn: &mut _| find_verified_owner(conn, "OFFICE@example.com", except);
        app.services.db.read(read)
    };
    assert_eq!(find(None).await.expect("the database responds").map(|user| user.id), Some(owner));
    assert!(find(Some(owner)).await.expect("the database responds").is_none());
    let second = app.services.db.write(move |conn| -> Result<_, DbError> {
        Ok(users::set_verified_email(conn, other, "Office@Example.com", now)?)
    });
    assert!(second.await.expect_err("the address is verified already").is_unique_violation());
}

#[tokio::test]
async fn email_verification_works_once_and_notifies_the_old_address() {
    let server = MailServer::start();
    let app = server.app().await;
    let user = alice(&app).await;
    let mailed = change((&app, &server), &user, "hana@예시.한국").await;
    assert_eq!(mailed.to, ["hana@xn--vv4b11d.xn--3e0b707e"]);
    assert_eq!(email_of(&app, &user).await, (Some("Alice@Example.com".to_owned()), false));
    // Another account requests the same address before either has verified it.
    let bob = app.add_user("bob", &[]).await;
    let mailed_to_bob = change((&app, &server), &bob, "HANA@예시.한국").await;
    let (visitor, form) = open_as("alice", &app, &mailed).await;
    assert!(form.html.contains("hana@예시.한국") && form.value_of("username") == Some("alice"));
    assert_eq!(visitor.get("/email/verify").await.status, 200, "opening the page confirms nothing");
    let done = visitor.submit(&form, "/email/verify", &[]).await;
    assert_eq!((done.status, done.location()), (303, "/?notice=email-verified"));
    assert_eq!(email_of(&app, &user).await, (Some("hana@예시.한국".to_owned()), true));
    server.wait_for_one("Alice@example.com", "Your email address at Vestibule was changed").await;
    assert_eq!(open(&app, &mailed).await.1.status, 410);
    // Another account cannot have the same email.
    let (visitor, form) = open_as("bob", &app, &mailed_to_bob).await;
    assert_eq!(visitor.submit(&form, "/email/verify", &[]).await.status, 410);
    assert_eq!(email_of(&app, &bob).await, (None, false));
    // The link expires after a day.
    let mailed = change((&app, &server), &bob, "bob@example.com").await;
    let (visitor, form) = open_as("bob", &app, &mailed).await;
    app.clock.advance(Duration::from_secs(24 * 3_600 + 1));
    assert_eq!(visitor.submit(&form, "/email/verify", &[]).await.status, 410);
}

/// Opens a link in a browser in which this user is signed in, and returns the form behind it.
async fn open_as(name: &str, app: &TestApp, mail: &Received) -> (Visitor, Page) {
    let visitor = Visitor::new(app);
    visitor.sign_in(name).await;
    let taken = visitor.get(&mail.link()).await;
    let form = visitor.get(taken.location()).await;
    (visitor, form)
}

/// Requests another email and waits for the mail to it.
async fn change((app, server): (&TestApp, &MailServer), user: &User, email: &'static str) -> Received {
    let accounts = &app.services.accounts;
    let before = server.received().len();
    let requested = request_email_change(accounts, accounts.outbox().clone(), user.clone(), email.to_owned()).await;
    assert_eq!(requested.expect("the database responds"), EmailChangeRequest::Queued);
    let mut count = before;
    loop {
        count += 1;
        let mail = server.wait_for(count).await.remove(count - 1);
        if mail.subject() == "Confirm your email address for Vestibule" {
            return mail;
        }
    }
}

async fn email_of(app: &TestApp, user: &User) -> (Option<String>, bool) {
    let id = user.id;
    let user = app.write(move |conn| users::find_by_id(conn, id)).await.expect("the user exists");
    (user.email, user.email_verified_at.is_some())
}

fn assert_link_expired(page: &Page) {
    assert_eq!(page.status, 410, "{}", page.html);
    assert!(page.html.contains("This link is no longer valid") && page.html.contains("/password/forgot"));
}
