//! The mail queue when the mail server fails, a server stops, or too many mails are queued.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use diesel::prelude::*;
use vestibule::clock::Clock;
use vestibule::db::schema::outbox;
use vestibule::db::{Db, DbError};
use vestibule::mail::{Mail, MailKind, Queued};
use vestibule::secret::PlainSecret;
use vestibule::users;

use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::mail::{MailServer, count_queued, queue, wait_until_queued};
use crate::harness::visitor::Visitor;
use crate::harness::{ServerProcess, TestApp, TestDatabase};

const EVERY: &str = "1 = 1";

pub fn mail(user_id: i64) -> Mail {
    let kind = MailKind::Verify { secret: PlainSecret::generate() };
    let to = "alice@example.com".to_owned();
    Mail { kind, to, name: None, language: None, user_id: Some(user_id) }
}

/// Sends another account's mail: after that, the sender has read the whole queue.
async fn wait_for_sender(app: &TestApp, server: &MailServer) {
    let count = server.received().len();
    queue(app, mail(99)).await;
    server.wait_for(count + 1).await;
    wait_until_queued(&app.database, 0, "user_id = 99").await;
}

/// Fills the queue with mails that are not due during the test.
fn fill(database: &TestDatabase, count: i64, name: &str) {
    let type_name = if database.sqlite_file().is_some() { "" } else { "TIMESTAMP " };
    let far_off = format!("{type_name}'2999-01-01 00:00:00'");
    DirectConnection::open(database).run(&format!(
        "INSERT INTO outbox (id, kind, user_id, message_sealed, created_at, expires_at, next_try_at)
        WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count})
        SELECT '{name}' || number, 'register', NULL, '', {far_off}, {far_off}, {far_off} FROM numbers"
    ));
}

#[tokio::test]
async fn mail_is_retried_after_half_a_minute_and_then_a_minute() {
    let mut server = MailServer::start();
    let app = server.app().await;
    server.kill();
    queue(&app, mail(1)).await;
    wait_until_queued(&app.database, 1, "tries = 1").await;
    app.clock.advance(Duration::from_secs(31));
    wait_until_queued(&app.database, 1, "tries = 2").await;
    app.clock.advance(Duration::from_secs(31));
    server.start_again();
    wait_for_sender(&app, &server).await;
    assert_eq!(count_queued(&app.database, "tries = 2 AND claimed_until IS NULL"), 1, "the second wait is a minute");
    app.clock.advance(Duration::from_secs(31));
    server.wait_for(2).await;
    wait_until_queued(&app.database, 0, EVERY).await;
}

#[tokio::test]
async fn temporarily_refused_mail_is_retried_and_permanently_refused_mail_is_not() {
    let server = MailServer::start();
    let app = server.app().await;
    server.set_reply("451");
    queue(&app, mail(1)).await;
    wait_until_queued(&app.database, 1, "tries = 1 AND last_error LIKE '%451%' AND last_error NOT LIKE '%alice%'")
        .await;
    server.set_reply("550");
    app.clock.advance(Duration::from_secs(31));
    wait_until_queued(&app.database, 0, EVERY).await;
    // Wrong SMTP credentials must not lose a mail: an admin can correct them.
    server.set_reply("535");
    queue(&app, mail(1)).await;
    wait_until_queued(&app.database, 1, "tries = 1").await;
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn claim_of_a_killed_server_on_a_mail_expires() {
    let server = MailServer::start();
    let app = server.app().await;
    server.set_reply("451");
    queue(&app, mail(1)).await;
    wait_until_queued(&app.database, 1, "tries = 1").await;
    // The state that a server leaves when it is killed while sending.
    let until = app.clock.now() + TimeDelta::minutes(3);
    let claimed = (outbox::next_try_at.eq(outbox::created_at), outbox::claimed_until.eq(until));
    app.write(move |conn| diesel::update(outbox::table).set(claimed).execute(conn)).await;
    server.set_reply("ok");
    wait_for_sender(&app, &server).await;
    assert_eq!(count_queued(&app.database, "user_id = 1 AND claimed_until IS NOT NULL"), 1, "the mail is claimed");
    DirectConnection::open(&app.database).run("UPDATE outbox SET claimed_until = created_at");
    server.wait_for(2).await;
}

#[tokio::test]
async fn stopping_server_finishes_mails_in_flight_and_starts_no_other() {
    let server = MailServer::start();
    server.set_reply("slow");
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let url = server.url();
    let settings = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "login@example.com")];
    let mut first = ServerProcess::start(&database, &settings);
    let (outbox, db) = (direct_database::outbox(&database), Db::new(&direct_database::url(&database)));
    let now = Clock::system().now();
    let six = db.write(move |conn| -> Result<(), DbError> {
        (1..=6).try_for_each(|user_id| outbox.queue(conn, mail(user_id), now).map(drop)).map_err(DbError::from)
    });
    six.await.expect("the database responds");
    wait_until_queued(&database, 4, "claimed_until IS NOT NULL").await;
    first.terminate();
    let began = Instant::now();
    assert_eq!(first.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(server.received().len(), 4, "each mail in flight has arrived");
    assert_eq!((count_queued(&database, EVERY), count_queued(&database, "claimed_until IS NULL")), (2, 2));
    server.set_reply("ok");
    let _second = ServerProcess::start(&database, &settings);
    let ids: BTreeSet<String> =
        server.wait_for(6).await.into_iter().map(|mail| mail.headers["message-id"].clone()).collect();
    wait_until_queued(&database, 0, EVERY).await;
    assert_eq!((ids.len(), server.received().len()), (6, 6), "no mail came twice");
}

