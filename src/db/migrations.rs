//! The embedded migrations: run, list and revert them, and create the SQLite file.

mod error;
mod verified_addresses;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use diesel::backend::Backend;
use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource as _};
use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query, sql_types,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::backup::{self, BackupError};
use super::connection::{DbConnection, Durability, START_WAIT, StatementLimits};
use super::error::DbError;
use super::sqlite_file::existing_file_uri;
use crate::clock::Moment;
use crate::config::DatabaseUrl;
use crate::private_file;

pub use error::MigrationError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// "vestibul" in ASCII: another application in the same database is unlikely to use the same lock.
const ADVISORY_LOCK: i64 = 0x7665_7374_6962_756c;

/// Another process may migrate at the moment, and an index on a large table takes a while.
const LIMITS: StatementLimits = StatementLimits { lock: Duration::from_mins(1), statement: Duration::from_hours(1) };

/// One migration and whether it has run.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MigrationState {
    /// The name, which begins with the version.
    pub name: String,
    /// Whether it has run on this database.
    pub is_applied: bool,
}

/// What a run of the pending migrations did.
#[derive(Clone, Debug)]
pub struct MigrationRun {
    /// The versions of the migrations, oldest first.
    pub versions: Vec<String>,
    /// The existing data that they changed, one line for each account.
    pub changes: Vec<String>,
    /// The backup that was made before.
    pub backup: Option<PathBuf>,
}

/// Creates the folder and file of a SQLite database and enables its write-ahead log. Does nothing on
/// PostgreSQL.
pub fn prepare(url: &DatabaseUrl) -> Result<(), MigrationError> {
    let DatabaseUrl::Sqlite(path) = url else { return Ok(()) };
    let failed = |reason: String| MigrationError::open(url, &reason);
    let cannot_write = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => failed(format!(
            "{error}. Run the command as the user who may write to the file: every command opens it for writing"
        )),
        _ => failed(error.to_string()),
    };
    private_file::create_folder_of(path).map_err(cannot_write)?;
    private_file::options().create(true).truncate(false).open(path).map_err(cannot_write)?;
    let mut connection =
        SqliteConnection::establish(&existing_file_uri(path)).map_err(|error| failed(error.to_string()))?;
    connection.batch_execute("PRAGMA busy_timeout = 3000").map_err(|error| failed(error.to_string()))?;
    // SQLite does not apply the busy timeout when two processes switch to WAL at the same time.
    for _ in 0..100 {
        match sql_query("PRAGMA journal_mode = WAL").get_result::<JournalMode>(&mut connection) {
            Ok(row) if row.journal_mode == "wal" => return Ok(()),
            Ok(row) => {
                return Err(failed(format!(
                    "WAL mode is not available (the journal mode stays {}): move the file to a local disk",
                    row.journal_mode
                )));
            }
            Err(error) if error.to_string().contains("locked") => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    Err(failed("it is locked by another process: try again later".to_owned()))
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = sql_types::Text)]
    journal_mode: String,
}

/// Whether the SQLite file is missing or empty, or has no migration. `false` on PostgreSQL.
///
/// # Errors
/// The file cannot be opened.
pub fn is_new(url: &DatabaseUrl) -> Result<bool, MigrationError> {
    let DatabaseUrl::Sqlite(path) = url else { return Ok(false) };
    // Opening an empty file would delete a write-ahead log that may still contain the data.
    if std::fs::metadata(path).map_or(true, |metadata| metadata.len() == 0) {
        return Ok(true);
    }
    let failed = |reason: String| MigrationError::open(url, &reason);
    let mut connection = DbConnection::open(url, START_WAIT, "").map_err(|error| failed(error.to_string()))?;
    let DbConnection::Sqlite(connection) = &mut connection else { return Ok(false) };
    let tables = sql_query(COUNT_VERSION_TABLES_ON_SQLITE);
    let tables: Count = tables.get_result(connection).map_err(|error| failed(error.to_string()))?;
    Ok(tables.count == 0)
}

/// Runs all pending migrations in one transaction. Other processes wait for it.
///
/// # Errors
/// The database cannot be opened or is newer than this release, or a migration fails; nothing is changed then.
pub fn run_pending(url: &DatabaseUrl) -> Result<MigrationRun, MigrationError> {
    run(url, None)
}

/// As [`run_pending`], and backs up a SQLite database with data first, if there is something to run: into the folder
/// `backups` beside the file, with the time in the name. PostgreSQL is not backed up.
///
/// # Errors
/// As [`run_pending`], or the backup failed.
pub fn back_up_and_run_pending(url: &DatabaseUrl, now: Moment) -> Result<MigrationRun, MigrationError> {
    run(url, Some(now))
}

