//! The reset and registration forms: identical responses for every name, and limits on the mails that they send.

use std::time::Duration;

use vestibule::users;

use crate::harness::direct_database::DirectConnection;
use crate::harness::mail::{MailServer, wait_until_queued};
use crate::harness::visitor::{Page, Visitor};
use crate::harness::{ServerProcess, TestApp};

async fn add(app: &TestApp, name: &str, email: &'static str) {
    let user = app.add_user(name, &[]).await;
    app.write(move |conn| users::set_email(conn, user.id, Some(email))).await;
}

pub async fn open_and_submit(visitor: &Visitor, path: &str, field: &str, value: &str) -> Page {
    let form = visitor.get(path).await;
    visitor.submit(&form, path, &[(field, value)]).await
}

/// The whole response without the date.
fn whole_response(page: &Page) -> String {
    let mut headers: Vec<String> = page
        .headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")))
        .collect();
    headers.sort();
    format!("{} {} {}", page.status, headers.join("\n"), page.html)
}

#[tokio::test]
async fn reset_response_is_identical_for_every_name() {
    let server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "open")).await;
    add(&app, "alice", "alice@example.com").await;
    app.add_user("nomail", &[]).await;
    let disabled = app.add_user("dora", &[]).await;
    let now = app.clock.now();
    app.write(move |conn| users::set_disabled(conn, disabled.id, Some(now))).await;
    let mut responses = Vec::new();
    for login in ["alice", "alice@example.com", "nobody", "nobody@example.com", "nomail", "dora", "no name at all"] {
        responses.push(whole_response(&open_and_submit(&Visitor::new(&app), "/password/forgot", "login", login).await));
    }
    assert!(
        responses[0].starts_with("303 ") && responses.iter().all(|response| *response == responses[0]),
        "{responses:#?}"
    );
    let taken = whole_response(&open_and_submit(&Visitor::new(&app), "/register", "email", "alice@example.com").await);
    let free = whole_response(&open_and_submit(&Visitor::new(&app), "/register", "email", "free@example.com").await);
    assert!(taken.starts_with("303 ") && taken == free, "{taken}\n{free}");
    // And one or two reset links: the second replaces the first if that is still queued.
    server.wait_for_one("alice@example.com", "You already have an account at Vestibule").await;
    server.wait_for_one("free@example.com", "Create your account at Vestibule").await;
    server.wait_for_one("alice@example.com", "Reset your password for Vestibule").await;
    let mails = server.received().len();
    assert!((3..=4).contains(&mails), "{mails}");
}

#[tokio::test]
async fn refused_reset_takes_the_same_statements_for_every_name() {
    let server = MailServer::start();
    let app = server.app().await;
    add(&app, "alice", "alice@example.com").await;
    let url = server.url();
    let process = ServerProcess::start(
        &app.database,
        &[("SMTP_URL", &url), ("MAIL_FROM", "login@example.com"), ("TRUSTED_PROXIES", "127.0.0.1")],
    );
    let visitor = Visitor::new(&app).at(&process.url);
    let form = visitor.get("/password/forgot").await;
    let mut costs = Vec::new();
    for (login, network) in [("alice", "192.0.2.1"), ("nobody", "198.51.100.1")] {
        let visitor = visitor.clone().with("x-forwarded-for", network);
        // Twenty requests a network, and three mails an account: after that every request is refused.
        for _ in 0..20 {
            assert_eq!(visitor.submit(&form, "/password/forgot", &[("login", login)]).await.status, 303, "{login}");
        }
        let mut fewest = u64::MAX;
        for _ in 0..6 {
            let before = process.counter("vestibule_database_statements_total").await;
            let page = visitor.submit(&form, "/password/forgot", &[("login", login)]).await;
            assert!(page.status == 429 && page.headers.contains_key("retry-after"), "{}", page.status);
            fewest = fewest.min(process.counter("vestibule_database_statements_total").await - before);
        }
        costs.push(fewest);
    }
    assert!(costs[0] == costs[1] && costs[0] > 0, "{costs:?}");
    // One to three: a mail that still waits is replaced by the next one.
    let mails = server.wait_for(1).await.len();
    assert!(mails <= 3, "{mails}");
}

#[tokio::test]
async fn accepted_reset_responds_without_reading_accounts() {
    // The length of the mail queue is read: a page promises no mail that cannot be queued. It is the same for everybody.
    const TABLES: [&str; 2] = ["users", "links"];
    let server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "open")).await;
    add(&app, "alice", "alice@example.com").await;
    let mut direct = DirectConnection::open(&app.database);
    for (path, field) in [("/password/forgot", "login"), ("/register", "email")] {
        let visitor = Visitor::new(&app);
        let form = visitor.get(path).await;
        // The background work cannot read them either.
        for table in TABLES {
            direct.run(&format!("ALTER TABLE {table} RENAME TO {table}_away"));
        }
        let mut responses = Vec::new();
        for email in ["alice@example.com", "nobody@example.com"] {
            let page = visitor.submit(&form, path, &[(field, email)]).await;
            assert_eq!(page.status, 303, "{}", page.html);
            responses.push(whole_response(&page));
        }
        assert_eq!(responses[0], responses[1]);
        for table in TABLES {
            direct.run(&format!("ALTER TABLE {table}_away RENAME TO {table}"));
        }
    }
}

#[tokio::test]
async fn one_thousand_reset_requests_send_three_mails() {
    let server = MailServer::start();
    let app = server.app().await;
    add(&app, "alice", "alice@example.com").await;
    let visitor = Visitor::new(&app);
    let form = visitor.get("/password/forgot").await;
    let mut statuses = Vec::new();
    for request in 1..=1_000 {
        statuses.push(visitor.submit(&form, "/password/forgot", &[("login", "alice")]).await.status);
        // A mail that still waits would be replaced by the next one.
        if request <= 3 {
            server.wait_for(request).await;
        }
    }
    let accepted = statuses.iter().filter(|status| **status == 303).count();
    assert_eq!((accepted, statuses[999]), (20, 429), "{statuses:?}");
    let page = visitor.submit(&form, "/password/forgot", &[("login", "alice")]).await;
    assert!(page.alert().starts_with("Too many requests"), "{}", page.alert());
    assert_eq!(page.value_of("login"), Some("alice"));
    wait_until_queued(&app.database, 0, "1 = 1").await;
    assert_eq!(server.received().len(), 3);
    assert_eq!(
        DirectConnection::open(&app.database).count("links", "purpose = 'reset'"),
        1,
        "only the newest is valid"
    );
    app.clock.advance(Duration::from_secs(3_601));
    assert_eq!(visitor.submit(&form, "/password/forgot", &[("login", "alice")]).await.status, 303, "an hour later");
    server.wait_for(4).await;
}
