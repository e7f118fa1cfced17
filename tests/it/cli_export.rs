//! `vestibule export`, which gives back what an import takes, and `vestibule seed --from-database`.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::direct_database::DirectConnection;
use crate::harness::{PASSWORD, TestDatabase};

/// A database with users of every kind.
fn filled() -> TestDatabase {
    let db = TestDatabase::create();
    db.add(
        "alice",
        &["--display-name", "Al, \"A\"", "--email", "alice@example.com", "--role", "staff", "--role", "admin"],
    );
    db.add("bob", &["--id", "40"]);
    db.add("홍길동", &[]);
    db.add("gone", &[]);
    db.cli(&["users", "disable", "bob"]).ok();
    db.cli(&["users", "delete", "gone", "--yes"]).ok();
    DirectConnection::open(&db)
        .run("UPDATE users SET language = 'ko', email_verified_at = created_at WHERE username = 'alice'");
    db
}

#[test]
fn exported_users_can_be_imported_into_another_database_and_sign_in_there() {
    let db = filled();
    for format in ["csv", "jsonl"] {
        let name = format!("people.{format}");
        let other = TestDatabase::create();
        let text = db.cli(&["export", "--format", format, "--with-hashes"]).ok().out;
        other.write_file(&name, &text);
        let report = other.cli(&["import", &name, "--json"]).json();
        assert_eq!(report["imported"], 3, "{report}");
        let kept = |db: &TestDatabase| {
            let mut users = db.users();
            for user in &mut users {
                // It is disabled and confirmed again, at the time of the import.
                for field in ["disabled_at", "email_verified_at"] {
                    user[field] = user[field].is_string().into();
                }
            }
            users
        };
        assert_eq!(kept(&other), kept(&db));
        assert!(other.can_sign_in("alice@example.com", PASSWORD) && !other.can_sign_in("bob", PASSWORD));
        assert_eq!(other.cli(&["export", "--format", format, "--with-hashes"]).ok().out, text);
    }
}

#[test]
fn export_has_hashes_only_on_request_and_a_private_file() {
    let db = filled();
    for format in ["csv", "jsonl"] {
        let text = db.cli(&["export", "--format", format]).ok().out;
        assert!(text.contains("alice") && !text.contains("argon2") && !text.contains("gone"), "{text}");
    }
    let target = db.folder.path().join("people.jsonl");
    std::fs::write(&target, "of an earlier export\n").expect("it is written");
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o644)).expect("it is set");
    let output = db.cli(&["export", "--with-hashes", "--output", "people.jsonl"]).ok();
    assert!(output.out.is_empty() && output.err.contains("exported 3 users"), "{output:?}");
    assert_eq!(std::fs::metadata(&target).expect("it exists").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&target).expect("it is read");
    assert_eq!((text.lines().count(), text.matches("$argon2id$").count()), (3, 3));
    assert_eq!(text, db.cli(&["export", "--with-hashes"]).ok().out);
}

#[test]
fn export_without_a_database_leaves_the_file_of_an_earlier_one() {
    let db = TestDatabase::empty();
    db.write_file("people.jsonl", "kept");
    db.cli(&["export", "--output", "people.jsonl"]).fails(1, "vestibule migrate run");
    assert_eq!(std::fs::read_to_string(db.folder.path().join("people.jsonl")).expect("it is read"), "kept");
}

#[test]
fn more_users_than_one_query_lists_are_exported_once() {
    let db = TestDatabase::create();
    let lines: Vec<_> = (0..2_001).map(|number| format!("{{\"username\":\"user{number:05}\"}}\n")).collect();
    db.write_file("people.jsonl", &lines.concat());
    db.cli(&["import", "people.jsonl"]).ok();
    let text = db.cli(&["export", "--format", "csv"]).ok().out;
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!((lines.len(), text.lines().count()), (2_002, 2_002));
}

#[test]
fn seed_file_of_a_database_makes_the_same_roles_and_clients_in_another() {
    let db = TestDatabase::create();
    db.cli(&["roles", "set", "editor", "--scope", "articles:read", "--scope", "articles:write"]).ok();
    db.cli(&["clients", "add", "billing", "--grant", "client_credentials", "--scope", "invoices"]).ok();
    db.cli(&[
        "clients",
        "add",
        "web \"1\"",
        "--grant",
        "password",
        "--grant",
        "refresh_token",
        "--forwards-client-address",
        "on",
    ])
    .ok();
    let written = db.cli(&["seed", "--from-database"]).ok();
    assert!(written.err.contains("--forwards-client-address on"), "{written:?}");
    let other = TestDatabase::create();
    other.write_file("seed.toml", &written.out);
    other.cli(&["seed", "seed.toml"]).ok();
    assert_eq!(other.cli(&["seed", "--from-database"]).ok().out, written.out);
    assert_eq!(other.cli(&["seed", "seed.toml"]).ok().out, "0 to create, 0 to change, 3 unchanged\n");
    let roles = |db: &TestDatabase| db.cli(&["roles", "list", "--json"]).json();
    assert_eq!(roles(&other), roles(&db));
    let empty = TestDatabase::create().cli(&["seed", "--from-database"]).ok().out;
    assert!(empty.lines().all(|line| line.is_empty() || line.starts_with('#')), "{empty}");
    db.cli(&["seed"]).fails(2, "<FILE>");
    db.cli(&["seed", "--from-database", "seed.toml"]).fails(2, "cannot be used with");
}
