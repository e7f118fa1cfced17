//! Recorded events: which are recorded, who caused them, how they are listed and how long they are kept.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use chrono::TimeDelta;
use diesel::prelude::*;
use serde_json::{Value, json};
use vestibule::audit::{Event, EventKind, RejectionReason};
use vestibule::db::schema::audit_events;
use vestibule::ops::housekeeping::{self, HousekeepingConfig};
use vestibule::server::Services;

use crate::harness::cli::ServerWithCli;
use crate::harness::visitor::Visitor;
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp, TestDatabase};

/// The events that `vestibule audit --json` prints.
fn events(db: &TestDatabase, args: &[&str]) -> Vec<Value> {
    let output = db.cli(&[&["audit", "--json"], args].concat()).ok();
    output.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn texts(events: &[Value], field: &str) -> Vec<String> {
    events.iter().map(|event| event[field].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn each_command_that_changes_something_is_an_event_and_a_second_run_is_none() {
    let db = TestDatabase::create();
    db.add("root", &["--role", "admin"]);
    db.add("alice", &[]);
    let client = db.cli(&["clients", "add", "app", "--grant", "client_credentials", "--json"]).json();
    let invitation = db.cli(&["invites", "add", "--json", "--registration", "invite"]).json();
    assert!(invitation["url"].is_string());
    let invitation = db.cli(&["invites", "list", "--json"]).json()[0]["id"].as_str().expect("an ID").to_owned();
    let commands: [&[&str]; 10] = [
        &["users", "grant", "alice", "editor"],
        &["users", "revoke", "alice", "editor"],
        &["roles", "set", "editor", "--scope", "write"],
        &["users", "disable", "alice"],
        &["users", "enable", "alice"],
        &["clients", "set", "app", "--scope", "write"],
        &["invites", "revoke", &invitation],
        &["users", "sign-out", "alice"],
        &["users", "unlock", "alice"],
        &["roles", "set", "editor", "--no-scopes"],
    ];
    for args in commands {
        db.cli(args).ok();
        db.cli(args).ok();
    }
    db.cli(&["users", "reset-link", "alice"]).ok();
    db.cli_with_input(&["users", "set-password", "alice", "--password-stdin"], OTHER_PASSWORD).ok();
    db.cli(&["token", "issue", "--user", "alice"]).ok();
    db.cli(&["clients", "rotate-secret", "app"]).ok();
    db.cli(&["clients", "delete", "app", "--yes"]).ok();
    db.cli(&["keys", "rotate"]).ok();
    db.cli(&["users", "delete", "alice", "--yes"]).ok();
    let all = events(&db, &[]);
    let expected = [
        "created root command",
        "role_granted root command",
        "created alice command",
        "client_added - command",
        "invitation_created - command",
        "role_granted alice command",
        "role_revoked alice command",
        "role_changed - command",
        "disabled alice command",
        "enabled alice command",
        "client_changed - command",
        "invitation_revoked - command",
        "role_changed - command",
        "password_link_created alice command",
        "password_set alice command",
        "script_token_issued alice command",
        "client_secret_rotated - command",
        "client_deleted - command",
        "signing_key_added - command",
        "deleted alice command",
    ];
    let found: Vec<String> = all
        .iter()
        .map(|event| {
            let text = |field: &str| event[field].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", text("kind"), text("username"), text("actor"))
        })
        // The first token creates the first key.
        .filter(|event| event != "signing_key_added - server")
        .collect();
    assert_eq!(found, expected);
    let granted = all.iter().find(|event| event["kind"] == "role_granted" && event["username"] == "alice");
    assert_eq!(granted.map(|event| event["detail"].clone()), Some(json!("editor")));
    let deleted = all.iter().find(|event| event["kind"] == "client_deleted").expect("an event");
    assert_eq!((&deleted["client_id"], &deleted["detail"]), (&client["client_id"], &json!("app")));
}

#[test]
fn audit_filters_by_user_kind_and_time_and_prints_a_table() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    db.add("bob", &["--role", "staff"]);
    assert_eq!(texts(&events(&db, &["--user", "BOB"]), "kind"), ["created", "role_granted"]);
    assert_eq!(texts(&events(&db, &["--kind", "created"]), "username"), ["alice", "bob"]);
    assert_eq!(texts(&events(&db, &["--limit", "1"]), "kind"), ["role_granted"], "the newest");
    assert_eq!(events(&db, &["--limit", "0", "--since", "1h"]).len(), 3);
    assert_eq!(events(&db, &["--until", "1h"]).len(), 0);
    assert_eq!(events(&db, &["--since", "today", "--until", "2100-01-01"]).len(), 3);
    let table = db.cli(&["audit"]).ok().out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert_eq!(lines[0].find("EVENT"), lines[1].find("created"), "{table}");
    assert!(lines[3].ends_with("staff") && lines[3].contains("(command)"), "{table}");
    db.cli(&["audit", "--user", "stranger"]).fails(1, "no such user: stranger");
    db.cli(&["audit", "--kind", "sign_in_fialed"]).fails(2, "sign_in_failed");
    db.cli(&["audit", "--since", "tomorrow"]).fails(2, "yesterday");
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_follow_prints_new_events_as_they_happen() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &[]);
    let mut follow =
        server.db.command(&["audit", "--follow", "--json"]).stdout(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(follow.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    };
    let first = next();
    let first = if first["kind"] == "signing_key_added" { next() } else { first };
    assert_eq!((&first["kind"], &first["username"]), (&json!("created"), &json!("alice")));
    for occurrences in [1, 2] {
        let fields = [("username", "alice"), ("password", OTHER_PASSWORD)];
        assert_eq!(server.post("/token", None, &fields).await.status, 400);
        let failed = next();
        assert_eq!(
            (&failed["kind"], &failed["reason"], &failed["occurrences"], &failed["network_address"]),
            (&json!("sign_in_failed"), &json!("wrong_password"), &json!(occurrences), &json!("127.0.0.1"))
        );
        assert_eq!(failed["actor"], Value::Null, "anyone");
    }
    let fields = [("username", "alice"), ("password", PASSWORD)];
    assert_eq!(server.post("/token", None, &fields).await.status, 200);
    let signed_in = next();
    assert_eq!((&signed_in["kind"], &signed_in["actor_username"]), (&json!("signed_in"), &json!("alice")));
    follow.kill().expect("it runs");
    follow.wait().expect("it ends");
}

#[tokio::test]
async fn failed_sign_ins_have_a_reason_and_no_event_contains_what_was_typed() {
    let app = TestApp::start().await;
    for name in ["alice", "bob", "carol"] {
        app.add_user(name, &[]).await;
    }
    app.write(|conn| {
        use vestibule::db::schema::users;
        let now = vestibule::clock::Clock::system().now();
        diesel::update(users::table.filter(users::username.eq("bob"))).set(users::disabled_at.eq(now)).execute(conn)?;
        let none = users::password_hash.eq(None::<String>);
        diesel::update(users::table.filter(users::username.eq("carol"))).set(none).execute(conn)
    })
    .await;
    for (username, password) in
        [("alice", OTHER_PASSWORD), ("bob", PASSWORD), ("carol", PASSWORD), ("Tr0ub4dor-typed-as-name", PASSWORD)]
    {
        assert_ne!(app.post_token(username, password).await.status(), 200);
    }
    let rows = audit_events::table.filter(audit_events::kind.eq(EventKind::SignInFailed.as_str()));
    let rows = rows.order(audit_events::happened_at).select((audit_events::reason, audit_events::detail));
    let rows: Vec<(Option<String>, Option<String>)> = app.write(move |conn| rows.load(conn)).await;
    let expected = ["wrong_password", "disabled", "no_password", "unknown_username"];
    assert_eq!(rows, expected.map(|reason| (Some(reason.to_owned()), None)));
    let listed = app.database.cli(&["audit", "--json"]).ok().out;
    for typed in [PASSWORD, OTHER_PASSWORD, "Tr0ub4dor"] {
        assert!(!listed.contains(typed), "{listed}");
    }
}

#[tokio::test]
async fn rejected_sign_ins_are_one_event_a_minute_for_each_reason() {
    let app = TestApp::start_with(|settings| settings.set("THROTTLE_ACCOUNT_NETWORK", "2")).await;
    app.add_user("alice", &[]).await;
    for _ in 0..7 {
        app.post_token("alice", OTHER_PASSWORD).await;
    }
    let request = app.post("/token").basic_auth("client_unknown", Some("wrong"));
    let response = request.form(&[("grant_type", "client_credentials")]).send().await.expect("a response");
    assert_eq!(response.status(), 401);
    let record = || housekeeping::record_rejections(&app.services.db, &app.clock, &app.services.rejected);
    record().await.expect("the database responds");
    record().await.expect("the database responds");
    let rows = audit_events::table.filter(audit_events::kind.eq(EventKind::SignInsRejected.as_str()));
    let rows = rows.order(audit_events::reason).select((
        audit_events::reason,
        audit_events::occurrences,
        audit_events::network_address,
    ));
    let rows: Vec<(Option<String>, i64, Option<String>)> = app.write(move |conn| rows.load(conn)).await;
    let row = |reason: RejectionReason, count| (Some(reason.as_str().to_owned()), count, Some("127.0.0.1".to_owned()));
    assert_eq!(rows, [row(RejectionReason::InvalidClient, 1), row(RejectionReason::Throttled, 5)]);
}

#[tokio::test]
async fn events_are_deleted_after_the_retention_that_is_set() {
    let app = TestApp::start().await;
    let now = app.clock.now();
    app.write(move |conn| {
        for (days, detail) in [(31, "old"), (29, "new")] {
            let event = Event::new(EventKind::RoleDeleted, now - TimeDelta::days(days));
            vestibule::audit::record(conn, &Event { detail: Some(detail.to_owned()), ..event })?;
        }
        Ok(())
    })
    .await;
    let config = HousekeepingConfig::new(&app.database.config());
    let config = HousekeepingConfig { audit_retention: TimeDelta::days(30), ..config };
    let Services { db, sessions, tokens, .. } = &app.services;
    assert!(housekeeping::clean_up(db, sessions, tokens, config).await.expect("the database responds"));
    let rows = audit_events::table.filter(audit_events::kind.eq(EventKind::RoleDeleted.as_str()));
    let kept: Vec<Option<String>> = app.write(move |conn| rows.select(audit_events::detail).load(conn)).await;
    assert_eq!(kept, [Some("new".to_owned())]);
}

#[tokio::test]
async fn what_people_do_with_their_own_account_names_them_as_the_actor() {
    let app = TestApp::start().await;
    let alice = app.add_user("alice", &[]).await.id.0;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    let form = visitor.get("/account/password").await;
    let fields = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    assert_eq!(visitor.submit(&form, "/account/password", &fields).await.status, 303);
    let rows = audit_events::table.filter(audit_events::user_id.eq(alice)).order(audit_events::happened_at);
    let rows = rows.select((audit_events::kind, audit_events::actor, audit_events::actor_user_id));
    let rows: Vec<(String, Option<String>, Option<i64>)> = app.write(move |conn| rows.load(conn)).await;
    let by_alice = |kind: EventKind| (kind.as_str().to_owned(), Some("user".to_owned()), Some(alice));
    assert_eq!(rows, [by_alice(EventKind::SignedIn), by_alice(EventKind::PasswordChanged)]);
}
