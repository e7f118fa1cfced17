//! The rules of every form behind a one-time link.

use std::time::Duration;

use vestibule::links::{self, LinkPurpose, NewLink};
use vestibule::recovery::{ResetMail, mail_reset_link};
use vestibule::users::{self, UserId};

use crate::harness::direct_database::DirectConnection;
use crate::harness::mail::MailServer;
use crate::harness::visitor::Visitor;
use crate::harness::{PASSWORD, ServerProcess, TestApp};

const NEW_PASSWORD: &str = "another violet tractor hums";

async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.set("REGISTRATION", "invite")).await
}

/// Creates a link and returns its secret.
async fn link(app: &TestApp, purpose: LinkPurpose, user_id: Option<UserId>) -> String {
    let now = app.clock.now();
    let new = NewLink { purpose, user_id, email: None, roles: &[] };
    app.write(move |conn| links::create_for(conn, &new, now)).await.reveal().to_owned()
}

#[tokio::test]
async fn submissions_of_a_one_time_link_are_bounded() {
    let app = app().await;
    app.add_user("taken", &[]).await;
    let secret = link(&app, LinkPurpose::Invite, None).await;
    // A separate process: it counts its own hashes.
    let server = ServerProcess::start(&app.database, &[("REGISTRATION", "invite")]);
    let mut posts = Vec::new();
    for _ in 0..60 {
        let visitor = Visitor::new(&app).at(&server.url);
        visitor.get(&format!("/invite?link={secret}")).await;
        let form = visitor.get("/invite").await;
        posts.push(tokio::spawn(async move {
            visitor.submit(&form, "/invite", &[("username", "taken"), ("password", PASSWORD)]).await
        }));
    }
    let mut counts = [0; 2];
    for post in posts {
        let page = post.await.expect("no panic");
        match page.status {
            422 => counts[0] += 1,
            429 => {
                assert!(page.header("retry-after").parse::<u64>().is_ok() && page.alert().contains("Try again in"));
                counts[1] += 1;
            }
            status => panic!("{status}: {}", page.html),
        }
    }
    assert_eq!(counts, [20, 40], "the name is taken, and too many submissions");
    assert_eq!(server.counter("vestibule_password_hashes_total").await, 20);
    app.clock.advance(Duration::from_mins(61));
    let visitor = Visitor::new(&app);
    visitor.get(&format!("/invite?link={secret}")).await;
    let form = visitor.get("/invite").await;
    let done = visitor.submit(&form, "/invite", &[("username", "free"), ("password", PASSWORD)]).await;
    assert_eq!(done.status, 303, "the link still works: {}", done.alert());
}

#[tokio::test]
async fn link_form_is_bound_to_its_link() {
    let app = app().await;
    let alice = app.add_user("alice", &[]).await.id;
    let mallory = app.add_user("mallory", &[]).await.id;
    let (hers, his) =
        (link(&app, LinkPurpose::Reset, Some(alice)).await, link(&app, LinkPurpose::Reset, Some(mallory)).await);
    let visitor = Visitor::new(&app);
    visitor.get(&format!("/password/reset?link={hers}")).await;
    let form = visitor.get("/password/reset").await;
    // The same browser opens another link.
    visitor.get(&format!("/password/reset?link={his}")).await;
    let page = visitor.submit(&form, "/password/reset", &[("password", NEW_PASSWORD)]).await;
    assert_eq!(
        (page.status, page.value_of("username")),
        (422, Some("mallory")),
        "the form is shown again, with the other name"
    );
    for name in ["alice", "mallory"] {
        Visitor::new(&app).sign_in(name).await;
    }
    // A truncated link is invalid.
    visitor.get("/password/reset?link=cut").await;
    assert_eq!(visitor.get("/password/reset").await.status, 410);
    visitor.get(&format!("/password/reset?link={hers}")).await;
    let form = visitor.get("/password/reset").await;
    assert_eq!(visitor.submit(&form, "/password/reset", &[("password", NEW_PASSWORD)]).await.status, 303);
}

#[tokio::test]
async fn password_reset_makes_the_browser_known_to_throttling() {
    let app = TestApp::start_with(|settings| settings.set("TRUSTED_PROXIES", "127.0.0.1")).await;
    let alice = app.add_user("alice", &[]).await.id;
    for network in 0..6 {
        let stranger = Visitor::new(&app).with("x-forwarded-for", &format!("198.51.{network}.1"));
        for _ in 0..10 {
            stranger.try_sign_in("alice", "a wrong password").await;
        }
    }
    let secret = link(&app, LinkPurpose::Reset, Some(alice)).await;
    let visitor = Visitor::new(&app).with("x-forwarded-for", "203.0.113.9");
    assert_eq!(visitor.try_sign_in("alice", PASSWORD).await.status, 429, "the account is throttled");
    visitor.get(&format!("/password/reset?link={secret}")).await;
    let form = visitor.get("/password/reset").await;
    assert_eq!(visitor.submit(&form, "/password/reset", &[("password", NEW_PASSWORD)]).await.status, 303);
    assert_eq!(visitor.try_sign_in("alice", NEW_PASSWORD).await.status, 303, "the browser is known now");
    let other = Visitor::new(&app).with("x-forwarded-for", "203.0.114.9");
    assert_eq!(other.try_sign_in("alice", NEW_PASSWORD).await.status, 429, "no other browser is known");
}

