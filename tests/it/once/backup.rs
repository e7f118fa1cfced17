//! `vestibule backup` and the backup before migrations, of SQLite files.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::harness::TestDatabase;
use crate::harness::cli::{ServerWithCli, run};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}

/// The names in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().display().to_string()).collect();
    names.sort();
    names
}

/// The names of the users in a database file.
fn users_in(database: &TestDatabase, file: &str) -> Vec<String> {
    let mut list = database.command(&["users", "list", "--json"]);
    let users = run(list.env("DATABASE_URL", format!("sqlite://{file}"))).json();
    let users = users.as_array().expect("an array").iter();
    users.map(|user| user["username"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn backup_of_a_running_server_has_everything_committed_and_is_private() {
    let server = ServerWithCli::start(&[]);
    let db = &server.db;
    db.add("alice", &[]);
    let log = PathBuf::from(format!("{}-wal", db.sqlite_file().expect("SQLite").display()));
    assert!(std::fs::metadata(&log).is_ok_and(|log| log.len() > 0), "alice is still in the write-ahead log");
    let out = server.cli(&["backup", "backup.db"]).ok().out;
    assert!(out.contains("keep the value of SERVER_KEY with it"), "{out}");
    let file = db.folder.path().join("backup.db");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(names_in(db.folder.path()), ["backup.db", "db"], "no draft is left");
    assert_eq!(users_in(db, "backup.db"), ["alice"]);

    // Opening it for the list has made it a database in WAL mode.
    let before = std::fs::read(&file).expect("readable");
    db.add("bob", &[]);
    server.cli(&["backup", "backup.db"]).fails(1, "the file backup.db exists: choose another name, or use --overwrite");
    assert_eq!(std::fs::read(&file).expect("readable"), before);
    let json = server.cli(&["backup", "backup.db", "--overwrite", "--json"]).json();
    assert_eq!(json["bytes"], std::fs::metadata(&file).expect("it exists").len());
    assert_eq!(users_in(db, "backup.db"), ["alice", "bob"]);
}

#[test]
fn backup_names_the_key_file_beside_the_database() {
    let db = TestDatabase::create();
    let key = db.sqlite_file().expect("SQLite").with_file_name("server.key");
    std::fs::write(&key, "0123456789abcdef".repeat(4)).expect("written");
    let mut backup = db.command(&["backup", "backup.db", "--json"]);
    let json = run(backup.env_remove("SERVER_KEY")).json();
    assert_eq!(json["server_key_file"], key.display().to_string());
}

#[test]
fn backup_destroys_no_file_that_is_no_backup() {
    let db = TestDatabase::create();
    let file = db.sqlite_file().expect("SQLite");
    let inode = std::fs::metadata(&file).expect("it exists").ino();
    let database = file.to_str().expect("text");
    db.cli(&["backup", database, "--overwrite"]).fails(1, "it is the database itself");
    std::os::unix::fs::symlink(&file, db.folder.path().join("link.db")).expect("a link");
    db.cli(&["backup", "link.db", "--overwrite"]).fails(1, "it is the database itself");
    db.write_file("server.key", "a key");
    db.cli(&["backup", "server.key", "--overwrite"]).fails(1, "it is not a SQLite database");
    db.cli(&["backup", "db", "--overwrite"]).fails(1, "it is not a SQLite database");
    db.cli(&["backup", "nowhere/backup.db"]).fails(1, "cannot write the backup nowhere/backup.db");
    assert_eq!(std::fs::read_to_string(db.folder.path().join("server.key")).expect("readable"), "a key");
    assert_eq!(std::fs::metadata(&file).expect("it exists").ino(), inode);

    // A log of the earlier backup would be applied to the new one.
    db.cli(&["backup", "backup.db"]).ok();
    db.write_file("backup.db-wal", "a log");
    db.cli(&["backup", "backup.db", "--overwrite"]).fails(1, "there is a write-ahead log beside it");
    assert_eq!(names_in(db.folder.path()), ["backup.db", "backup.db-wal", "db", "link.db", "server.key"]);
}

#[test]
fn backup_of_a_missing_or_damaged_database_leaves_no_file() {
    let db = TestDatabase::empty();
    db.cli(&["backup", "backup.db"]).fails(1, "no database at");
    db.write_file(
        "broken.db",
        "this is no database, but has more than a hundred bytes, which SQLite reads as its header first, and rejects",
    );
    let mut backup = db.command(&["backup", "backup.db"]);
    run(backup.env("DATABASE_URL", "sqlite://broken.db")).fails(1, "cannot back up the database sqlite://broken.db");
    assert_eq!(names_in(db.folder.path()), ["broken.db"]);
}

#[test]
fn migrations_back_up_the_data_they_change_first() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    let backups = db.sqlite_file().expect("SQLite").with_file_name("backups");
    assert!(db.cli(&["migrate", "run", "--json"]).json()["backup"].is_null(), "there is nothing to run");
    assert!(!backups.exists());

    db.cli(&["migrate", "revert", "--yes"]).ok();
    let backup = db.cli(&["migrate", "run", "--json"]).json()["backup"].clone();
    let backup = Path::new(backup.as_str().expect("a file"));
    assert_eq!(backup.parent(), Some(backups.as_path()));
    assert_eq!((mode(backup), mode(&backups)), (0o600, 0o700));
    // The backup has the schema of before, which this release has to migrate too.
    let url = format!("sqlite://{}", backup.display());
    let mut status = db.command(&["migrate", "status", "--json"]);
    assert_eq!(run(status.env("DATABASE_URL", &url)).json()["pending"], 1);
    let mut migrate = db.command(&["migrate", "run", "--no-backup"]);
    run(migrate.env("DATABASE_URL", &url)).ok();
    assert_eq!(users_in(&db, &backup.display().to_string()), ["alice"]);
    assert_eq!(names_in(&backups).len(), 1);

    db.cli(&["migrate", "revert", "--yes"]).ok();
    assert!(db.cli(&["migrate", "run", "--no-backup", "--json"]).json()["backup"].is_null());
    assert_eq!(names_in(&backups).len(), 1);

    // The start of a server does the same.
    db.cli(&["migrate", "revert", "--yes"]).ok();
    drop(crate::harness::ServerProcess::start(&db, &[]));
    assert_eq!(names_in(&backups).len(), 2);
}

#[test]
fn migration_that_fails_leaves_no_backup_and_one_that_cannot_be_backed_up_does_not_run() {
    let db = TestDatabase::create();
    db.cli(&["migrate", "revert", "--yes"]).ok();
    let folder = db.sqlite_file().expect("SQLite").with_file_name("backups");
    let mut direct = crate::harness::direct_database::DirectConnection::open(&db);
    // What the newest migration adds is there already, so it fails each time.
    for (_, sql) in pending(&db) {
        direct.run(&sql);
    }
    drop(direct);
    for _ in 0..2 {
        db.cli(&["migrate", "run"]).fails(1, "a migration failed; nothing was changed");
        assert_eq!(names_in(&folder), [""; 0]);
    }

    std::fs::remove_dir(&folder).expect("it is empty");
    std::fs::write(&folder, "a file in its place").expect("written");
    db.cli(&["migrate", "run"]).fails(1, "no migration was run");
    assert_eq!(db.cli(&["migrate", "status", "--json"]).json()["pending"], 1);
}

/// The pending migrations: names and SQL.
fn pending(db: &TestDatabase) -> Vec<(String, String)> {
    let plan = db.cli(&["migrate", "plan", "--json"]).json();
    let plan = plan["pending"].as_array().expect("an array").iter();
    plan.map(|step| ["name", "sql"].map(|field| step[field].as_str().expect("text").to_owned()).into()).collect()
}
