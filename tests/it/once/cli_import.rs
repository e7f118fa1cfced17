//! `vestibule import`: files and arguments that are refused before anything is written.

use std::time::Duration;

use crate::harness::TestDatabase;
use crate::harness::cli::{finish, start};
use crate::harness::direct_database::DirectConnection;

#[test]
fn file_that_cannot_be_imported_is_refused_with_advice() {
    let db = TestDatabase::create();
    std::fs::write(db.folder.path().join("utf16.csv"), b"\xFF\xFEu\0s\0e\0r\0").expect("it is written");
    for (name, text, words) in [
        ("empty.csv", "\n", "it is empty"),
        ("misspelt.csv", "username,emial\nann,a@example.com\n", "did you mean email?"),
        ("nameless.csv", "email\na@example.com\n", "--column username=NAME"),
        ("twice.csv", "username,username\nann,ann\n", "two columns are `username`"),
        ("array.json", "[{\"username\":\"ann\"}]", "jq -c '.[]'"),
        ("unknown.jsonl", "{\"username\":\"ann\",\"mail\":1}", "unknown column `mail`"),
    ] {
        db.write_file(name, text);
        db.cli(&["import", name]).fails(1, words);
    }
    db.write_file("open.csv", &format!("username\n\"ann\n{}", "bob\n".repeat(30_000)));
    db.cli(&["import", "open.csv"]).fails(1, "the row at 2 is longer than 64 KiB");
    db.cli(&["import", "utf16.csv"]).fails(1, "iconv -f UTF-16 -t UTF-8");
    db.cli(&["import", "missing.csv"]).fails(1, "cannot read missing.csv");
    db.cli(&["import", "."]).fails(1, "cannot read .");
    assert_eq!(db.users().len(), 0);
}

#[test]
fn unknown_columns_are_skipped_only_on_request() {
    let db = TestDatabase::create();
    db.write_file("people.csv", "username,last_login\nann,2024-01-01\n");
    db.cli(&["import", "people.csv"]).fails(1, "--skip-unknown");
    db.cli(&["import", "people.csv", "--skip-unknown"]).ok();
    assert_eq!(db.users().len(), 1);
}

#[test]
fn wrong_mapping_is_misuse_and_the_imported_file_is_never_overwritten() {
    let db = TestDatabase::create();
    let text = "username\nann\n";
    db.write_file("people.csv", text);
    db.cli(&["import", "people.csv", "--column", "login=username"]).fails(2, "is not a column");
    db.cli(&["import", "people.csv", "--rejected", "./people.csv"]).fails(2, "the imported file itself");
    assert_eq!(std::fs::read_to_string(db.folder.path().join("people.csv")).expect("it is read"), text);
    db.cli(&["import"]).fails(2, "<FILE>");
}

#[test]
fn roles_are_left_out_on_request() {
    let db = TestDatabase::create();
    db.write_file("people.csv", "username,roles\nann,admin Staff\n");
    db.cli(&["import", "people.csv", "--without-roles"]).ok();
    assert_eq!(db.users()[0]["roles"], serde_json::json!([]));
}

/// Without gaps, a server on the same file answers most sign-ins with 503 while the import runs.
#[test]
fn import_leaves_gaps_in_which_a_server_can_write() {
    let db = TestDatabase::create();
    let mut direct = DirectConnection::open(&db);
    direct.run("PRAGMA busy_timeout = 0");
    let lines: Vec<_> = (0..10_000).map(|number| format!("{{\"username\":\"user{number}\"}}\n")).collect();
    db.write_file("people.jsonl", &lines.concat());
    let mut child = start(db.command(&["import", "people.jsonl"]));
    let (mut free, mut locked) = (0, 0);
    while child.try_wait().expect("a status").is_none() {
        // Only the time between the first and the last batch counts.
        let count = direct.count("users", "1 = 1");
        if (1_000..10_000).contains(&count) {
            *(if direct.try_run("BEGIN IMMEDIATE; ROLLBACK").is_ok() { &mut free } else { &mut locked }) += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    finish(child).ok();
    assert!(free > 0 && free * 5 > locked, "free {free} times, locked {locked} times");
}
