//! The language of pages and mails: the switch, then the account's choice, then the browser's.

use vestibule::users;

use crate::harness::mail::MailServer;
use crate::harness::visitor::Visitor;
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};
use crate::once::people_language::{lang, switch};

#[tokio::test]
async fn language_is_that_of_the_switch_then_the_account_then_the_browser() {
    let app = TestApp::start().await;
    let user = app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    assert_eq!(lang(&visitor.get("/").await), "en");
    app.write(move |conn| users::set_language(conn, user.id, Some("ko"))).await;
    assert_eq!(lang(&visitor.get("/").await), "ko");
    assert_eq!(lang(&visitor.clone().with("sec-fetch-site", "cross-site").post("/logout", &[]).await), "ko");
    let page = visitor.get("/").await;
    switch(&visitor, &page, "en").await;
    assert_eq!(lang(&visitor.get("/").await), "en");
    // An unsupported language is ignored.
    app.write(move |conn| users::set_language(conn, user.id, Some("xx"))).await;
    visitor.forget_cookies();
    visitor.sign_in("alice").await;
    assert_eq!(lang(&visitor.clone().with("accept-language", "ko").get("/").await), "ko");
}

#[tokio::test]
async fn mails_use_the_language_of_the_account_or_of_the_page() {
    let server = MailServer::start();
    let app = server.app().await;
    let user = app.add_user("alice", &[]).await;
    app.write(move |conn| users::set_email(conn, user.id, Some("alice@example.com"))).await;
    Visitor::new(&app).sign_in("alice").await;
    for (chosen, written) in [(None, "ko"), (Some("en"), "en")] {
        app.write(move |conn| users::set_language(conn, user.id, chosen)).await;
        let count = server.received().len();
        let korean = Visitor::new(&app).with("accept-language", "ko");
        let [old, new] = if chosen.is_none() { [PASSWORD, OTHER_PASSWORD] } else { [OTHER_PASSWORD, PASSWORD] };
        assert_eq!(korean.try_sign_in("alice", old).await.status, 303);
        let form = korean.get("/account/password").await;
        let fields = [("current", old), ("password", new)];
        assert_eq!(korean.submit(&form, "/account/password", &fields).await.status, 303);
        let mails = server.wait_for(count + 2).await;
        let languages: Vec<&str> =
            mails[count..].iter().map(|mail| mail.headers["content-language"].as_str()).collect();
        assert_eq!(languages, [written, written], "the mails on the new device and on the new password");
    }
}
