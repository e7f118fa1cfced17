//! `vestibule users` and `setup-link` through the real binary.

use std::io::{BufRead as _, BufReader};

use vestibule::authentication::SignIn;

use crate::harness::cli::{finish, run, start};
use crate::harness::{OTHER_PASSWORD, PASSWORD, SERVER_KEY, TestDatabase};

#[test]
fn added_user_is_listed_and_can_sign_in() {
    let db = TestDatabase::create();
    let added = db.add(
        "Alice",
        &["--display-name", "Alice Smith", "--email", "alice@example.com", "--role", "staff", "--role", "admin"],
    );
    assert_eq!(added["id"], 1);
    assert_eq!(added["username"], "Alice");
    assert_eq!(added["roles"], serde_json::json!(["admin", "staff"]));
    assert!(added["created_at"].as_str().expect("text").ends_with('Z'), "{added}");
    assert!(db.can_sign_in("alice", PASSWORD));

    let shown = db.cli(&["users", "show", "ALICE", "--json"]).json();
    assert_eq!(shown["display_name"], "Alice Smith");
    assert_eq!(shown["email"], "alice@example.com");
    assert_eq!(
        (shown["state"].as_str(), shown["has_password"].as_bool(), shown["live_sessions"].as_u64()),
        (Some("active"), Some(true), Some(1))
    );
    assert!(shown["last_signed_in_at"].as_str().expect("text").ends_with('Z'), "{shown}");
    assert!(!shown.to_string().contains("argon2"), "{shown}");

    let text = db.cli(&["users", "show", "alice"]).ok().out;
    assert!(text.contains("live sessions    1\n") && text.contains("roles            admin, staff\n"), "{text}");
    let table = db.cli(&["users", "list"]).ok().out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].find("STATE"), lines[1].find("active"), "{table}");
    assert_eq!(db.users().len(), 1);
}

#[test]
fn live_sessions_follow_the_server_settings() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    assert!(db.can_sign_in("alice", PASSWORD));
    db.cli(&["users", "show", "alice", "--session-idle", "5x"]).fails(2, "SESSION_IDLE=5x");
    let shown = run(db.command(&["users", "show", "alice", "--json"]).env("SESSION_IDLE", "30d"));
    assert!(shown.out.contains("\"live_sessions\":1"), "{shown:?}");
}

#[test]
fn taken_username_or_user_id_is_refused() {
    let db = TestDatabase::create();
    db.add("alice", &["--id", "7"]);
    let add = |name: &str, more: &[&str]| {
        db.cli_with_input(&[&["users", "add", name, "--password-stdin"], more].concat(), PASSWORD)
    };
    add("ALICE", &[]).fails(1, "the username ALICE is taken");
    add("bob", &["--id", "7"]).fails(1, "user ID 7 is taken");
    assert_eq!(db.add("bob", &[])["id"], 8);
    assert_eq!(db.users().len(), 2);
}

#[test]
fn users_set_password_ends_sessions_and_replaces_the_password() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    assert!(db.can_sign_in("alice", PASSWORD));
    let set = || db.cli_with_input(&["users", "set-password", "Alice", "--password-stdin", "--json"], OTHER_PASSWORD);
    let response = set().json();
    assert_eq!((response["changed"].as_bool(), response["ended_sessions"].as_u64()), (Some(true), Some(1)));
    assert_eq!(db.cli(&["users", "show", "alice", "--json"]).json()["live_sessions"], 0);
    assert_eq!(set().json()["ended_sessions"], 0);
    assert!(db.can_sign_in("alice", OTHER_PASSWORD));
    assert!(!db.can_sign_in("alice", PASSWORD));
    db.cli_with_input(&["users", "set-password", "alice", "--password-stdin"], "alice").fails(1, "password of alice");
    db.cli_with_input(&["users", "set-password", "nobody", "--password-stdin"], OTHER_PASSWORD)
        .fails(1, "no such user: nobody");
    db.cli(&["users", "set-password", "alice"]).fails(2, "--password-stdin or --password-file PATH");
}

