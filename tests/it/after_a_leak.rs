//! The steps of "After a leak", with a server that runs meanwhile.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::cli::ServerWithCli;
use crate::harness::mail::MailServer;
use crate::harness::visitor::{Page, Visitor};
use crate::harness::{OTHER_PASSWORD, PASSWORD};

async fn token(server: &ServerWithCli, username: &str, password: &str) -> Value {
    server.post("/token", None, &[("username", username), ("password", password)]).await.json()
}

/// Opens a link to a new password, and returns the browser and the form.
async fn open(server: &ServerWithCli, link: &str) -> (Visitor, Page) {
    let visitor = Visitor::at_url(&server.server.url, &[]);
    let (_, secret) = link.trim().split_once('?').expect("a secret");
    visitor.get(&format!("/password/reset?{secret}")).await;
    let form = visitor.get("/password/reset").await;
    (visitor, form)
}

/// Sets a new password by a link, and returns the status of the response.
async fn set_password_by(server: &ServerWithCli, link: &str, password: &str) -> u16 {
    let (visitor, form) = open(server, link).await;
    visitor.submit(&form, "/password/reset", &[("password", password)]).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_leak_everyone_is_signed_out_and_sets_a_new_password_by_a_link() {
    let mail = MailServer::start();
    let url = mail.url();
    let server = ServerWithCli::start(&[("SMTP_URL", url.as_str()), ("MAIL_FROM", "login@example.com")]);
    for name in ["alice", "bob"] {
        server.db.add(name, &["--email", &format!("{name}@example.com")]);
    }
    server.cli(&["users", "add", "carol", "--no-password"]).ok();
    let client = server.cli(&["clients", "add", "app", "--grant", "client_credentials", "--json"]).json();
    let client_id = client["client_id"].as_str().expect("an ID");
    let old_secret = client["client_secret"].as_str().expect("a secret");
    let grant = [("grant_type", "client_credentials")];
    let before = token(&server, "alice", PASSWORD).await;
    let of_client = server.post("/token", Some((client_id, old_secret)), &grant).await.json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let browser = Visitor::at_url(&server.server.url, &[]);
    browser.sign_in("alice").await;
    // Alice confirmed her address, Bob did not.
    server.cli(&["users", "send-invite", "alice"]).ok();
    let invitation = mail.wait_for_one("alice@example.com", "Your account at Vestibule").await;
    assert_eq!(set_password_by(&server, &invitation.link(), OTHER_PASSWORD).await, 303);
    let alices = token(&server, "alice", OTHER_PASSWORD).await;
    assert_eq!(server.me(&text(&alices["access_token"])).await, 200);

    // 1. Keys.
    server.cli(&["keys", "rotate"]).ok();
    server.cli(&["keys", "rotate", "--now"]).fails(1, "add --yes");
    let keys = server.cli(&["keys", "rotate", "--now", "--yes", "--json"]).json();
    let rotated = Instant::now();
    assert_eq!(keys["retired"].as_array().map(Vec::len), Some(2), "the waiting one too: {keys}");
    server.assert_refused_within_a_second(&text(&alices["access_token"]), rotated).await;
    server.assert_refused_within_a_second(&text(&of_client["access_token"]), rotated).await;
    let states: Vec<Value> = server
        .cli(&["keys", "list", "--json"])
        .json()
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| key["state"].clone())
        .collect();
    assert_eq!(states, [json!("signing"), json!("retired"), json!("retired")]);

    // 2. Sessions.
    let bobs = token(&server, "bob", PASSWORD).await;
    assert_eq!(server.me(&text(&bobs["access_token"])).await, 200, "signed with the new key");
    server.cli(&["sessions", "revoke", "--all"]).fails(1, "add --yes");
    let ended = server.cli(&["sessions", "revoke", "--all", "--yes", "--json"]).json();
    let revoked = Instant::now();
    assert!(ended["ended_sessions"].as_u64() >= Some(3), "{ended}");
    server.assert_refused_within_a_second(&text(&bobs["access_token"]), revoked).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &text(&bobs["refresh_token"]))];
    assert_eq!(
        server.post("/token", None, &refresh.map(|(name, value)| (name, value as &str))).await.json()["error"],
        "invalid_grant"
    );
    assert!(!browser.is_signed_in().await);
    assert_eq!(server.cli(&["sessions", "revoke", "--all", "--yes", "--json"]).json()["changed"], false);

    // 3. Secrets of clients.
    server.cli(&["clients", "rotate-secret", "--all"]).fails(1, "add --yes");
    let line = server.cli(&["clients", "rotate-secret", "--all", "--yes", "--json"]).ok().out;
    let new: Value = serde_json::from_str(&line).expect("one client");
    assert_eq!(server.post("/token", Some((client_id, old_secret)), &grant).await.status, 401);
    let new_secret = text(&new["client_secret"]);
    assert_eq!(server.post("/token", Some((client_id, &new_secret)), &grant).await.status, 200);

    // 4. Passwords.
    server.cli(&["users", "require-new-password", "--all"]).fails(1, "add --yes");
    let required = server.cli(&["users", "require-new-password", "--all", "--yes", "--json"]).json();
    assert_eq!(required["users"], 2, "not of carol, who has none: {required}");
    assert_eq!(server.cli(&["users", "require-new-password", "--all", "--yes", "--json"]).json()["changed"], false);
    server.cli(&["users", "require-new-password", "carol"]).fails(1, "has no password");
    for (name, password) in [("alice", OTHER_PASSWORD), ("bob", PASSWORD)] {
        assert_eq!(token(&server, name, password).await["error"], "invalid_grant");
    }
    let page = Visitor::at_url(&server.server.url, &[]).try_sign_in("bob", PASSWORD).await;
    assert!(page.alert().contains("Choose a new password"), "{}", page.html);
    let page = Visitor::at_url(&server.server.url, &[]).try_sign_in("bob", OTHER_PASSWORD).await;
    assert!(page.alert().contains("Incorrect"), "only to who knows the password: {}", page.html);
    let list = server.cli(&["users", "list", "--new-password-required", "--quiet"]).ok().out;
    assert_eq!(list, "alice\nbob\n");

    // 5. New passwords: by a link to the confirmed address, or one that an administrator creates.
    for name in ["bob", "alice"] {
        let visitor = Visitor::at_url(&server.server.url, &[]);
        let form = visitor.get("/password/forgot").await;
        assert_eq!(visitor.submit(&form, "/password/forgot", &[("login", name)]).await.status, 303);
    }
    let to_alice = mail.wait_for_one("alice@example.com", "Reset your password for Vestibule").await;
    assert_eq!(set_password_by(&server, &to_alice.link(), OTHER_PASSWORD).await, 422, "the old one is not accepted");
    assert_eq!(set_password_by(&server, &to_alice.link(), PASSWORD).await, 303);
    assert!(token(&server, "alice", PASSWORD).await["access_token"].is_string());
    let to_bob = mail.received().into_iter().filter(|mail| mail.to.contains(&"bob@example.com".to_owned()));
    assert!(to_bob.into_iter().all(|mail| !mail.subject().contains("Reset")), "his address is not confirmed");
    let link_of_bob = server.cli(&["users", "reset-link", "bob"]).ok().out;
    assert_eq!(set_password_by(&server, &link_of_bob, OTHER_PASSWORD).await, 303);
    assert!(token(&server, "bob", OTHER_PASSWORD).await["access_token"].is_string());
    assert!(before["access_token"].is_string());

    // 6. What was done is on record.
    let audit = server.cli(&["audit", "--limit", "0", "--json"]).ok().out;
    for kind in [
        "all_sessions_ended",
        "client_secret_rotated",
        "new_password_required",
        "signing_key_retired",
        "password_link_created",
    ] {
        assert!(audit.contains(&format!("\"kind\":\"{kind}\"")), "{kind} is not in {audit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_is_listed_and_ended_by_its_id() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &[]);
    let tokens = token(&server, "alice", PASSWORD).await;
    Visitor::at_url(&server.server.url, &[]).sign_in("alice").await;
    let sessions = server.cli(&["sessions", "list", "alice", "--json"]).json();
    let kinds: Vec<&Value> = sessions.as_array().expect("sessions").iter().map(|session| &session["kind"]).collect();
    assert_eq!(kinds.len(), 2, "{sessions}");
    let of_client = sessions.as_array().and_then(|all| all.iter().find(|session| session["kind"] == "password_grant"));
    let id = of_client.and_then(|session| session["id"].as_str()).expect("an ID");
    assert!(server.cli(&["sessions", "list", "alice"]).ok().out.contains(id));
    server.cli(&["sessions", "revoke", id]).ok();
    let ended = Instant::now();
    server.assert_refused_within_a_second(tokens["access_token"].as_str().expect("a token"), ended).await;
    assert!(server.cli(&["sessions", "revoke", id]).ok().out.contains("nothing was changed"));
    server.cli(&["sessions", "revoke", "nothing"]).fails(1, "no such session: nothing");
    server.cli(&["sessions", "list", "stranger"]).fails(1, "no such user: stranger");
    assert_eq!(server.cli(&["sessions", "list", "alice", "--json"]).json().as_array().map(Vec::len), Some(1));
}
