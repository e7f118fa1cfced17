//! The file of a SQLite database: replaced, deleted, emptied or damaged, and the documented restore.

use std::path::Path;
use std::process::Command;

use reqwest::StatusCode;
use serde_json::Value;

use crate::harness::cli::run;
use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::logged_process::LoggedProcess;
use crate::harness::{PASSWORD, TestDatabase};

/// A server on a SQLite file in `data/` with its own key.
fn serve_in_folder(database: &TestDatabase) -> Command {
    let mut command = database.serve(&[("DATABASE_URL", "sqlite://data/vestibule.db")]);
    command.env_remove("SERVER_KEY");
    command
}

async fn sign_in(url: &str, name: &str) -> StatusCode {
    let form = [("username", name), ("password", PASSWORD)];
    let response = crate::harness::http_client().post(format!("{url}/token")).form(&form).send().await;
    response.expect("a response").status()
}

/// Adds a user with [`PASSWORD`] to the database in the folder.
fn add_user(database: &TestDatabase, name: &str) {
    let file = database.folder.path().join("data/vestibule.db");
    let url = format!("sqlite://{}", file.display());
    let output = database
        .cli_with_input(&["users", "add", name, "--password-stdin", "--database-url", &url], &format!("{PASSWORD}\n"));
    output.ok();
}

