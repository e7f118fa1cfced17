//! New accounts by invitation and by open registration.

use std::time::{Duration, Instant};

use reqwest::Method;
use vestibule::clock::Clock;
use vestibule::users;

use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::mail::MailServer;
use crate::harness::visitor::{Page, Visitor};
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestDatabase, cli};

/// The standard output of a command that must succeed.
fn run(app: &TestApp, arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let mut command = app.database.command(arguments);
    command.env("REGISTRATION", "invite").envs(settings.iter().copied());
    cli::run(command).ok().out.trim().to_owned()
}

fn path_of(url: &str) -> String {
    url.strip_prefix("http://localhost:8080").expect("the default PUBLIC_URL").to_owned()
}

async fn invite_app() -> TestApp {
    TestApp::start_with(|settings| settings.set("REGISTRATION", "invite")).await
}

async fn open(app: &TestApp, link: &str) -> (Visitor, Page) {
    let visitor = Visitor::new(app);
    let page = visitor.get(link).await;
    assert_eq!((page.status, page.location()), (303, "/invite"), "the secret is removed from the URL at once");
    let form = visitor.get("/invite").await;
    (visitor, form)
}

#[tokio::test]
async fn invitation_creates_an_account_with_its_roles() {
    let app = invite_app().await;
    app.add_user("taken", &[]).await;
    let link = path_of(&run(&app, &["invites", "add", "--role", "staff", "--role", "editor"], &[]));
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(
            Visitor::new(&app).request(method, &link, None).await.status,
            303,
            "a link scanner does not use up the link"
        );
    }
    let (visitor, mut form) = open(&app, &link).await;
    assert!(form.status == 200 && !form.html.contains("name=\"email\""), "{}", form.html);
    for (name, password, why) in [
        ("TAKEN", PASSWORD, "This username is taken."),
        ("123", PASSWORD, "This username can’t be used."),
        ("hana@example.com", PASSWORD, "Choose one without @."),
        ("hana", "short", "at least 12 characters"),
    ] {
        let fields = [("username", name), ("display_name", "Hana K."), ("password", password)];
        form = visitor.submit(&form, "/invite", &fields).await;
        assert!(form.status == 422 && form.alert().contains(why), "{name}: {}", form.alert());
        assert_eq!((form.value_of("username"), form.value_of("display_name")), (Some(name), Some("Hana K.")));
    }
    let fields = [("username", "hana"), ("display_name", "Hana K."), ("password", PASSWORD)];
    let done = visitor.submit(&form, "/invite", &fields).await;
    assert_eq!((done.status, done.location()), (303, "/login?notice=account-made"));
    assert!(!visitor.is_signed_in().await, "the account is created without a sign-in");
    visitor.sign_in("hana").await;
    let account = visitor.get("/").await.html;
    assert!(account.contains("editor") && account.contains("staff") && account.contains("Hana K."), "{account}");
    assert_eq!(open(&app, &link).await.1.status, 410, "used");
}

#[tokio::test]
async fn chosen_username_is_neither_reserved_nor_like_another() {
    let app = invite_app().await;
    app.add_user("alice", &[]).await;
    app.add_user("lucy", &[]).await;
    let deleted = app.add_user("robin", &[]).await.id;
    let now = app.clock.now();
    app.write(move |conn| users::delete(conn, deleted, now)).await;
    let link = path_of(&run(&app, &["invites", "add"], &[]));
    let (visitor, mut form) = open(&app, &link).await;
    for (name, why) in [
        ("Ad-min", "This username is reserved."),
        ("vestibule", "This username is reserved."),
        ("\u{430}lice", "mixes writing systems"),
        ("Iucy", "looks like one that is taken"),
        ("rob\u{131}n", "looks like one that is taken"),
    ] {
        form = visitor.submit(&form, "/invite", &[("username", name), ("password", PASSWORD)]).await;
        assert!(form.status == 422 && form.alert().contains(why), "{name}: {}", form.alert());
        assert_eq!(form.value_of("username"), Some(name));
    }
    let done = visitor.submit(&form, "/invite", &[("username", "mina미나"), ("password", PASSWORD)]).await;
    assert_eq!(done.status, 303, "{}", done.alert());
}

#[tokio::test]
async fn invited_administrator_may_choose_a_reserved_name() {
    let app = invite_app().await;
    let link = path_of(&run(&app, &["invites", "add", "--role", "admin"], &[]));
    let (visitor, form) = open(&app, &link).await;
    let done = visitor.submit(&form, "/invite", &[("username", "admin"), ("password", PASSWORD)]).await;
    assert_eq!(done.status, 303, "{}", done.alert());
}