#[test]
fn disabling_and_enabling_is_idempotent() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    assert!(db.can_sign_in("alice", PASSWORD));
    let response = db.cli(&["users", "disable", "alice", "--json"]).json();
    assert_eq!(
        (response["disabled"].as_bool(), response["changed"].as_bool(), response["ended_sessions"].as_u64()),
        (Some(true), Some(true), Some(1))
    );
    assert_eq!(db.cli(&["users", "disable", "alice"]).ok().out, "alice was already disabled\n");
    assert_eq!(db.cli(&["users", "disable", "alice", "--json"]).json()["changed"], false);
    assert!(matches!(db.sign_in("alice", PASSWORD), SignIn::Disabled));
    let shown = db.cli(&["users", "show", "alice", "--json"]).json();
    assert_eq!((shown["state"].as_str(), shown["live_sessions"].as_u64()), (Some("disabled"), Some(0)));
    assert!(shown["disabled_at"].as_str().expect("text").ends_with('Z'), "{shown}");
    assert_eq!(db.cli(&["users", "enable", "alice"]).ok().out, "enabled alice\n");
    assert_eq!(db.cli(&["users", "enable", "alice"]).ok().out, "alice was already enabled\n");
    assert!(db.can_sign_in("alice", PASSWORD));
    for verb in ["disable", "enable", "delete", "show", "unlock"] {
        db.cli(&["users", verb, "nobody"]).fails(1, "no such user: nobody");
    }
}

#[test]
fn deleted_users_name_and_id_stay_taken() {
    let db = TestDatabase::create();
    db.add("alice", &["--email", "alice@example.com", "--role", "staff"]);
    assert!(db.can_sign_in("alice", PASSWORD));
    let response = db.cli(&["users", "delete", "alice", "--yes", "--json"]).json();
    assert_eq!((response["deleted"].as_bool(), response["ended_sessions"].as_u64()), (Some(true), Some(1)));
    for verb in ["delete", "disable", "enable", "show"] {
        db.cli(&["users", verb, "alice"]).fails(1, "no such user: alice");
    }
    assert!(db.users().is_empty());
    assert!(!db.can_sign_in("alice", PASSWORD));
    db.cli(&["users", "add", "Alice", "--no-password"])
        .fails(1, "the username Alice belonged to a user who was deleted on");
    db.cli(&["users", "add", "bob", "--no-password", "--id", "1"]).fails(1, "user ID 1 is taken");
    assert_eq!(db.add("bob", &[])["id"], 2);
}

#[test]
fn disabling_or_deleting_the_last_admin_needs_force() {
    let db = TestDatabase::create();
    db.add("root1", &["--role", "admin"]);
    db.add("alice", &[]);
    db.cli(&["users", "disable", "root1"]).fails(1, "--force");
    db.cli(&["users", "delete", "root1", "--yes"]).fails(1, "--force");
    db.add("root2", &["--role", "admin"]);
    db.cli(&["users", "disable", "root1"]).ok();
    db.cli(&["users", "delete", "root2", "--yes"]).fails(1, "root2 is the last admin");
    db.cli(&["users", "delete", "root1", "--yes"]).ok();
    db.cli(&["users", "delete", "root2", "--yes", "--force"]).ok();
    assert_eq!(db.users().len(), 1);
}

#[test]
fn concurrent_disabling_keeps_one_admin() {
    let db = TestDatabase::create();
    db.add("root1", &["--role", "admin"]);
    db.add("root2", &["--role", "admin"]);
    for _ in 0..5 {
        let both: Vec<_> = ["root1", "root2"].map(|name| start(db.command(&["users", "disable", name]))).into();
        let codes: Vec<_> = both.into_iter().map(|child| finish(child).code).collect();
        assert!(codes.contains(&Some(0)) && codes.contains(&Some(1)), "{codes:?}");
        assert_eq!(db.users().iter().filter(|user| user["state"] == "active").count(), 1);
        for name in ["root1", "root2"] {
            db.cli(&["users", "enable", name]).ok();
        }
    }
}