fn run(url: &DatabaseUrl, backup_at: Option<Moment>) -> Result<MigrationRun, MigrationError> {
    prepare(url)?;
    let mut backup = None;
    let result = in_exclusive_transaction(url, |connection| {
        let pending = list_pending(connection)?;
        // Under the write lock, so no write comes between the backup and the migrations.
        backup = back_up_before(url, &pending, backup_at)?;
        let is_pending = |version: &str| pending.iter().any(|name| version_of(name) == version);
        let changes = if is_pending(verified_addresses::VERSION) && !is_pending(verified_addresses::NEEDED_VERSION) {
            verified_addresses::describe_changes(connection).map_err(DbError::from)?
        } else {
            Vec::new()
        };
        let versions = match connection {
            // A database user without the right to create tables may start the server.
            _ if pending.is_empty() => Ok(Vec::new()),
            DbConnection::Sqlite(connection) => run_on(connection),
            DbConnection::Postgres(connection) => run_on(connection),
        }?;
        Ok(MigrationRun { versions, changes, backup: backup.clone() })
    });
    if let (Err(_), Some(backup)) = (&result, &backup) {
        // Nothing was changed. A server that is restarted again and again must not fill the disk.
        let _ = std::fs::remove_file(backup);
    }
    result
}

/// Backs up a SQLite database that has data and pending migrations, and returns the file.
fn back_up_before(
    url: &DatabaseUrl,
    pending: &[String],
    at: Option<Moment>,
) -> Result<Option<PathBuf>, MigrationError> {
    let (DatabaseUrl::Sqlite(path), Some(now), Some(newest)) = (url, at, pending.last()) else {
        return Ok(None);
    };
    if pending.len() == names()?.len() {
        return Ok(None);
    }
    // In a folder of its own: a file beside the database could be taken for the database that a server key belongs to.
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}-before-{}.db", now.format("%Y%m%dT%H%M%S%.6fZ"), version_of(newest)));
    let backup = path.with_file_name("backups").join(name);
    private_file::create_folder_of(&backup)
        .map_err(|error| BackupError::Write { path: backup.clone(), error })
        .and_then(|()| backup::back_up(url, &backup, false))
        .map_err(|error| MigrationError::Backup(error.to_string()))?;
    Ok(Some(backup))
}

/// The names of all migrations of this release, oldest first.
///
/// # Errors
/// Never: they are in the binary.
pub fn names() -> Result<Vec<String>, MigrationError> {
    let all: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> =
        MIGRATIONS.migrations().map_err(|error| MigrationError::Failed(error.to_string()))?;
    Ok(all.iter().map(|migration| migration.name().to_string()).collect())
}

/// The SQL of the migration `name`, the same on both databases.
#[must_use]
pub fn up_sql(name: &str) -> String {
    String::from_utf8_lossy(sql_file(name, "up.sql")).into_owned()
}

/// The names of the pending migrations.
fn list_pending(connection: &mut DbConnection) -> Result<Vec<String>, MigrationError> {
    let states = states(connection)?;
    Ok(states.into_iter().filter(|state| !state.is_applied).map(|state| state.name).collect())
}

/// The version in a migration's name as Diesel writes it: the part before the first `_`, without dashes.
#[must_use]
pub fn version_of(name: &str) -> String {
    name.split('_').next().unwrap_or(name).replace('-', "")
}

/// Returns all migrations, oldest first, and whether each has run.
pub fn status(url: &DatabaseUrl) -> Result<Vec<MigrationState>, MigrationError> {
    prepare(url)?;
    // No migration was run, so none has failed: the database could not be read.
    in_exclusive_transaction(url, states).map_err(|error| match error {
        MigrationError::Failed(reason) => MigrationError::open(url, &reason),
        error => error,
    })
}

/// Reverts the newest migration and returns its version, or `None` when none has run.
///
/// # Errors
/// As [`run_pending`].
pub fn revert_last(url: &DatabaseUrl) -> Result<Option<String>, MigrationError> {
    in_exclusive_transaction(url, |connection| {
        if states(connection)?.iter().all(|state| !state.is_applied) {
            return Ok(None);
        }
        let version = match connection {
            DbConnection::Sqlite(connection) => revert_on(connection),
            DbConnection::Postgres(connection) => revert_on(connection),
        }?;
        Ok(Some(version))
    })
}

/// Returns the tables that reverting the migration `name` drops, with their current number of rows.
pub fn tables_dropped_by(url: &DatabaseUrl, name: &str) -> Result<Vec<(String, i64)>, MigrationError> {
    let down = std::str::from_utf8(sql_file(name, "down.sql")).unwrap_or_default();
    let tables: Vec<String> = down
        .split(';')
        .filter_map(|statement| statement.trim().strip_prefix("DROP TABLE ").map(|table| table.trim().to_owned()))
        .collect();
    in_exclusive_transaction(url, move |connection| {
        tables
            .into_iter()
            .map(|table| {
                // The names come from the embedded migration files, never from input.
                let count = sql_query(format!("SELECT COUNT(*) AS count FROM {table}"));
                let rows: Count = match connection {
                    DbConnection::Sqlite(connection) => count.get_result(connection),
                    DbConnection::Postgres(connection) => count.get_result(connection),
                }
                .map_err(|error| MigrationError::Failed(error.to_string()))?;
                Ok((table, rows.count))
            })
            .collect()
    })
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}

