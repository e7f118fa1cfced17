//! A connection to SQLite or PostgreSQL: opening, and transactions with time limits.

use std::time::Duration;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, SimpleConnection as _, TransactionManager as _, TransactionManagerStatus,
};
use diesel::{Connection as _, ConnectionError, PgConnection, QueryResult, RunQueryDsl as _, SqliteConnection};

use super::error::DbError;
use super::sqlite_file::existing_file_uri;
use crate::config::{DatabaseUrl, libpq_version};

/// How long start-up and migrations wait for a connection or a lock. Longer than for requests, because instances that
/// start at the same time wait for each other.
pub(super) const START_WAIT: Duration = Duration::from_secs(10);
/// With `synchronous = FULL`, a committed revocation survives a power loss. Migrations need temporary tables, for which a
/// container may have no folder.
const SQLITE_PRAGMAS: &str = "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024; \
     PRAGMA temp_store = MEMORY;";

/// When the data of a transaction must be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Before the commit returns.
    Immediate,
    /// Shortly after: a killed process loses nothing, a power loss may lose the last commits.
    Relaxed,
}

/// A connection to SQLite or PostgreSQL; the same queries run on both.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// A SQLite file.
    Sqlite(SqliteConnection),
    /// A PostgreSQL server.
    Postgres(PgConnection),
}

impl DbConnection {
    /// Opens the kind of database that `url` names. Diesel's derived `establish` would try each kind in turn and could
    /// create a SQLite file named after an unreachable PostgreSQL URL. On SQLite, queries wait up to `lock_wait` for
    /// another process's lock, and no file is created. `options` are server options for PostgreSQL.
    pub(super) fn open(url: &DatabaseUrl, lock_wait: Duration, options: &str) -> Result<Self, ConnectionError> {
        let connection = match url {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(&existing_file_uri(path))?;
                let pragmas = format!("PRAGMA busy_timeout = {}; {SQLITE_PRAGMAS}", lock_wait.as_millis());
                connection.batch_execute(&pragmas).map_err(ConnectionError::CouldntSetupConfiguration)?;
                Self::Sqlite(connection)
            }
            DatabaseUrl::Postgres(postgres) => {
                let mut connection = PgConnection::establish(&postgres.for_libpq(libpq_version(), options))?;
                if !postgres.has_prepared_statements {
                    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
                }
                Self::Postgres(connection)
            }
        };
        Ok(connection)
    }

    /// The connection to PostgreSQL, for what SQLite does not have, such as `COPY`; `None` on SQLite.
    pub fn postgres(&mut self) -> Option<&mut PgConnection> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(connection) => Some(connection),
        }
    }

    /// Opens a transaction whose statements and waits for locks end within `limits`. PostgreSQL cancels them; the commit
    /// is never cancelled, because one that waits for a standby has already happened.
    ///
    /// `limits` is `None` if they are in force on the connection already.
    pub(super) fn begin(&mut self, durability: Durability, limits: Option<StatementLimits>) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => {
                if durability == Durability::Relaxed {
                    connection.batch_execute("PRAGMA synchronous = NORMAL")?;
                }
                // With a deferred BEGIN, a transaction that reads and then writes can fail with "locked" despite the
                // busy timeout.
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")
            }
            Self::Postgres(connection) => {
                // LOCAL: behind a pooler, the next transaction on this connection may be another client's.
                let mut sql = "BEGIN".to_owned();
                if let Some(limits) = limits {
                    sql.push_str(&limits.set_local());
                }
                if durability == Durability::Relaxed {
                    sql.push_str("; SET LOCAL synchronous_commit = off");
                }
                AnsiTransactionManager::begin_transaction_sql(connection, &sql)
            }
        }
    }

    /// Resets what [`Self::begin`] set on the connection. Returns `false` if that failed.
    pub(super) fn restore(&mut self, durability: Durability) -> bool {
        match self {
            Self::Sqlite(connection) if durability == Durability::Relaxed => {
                connection.batch_execute("PRAGMA synchronous = FULL").is_ok()
            }
            _ => true,
        }
    }

    /// Runs `step` in the transaction that [`Self::begin`] opened, then commits or rolls back.
    pub(super) fn finish<T, E: From<DbError>>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        match step(self) {
            Ok(value) => self.commit().map(|()| value).map_err(|error| DbError::from(error).into()),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Commits the transaction.
    pub(super) fn commit(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => AnsiTransactionManager::commit_transaction(connection),
            Self::Postgres(connection) => AnsiTransactionManager::commit_transaction(connection),
        }
    }

    /// Rolls the transaction back, unless the database has done so.
    pub(super) fn roll_back(&mut self) {
        let rolled_back = match self {
            Self::Sqlite(connection) => AnsiTransactionManager::rollback_transaction(connection),
            Self::Postgres(connection) => AnsiTransactionManager::rollback_transaction(connection),
        };
        if let Err(error) = rolled_back {
            tracing::warn!(%error, "cannot roll back a transaction; closing its connection");
        }
    }

    /// Runs `step` in a savepoint of the transaction, whose changes are kept if it returns `true`. An error means that the
    /// whole transaction is lost.
    pub(super) fn in_savepoint(&mut self, step: impl FnOnce(&mut Self) -> bool) -> QueryResult<bool> {
        match self {
            Self::Sqlite(connection) => AnsiTransactionManager::begin_transaction(connection)?,
            Self::Postgres(connection) => AnsiTransactionManager::begin_transaction(connection)?,
        }
        let is_kept = step(self);
        match (self, is_kept) {
            (Self::Sqlite(connection), true) => AnsiTransactionManager::commit_transaction(connection),
            (Self::Sqlite(connection), false) => AnsiTransactionManager::rollback_transaction(connection),
            (Self::Postgres(connection), true) => AnsiTransactionManager::commit_transaction(connection),
            (Self::Postgres(connection), false) => AnsiTransactionManager::rollback_transaction(connection),
        }?;
        Ok(is_kept)
    }

    pub(super) fn has_failed_transaction(&mut self) -> bool {
        let status = match self {
            Self::Sqlite(connection) => AnsiTransactionManager::transaction_manager_status_mut(connection),
            Self::Postgres(connection) => AnsiTransactionManager::transaction_manager_status_mut(connection),
        };
        matches!(status, TransactionManagerStatus::InError)
    }
}

