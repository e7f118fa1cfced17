//! The migrations: one schema on both databases, reversible, all or nothing, one process at a time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use vestibule::db::migrations::{self, MigrationError};

use crate::harness::cli::run;
use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::{ServerProcess, TestDatabase};

/// Indexes and unique constraints, which `schema.rs` cannot express.
const INDEXES: [&str; 34] = [
    "audit_events_actor: audit_events (actor_user_id, happened_at, id)",
    "audit_events_happened_at: audit_events (happened_at, id)",
    "audit_events_kind: audit_events (kind, happened_at, id)",
    "audit_events_user_id: audit_events (user_id, happened_at)",
    "known_devices_last_used_at: known_devices (last_used_at)",
    "known_devices_user_id: known_devices (user_id)",
    "login_attempts_account: login_attempts (account)",
    "login_attempts_last_tried_at: login_attempts (last_tried_at)",
    "outbox_next_try_at: outbox (next_try_at)",
    "refresh_tokens_created_at: refresh_tokens (created_at)",
    "refresh_tokens_family: refresh_tokens (family_id, generation)",
    "refresh_tokens_successor_at: refresh_tokens (successor_at) where successor_sealed IS NOT NULL",
    "sessions_client_id: sessions (client_id) where ended_at IS NULL",
    "sessions_ended: sessions (access_until) where ended_at IS NOT NULL",
    "sessions_last_used_at: sessions (last_used_at)",
    "sessions_listed: sessions (access_until) where ended_at IS NOT NULL AND unlisted_at IS NULL",
    "sessions_listed_client: sessions (client_id, access_until) where ended_at IS NOT NULL AND unlisted_at IS NULL",
    "sessions_listed_user: sessions (user_id, access_until) where ended_at IS NOT NULL AND unlisted_at IS NULL",
    "sessions_live: sessions (user_id, kind, client_id, created_at) where ended_at IS NULL",
    "sessions_user_id: sessions (user_id)",
    "sessions_without_user: sessions (user_id, access_until) where user_id IS NULL",
    "token_holders_access_until: token_holders (access_until) where access_until IS NOT NULL",
    "unique: clients (name)",
    "unique: links (secret_hash)",
    "unique: sessions (proxy_secret_hash)",
    "unique: sessions (secret_hash)",
    "unique: token_holders (client_id, is_for_users)",
    "unique: token_holders (user_id)",
    "unique: users (email_key) where email_verified_at IS NOT NULL",
    "unique: users (public_id)",
    "unique: users (username_key)",
    "user_roles_role: user_roles (role, user_id)",
    "username_skeletons_user_id: username_skeletons (user_id, version)",
    "users_email_key: users (email_key)",
];

const SQLITE_COLUMNS: &str =
    "SELECT t.name || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk AS text
    FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY t.name, c.cid";
const POSTGRES_COLUMNS: &str = "SELECT t.relname || ' ' || c.attname || ' ' ||
        replace(format_type(c.atttypid, c.atttypmod), ' without time zone', '') || ' ' || c.attnotnull::int || ' ' ||
        COALESCE(array_position(string_to_array(k.indkey::text, ' '), c.attnum::text), 0) AS text
    FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
    LEFT JOIN pg_index k ON k.indrelid = t.oid AND k.indisprimary
    WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace ORDER BY t.relname COLLATE \"C\", c.attnum";