#[test]
fn users_unlock_ends_throttling() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    while !matches!(db.sign_in("alice", OTHER_PASSWORD), SignIn::Throttled(_)) {}
    assert!(matches!(db.sign_in("alice", PASSWORD), SignIn::Throttled(_)));
    let response = db.cli(&["users", "unlock", "ALICE", "--json"]).json();
    assert_eq!(response["changed"], true, "{response}");
    assert!(db.can_sign_in("alice", PASSWORD));
    db.cli(&["users", "unlock", "alice"]).ok();
    assert_eq!(db.cli(&["users", "unlock", "alice"]).ok().out, "nothing to clear: alice has no failed sign-ins\n");
    let without_key = run(db.command(&["users", "unlock", "alice"]).env_remove("SERVER_KEY"));
    without_key.fails(2, "set SERVER_KEY");
    if !db.is_postgres() {
        db.write_file("db/server.key", &format!("{SERVER_KEY}\n"));
        let output = run(db.command(&["users", "unlock", "alice"]).env_remove("SERVER_KEY"));
        assert_eq!(output.code, Some(0), "{output:?}");
    }
}

#[test]
fn users_list_prints_every_user_and_tolerates_a_closed_pipe() {
    let db = TestDatabase::create();
    let users: String =
        (1..=1234).map(|number| format!("[[users]]\nusername = \"user{number}\"\n")).collect::<Vec<_>>().concat();
    db.write_file("users.toml", &users);
    db.cli(&["seed", "users.toml"]).ok();
    let listed = db.users();
    assert_eq!(listed.len(), 1234);
    assert!(listed.iter().enumerate().all(|(at, user)| user["username"] == format!("user{}", at + 1)));
    assert_eq!(db.cli(&["users", "list"]).ok().out.lines().count(), 1235);

    let mut child = start(db.command(&["users", "list"]));
    let mut first = String::new();
    BufReader::with_capacity(16, child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    let end = child.wait_with_output().expect("ends");
    assert_eq!((end.status.code(), end.stderr.as_slice()), (Some(0), &b""[..]));
    assert!(first.starts_with("ID "), "{first}");
}

#[test]
fn empty_users_list_is_a_heading_or_an_empty_array() {
    let db = TestDatabase::create();
    assert_eq!(db.cli(&["users", "list"]).ok().out.lines().count(), 1);
    assert!(db.users().is_empty());
}

#[test]
fn command_before_the_migrations_names_migrate_run() {
    let db = TestDatabase::empty();
    db.write_file("users.toml", "");
    for args in [&["users", "list"][..], &["seed", "users.toml"], &["setup-link"], &["users", "disable", "alice"]] {
        db.cli(args).fails(1, "run \"vestibule migrate run\"");
    }
    assert!(!db.folder.path().join("db").exists(), "a read-only command creates no file");
}

#[test]
fn setup_link_becomes_a_rescue_link_once_an_admin_exists() {
    let db = TestDatabase::create();
    let response = db.cli(&["setup-link", "--json", "--public-url", "https://login.example.com"]).json();
    assert_eq!(response["purpose"], "setup");
    assert!(response["url"].as_str().expect("text").starts_with("https://login.example.com/setup?link="), "{response}");
    let line = db.cli(&["setup-link"]).ok();
    assert_eq!(line.out.trim_end().len(), "http://localhost:8080/setup?link=".len() + 43, "{line:?}");
    db.add("alice", &[]);
    db.cli(&["setup-link", "--user", "alice"]).fails(1, "no admin can sign in yet");
    db.add("root1", &["--role", "admin"]);
    db.cli(&["setup-link"]).fails(1, "add --user NAME");
    db.cli(&["setup-link", "--user", "alice"]).fails(1, "alice is not an admin");
    db.cli(&["setup-link", "--user", "nobody"]).fails(1, "no such user: nobody");
    assert_eq!(db.cli(&["setup-link", "--user", "ROOT1", "--json"]).json()["purpose"], "rescue");
    db.cli(&["users", "disable", "root1", "--force"]).ok();
    db.cli(&["setup-link", "--user", "root1"]).fails(1, "run \"vestibule users enable root1\" first");
    assert_eq!(db.cli(&["setup-link", "--json"]).json()["purpose"], "setup");
}