#[tokio::test]
async fn names_from_before_the_upgrade_are_compared_after_the_start() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let mut direct = DirectConnection::open(&database);
    direct.run("DELETE FROM username_skeletons");
    direct.run("INSERT INTO username_skeletons (skeleton, version, user_id) SELECT 'old', 1, id FROM users");
    let app = TestApp::start_on(database, Clock::system(), |settings| settings.set("REGISTRATION", "invite")).await;
    let began = Instant::now();
    while direct.count("username_skeletons", "skeleton = 'alice'") == 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "the names are not filled in");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(direct.count("username_skeletons", "1 = 1"), 1, "those of other versions are deleted");
    let link = path_of(&run(&app, &["invites", "add"], &[]));
    let (visitor, form) = open(&app, &link).await;
    let page = visitor.submit(&form, "/invite", &[("username", "aIice"), ("password", PASSWORD)]).await;
    assert!(page.alert().contains("looks like one that is taken"), "{}", page.alert());
}

#[test]
fn invitation_whose_id_begins_with_a_hyphen_can_be_revoked() {
    let db = TestDatabase::create();
    let mut direct = DirectConnection::open(&db);
    direct.run(
        "INSERT INTO links (id, purpose, secret_hash, created_at, expires_at)
        VALUES ('-vGhZ8xQ1b', 'invite', 'hash', '2026-01-01 00:00:00', '2999-01-01 00:00:00')",
    );
    let output = db.cli(&["invites", "revoke", "-vGhZ8xQ1b", "--json"]).json();
    assert_eq!(output["changed"], true, "{output}");
}

#[test]
fn commands_accept_any_username_and_warn() {
    let db = TestDatabase::create();
    for (name, role, why) in [
        ("root", None, Some("looks like a reserved name")),
        ("admin", Some("admin"), None),
        ("alice", None, None),
        ("\u{430}lice", None, Some("mixes writing systems")),
        ("aIice", None, Some("looks like the existing username alice")),
    ] {
        let role = role.map(|role| ["--role", role]);
        let arguments = ["users", "add", name, "--no-password"].into_iter().chain(role.into_iter().flatten());
        let output = db.cli(&arguments.collect::<Vec<_>>()).ok();
        match why {
            Some(why) => assert!(output.err.contains(why) && output.err.contains(name), "{name}: {}", output.err),
            None => assert_eq!(output.err, "", "{name}"),
        }
    }
    let seed =
        "[[users]]\nusername = \"support\"\n[[users]]\nusername = \"Alice1\"\n[[users]]\nusername = \"aliceI\"\n";
    db.write_file("users.toml", seed);
    let report = db.cli(&["seed", "users.toml", "--json"]).json();
    let notes: Vec<_> = report["notes"].as_array().expect("notes").iter().map(|note| &note["path"]).collect();
    assert_eq!(notes, ["users[0].username"], "{report}");
    db.write_file("users.toml", "[[users]]\nusername = \"AIice1\"\n");
    let report = db.cli(&["seed", "users.toml"]).ok();
    assert!(report.out.contains("users[0].username: looks like the existing username"), "{}", report.out);
}

