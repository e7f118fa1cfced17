//! The embedded migrations: run, list, revert, and the preparation of a SQLite file.
//! What may not live here: the SQL itself (`migrations/`, one folder for both databases).

use std::path::Path;
use std::time::Duration;

use diesel::backend::Backend;
use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource as _};
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query, sql_types};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::Durability;
use super::{DbConnection, DbError, START_WAIT};
use crate::config::DatabaseUrl;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// "vestibul" in ASCII: no other program that shares the database is likely to lock the same number.
const ADVISORY_LOCK: i64 = 0x7665_7374_6962_756c;

/// Why migrations were not run or reverted.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database cannot be opened or asked.
    #[error("cannot open the database {url}: {reason}")]
    Open {
        /// Which database, without its password.
        url: String,
        /// What it answered.
        reason: String,
    },
    /// The database has migrations that this binary does not know.
    #[error(
        "the database is newer than this release ({this}): it has unknown migrations ({unknown}). Use the release that last ran here, or a newer one"
    )]
    Newer {
        /// This binary's version.
        this: &'static str,
        /// The versions it does not know.
        unknown: String,
    },
    /// A migration failed; everything was rolled back.
    #[error("a migration failed; nothing was changed: {0}")]
    Failed(String),
}

/// One migration and whether it has run.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MigrationState {
    /// Its name, which begins with its version.
    pub name: String,
    /// Whether it has run on this database.
    pub is_applied: bool,
}