/// How long PostgreSQL lets one statement wait and run. Shorter than the job, so that its thread is free again when its
/// caller gives up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct StatementLimits {
    pub lock: Duration,
    pub statement: Duration,
}

impl StatementLimits {
    pub fn within(job: Duration) -> Self {
        Self { lock: job * 3 / 4, statement: job * 9 / 10 }
    }

    /// The server options that set them for a connection, as for the command `postgres`.
    pub fn options(self) -> String {
        format!("-c lock_timeout={} -c statement_timeout={}", self.lock.as_millis(), self.statement.as_millis())
    }

    /// The statements that set them for one transaction.
    fn set_local(self) -> String {
        let [lock, statement] = [self.lock, self.statement].map(|limit| limit.as_millis());
        format!("; SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement}")
    }

    /// Whether they are in force on a new connection: a pooler may accept options and ignore them. `false` on SQLite.
    pub fn are_in_force(self, connection: &mut DbConnection) -> QueryResult<bool> {
        let Some(connection) = connection.postgres() else { return Ok(false) };
        let [lock, statement] = [self.lock, self.statement].map(|limit| limit.as_millis());
        let is = |name: &str, millis: u128| format!("current_setting('{name}')::interval = interval '{millis} ms'");
        let condition = format!("{} AND {}", is("lock_timeout", lock), is("statement_timeout", statement));
        diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(&condition)).get_result(connection)
    }
}

#[cfg(test)]
mod tests {
    use diesel::{QueryableByName, RunQueryDsl as _, sql_types::Integer};

    use super::*;

    impl DbConnection {
        /// Opens a new SQLite file in a folder.
        pub(in crate::db) fn open_new_file(folder: &std::path::Path) -> Self {
            let path = folder.join("a.db");
            std::fs::write(&path, "").expect("it is written");
            Self::open(&DatabaseUrl::Sqlite(path), START_WAIT, "").expect("a connection")
        }
    }

    #[derive(QueryableByName)]
    struct CompileOption {
        #[diesel(sql_type = diesel::sql_types::Text)]
        compile_options: String,
    }

    /// How `.cargo/config.toml` has SQLite compiled.
    #[test]
    #[cfg(feature = "bundled")]
    fn sqlite_is_compiled_with_own_options() {
        let mut connection = SqliteConnection::establish(":memory:").expect("a connection");
        let options: Vec<CompileOption> =
            diesel::sql_query("PRAGMA compile_options").load(&mut connection).expect("they are listed");
        let has = |name: &str| options.iter().any(|option| option.compile_options.starts_with(name));
        for name in ["ENABLE_QPSG", "THREADSAFE=2", "DEFAULT_MEMSTATUS=0", "OMIT_LOAD_EXTENSION"] {
            assert!(has(name), "{name}");
        }
        for name in ["ENABLE_MEMORY_MANAGEMENT", "ENABLE_STAT4", "ENABLE_FTS", "ENABLE_LOAD_EXTENSION"] {
            assert!(!has(name), "{name}");
        }
    }

    #[derive(QueryableByName)]
    struct TempStore {
        #[diesel(sql_type = Integer)]
        temp_store: i32,
    }

    /// With a read-only root, SQLite has no folder for a temporary table.
    #[test]
    fn temporary_tables_of_sqlite_are_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = DbConnection::open_new_file(folder.path());
        let row: TempStore = diesel::sql_query("PRAGMA temp_store").get_result(&mut connection).expect("one row");
        assert_eq!(row.temp_store, 2, "2 is MEMORY");
    }
}
