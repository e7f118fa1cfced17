//! `vestibule db copy`, from SQLite to the database of the tests and back.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::harness::cli::{CommandOutput, run};
use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::visitor::Visitor;
use crate::harness::{OTHER_SERVER_KEY, PASSWORD, ServerProcess, TestDatabase, TestResponse};

/// The same for all servers, which listen on other ports.
const SETTINGS: [(&str, &str); 2] = [("PUBLIC_URL", "http://localhost:8080"), ("METRICS_BIND", "127.0.0.1:0")];

/// SQLite files in the folder of a database.
struct Files<'a>(&'a TestDatabase);

impl Files<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.0.folder.path().join(name)
    }

    fn url(&self, name: &str) -> String {
        format!("sqlite://{}", self.path(name).display())
    }

    /// A command on such a file.
    fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.0.command(args);
        command.env("DATABASE_URL", self.url(name));
        command
    }

    /// A server on such a file.
    fn serve(&self, name: &str) -> ServerProcess {
        let mut command = self.0.serve(&SETTINGS);
        command.env("DATABASE_URL", self.url(name));
        ServerProcess::from_command(command).expect("the server starts")
    }

    /// Creates such a file with a user.
    fn create(&self, name: &str, user: &str) {
        run(self.command(name, &["migrate", "run"])).ok();
        run(self.command(name, &["users", "add", user, "--no-password"])).ok();
    }

    fn copy(&self, from: &str, to: &str) -> CommandOutput {
        let mut command = self.0.command(&["db", "copy", "--from", from, "--to-file", "target", "--json"]);
        // On PostgreSQL, the URL of the tests has a password.
        self.0.write_file("target", to);
        run(command.env("DATABASE_URL", from))
    }

    /// Copies the database of the tests into a file.
    fn copy_back(&self, name: &str) -> CommandOutput {
        self.0.cli(&["db", "copy", "--to", &self.url(name), "--json"])
    }
}

/// What a person and a program hold: an access token, a refresh token and a browser session.
struct Held {
    access: String,
    refresh: String,
    browser: Visitor,
}

async fn token(url: &str, form: &[(&str, &str)]) -> TestResponse {
    TestResponse::to(crate::harness::http_client().post(format!("{url}/token")).form(form)).await
}

impl Held {
    async fn obtain(url: &str) -> Self {
        let response = token(url, &[("username", "alice"), ("password", PASSWORD)]).await;
        assert_eq!(response.status, 200, "{response:?}");
        let text = |name: &str| response.json()[name].as_str().expect("text").to_owned();
        let browser = Visitor::at_url(url, &[]);
        browser.sign_in("alice").await;
        Self { access: text("access_token"), refresh: text("refresh_token"), browser }
    }

    /// Checks that all of it is valid on the server, and takes the next refresh token.
    async fn check(self, url: &str) -> Self {
        let me = crate::harness::http_client().get(format!("{url}/me")).bearer_auth(&self.access);
        assert_eq!(TestResponse::to(me).await.status, 200, "the access token is valid");
        let form = [("grant_type", "refresh_token"), ("refresh_token", &self.refresh)];
        let response = token(url, &form).await;
        assert_eq!(response.status, 200, "the refresh token is valid: {response:?}");
        let refresh = response.json()["refresh_token"].as_str().expect("text").to_owned();
        let browser = self.browser.at(url);
        assert!(browser.is_signed_in().await, "the browser is signed in");
        Self { access: self.access, refresh, browser }
    }
}

fn rows_of(copied: &Value, table: &str) -> u64 {
    let tables = copied["tables"].as_array().expect("an array");
    let found = tables.iter().find(|entry| entry["table"] == table).expect("the table is named");
    found["rows"].as_u64().expect("a number")
}

#[tokio::test]
async fn tokens_and_browser_sessions_stay_valid_there_and_back() {
    let middle = TestDatabase::empty();
    let files = Files(&middle);
    run(files.command("first.db", &["migrate", "run"])).ok();
    let mut add =
        files.command("first.db", &["users", "add", "alice", "--password-file", "password", "--role", "editor"]);
    middle.write_file("password", PASSWORD);
    run(&mut add).ok();
    let held = {
        let server = files.serve("first.db");
        let held = Held::obtain(&server.url).await;
        // The server is up during the copy, as it may be.
        let copied = files.copy(&files.url("first.db"), &middle.url).json();
        assert_eq!((rows_of(&copied, "users"), rows_of(&copied, "sessions")), (1, 2), "{copied}");
        assert_eq!((rows_of(&copied, "signing_keys"), rows_of(&copied, "user_roles")), (1, 1), "{copied}");
        held
    };
    let held = {
        let server = ServerProcess::start(&middle, &SETTINGS);
        let held = held.check(&server.url).await;
        files.copy_back("last.db").ok();
        held
    };
    let server = files.serve("last.db");
    held.check(&server.url).await;
    // New users do not take over earlier user IDs.
    let added = run(files.command("last.db", &["users", "add", "bob", "--no-password", "--json"])).json();
    assert_eq!(added["id"], 2);
}

#[test]
fn every_kind_of_value_survives_and_more_rows_than_one_insert_takes() {
    let middle = TestDatabase::empty();
    let files = Files(&middle);
    files.create("first.db", "alice");
    let rows: Vec<String> = (0..1_201)
        .map(|row| {
            let detail = if row % 2 == 0 { "NULL".to_owned() } else { format!("'\u{202e}한글 \\ \u{1f600} {row}'") };
            format!("('{row:04}', 'k', '2026-11-27 05:00:00.{row:06}', {row}, NULL, NULL, NULL, {detail}, 9223372036854775807)")
        })
        .collect();
    let insert = format!(
        "INSERT INTO audit_events (id, kind, happened_at, user_id, client_id, session_id, network_address, detail, occurrences) VALUES {}",
        rows.join(", ")
    );
    DirectConnection::open_file(&files.path("first.db")).run(&insert);
    let there = files.copy(&files.url("first.db"), &middle.url).json();
    assert_eq!(rows_of(&there, "audit_events"), 1_202, "{there}");
    let back = files.copy_back("last.db").json();
    assert_eq!(back["tables"], there["tables"], "the checksums are the same");
}