const SQLITE_INDEXES: &str = "SELECT CASE WHEN i.\"unique\" THEN 'unique' ELSE i.name END || ': ' || t.name || ' (' ||
        (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')' ||
        CASE WHEN i.partial THEN ' where ' || substr(s.sql, instr(s.sql, ' WHERE ') + 7) ELSE '' END AS text
    FROM sqlite_master t JOIN pragma_index_list(t.name) i JOIN sqlite_master s ON s.name = i.name
    WHERE t.type = 'table' AND i.origin <> 'pk'";
const POSTGRES_INDEXES: &str = "SELECT CASE WHEN i.indisunique THEN 'unique' ELSE n.relname END || ': ' || t.relname || ' (' ||
        (SELECT string_agg(c.attname, ', ' ORDER BY array_position(string_to_array(i.indkey::text, ' '), c.attnum::text))
            FROM pg_attribute c WHERE c.attrelid = t.oid AND c.attnum = ANY (i.indkey)) || ')' ||
        COALESCE(' where ' || replace(btrim(pg_get_expr(i.indpred, i.indrelid), '()'), ') AND (', ' AND '), '') AS text
    FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE NOT i.indisprimary AND t.relnamespace = 'public'::regnamespace";
const SQLITE_REFERENCES: &str = "SELECT t.name || ' -> ' || f.\"table\" || ' (' || f.\"from\" || ')' AS text
    FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'";
const POSTGRES_REFERENCES: &str = "SELECT t.relname || ' -> ' || o.relname || ' (' || c.attname || ')' AS text
    FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid JOIN pg_class o ON o.oid = f.confrelid
    JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = f.conkey[1] WHERE f.contype = 'f'";

/// The schema in a form common to both databases and `schema.rs`: one line a column, with its type, whether it can be
/// NULL and its place in the primary key; then indexes; then references.
fn schema_of(database: &TestDatabase) -> String {
    let mut direct = DirectConnection::open(database);
    let [columns, indexes, references] = match &direct {
        DirectConnection::Sqlite(_) => [SQLITE_COLUMNS, SQLITE_INDEXES, SQLITE_REFERENCES],
        DirectConnection::Postgres(_) => [POSTGRES_COLUMNS, POSTGRES_INDEXES, POSTGRES_REFERENCES],
    }
    .map(|sql| direct.texts(sql));
    // Skips Diesel's own table of applied migrations.
    let columns = columns.into_iter().filter(|line| !line.starts_with("__diesel")).map(|line| line.to_lowercase());
    let [indexes, references] = [indexes, references].map(|lines| lines.into_iter().collect::<BTreeSet<_>>());
    columns.chain(indexes).chain(references).collect::<Vec<_>>().join("\n")
}

/// The same form of the `diesel::table!` and `joinable!` macros of `src/db/schema.rs`.
fn schema_of_the_source() -> String {
    let source = include_str!("../../src/db/schema.rs");
    let mut columns = String::new();
    for table in source.split("diesel::table! {").skip(1) {
        let (head, body) = table.split_once('{').expect("a table");
        let (name, key) = head.trim().trim_end_matches(')').split_once(" (").expect("a primary key");
        let key: Vec<&str> = key.split(", ").collect();
        for line in body.lines().map(str::trim).take_while(|line| *line != "}").filter(|line| !line.is_empty()) {
            let (column, kind) = line.trim_end_matches(',').split_once(" -> ").expect("a column");
            let bare = kind.strip_prefix("Nullable<").map(|kind| kind.trim_end_matches('>'));
            let place = key.iter().position(|part| *part == column).map_or(0, |place| place + 1);
            let is_required = u8::from(bare.is_none());
            let kind = bare.unwrap_or(kind).to_lowercase().replace("bool", "boolean");
            writeln!(columns, "{name} {column} {kind} {is_required} {place}").expect("writing to a String cannot fail");
        }
    }
    let references: BTreeSet<&str> =
        source.lines().filter_map(|line| line.strip_prefix("diesel::joinable!(")?.strip_suffix(");")).collect();
    columns + &INDEXES.into_iter().chain(references).collect::<Vec<_>>().join("\n")
}

/// The folders under `migrations/`, oldest first.
pub fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(root).expect("migrations").map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    folders
}

pub fn sql(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("a migration")
}

#[test]
fn migrated_schema_matches_schema_rs() {
    let database = TestDatabase::empty();
    migrations::run_pending(&direct_database::url(&database)).expect("the migrations run");
    assert_eq!(schema_of(&database), schema_of_the_source());
}

#[test]
fn migrations_can_be_reverted_and_run_again() {
    let database = TestDatabase::empty();
    let url = direct_database::url(&database);
    let names = migrations::run_pending(&url).expect("the migrations run").versions;
    assert_eq!(names.len(), folders().len());
    let whole = schema_of(&database);
    let mut reverted_schemas = Vec::new();
    while migrations::revert_last(&url).expect("it is reverted").is_some() {
        reverted_schemas.push(schema_of(&database));
        assert!(migrations::status(&url).expect("a list").iter().any(|state| !state.is_applied));
    }
    assert_eq!(reverted_schemas.len(), names.len());
    assert_eq!(reverted_schemas.last().expect("one"), "", "no table is left");
    assert_eq!(migrations::run_pending(&url).expect("they run again").versions, names);
    assert_eq!(schema_of(&database), whole);
    // One migration alone, too: a server that runs between two migrations finds its schema.
    migrations::revert_last(&url).expect("it is reverted");
    assert_eq!(schema_of(&database), reverted_schemas[0]);
    assert_eq!(migrations::run_pending(&url).expect("it runs again").versions.len(), 1);
    assert_eq!(schema_of(&database), whole);
    assert_eq!(migrations::run_pending(&url).expect("nothing to do").versions, Vec::<String>::new());
}

