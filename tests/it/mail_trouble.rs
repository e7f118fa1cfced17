//! Mails when the mail server is dead, slow or refuses, when an instance dies with one in its hands, and when there are too many.
//! What may not live here: what a mail holds (`mail.rs`).

use std::time::{Duration, Instant};

use vestibule::mail::{Mail, MailKind, Queued};
use vestibule::secret::PlainSecret;

use crate::harness::TestApp;
use crate::harness::beside::Direct;
use crate::harness::mail::MailServer;

fn mail(user_id: i64) -> Mail {
    let kind = MailKind::Verify { username: "alice".to_owned(), secret: PlainSecret::generate() };
    Mail { kind, to: "alice@example.com".to_owned(), language: None, user_id: Some(user_id) }
}

async fn queue(app: &TestApp, mail: Mail) -> Queued {
    let (outbox, now) = (app.lock.mail.clone(), app.clock.now());
    app.write(move |conn| outbox.queue(conn, mail, now)).await
}

fn count(app: &TestApp, condition: &str) -> i64 {
    Direct::open(&app.database).count("outbox", condition)
}

/// Waits, for a test's own patience only, until so many rows fit.
async fn until(app: &TestApp, expected: i64, condition: &str) {
    let began = Instant::now();
    while count(app, condition) != expected {
        assert!(began.elapsed() < Duration::from_secs(30), "not {expected} mails with {condition}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_dead_mail_server_loses_nothing_and_a_try_comes_after_half_a_minute_and_then_a_whole_one() {
    let mut server = MailServer::start();
    let app = server.app().await;
    server.kill();
    queue(&app, mail(1)).await;
    until(&app, 1, "tries = 1").await;
    app.clock.advance(Duration::from_secs(31));
    until(&app, 1, "tries = 2").await;
    app.clock.advance(Duration::from_secs(31));
    server.start_again();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!((count(&app, "tries = 2"), server.received().len()), (1, 0), "the second wait is a minute");
    app.clock.advance(Duration::from_secs(31));
    server.wait_for(1).await;
    until(&app, 0, "1 = 1").await;
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_again_and_what_is_refused_for_good_is_not() {
    let server = MailServer::start();
    let app = server.app().await;
    server.answer("451");
    queue(&app, mail(1)).await;
    until(&app, 1, "tries = 1 AND last_error LIKE '%451%' AND last_error NOT LIKE '%alice%'").await;
    server.answer("550");
    app.clock.advance(Duration::from_secs(31));
    until(&app, 0, "1 = 1").await;
    // Credentials that an admin will mend are no reason to lose a mail.
    server.answer("535");
    queue(&app, mail(1)).await;
    until(&app, 1, "tries = 1").await;
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn a_slow_mail_server_delays_no_page() {
    let server = MailServer::start();
    server.answer("slow");
    let app = server.app().await;
    for user_id in 0..6 {
        queue(&app, mail(user_id)).await;
    }
    until(&app, 4, "claimed_until IS NOT NULL").await;
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(app.get("/login").send().await.expect("an answer").status(), 200);
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    server.wait_for(6).await;
}

#[tokio::test]
async fn the_claim_of_an_instance_that_died_runs_out() {
    let server = MailServer::start();
    let app = server.app().await;
    server.answer("451");
    queue(&app, mail(1)).await;
    until(&app, 1, "tries = 1").await;
    // As an instance leaves it that was killed with the mail in its hands.
    Direct::open(&app.database).run("UPDATE outbox SET next_try_at = created_at, claimed_until = expires_at");
    server.answer("ok");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(server.received().len(), 0, "somebody has it");
    Direct::open(&app.database).run("UPDATE outbox SET claimed_until = created_at");
    server.wait_for(1).await;
}

#[tokio::test]
async fn a_mail_with_a_link_takes_the_place_of_the_last_one_and_the_queue_is_bounded() {
    let mut server = MailServer::start();
    let app = server.app().await;
    server.kill();
    for _ in 0..5 {
        assert_eq!(queue(&app, mail(7)).await, Queued::Waiting);
        until(&app, 0, "claimed_until IS NOT NULL").await;
    }
    assert_eq!(count(&app, "user_id = 7"), 1);
    let told = || Mail { kind: MailKind::PasswordChanged { username: "bob".to_owned() }, user_id: Some(8), ..mail(8) };
    for _ in 0..10 {
        assert_eq!(queue(&app, told()).await, Queued::Waiting);
    }
    assert_eq!(queue(&app, told()).await, Queued::Full);
    assert_eq!(queue(&app, mail(9)).await, Queued::Waiting, "another account's are not held up");
}