#[tokio::test]
async fn invitation_creates_one_account_and_can_be_revoked() {
    let app = invite_app().await;
    let link = path_of(&run(&app, &["invites", "add"], &[]));
    let mut posts = Vec::new();
    for name in ["one", "two", "three"] {
        let (visitor, form) = open(&app, &link).await;
        posts.push(async move {
            visitor.submit(&form, "/invite", &[("username", name), ("password", PASSWORD)]).await.status
        });
    }
    let posts: Vec<_> = posts.into_iter().map(tokio::spawn).collect();
    let mut statuses = Vec::new();
    for post in posts {
        statuses.push(post.await.expect("no panic"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410, 410]);
    assert_eq!(DirectConnection::open(&app.database).count("users", "1 = 1"), 1);
    let (first, second) = (run(&app, &["invites", "add"], &[]), run(&app, &["invites", "add", "--json"], &[]));
    let second: serde_json::Value = serde_json::from_str(&second).expect("JSON");
    let second = path_of(second["url"].as_str().expect("a link"));
    let listed: serde_json::Value =
        serde_json::from_str(&run(&app, &["invites", "list", "--json"], &[])).expect("JSON");
    let ids: Vec<&str> =
        listed.as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an ID")).collect();
    assert_eq!(ids.len(), 2, "two invitations are open, and the used one is not listed: {listed}");
    let (late, form) = open(&app, &second).await;
    for times in 0..2 {
        let response: serde_json::Value =
            serde_json::from_str(&run(&app, &["invites", "revoke", ids[0], "--json"], &[])).expect("JSON");
        assert_eq!(response["changed"], times == 0, "safe to run twice");
    }
    assert_eq!(open(&app, &path_of(&first)).await.1.status, 410, "revoked");
    app.clock.advance(Duration::from_secs(7 * 24 * 3_600 + 1));
    let fields = [("username", "late"), ("password", PASSWORD)];
    assert_eq!(late.submit(&form, "/invite", &fields).await.status, 410, "expired after a week");
}

#[tokio::test]
async fn invitation_by_mail_verifies_the_email() {
    let server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "invite")).await;
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let settings = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "login@example.com")];
    let output = run(&app, &["invites", "add", "--email", "hana@example.com", "--role", "staff"], &settings);
    assert!(output.contains("hana@example.com") && !output.contains("link="), "{output}");
    let mail = server.wait_for(1).await.remove(0);
    assert_eq!(mail.to, ["hana@example.com"]);
    let (visitor, form) = open(&app, &mail.link()).await;
    assert_eq!(form.value_of("email"), Some("hana@example.com"));
    // The username may be the verified email.
    let fields = [("username", "hana@example.com"), ("password", PASSWORD), ("email", "mallory@example.com")];
    assert_eq!(visitor.submit(&form, "/invite", &fields).await.status, 303);
    let verified = "email = 'hana@example.com' AND email_key = 'hana@example.com' AND email_verified_at IS NOT NULL";
    assert_eq!(DirectConnection::open(&app.database).count("users", verified), 1);
}

#[tokio::test]
async fn registration_needs_a_confirmed_email_and_can_be_closed() {
    let server = MailServer::start();
    let app = server.app_with(|settings| settings.set("REGISTRATION", "open")).await;
    let visitor = Visitor::new(&app).with("accept-language", "ko");
    let form = visitor.get("/register").await;
    let page = visitor.submit(&form, "/register", &[("email", " Hana@Example.com ")]).await;
    assert_eq!((page.status, page.location()), (303, "/login?notice=account-asked"));
    assert_eq!(DirectConnection::open(&app.database).count("users", "1 = 1"), 0, "no account is created yet");
    let mail = server.wait_for(1).await.remove(0);
    assert!(mail.subject().contains("계정 만들기"), "{}", mail.subject());
    let (visitor, form) = open(&app, &mail.link()).await;
    let done = visitor.submit(&form, "/invite", &[("username", "hana"), ("password", PASSWORD)]).await;
    assert_eq!(done.status, 303, "{}", done.alert());
    visitor.sign_in("hana").await;
    // With registration closed, neither the page nor an earlier link is accepted.
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let requester = Visitor::new(&app);
    let form = requester.get("/register").await;
    requester.submit(&form, "/register", &[("email", "bob@example.com")]).await;
    let mail = server.wait_for(2).await.remove(1);
    for word in ["closed", "invite"] {
        let settings = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "login@example.com"), ("REGISTRATION", word)];
        let closed = ServerProcess::start(&app.database, &settings);
        let visitor = Visitor::new(&app).at(&closed.url);
        assert_eq!(visitor.get("/register").await.status, 403, "{word}");
        visitor.get(&mail.link()).await;
        assert_eq!(visitor.get("/invite").await.status, 403, "{word}");
    }
}

#[test]
fn refused_invite_and_reset_link_commands_say_what_to_do() {
    let db = TestDatabase::create();
    db.cli(&["invites", "add"]).fails(1, "set REGISTRATION=invite");
    db.cli(&["users", "reset-link", "nobody"]).fails(1, "nobody");
    db.add("alice", &[]);
    let first = db.cli(&["users", "reset-link", "alice"]).ok();
    assert!(first.out.starts_with("http://localhost:8080/password/reset?link=") && first.err.contains("30 minutes"));
    let second = db.cli(&["users", "reset-link", "alice", "--json"]).json();
    assert_ne!(second["url"].as_str().expect("a link"), first.out.trim());
    db.cli(&["users", "disable", "alice"]).ok();
    db.cli(&["users", "reset-link", "alice"]).fails(1, "users enable alice");
}
