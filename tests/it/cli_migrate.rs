//! `vestibule migrate` through the real binary.

use crate::harness::TestDatabase;
use crate::harness::cli::{finish, start};
use crate::harness::direct_database::DirectConnection;

#[test]
fn migrate_run_applies_each_migration_once() {
    let db = TestDatabase::empty();
    if db.is_postgres() {
        assert_ne!(db.cli(&["migrate", "status", "--json"]).json()["pending"], 0);
    } else {
        db.cli(&["migrate", "status"]).fails(1, "no database at");
        db.cli(&["migrate", "revert", "--yes"]).fails(1, "no database at");
    }
    let ran = db.cli(&["migrate", "run", "--json"]).json();
    assert!(ran["ran"].as_array().expect("an array").iter().any(|name| name == "2026-11-23-000000_users"), "{ran}");
    assert_eq!(db.cli(&["migrate", "run"]).ok().out, "nothing to do: all migrations are applied\n");
    let status = db.cli(&["migrate", "status", "--json"]).json();
    assert_eq!(status["pending"], 0);
    assert_eq!(status["migrations"][0]["is_applied"], true);
    assert!(db.cli(&["migrate", "status"]).ok().out.starts_with("applied  2026-11-23-000000_users\n"));
}

#[test]
fn migrate_revert_names_the_dropped_tables_and_needs_yes() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    let applied = || {
        let states =
            db.cli(&["migrate", "status", "--json"]).json()["migrations"].as_array().expect("an array").clone();
        states.into_iter().filter(|state| state["is_applied"] == true).map(|state| state["name"].clone())
    };
    db.cli(&["migrate", "revert"]).fails(1, "--yes");
    db.cli(&["users", "list"]).ok();
    while applied().next_back().expect("a migration") != "2026-11-25-000000_accounts" {
        db.cli(&["migrate", "revert", "--yes"]).ok();
    }
    db.cli(&["migrate", "revert"]).fails(1, "--yes").fails(1, "outbox (0 rows)");
    for _ in applied() {
        assert!(db.cli(&["migrate", "revert", "--yes", "--json"]).json()["reverted"].is_string());
        db.cli(&["users", "list"]).fails(1, "run \"vestibule migrate run\"");
    }
    assert_eq!(db.cli(&["migrate", "revert", "--yes"]).ok().out, "nothing to revert: no migration is applied\n");
    db.cli(&["migrate", "run"]).ok();
    assert!(db.users().is_empty());
}

#[test]
fn concurrent_migrate_runs_apply_each_migration_once() {
    let db = TestDatabase::empty();
    let children: Vec<_> = (0..4).map(|_| start(db.command(&["migrate", "run", "--json"]))).collect();
    let ran: usize =
        children.into_iter().map(|child| finish(child).json()["ran"].as_array().expect("an array").len()).sum();
    assert_eq!(ran, db.cli(&["migrate", "status", "--json"]).json()["migrations"].as_array().expect("an array").len());
}

#[test]
fn migrate_plan_prints_the_sql_that_would_run_and_changes_nothing() {
    let db = TestDatabase::empty();
    let plan = db.cli(&["migrate", "plan"]).ok().out;
    assert!(plan.contains("-- 2026-11-23-000000_users\n") && plan.contains("CREATE TABLE users ("), "{plan}");
    assert!(!db.folder.path().join("db").exists(), "no file is created");
    // The plan is SQL as it stands: it creates the same tables.
    let by_hand = TestDatabase::empty();
    DirectConnection::open(&by_hand).run(&plan);
    db.cli(&["migrate", "run"]).ok();
    let nothing = "-- nothing to do: all migrations are applied\n";
    assert_eq!(db.cli(&["migrate", "plan"]).ok().out, nothing);
    let tables = |db: &TestDatabase| DirectConnection::open(db).texts("SELECT username AS text FROM users");
    assert_eq!(tables(&db), tables(&by_hand));
}

#[test]
fn backup_on_postgres_names_the_command_that_does_it() {
    let db = TestDatabase::create();
    if db.is_postgres() {
        let output = db.cli(&["backup", "backup.dump"]).fails(1, "pg_dump --format=custom --file=backup.dump");
        assert!(output.err.contains("keep the value of SERVER_KEY"), "{output:?}");
    } else {
        db.cli(&["backup", "backup.db"]).ok();
    }
}

#[test]
fn seed_creates_the_database_when_it_is_told_to() {
    let db = TestDatabase::empty();
    let path = |name: &str| db.folder.path().join(name);
    db.write_file("seed.toml", "[[users]]\nusername = \"alice\"\n");
    db.write_file("wrong.toml", "[[users]]\nusername = \"a b\"\n");
    let hint = if db.is_postgres() { "run \"vestibule migrate run\"" } else { "\"vestibule seed --migrate FILE\"" };
    db.cli(&["seed", "seed.toml"]).fails(1, hint);
    db.cli(&["seed", "--migrate", "wrong.toml"]).fails(1, "nothing was changed");
    assert!(!path("db").exists(), "a file with errors creates nothing");
    let seeded = db.cli(&["seed", "--migrate", "seed.toml"]).ok();
    assert!(seeded.err.contains("migrations applied to ") && seeded.out.contains("create alice"), "{seeded:?}");
    let again = db.cli(&["seed", "--migrate", "seed.toml"]).ok();
    assert!(!again.err.contains("migrations") && !again.out.contains("create alice"), "{again:?}");
    assert_eq!(db.users().len(), 1);
    db.cli(&["seed", "--migrate", "--dry-run", "seed.toml"]).fails(2, "cannot be used with");
}
