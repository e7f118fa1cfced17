//! Mails as a real mail server gets them: what they hold, through TLS, from two instances, and when the mail server is dead, slow or
//! refuses. What may not live here: what leads to a mail (`recovery.rs`, `registration.rs`).

use std::time::Duration;

use vestibule::mail::{Mail, MailKind, Queued};
use vestibule::secret::{PlainSecret, ServerKey};

use crate::harness::app::SERVER_KEY;
use crate::harness::beside::Direct;
use crate::harness::mail::{MailOptions, MailServer, MailTls, count_waiting, queue, until_waiting};
use crate::harness::{ServerProcess, TestApp};

const EVERY: &str = "1 = 1";

fn reset(user_id: i64) -> Mail {
    let kind = MailKind::Reset { username: "alice".to_owned(), secret: PlainSecret::generate() };
    let (to, display_name) = ("Alice@Example.com".to_owned(), Some("Alice Liddell".to_owned()));
    Mail { kind, to, display_name, language: None, user_id: Some(user_id) }
}

fn changed(user_id: i64, language: Option<&str>) -> Mail {
    let kind = MailKind::PasswordChanged { username: "<b>alice</b>".to_owned() };
    let (to, language) = ("alice@example.com".to_owned(), language.map(str::to_owned));
    Mail { kind, to, display_name: None, language, user_id: Some(user_id) }
}

#[tokio::test]
async fn a_mail_is_text_and_html_in_the_readers_language_and_says_that_no_person_wrote_it() {
    let server = MailServer::start();
    let app = server.app().await;
    assert_eq!(queue(&app, changed(1, Some("ko"))).await, Queued::Waiting);
    assert_eq!(queue(&app, reset(1)).await, Queued::Waiting);
    let mut mails = server.wait_for(2).await;
    mails.sort_by_key(|mail| mail.subject().contains("변경되었습니다"));
    let [reset, korean] = &mails[..] else { panic!("{mails:#?}") };
    assert_eq!(reset.to, ["Alice@example.com"], "the local part as the account has it");
    assert_eq!(reset.subject(), "Reset your password for Vestibule");
    assert_eq!(reset.headers["auto-submitted"], "auto-generated");
    assert_eq!(reset.headers["from"], "The Door <login@example.com>");
    assert_eq!(reset.headers["content-language"], "en");
    assert!(reset.headers["message-id"].ends_with("@localhost>") && reset.headers.contains_key("date"));
    assert!(reset.link().starts_with("/password/reset?link="));
    assert!(reset.text.starts_with("Hi Alice Liddell,"), "{}", reset.text);
    assert!(!reset.text.replace('\r', "").contains("\n\n\n"), "{:?}", reset.text);
    assert!(korean.text.contains("비밀번호가 변경되었습니다") && korean.html.contains("lang=\"ko\""));
    assert!(korean.html.contains("&#60;b&#62;alice") && !korean.html.contains("<b>"), "{}", korean.html);
    until_waiting(&app.database, 0, EVERY).await;
}

#[tokio::test]
async fn what_waits_is_sealed_and_without_a_mail_server_nothing_waits() {
    let mut server = MailServer::start();
    let app = server.app().await;
    server.kill();
    queue(&app, reset(1)).await;
    let rows = Direct::open(&app.database).texts("SELECT message_sealed AS text FROM outbox");
    assert!(rows.len() == 1 && !rows[0].contains("alice") && !rows[0].contains("link"), "{rows:?}");
    let none = TestApp::start().await;
    assert_eq!(queue(&none, reset(1)).await, Queued::Off);
    assert_eq!(count_waiting(&none.database, EVERY), 0);
}

/// Sends through a mail server of this kind: with its certificate vouched for, without, and to a server that knows no TLS.
async fn send_protected(tls: MailTls, url: impl Fn(u16) -> String) {
    let server = MailServer::start_with(MailOptions { tls, password: Some("pass word/1") });
    let bare = MailServer::start();
    let app_at = |port: u16, ca_file: Option<String>| {
        let url = url(port);
        server.app_with(move |settings| {
            settings.set("SMTP_URL", url);
            settings.set("SMTP_CA_FILE", ca_file.unwrap_or_default());
        })
    };
    let ca_file = || Some(server.ca_file().display().to_string());
    let app = app_at(server.port, ca_file()).await;
    queue(&app, reset(1)).await;
    assert!(server.wait_for(1).await[0].is_protected);
    until_waiting(&app.database, 0, EVERY).await;
    // Nobody vouches for this certificate: not a word is sent, and the mail waits.
    let stranger = app_at(server.port, None).await;
    queue(&stranger, reset(1)).await;
    until_waiting(&stranger.database, 1, "tries = 1 AND last_error LIKE '%ertificate%'").await;
    // A server without TLS where TLS is insisted on.
    let careful = app_at(bare.port, ca_file()).await;
    queue(&careful, reset(1)).await;
    until_waiting(&careful.database, 1, "tries = 1").await;
    assert_eq!((server.received().len(), bare.received().len()), (1, 0));
}

#[tokio::test]
async fn starttls_is_insisted_on_and_the_certificate_and_the_password_are_checked() {
    send_protected(MailTls::Start, |port| format!("smtp://vestibule:pass%20word%2F1@127.0.0.1:{port}?tls=required"))
        .await;
}

#[tokio::test]
async fn smtps_is_tls_from_the_first_byte_and_the_certificate_and_the_password_are_checked() {
    send_protected(MailTls::Implicit, |port| format!("smtps://vestibule:pass%20word%2F1@127.0.0.1:{port}")).await;
}

#[tokio::test]
async fn two_instances_send_each_mail_once() {
    let server = MailServer::start();
    let app = server.app().await;
    let _second =
        ServerProcess::start(&app.database, &[("SMTP_URL", &server.url()), ("MAIL_FROM", "login@example.com")]);
    for user_id in 0..40 {
        queue(&app, changed(user_id, None)).await;
    }
    server.wait_for(40).await;
    until_waiting(&app.database, 0, EVERY).await;
    let received = server.received();
    let mut ids: Vec<&str> = received.iter().map(|mail| mail.headers["message-id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((received.len(), ids.len()), (40, 40));
}

#[tokio::test]
async fn a_mail_that_waits_while_the_server_key_is_changed_goes_out_under_the_new_one() {
    const NEW_KEY: &str = "HBAQDw4NDAsKCQgHBgUEAwIBAAECAwQFBgcICQoLDA0";
    let mut server = MailServer::start();
    let app = server.app().await;
    server.kill();
    queue(&app, reset(1)).await;
    until_waiting(&app.database, 1, "tries = 1").await;
    let [old, new] = [SERVER_KEY, NEW_KEY].map(|text| ServerKey::parse(text).expect("a key"));
    for mails in [1, 0] {
        let (_, resealed) = app.admin().reseal_keys(&old, &new).await.expect("resealed");
        assert_eq!(resealed, mails, "safe to run twice");
    }
    server.start_again();
    let now = "UPDATE outbox SET next_try_at = created_at";
    Direct::open(&app.database).run(now);
    // The instance that has the old key still leaves the mail to others.
    until_waiting(&app.database, 1, "last_error LIKE '%SERVER_KEY%'").await;
    assert_eq!(server.received().len(), 0);
    let url = server.url();
    let settings = [("SERVER_KEY", NEW_KEY), ("SMTP_URL", url.as_str()), ("MAIL_FROM", "login@example.com")];
    let _restarted = ServerProcess::start(&app.database, &settings);
    let began = std::time::Instant::now();
    while server.received().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "the mail goes out");
        Direct::open(&app.database).run(now);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
