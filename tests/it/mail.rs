//! The mail queue with a real mail server: encryption, two servers, and a change of the server key.

use std::time::Duration;

use vestibule::mail::{Mail, MailKind, Queued};
use vestibule::secret::{PlainSecret, ServerKey};

use crate::harness::direct_database::DirectConnection;
use crate::harness::mail::{MailServer, count_queued, queue, wait_until_queued};
use crate::harness::{OTHER_SERVER_KEY, SERVER_KEY, ServerProcess, TestApp};

pub const EVERY: &str = "1 = 1";

pub fn reset(user_id: i64) -> Mail {
    let kind = MailKind::Reset { secret: PlainSecret::generate() };
    let (to, name) = ("Alice@Example.com".to_owned(), Some("Alice Liddell".to_owned()));
    Mail { kind, to, name, language: None, user_id: Some(user_id) }
}

pub fn changed(user_id: i64, language: Option<&str>) -> Mail {
    let kind = MailKind::PasswordChanged;
    let (to, language) = ("alice@example.com".to_owned(), language.map(str::to_owned));
    Mail { kind, to, name: Some("<b>alice</b>".to_owned()), language, user_id: Some(user_id) }
}

#[tokio::test]
async fn queued_mails_are_encrypted_and_need_a_mail_server() {
    let mut server = MailServer::start();
    let app = server.app().await;
    server.kill();
    queue(&app, reset(1)).await;
    let rows = DirectConnection::open(&app.database).texts("SELECT message_sealed AS text FROM outbox");
    assert!(rows.len() == 1 && !rows[0].contains("alice") && !rows[0].contains("link"), "{rows:?}");
    let none = TestApp::start().await;
    assert_eq!(queue(&none, reset(1)).await, Queued::Disabled);
    assert_eq!(count_queued(&none.database, EVERY), 0);
}

#[tokio::test]
async fn two_servers_send_each_mail_once() {
    let server = MailServer::start();
    let app = server.app().await;
    let _second =
        ServerProcess::start(&app.database, &[("SMTP_URL", &server.url()), ("MAIL_FROM", "login@example.com")]);
    for user_id in 0..40 {
        queue(&app, changed(user_id, None)).await;
    }
    server.wait_for(40).await;
    wait_until_queued(&app.database, 0, EVERY).await;
    let received = server.received();
    let mut ids: Vec<&str> = received.iter().map(|mail| mail.headers["message-id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((received.len(), ids.len()), (40, 40));
}

#[tokio::test]
async fn queued_mail_survives_a_change_of_the_server_key() {
    let mut server = MailServer::start();
    let app = server.app().await;
    server.kill();
    queue(&app, reset(1)).await;
    wait_until_queued(&app.database, 1, "tries = 1").await;
    let [old, new] = [SERVER_KEY, OTHER_SERVER_KEY].map(|text| ServerKey::parse(text).expect("a key"));
    for mails in [1, 0] {
        let (_, resealed) = app.admin().reseal_keys(&old, &new).await.expect("resealed");
        assert_eq!(resealed, mails, "safe to run twice");
    }
    server.start_again();
    let make_due = "UPDATE outbox SET next_try_at = created_at";
    DirectConnection::open(&app.database).run(make_due);
    // The server with the old key leaves the mail to other servers.
    wait_until_queued(&app.database, 1, "last_error LIKE '%SERVER_KEY%'").await;
    assert_eq!(server.received().len(), 0);
    let url = server.url();
    let settings = [("SERVER_KEY", OTHER_SERVER_KEY), ("SMTP_URL", url.as_str()), ("MAIL_FROM", "login@example.com")];
    let _restarted = ServerProcess::start(&app.database, &settings);
    let began = std::time::Instant::now();
    while server.received().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "the mail is sent");
        DirectConnection::open(&app.database).run(make_due);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
