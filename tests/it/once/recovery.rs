//! Refused requests for a new password or an account.

use crate::harness::TestApp;
use crate::harness::mail::MailServer;
use crate::harness::visitor::Visitor;
use crate::recovery_secrecy::open_and_submit;

#[tokio::test]
async fn page_without_a_mail_server_names_the_admin() {
    let app = TestApp::start().await;
    for page in
        [Visitor::new(&app).get("/password/forgot").await, Visitor::new(&app).post("/password/forgot", &[]).await]
    {
        assert_eq!(page.status, 200);
        assert!(page.html.contains("This server doesn’t send email"), "{}", page.html);
    }
    let closed = Visitor::new(&app).get("/register").await;
    assert!(closed.status == 403 && closed.html.contains("Sign-up is closed"), "{}", closed.html);
    assert!(!Visitor::new(&app).get("/login").await.html.contains("/register"));
}

#[tokio::test]
async fn invalid_name_or_email_is_refused_and_kept_in_the_form() {
    let server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "open")).await;
    let visitor = Visitor::new(&app);
    let page = open_and_submit(&visitor, "/password/forgot", "login", " ").await;
    assert_eq!(
        (page.status, page.alert().as_str()),
        (422, "Missing username or email address. Enter your username or email address.")
    );
    for email in ["", "nobody", "a@b", "two words@example.com", "a@exa mple.com"] {
        let page = open_and_submit(&visitor, "/register", "email", email).await;
        assert_eq!(page.status, 422, "{email}");
        assert!(page.alert().starts_with("Invalid email address"), "{}", page.alert());
        assert_eq!(page.value_of("email").unwrap_or_default(), email);
    }
    let stale = visitor.post("/register", &[("email", "a@example.com"), ("csrf", "stale")]).await;
    assert!(stale.status == 422 && stale.value_of("email") == Some("a@example.com"), "{}", stale.html);
    assert!(Visitor::new(&app).get("/login").await.html.contains("href=\"/register\""));
}