#[test]
fn target_with_data_is_refused_and_stays_as_it_is() {
    let middle = TestDatabase::create();
    middle.add("bob", &[]);
    let files = Files(&middle);
    files.create("first.db", "alice");
    for _ in 0..2 {
        files.copy(&files.url("first.db"), &middle.url).fails(1, "is not empty: the table users has rows");
    }
    assert_eq!(middle.users().len(), 1);
    assert_eq!(middle.users()[0]["username"], "bob");
    // A database of another release is not migrated either.
    middle.cli(&["migrate", "revert", "--yes"]).ok();
    files.copy(&files.url("first.db"), &middle.url).fails(1, "has tables of another release");
    assert_eq!(middle.cli(&["migrate", "status", "--json"]).json()["pending"], 1);
}

#[test]
fn empty_target_that_was_migrated_before_is_accepted_and_a_second_copy_is_refused() {
    let middle = TestDatabase::create();
    let files = Files(&middle);
    files.create("first.db", "alice");
    files.copy(&files.url("first.db"), &middle.url).ok();
    assert_eq!(middle.users()[0]["username"], "alice");
    files.copy(&files.url("first.db"), &middle.url).fails(1, "is not empty");
}

#[test]
fn source_accepts_no_write_during_the_copy() {
    let source = TestDatabase::create();
    source.add("alice", &[]);
    let target = vestibule::config::DatabaseUrl::Sqlite(source.folder.path().join("target.db"));
    let mut writer = DirectConnection::open(&source);
    writer.run(if source.is_postgres() { "SET lock_timeout = 50" } else { "PRAGMA busy_timeout = 50" });
    let (mut refused, mut reports) = (0, 0);
    vestibule::db::copy::copy(&direct_database::url(&source), &target, |_, _| {
        reports += 1;
        refused += usize::from(writer.try_run("UPDATE users SET display_name = 'late'").is_err());
    })
    .expect("it is copied");
    assert!(reports >= 15, "each table is reported");
    assert_eq!(refused, reports);
    writer.run("UPDATE users SET display_name = 'late'");
}

#[test]
fn copy_that_differs_from_the_source_is_rolled_back() {
    let source = TestDatabase::create();
    source.add("alice", &[]);
    let files = Files(&source);
    run(files.command("target.db", &["migrate", "run"])).ok();
    let mut target = DirectConnection::open_file(&files.path("target.db"));
    target.run("CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET display_name = 'x'; END");
    files
        .copy_back("target.db")
        .fails(1, "the table users of the target differs from the source (1 rows, 1 in the target)");
    assert!(target.texts("SELECT username AS text FROM users").is_empty());
    target.run("DROP TRIGGER t");
    files.copy_back("target.db").ok();
}

#[test]
fn copy_needs_the_server_key_of_the_source() {
    let middle = TestDatabase::empty();
    let files = Files(&middle);
    files.create("first.db", "alice");
    drop(files.serve("first.db"));
    let copy = |key: Option<&str>| {
        let mut command = files.command("first.db", &["db", "copy", "--to-file", "target"]);
        command.env_remove("SERVER_KEY").envs(key.map(|key| ("SERVER_KEY", key)));
        run(command)
    };
    middle.write_file("target", &middle.url);
    copy(None).fails(2, "the server key is required");
    copy(Some(OTHER_SERVER_KEY)).fails(1, "the server key does not decrypt the signing key");
    // With the key in a file, the output says what to do with it.
    middle.write_file("server.key", crate::harness::SERVER_KEY);
    let said = copy(None).ok();
    let hint = if middle.is_postgres() { "set SERVER_KEY_FILE=" } else { "copy the server key: cp -p " };
    assert!(said.out.contains(hint), "{said:?}");
    assert!(said.err.contains("until it is done, the source accepts no writes"), "{said:?}");
    assert!(!said.out.contains(crate::harness::SERVER_KEY));
}

#[test]
fn url_with_a_password_in_an_argument_is_refused_and_not_shown() {
    let middle = TestDatabase::create();
    for option in ["--from", "--to"] {
        let mut args = vec!["db", "copy", option, "postgres://u:geheim@localhost/x"];
        if option == "--from" {
            args.extend(["--to", "sqlite://x.db"]);
        }
        let refused = middle.cli(&args).fails(2, "must contain no password");
        assert!(!refused.err.contains("geheim"), "{refused:?}");
    }
    middle.cli(&["db", "copy", "--to-file", "nowhere"]).fails(2, "--to-file nowhere: must be a readable file");
    middle.cli(&["db", "copy"]).fails(2, "--to");
}

#[test]
fn missing_or_outdated_source_is_refused_and_makes_no_target() {
    let middle = TestDatabase::empty();
    let files = Files(&middle);
    files.copy(&files.url("nowhere.db"), &files.url("target.db")).fails(1, "no database at");
    files.create("first.db", "alice");
    run(files.command("first.db", &["migrate", "revert", "--yes"])).ok();
    files.copy(&files.url("first.db"), &files.url("target.db")).fails(1, "is out of date (pending migrations: 1)");
    assert!(!files.path("target.db").exists() && !files.path("nowhere.db").exists());
}