#[tokio::test]
async fn replaced_or_deleted_file_ends_the_server_and_loses_no_acknowledged_write() {
    for is_deleted in [true, false] {
        let database = TestDatabase::empty();
        let mut server = LoggedProcess::start(serve_in_folder(&database));
        let url = server.wait_for_url();
        add_user(&database, "alice");
        assert_eq!(sign_in(&url, "alice").await, StatusCode::OK);
        let file = database.folder.path().join("data/vestibule.db");
        let old = file.with_file_name("old.db");
        std::fs::rename(&file, &old).expect("it is moved");
        if !is_deleted {
            std::fs::copy(&old, &file).expect("it is copied");
        }
        // From this moment on, nothing is acknowledged: the session would be in the old file.
        let status = crate::harness::http_client()
            .post(format!("{url}/token"))
            .form(&[("username", "alice"), ("password", PASSWORD)])
            .send()
            .await
            .map(|response| response.status());
        assert!(status.is_err() || status.is_ok_and(|status| status == StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(server.wait().code(), Some(1), "{:?}", server.seen);
        assert_eq!(server.count("was replaced or deleted while the server was running"), 1, "{:?}", server.seen);
        assert_eq!(file.exists(), !is_deleted, "no file is created");
    }
}

#[tokio::test]
async fn older_file_moved_into_place_keeps_exactly_its_own_data() {
    let database = TestDatabase::empty();
    let mut server = LoggedProcess::start(serve_in_folder(&database));
    server.wait_for_url();
    add_user(&database, "alice");
    run_in_shell(&database, &documented_commands()[0]);
    // After the backup, in the write-ahead log of the old file.
    add_user(&database, "bob");
    let folder = database.folder.path();
    std::fs::rename(folder.join("backup.db"), folder.join("data/vestibule.db")).expect("it is moved");
    assert_eq!(server.wait().code(), Some(1), "{:?}", server.seen);
    assert_eq!(server.count("vestibule.db.replaced-"), 1, "{:?}", server.seen);
    assert!(!folder.join("data/vestibule.db-wal").exists() && !folder.join("data/vestibule.db-shm").exists());
    let mut server = LoggedProcess::start(serve_in_folder(&database));
    let url = server.wait_for_url();
    assert_eq!((sign_in(&url, "alice").await, sign_in(&url, "bob").await), (StatusCode::OK, StatusCode::BAD_REQUEST));
}

#[test]
fn key_without_its_database_is_refused_until_the_key_is_deleted_too() {
    let database = TestDatabase::empty();
    LoggedProcess::start(serve_in_folder(&database)).wait_for_url();
    let folder = database.folder.path().join("data");
    let (file, key) = (folder.join("vestibule.db"), folder.join("server.key"));
    let refused = |expected: &dyn Fn(&Path) -> bool| {
        let mut migrate = database.command(&["migrate", "run"]);
        migrate.env("DATABASE_URL", "sqlite://data/vestibule.db").env_remove("SERVER_KEY");
        for command in [serve_in_folder(&database), migrate] {
            let output = run(command).fails(1, "data/vestibule.db is missing or empty: delete");
            assert!(output.err.contains("move the key away, if no other database uses it"), "{}", output.err);
            assert!(expected(&file), "the file is left as it was");
        }
    };
    std::fs::remove_file(&file).expect("it is deleted");
    refused(&|file| !file.exists());
    std::fs::write(&file, "").expect("it is emptied");
    refused(&|file| std::fs::read(file).is_ok_and(|bytes| bytes.is_empty()));
    std::fs::remove_file(&file).expect("it is deleted");
    std::fs::remove_file(&key).expect("it is deleted");
    let mut server = LoggedProcess::start(serve_in_folder(&database));
    server.wait_for("/setup?link=");
    assert!(file.exists() && key.exists());
}

#[test]
fn first_start_that_was_interrupted_before_the_key_goes_on() {
    let database = TestDatabase::empty();
    let mut migrate = database.command(&["migrate", "run"]);
    run(migrate.env("DATABASE_URL", "sqlite://data/vestibule.db")).ok();
    assert!(!database.folder.path().join("data/server.key").exists());
    LoggedProcess::start(serve_in_folder(&database)).wait_for("/setup?link=");
}

#[tokio::test]
async fn damaged_file_is_reported_at_start() {
    let database = TestDatabase::create();
    let file = database.sqlite_file().expect("SQLite");
    direct_database::add_user(&database, "alice", &["admin"]).await;
    let mut direct = DirectConnection::open(&database);
    let sql = "SELECT CAST(rootpage AS TEXT) AS text FROM sqlite_schema WHERE type = 'table' AND name = 'outbox'";
    let page: u64 = direct.texts(sql)[0].parse().expect("a number");
    direct.run("PRAGMA wal_checkpoint(TRUNCATE)");
    let size: u64 =
        direct.texts("SELECT CAST(page_size AS TEXT) AS text FROM pragma_page_size")[0].parse().expect("a number");
    drop(direct);
    let damaged = std::fs::OpenOptions::new().write(true).open(&file).expect("the file opens");
    std::os::unix::fs::FileExt::write_all_at(&damaged, &[0xff; 64], (page - 1) * size).expect("written");
    let mut server = LoggedProcess::start(database.serve(&[]));
    server.wait_for("the database file is damaged");
    let url = server.wait_for_url();
    let ready = reqwest::get(format!("{url}/readyz")).await.expect("a response");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(sign_in(&url, "alice").await, StatusCode::OK, "the other pages are still used");
}

/// The first two blocks of shell commands of a page: how to back up and how to restore.
fn documented_commands() -> [String; 2] {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/back-up-and-restore.md"));
    let page = page.expect("the page is there");
    let mut blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned());
    [blocks.next().expect("how to back up"), blocks.next().expect("how to restore")]
}

fn run_in_shell(database: &TestDatabase, commands: &str) {
    let binary = Path::new(env!("CARGO_BIN_EXE_vestibule")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("it is set"));
    let status = Command::new("sh")
        .args(["-e", "-u", "-c", commands])
        .current_dir(database.folder.path())
        .env("PATH", path)
        .env("DATABASE_URL", "sqlite://data/vestibule.db")
        .status()
        .expect("there is a shell");
    assert!(status.success(), "{commands}");
}

#[tokio::test]
async fn documented_backup_and_restore_bring_back_the_accounts() {
    let [back_up, restore] = documented_commands();
    let database = TestDatabase::empty();
    let mut server = LoggedProcess::start(serve_in_folder(&database));
    let url = server.wait_for_url();
    add_user(&database, "alice");
    run_in_shell(&database, &back_up);
    // After the backup; these rows are still in the write-ahead log when the server is killed.
    add_user(&database, "bob");
    assert_eq!(sign_in(&url, "bob").await, StatusCode::OK);
    drop(server);
    let log = database.folder.path().join("data/vestibule.db-wal");
    assert!(std::fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0), "an old log would undo the restore");
    run_in_shell(&database, &restore);
    let mut list = database.command(&["users", "list", "--json"]);
    list.env("DATABASE_URL", "sqlite://data/vestibule.db");
    let users: Vec<Value> = run(list).json().as_array().expect("an array").clone();
    assert_eq!(users.iter().map(|user| user["username"].clone()).collect::<Vec<_>>(), ["alice"]);
    let mut server = LoggedProcess::start(serve_in_folder(&database));
    let url = server.wait_for_url();
    assert_eq!(sign_in(&url, "alice").await, StatusCode::OK);
    assert_eq!(server.count("other users can"), 0, "{:?}", server.seen);
}