/// Makes the folder and file of a SQLite database and turns on its write-ahead log; does nothing on Postgres.
///
/// # Errors
/// When the folder or the file cannot be made or opened.
pub fn prepare(url: &DatabaseUrl) -> Result<(), MigrationError> {
    let DatabaseUrl::Sqlite(path) = url else { return Ok(()) };
    let failed = |reason: String| MigrationError::Open { url: url.to_string(), reason };
    make_private_folder(path).map_err(|error| failed(error.to_string()))?;
    make_private_file(path).map_err(|error| failed(error.to_string()))?;
    let mut connection =
        SqliteConnection::establish(&path.to_string_lossy()).map_err(|error| failed(error.to_string()))?;
    connection.batch_execute("PRAGMA busy_timeout = 3000").map_err(|error| failed(error.to_string()))?;
    // The switch to WAL does not wait for another process that is at the same switch, busy timeout or not.
    for _ in 0..100 {
        match sql_query("PRAGMA journal_mode = WAL").get_result::<JournalMode>(&mut connection) {
            Ok(answer) if answer.journal_mode == "wal" => return Ok(()),
            Ok(answer) => {
                return Err(failed(format!(
                    "WAL mode is not available (the journal mode stays {}): move the file to a local disk",
                    answer.journal_mode
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

/// Runs all pending migrations in one transaction, one process at a time, and returns their names.
///
/// # Errors
/// [`MigrationError`]; the database is then as it was.
pub fn run_pending(url: &DatabaseUrl) -> Result<Vec<String>, MigrationError> {
    prepare(url)?;
    in_lock(url, |connection| match connection {
        DbConnection::Sqlite(connection) => run_on(connection),
        DbConnection::Postgres(connection) => run_on(connection),
    })
}

/// All migrations, oldest first, and whether each has run.
///
/// # Errors
/// [`MigrationError`].
pub fn status(url: &DatabaseUrl) -> Result<Vec<MigrationState>, MigrationError> {
    prepare(url)?;
    in_lock(url, |connection| match connection {
        DbConnection::Sqlite(connection) => status_on(connection),
        DbConnection::Postgres(connection) => status_on(connection),
    })
}

/// Reverts the newest migration and returns its name, or `None` when none has run.
///
/// # Errors
/// [`MigrationError`]; the database is then as it was.
pub fn revert_last(url: &DatabaseUrl) -> Result<Option<String>, MigrationError> {
    in_lock(url, |connection| match connection {
        DbConnection::Sqlite(connection) => revert_on(connection),
        DbConnection::Postgres(connection) => revert_on(connection),
    })
}

/// The tables that reverting the migration `name` drops, with how many rows each holds now.
///
/// # Errors
/// [`MigrationError`].
pub fn tables_dropped_by(url: &DatabaseUrl, name: &str) -> Result<Vec<(String, i64)>, MigrationError> {
    let down = std::str::from_utf8(down_sql(name)).unwrap_or_default();
    let tables: Vec<String> = down
        .split(';')
        .filter_map(|statement| statement.trim().strip_prefix("DROP TABLE ").map(|table| table.trim().to_owned()))
        .collect();
    in_lock(url, move |connection| {
        tables
            .into_iter()
            .map(|table| {
                // Table names come out of our own migration files, never from outside.
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
struct DownFiles;

fn down_sql(name: &str) -> &'static [u8] {
    match DownFiles::get(&format!("{name}/down.sql")).map(|file| file.data) {
        Some(std::borrow::Cow::Borrowed(text)) => text,
        _ => b"",
    }
}

/// Runs `work` in a transaction of its own that no other process of ours runs beside.
fn in_lock<T>(
    url: &DatabaseUrl,
    work: impl FnOnce(&mut DbConnection) -> Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    let open_error = |reason: String| MigrationError::Open { url: url.to_string(), reason };
    let mut connection = DbConnection::open(url, START_WAIT).map_err(|error| open_error(error.to_string()))?;
    connection.begin(Durability::Now).map_err(|error| open_error(error.to_string()))?;
    connection.finish(|connection| {
        if let DbConnection::Postgres(postgres) = connection {
            postgres
                .batch_execute(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
                .map_err(|error| MigrationError::Failed(error.to_string()))?;
        }
        work(connection)
    })
}

impl From<DbError> for MigrationError {
    fn from(error: DbError) -> Self {
        use std::error::Error as _;
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Self::Failed(cause)
    }
}

fn run_on<DB: Backend>(harness: &mut impl MigrationHarness<DB>) -> Result<Vec<String>, MigrationError> {
    refuse_newer(harness)?;
    let versions =
        harness.run_pending_migrations(MIGRATIONS).map_err(|error| MigrationError::Failed(error.to_string()))?;
    Ok(versions.iter().map(ToString::to_string).collect())
}

fn revert_on<DB: Backend>(harness: &mut impl MigrationHarness<DB>) -> Result<Option<String>, MigrationError> {
    refuse_newer(harness)?;
    let applied = harness.applied_migrations().map_err(|error| MigrationError::Failed(error.to_string()))?;
    if applied.is_empty() {
        return Ok(None);
    }
    let version =
        harness.revert_last_migration(MIGRATIONS).map_err(|error| MigrationError::Failed(error.to_string()))?;
    Ok(Some(version.to_string()))
}

fn status_on<DB: Backend>(harness: &mut impl MigrationHarness<DB>) -> Result<Vec<MigrationState>, MigrationError> {
    refuse_newer(harness)?;
    let applied = harness.applied_migrations().map_err(|error| MigrationError::Failed(error.to_string()))?;
    let known: Vec<Box<dyn Migration<DB>>> =
        MIGRATIONS.migrations().map_err(|error| MigrationError::Failed(error.to_string()))?;
    Ok(known
        .iter()
        .map(|migration| MigrationState {
            name: migration.name().to_string(),
            is_applied: applied.contains(&migration.name().version()),
        })
        .collect())
}

fn refuse_newer<DB: Backend>(harness: &mut impl MigrationHarness<DB>) -> Result<(), MigrationError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| MigrationError::Failed(error.to_string());
    let known: Vec<Box<dyn Migration<DB>>> = MIGRATIONS.migrations().map_err(failed)?;
    let known: Vec<String> = known.iter().map(|migration| migration.name().version().to_string()).collect();
    let unknown: Vec<String> = harness
        .applied_migrations()
        .map_err(failed)?
        .into_iter()
        .map(|version| version.to_string())
        .filter(|version| !known.contains(version))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(MigrationError::Newer { this: env!("CARGO_PKG_VERSION"), unknown: unknown.join(", ") })
}

/// The folder of a new database is for its owner only: password hashes and the server's key lie in it.
fn make_private_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.exists() => {
            let mut builder = std::fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.recursive(true).create(folder)
        }
        _ => Ok(()),
    }
}

fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