#[tokio::test]
async fn mail_queue_is_bounded_and_half_of_it_is_reserved_for_accounts() {
    let mut server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "open")).await;
    server.kill();
    let stranger = || Mail { kind: MailKind::Register { link: "x".repeat(300) }, user_id: None, ..mail(0) };
    fill(&app.database, 4_999, "stranger-");
    assert_eq!(queue(&app, stranger()).await, Queued::Waiting);
    assert_eq!(queue(&app, stranger()).await, Queued::Full);
    assert_eq!(queue(&app, mail(1)).await, Queued::Waiting, "mails of accounts are still queued");
    fill(&app.database, 4_998, "other-");
    assert_eq!(queue(&app, mail(2)).await, Queued::Waiting);
    assert_eq!(queue(&app, mail(3)).await, Queued::Full);
    assert_eq!(count_queued(&app.database, EVERY), 10_000);
    // No page promises a mail that is not queued, whether or not the address has an account.
    let alice = app.add_user("alice", &[]).await.id;
    app.write(move |conn| users::set_email(conn, alice, Some("alice@example.com"))).await;
    for (path, field) in [("/register", "email"), ("/password/forgot", "login")] {
        for email in ["bob@example.com", "alice@example.com"] {
            let visitor = Visitor::new(&app);
            let form = visitor.get(path).await;
            let page = visitor.submit(&form, path, &[(field, email)]).await;
            assert_eq!((page.status, page.header("retry-after")), (503, "300"), "{}", page.html);
            assert!(page.alert().contains("Try again in 5 minutes"), "{}", page.alert());
            assert_eq!(page.value_of(field), Some(email));
        }
    }
}

#[tokio::test]
async fn mails_of_accounts_are_sent_before_those_of_strangers() {
    let server = MailServer::start();
    let database = TestDatabase::create();
    let outbox = direct_database::outbox(&database);
    let clock = Clock::system();
    clock.step_back(Duration::from_mins(1));
    let stranger = |index| Mail { kind: MailKind::Register { link: format!("link{index}") }, user_id: None, ..mail(0) };
    let db = Db::new(&direct_database::url(&database));
    for mail in (0..60).map(stranger).chain([mail(7)]) {
        let (outbox, now) = (outbox.clone(), clock.now());
        db.write(move |conn| -> Result<_, DbError> { Ok(outbox.queue(conn, mail, now)?) }).await.expect("it is queued");
        clock.advance(Duration::from_millis(1));
    }
    let app = server.app_on(database, |_| {}).await;
    let subjects: Vec<String> = server.wait_for(61).await.iter().map(|mail| mail.subject().to_owned()).collect();
    let place = subjects.iter().position(|subject| subject.contains("Confirm your email")).expect("the account's mail");
    assert!(place < 8, "sent after {place} others");
    drop(app);
}

#[tokio::test]
async fn registration_requests_store_nothing_and_their_link_creates_one_account() {
    let server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "open")).await;
    let visitor = Visitor::new(&app);
    let form = visitor.get("/register").await;
    assert_eq!(visitor.submit(&form, "/register", &[("email", "hana@example.com")]).await.status, 303);
    let link = server.wait_for(1).await.remove(0).link();
    wait_until_queued(&app.database, 0, EVERY).await;
    assert_eq!(DirectConnection::open(&app.database).count("links", "purpose <> 'setup'"), 0);
    let mut forms = Vec::new();
    for name in ["hana", "second"] {
        let visitor = Visitor::new(&app);
        assert_eq!(visitor.get(&link).await.location(), "/invite", "the secret leaves the URL at once");
        forms.push((visitor.get("/invite").await, visitor, name));
    }
    let mut statuses = Vec::new();
    for (form, visitor, name) in &forms {
        let fields = [("username", *name), ("password", crate::harness::PASSWORD)];
        statuses.push(visitor.submit(form, "/invite", &fields).await.status);
    }
    assert_eq!(statuses, [303, 410]);
    // The address is free again, and the link stays used.
    DirectConnection::open(&app.database).run("UPDATE users SET email_verified_at = NULL");
    let (form, visitor, name) = &forms[1];
    let fields = [("username", *name), ("password", crate::harness::PASSWORD)];
    assert_eq!(visitor.submit(form, "/invite", &fields).await.status, 410);
    assert_eq!(DirectConnection::open(&app.database).count("users", "1 = 1"), 1);
    let altered = format!("{}x", &link[..link.len() - 1]);
    let visitor = Visitor::new(&app);
    visitor.get(&altered).await;
    assert_eq!(visitor.get("/invite").await.status, 410);
}

#[tokio::test]
async fn queued_link_mail_is_replaced_and_mails_of_an_account_are_bounded() {
    let mut server = MailServer::start();
    let app = server.app().await;
    server.kill();
    for _ in 0..5 {
        assert_eq!(queue(&app, mail(7)).await, Queued::Waiting);
        wait_until_queued(&app.database, 0, "claimed_until IS NOT NULL").await;
    }
    assert_eq!(count_queued(&app.database, "user_id = 7"), 1);
    let notice = || Mail { kind: MailKind::PasswordChanged, user_id: Some(8), ..mail(8) };
    for _ in 0..10 {
        assert_eq!(queue(&app, notice()).await, Queued::Waiting);
    }
    assert_eq!(queue(&app, notice()).await, Queued::Full);
    assert_eq!(queue(&app, mail(9)).await, Queued::Waiting, "mails of another account are still queued");
}