#[test]
fn address_that_two_accounts_have_confirmed_stays_with_the_earliest() {
    let database = TestDatabase::create();
    let url = direct_database::url(&database);
    while migrations::revert_last(&url).expect("it is reverted").expect("a migration") != "20261126000000" {}
    let mut direct = DirectConnection::open(&database);
    let rows = [
        (1, "late", "a@example.com", "'2026-01-02 00:00:00'", "'2026-02-01 00:00:00'"),
        (2, "early", "a@example.com", "'2026-01-01 00:00:00'", "'2026-03-01 00:00:00'"),
        (3, "same", "a@example.com", "'2026-01-01 00:00:00'", "'2026-02-01 00:00:00'"),
        (4, "unverified", "a@example.com", "'2025-01-01 00:00:00'", "NULL"),
        (5, "alone", "b@example.com", "'2026-01-01 00:00:00'", "'2026-02-01 00:00:00'"),
    ];
    for (id, name, email, created_at, verified_at) in rows {
        direct.run(&format!(
            "INSERT INTO users (id, public_id, username, username_key, email, email_key, created_at, email_verified_at)
            VALUES ({id}, '{name}', '{name}', '{name}', '{email}', '{email}', {created_at}, {verified_at})"
        ));
    }
    let run = database.cli(&["migrate", "run", "--json"]).json();
    let changes = ["late (user ID 1)", "same (user ID 3)"].map(|account| {
        format!(
            "the email address of {account} is no longer confirmed, because early (user ID 2) has confirmed the same one"
        )
    });
    assert_eq!(run["changes"], serde_json::json!(changes));
    let verified = direct.texts("SELECT username AS text FROM users WHERE email_verified_at IS NOT NULL ORDER BY id");
    assert_eq!(verified, ["early", "alone"]);
    assert_eq!(direct.count("users", "email IS NULL"), 0, "the addresses stay");
}

#[tokio::test]
async fn database_newer_than_the_binary_is_refused() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let server = ServerProcess::start(&database, &[]);
    DirectConnection::open(&database).run("INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')");
    let url = direct_database::url(&database);
    let up = migrations::run_pending(&url).map(drop);
    let down = migrations::revert_last(&url).map(drop);
    for refused in [up, down, migrations::status(&url).map(drop)] {
        assert!(
            matches!(&refused, Err(MigrationError::Newer { unknown, .. }) if unknown == "99991231000000"),
            "{refused:?}"
        );
    }
    let output = run(database.serve(&[]));
    let stderr = output.err;
    assert_eq!(output.code, Some(1), "{stderr}");
    for words in [
        "newer",
        concat!("release (", env!("CARGO_PKG_VERSION"), ")"),
        "99991231000000",
        "Use the release that last ran here",
    ] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    let form = [("username", "alice"), ("password", crate::harness::PASSWORD)];
    let response = crate::harness::http_client().post(format!("{}/token", server.url)).form(&form).send().await;
    assert_eq!(response.expect("a response").status(), 200);
}

#[test]
fn concurrent_migrations_are_run_by_one_process() {
    let database = TestDatabase::empty();
    let url = direct_database::url(&database);
    let runs: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| migrations::run_pending(&url).expect("it runs"))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic").versions.len()).collect()
    });
    assert_eq!(runs.iter().sum::<usize>(), folders().len(), "{runs:?}");
    assert_eq!(runs.iter().filter(|count| **count > 0).count(), 1, "{runs:?}");
    assert_eq!(schema_of(&database), schema_of_the_source());
}

#[test]
fn failed_migration_changes_nothing() {
    let database = TestDatabase::empty();
    let url = direct_database::url(&database);
    migrations::prepare(&url).expect("it is prepared");
    // Another application's table conflicts with a later migration, after earlier ones have run.
    DirectConnection::open(&database).run("CREATE TABLE login_attempts (unlike_ours TEXT)");
    let before = schema_of(&database);
    let error = migrations::run_pending(&url).expect_err("it fails").to_string();
    assert!(error.contains("login_attempts") && error.contains("nothing was changed"), "{error}");
    assert_eq!(schema_of(&database), before);
    DirectConnection::open(&database).run("DROP TABLE login_attempts");
    assert_eq!(migrations::run_pending(&url).expect("they run").versions.len(), folders().len());
    assert_eq!(schema_of(&database), schema_of_the_source());
}

#[test]
fn each_migration_runs_as_the_diesel_cli_runs_it() {
    let database = TestDatabase::empty();
    let mut direct = DirectConnection::open(&database);
    for folder in folders() {
        direct.run(&format!("BEGIN; {}; COMMIT", sql(&folder, "up.sql").trim().trim_end_matches(';')));
    }
    assert_eq!(schema_of(&database), schema_of_the_source());
    for folder in folders().iter().rev() {
        direct.run(&format!("BEGIN; {}; COMMIT", sql(folder, "down.sql").trim().trim_end_matches(';')));
    }
    assert_eq!(schema_of(&database), "");
}
