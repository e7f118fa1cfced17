//! A connection to SQLite or PostgreSQL: opening, transactions, and detection of a lost connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, InstrumentationEvent, SimpleConnection as _, TransactionManager as _,
    TransactionManagerStatus,
};
use diesel::r2d2::ManageConnection;
use diesel::{Connection as _, ConnectionError, PgConnection, QueryResult, SqliteConnection};

use super::error::{DbError, is_lost};
use crate::config::DatabaseUrl;
use crate::{memory, metrics};

/// How long start-up and migrations wait for a connection or a lock. Longer than for requests, because instances that
/// start at the same time wait for each other.
pub(super) const START_WAIT: Duration = Duration::from_secs(10);
/// With `synchronous = FULL`, a committed revocation survives a power loss.
const SQLITE_PRAGMAS: &str = "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024;";

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
    /// another process's lock.
    pub(super) fn open(url: &DatabaseUrl, lock_wait: Duration) -> Result<Self, ConnectionError> {
        let connection = match url {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
                let pragmas = format!("PRAGMA busy_timeout = {}; {SQLITE_PRAGMAS}", lock_wait.as_millis());
                connection.batch_execute(&pragmas).map_err(ConnectionError::CouldntSetupConfiguration)?;
                Self::Sqlite(connection)
            }
            DatabaseUrl::Postgres(postgres) => {
                let mut connection = PgConnection::establish(&postgres.url)?;
                if !postgres.has_prepared_statements {
                    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
                }
                Self::Postgres(connection)
            }
        };
        Ok(connection)
    }

    pub(super) fn begin(&mut self, durability: Durability) -> QueryResult<()> {
        match (self, durability) {
            (Self::Sqlite(connection), _) => {
                if durability == Durability::Relaxed {
                    connection.batch_execute("PRAGMA synchronous = NORMAL")?;
                }
                // With a deferred BEGIN, a transaction that reads and then writes can fail with "locked" despite the
                // busy timeout.
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")
            }
            (Self::Postgres(connection), Durability::Immediate) => {
                AnsiTransactionManager::begin_transaction(connection)
            }
            // LOCAL: behind a pooler, the next transaction on this connection may be another client's.
            (Self::Postgres(connection), Durability::Relaxed) => {
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN; SET LOCAL synchronous_commit = off")
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
            Ok(value) => {
                let committed = match self {
                    Self::Sqlite(connection) => AnsiTransactionManager::commit_transaction(connection),
                    Self::Postgres(connection) => AnsiTransactionManager::commit_transaction(connection),
                };
                committed.map(|()| value).map_err(|error| DbError::from(error).into())
            }
            Err(error) => {
                let rolled_back = match self {
                    Self::Sqlite(connection) => AnsiTransactionManager::rollback_transaction(connection),
                    Self::Postgres(connection) => AnsiTransactionManager::rollback_transaction(connection),
                };
                if let Err(rollback_error) = rolled_back {
                    tracing::warn!(error = %rollback_error, "cannot roll back a transaction; closing its connection");
                }
                Err(error)
            }
        }
    }

    fn has_failed_transaction(&mut self) -> bool {
        let status = match self {
            Self::Sqlite(connection) => AnsiTransactionManager::transaction_manager_status_mut(connection),
            Self::Postgres(connection) => AnsiTransactionManager::transaction_manager_status_mut(connection),
        };
        matches!(status, TransactionManagerStatus::InError)
    }
}

/// A connection of the pool.
pub(super) struct PooledConnection {
    pub connection: DbConnection,
    /// Whether the pool must close it instead of reusing it.
    pub is_broken: bool,
    /// Set when a query failed because the connection was lost. Instrumentation sets it, because callers convert the
    /// error to their own type.
    was_lost: Arc<AtomicBool>,
    /// The last field: fields are dropped in order, so the connection is closed before this releases its memory.
    _memory: ReleaseMemory,
}

impl PooledConnection {
    fn open(url: &DatabaseUrl, lock_wait: Duration) -> Result<Self, ConnectionError> {
        let mut connection = DbConnection::open(url, lock_wait)?;
        let was_lost = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&was_lost);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { .. } => metrics::DATABASE_STATEMENTS.increment(),
            InstrumentationEvent::FinishQuery { error: Some(error), .. } if is_lost(error) => {
                flag.store(true, Ordering::Relaxed);
            }
            _ => {}
        });
        Ok(Self { connection, is_broken: false, was_lost, _memory: ReleaseMemory })
    }

    /// Prevents further use of the connection.
    pub fn mark_broken(&mut self) {
        self.was_lost.store(true, Ordering::Relaxed);
    }

    /// Whether the connection is unusable.
    pub fn is_lost(&mut self) -> bool {
        self.was_lost.load(Ordering::Relaxed) || self.connection.has_failed_transaction()
    }
}

/// Releases the memory of a closed connection when dropped.
struct ReleaseMemory;

impl Drop for ReleaseMemory {
    fn drop(&mut self) {
        memory::release_freed();
    }
}

/// Opens connections for the pool.
pub(super) struct Connector {
    url: DatabaseUrl,
    lock_wait: Duration,
}

impl Connector {
    pub fn new(url: DatabaseUrl, lock_wait: Duration) -> Self {
        Self { url, lock_wait }
    }
}

impl ManageConnection for Connector {
    type Connection = PooledConnection;
    type Error = ConnectionError;

    fn connect(&self) -> Result<PooledConnection, ConnectionError> {
        PooledConnection::open(&self.url, self.lock_wait)
    }

    fn is_valid(&self, _pooled: &mut PooledConnection) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, pooled: &mut PooledConnection) -> bool {
        pooled.is_broken
    }
}
