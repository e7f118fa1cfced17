//! The text of mails, TLS to the mail server, and a slow mail server.

use std::time::{Duration, Instant};

use vestibule::mail::Queued;

use crate::harness::mail::{MailOptions, MailServer, MailTls, queue, wait_until_queued};
use crate::mail::{EVERY, changed, reset};
use crate::mail_trouble::mail;

#[tokio::test]
async fn mail_is_text_and_html_in_the_recipients_language() {
    let server = MailServer::start();
    let app = server.app().await;
    assert_eq!(queue(&app, changed(1, Some("ko"))).await, Queued::Waiting);
    assert_eq!(queue(&app, reset(1)).await, Queued::Waiting);
    let mut mails = server.wait_for(2).await;
    mails.sort_by_key(|mail| mail.subject().contains("변경되었습니다"));
    let [reset, korean] = &mails[..] else { panic!("{mails:#?}") };
    assert_eq!(reset.to, ["Alice@example.com"], "the local part keeps its case");
    assert_eq!(reset.subject(), "Reset your password for Vestibule");
    assert_eq!(reset.headers["auto-submitted"], "auto-generated");
    assert_eq!(reset.headers["from"], "Example Login <login@example.com>");
    assert_eq!(reset.headers["content-language"], "en");
    assert!(reset.headers["message-id"].ends_with("@localhost>") && reset.headers.contains_key("date"));
    assert!(reset.link().starts_with("/password/reset?link="));
    assert!(reset.text.starts_with("Hi Alice Liddell,"), "{}", reset.text);
    assert!(!reset.text.replace('\r', "").contains("\n\n\n"), "{:?}", reset.text);
    assert!(korean.text.contains("비밀번호가 변경되었습니다") && korean.html.contains("lang=\"ko\""));
    assert!(korean.html.contains("&#60;b&#62;alice") && !korean.html.contains("<b>"), "{}", korean.html);
    wait_until_queued(&app.database, 0, EVERY).await;
}

/// Sends over TLS: with a trusted certificate, with an untrusted one, and to a server without TLS.
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
    wait_until_queued(&app.database, 0, EVERY).await;
    // The certificate is not trusted: nothing is sent, and the mail stays queued.
    let stranger = app_at(server.port, None).await;
    queue(&stranger, reset(1)).await;
    wait_until_queued(&stranger.database, 1, "tries = 1 AND last_error LIKE '%ertificate%'").await;
    // The server has no TLS where TLS is required.
    let careful = app_at(bare.port, ca_file()).await;
    queue(&careful, reset(1)).await;
    wait_until_queued(&careful.database, 1, "tries = 1").await;
    assert_eq!((server.received().len(), bare.received().len()), (1, 0));
}

#[tokio::test]
async fn starttls_is_required_and_certificate_and_password_are_checked() {
    send_protected(MailTls::Start, |port| format!("smtp://vestibule:pass%20word%2F1@127.0.0.1:{port}?tls=required"))
        .await;
}

#[tokio::test]
async fn smtps_uses_implicit_tls_and_certificate_and_password_are_checked() {
    send_protected(MailTls::Implicit, |port| format!("smtps://vestibule:pass%20word%2F1@127.0.0.1:{port}")).await;
}

#[tokio::test]
async fn slow_mail_server_delays_no_page() {
    let server = MailServer::start();
    server.set_reply("slow");
    let app = server.app().await;
    // In one transaction: the sender, which sends four at once, otherwise could read the queue when only some are in it.
    let (outbox, now) = (app.services.accounts.outbox().clone(), app.clock.now());
    app.write(move |conn| (0..6).try_for_each(|user_id| outbox.queue(conn, mail(user_id), now).map(drop))).await;
    wait_until_queued(&app.database, 4, "claimed_until IS NOT NULL").await;
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(app.get("/login").send().await.expect("a response").status(), 200);
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    server.wait_for(6).await;
}