#[tokio::test]
async fn user_has_at_most_one_hundred_browser_sessions() {
    let app = app().await;
    let first = Visitor::new(&app);
    app.add_user("alice", &[]).await;
    first.sign_in("alice").await;
    let second = Visitor::new(&app);
    second.sign_in("alice").await;
    for _ in 0..99 {
        app.clock.advance(Duration::from_secs(1));
        Visitor::new(&app).sign_in("alice").await;
    }
    assert!(!first.is_signed_in().await && second.is_signed_in().await, "the one used longest ago ended");
}

/// Requests a reset link from a network of its own.
async fn ask_for_reset(app: &TestApp, network: u8) {
    let visitor = Visitor::new(app).with("x-forwarded-for", &format!("198.51.{network}.1"));
    let form = visitor.get("/password/forgot").await;
    assert_eq!(visitor.submit(&form, "/password/forgot", &[("login", "alice")]).await.status, 303);
}

async fn app_with_mail(server: &MailServer) -> TestApp {
    let app = server.app_with(|settings| settings.set("TRUSTED_PROXIES", "127.0.0.1")).await;
    let alice = app.add_user("alice", &[]).await.id;
    app.write(move |conn| users::set_email(conn, alice, Some("alice@example.com"))).await;
    app
}

#[tokio::test]
async fn last_of_three_reset_links_stays_valid() {
    let server = MailServer::start();
    let app = app_with_mail(&server).await;
    for request_number in 1..=3 {
        ask_for_reset(&app, request_number).await;
        server.wait_for(usize::from(request_number)).await;
    }
    let newest = server.received().pop().expect("a mail").link();
    app.clock.advance(Duration::from_mins(29));
    let visitor = Visitor::new(&app);
    visitor.get(&newest).await;
    assert_eq!(visitor.get("/password/reset").await.status, 200, "the last of the three still works");
    app.clock.advance(Duration::from_mins(2));
    assert_eq!(visitor.get("/password/reset").await.status, 410);
    ask_for_reset(&app, 9).await;
    assert_eq!(server.wait_for(4).await.len(), 4, "after it expired, a new one is sent");
}

#[tokio::test]
async fn full_mail_queue_keeps_the_earlier_reset_link_valid() {
    let mut server = MailServer::start();
    let app = app_with_mail(&server).await;
    ask_for_reset(&app, 1).await;
    let link = server.wait_for(1).await.remove(0).link();
    server.kill();
    let mut direct = DirectConnection::open(&app.database);
    while direct.count("outbox", "1 = 1") > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for number in 0..10 {
        direct.run(&format!(
            "INSERT INTO outbox (id, kind, user_id, message_sealed, created_at, expires_at, next_try_at) VALUES \
             ('full-{number}', 'password-changed', 1, 'x', '2100-01-01 00:00:00', '2100-01-01 00:00:00', '2100-01-01 00:00:00')"
        ));
    }
    let accounts = &app.services.accounts;
    let alice = app.write(|conn| users::find_by_id(conn, UserId(1))).await.expect("alice exists");
    let mailed = mail_reset_link(accounts, accounts.outbox().clone(), alice).await.expect("the database responds");
    assert_eq!(mailed, ResetMail::QueueFull, "rolled back as a whole");
    let visitor = Visitor::new(&app);
    visitor.get(&link).await;
    assert_eq!(visitor.get("/password/reset").await.status, 200);
    assert_eq!(direct.count("outbox", "1 = 1"), 10);
}

#[tokio::test]
async fn password_change_invalidates_every_link_of_the_account() {
    let app = app().await;
    let alice = app.add_user("alice", &["admin"]).await.id;
    let mut password = PASSWORD;
    for (path, purpose, new) in [
        ("/password/reset", LinkPurpose::Reset, NEW_PASSWORD),
        ("/setup", LinkPurpose::Rescue, "a third violet tractor hums"),
    ] {
        let secret = link(&app, purpose, Some(alice)).await;
        let visitor = Visitor::new(&app);
        visitor.get(&format!("{path}?link={secret}")).await;
        assert_eq!(visitor.get(path).await.status, 200);
        let person = Visitor::new(&app);
        assert_eq!(person.try_sign_in("alice", password).await.status, 303);
        let form = person.get("/account/password").await;
        let fields = [("current", password), ("password", new)];
        let done = person.submit(&form, "/account/password", &fields).await;
        assert_eq!(done.status, 303, "{}", done.alert());
        password = new;
        assert_eq!(visitor.get(path).await.status, 410, "{purpose:?}");
    }
}