#[derive(rust_embed::RustEmbed)]
#[folder = "migrations"]
struct SqlFiles;

fn sql_file(migration: &str, file: &str) -> &'static [u8] {
    match SqlFiles::get(&format!("{migration}/{file}")).map(|file| file.data) {
        Some(std::borrow::Cow::Borrowed(text)) => text,
        _ => b"",
    }
}

/// Runs `work` in a transaction that excludes the migrations of other processes.
fn in_exclusive_transaction<T>(
    url: &DatabaseUrl,
    work: impl FnOnce(&mut DbConnection) -> Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    let open_error = |reason: String| MigrationError::open(url, &reason);
    let mut connection = DbConnection::open(url, START_WAIT, "").map_err(|error| open_error(error.to_string()))?;
    connection.begin(Durability::Immediate, Some(LIMITS)).map_err(|error| open_error(error.to_string()))?;
    connection.finish(|connection| {
        if let DbConnection::Postgres(postgres) = connection {
            postgres
                // An instance waits as long as the migrations of another one may take; the limit of a statement applies.
                .batch_execute(&format!(
                    "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({ADVISORY_LOCK}); SET LOCAL lock_timeout = {}",
                    LIMITS.lock.as_millis()
                ))
                .map_err(|error| open_error(error.to_string()))?;
            reject_other_encodings(postgres)?;
        }
        work(connection)
    })
}

/// In another encoding, PostgreSQL rejects a name that has a character which the encoding lacks.
fn reject_other_encodings(connection: &mut PgConnection) -> Result<(), MigrationError> {
    let encoding: Encoding = sql_query("SELECT current_setting('server_encoding') AS encoding")
        .get_result(connection)
        .map_err(|error| MigrationError::Failed(error.to_string()))?;
    if encoding.encoding == "UTF8" { Ok(()) } else { Err(MigrationError::Encoding(encoding.encoding)) }
}

#[derive(QueryableByName)]
struct Encoding {
    #[diesel(sql_type = sql_types::Text)]
    encoding: String,
}

fn run_on<DB: Backend>(harness: &mut impl MigrationHarness<DB>) -> Result<Vec<String>, MigrationError> {
    let versions =
        harness.run_pending_migrations(MIGRATIONS).map_err(|error| MigrationError::Failed(error.to_string()))?;
    Ok(versions.iter().map(ToString::to_string).collect())
}

fn revert_on<DB: Backend>(harness: &mut impl MigrationHarness<DB>) -> Result<String, MigrationError> {
    let version =
        harness.revert_last_migration(MIGRATIONS).map_err(|error| MigrationError::Failed(error.to_string()))?;
    Ok(version.to_string())
}

/// All migrations, oldest first, and whether each has run. An error if the database has others.
fn states(connection: &mut DbConnection) -> Result<Vec<MigrationState>, MigrationError> {
    let applied = applied_versions(connection)?;
    let names = names()?;
    let known: Vec<String> = names.iter().map(|name| version_of(name)).collect();
    let unknown: Vec<&str> = applied.iter().filter(|version| !known.contains(version)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(MigrationError::Newer { this: env!("CARGO_PKG_VERSION"), unknown: unknown.join(", ") });
    }
    let states = names.into_iter().zip(known);
    Ok(states.map(|(name, version)| MigrationState { name, is_applied: applied.contains(&version) }).collect())
}

/// The versions of the migrations that have run, oldest first.
///
/// Diesel's own function creates the table when it is missing, which a read-only database rejects.
fn applied_versions(connection: &mut DbConnection) -> Result<Vec<String>, MigrationError> {
    match connection {
        DbConnection::Sqlite(connection) => {
            let tables: Count =
                sql_query(COUNT_VERSION_TABLES_ON_SQLITE).get_result(connection).map_err(DbError::from)?;
            if tables.count == 0 { Ok(Vec::new()) } else { sql_query(APPLIED_VERSIONS).load::<Applied>(connection) }
        }
        DbConnection::Postgres(connection) => {
            let tables = sql_query("SELECT COUNT(to_regclass('__diesel_schema_migrations')) AS count");
            let tables: Count = tables.get_result(connection).map_err(DbError::from)?;
            if tables.count == 0 { Ok(Vec::new()) } else { sql_query(APPLIED_VERSIONS).load::<Applied>(connection) }
        }
    }
    .map(|rows| rows.into_iter().map(|row| row.version).collect())
    .map_err(|error| DbError::from(error).into())
}

const COUNT_VERSION_TABLES_ON_SQLITE: &str =
    "SELECT COUNT(*) AS count FROM sqlite_schema WHERE name = '__diesel_schema_migrations'";
const APPLIED_VERSIONS: &str = "SELECT version FROM __diesel_schema_migrations ORDER BY version";

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = sql_types::Text)]
    version: String,
}
