//! One connection to either database: opened from the URL's scheme, set up, begun, committed, and known when lost.
//! What may not live here: the pool and its waiting (`mod.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, InstrumentationEvent, SimpleConnection as _, TransactionManager as _,
    TransactionManagerStatus,
};
use diesel::r2d2::ManageConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection as _, ConnectionError, PgConnection, QueryResult, SqliteConnection};

use super::DbError;
use crate::config::DatabaseUrl;
use crate::{memory, metrics};

/// On every SQLite connection: an acknowledged revocation survives a power cut (`synchronous=FULL`), and references hold.
const SQLITE_PRAGMAS: &str = "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024;";

/// When the disk must have what a transaction wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Before the commit is answered.
    Now,
    /// Soon after: a killed process loses nothing, a power cut may lose the last commits.
    Soon,
}

/// A connection to SQLite or Postgres, on which the same queries run.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// Embedded.
    Sqlite(SqliteConnection),
    /// Over the network.
    Postgres(PgConnection),
}

impl DbConnection {
    /// Opens the database that `url` names, and no other: Diesel's derived `establish` would try each kind in turn and
    /// could make a SQLite file named after an unreachable Postgres URL. On SQLite another process's lock is waited for, as long as
    /// `lock_wait`.
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
                if durability == Durability::Soon {
                    connection.batch_execute("PRAGMA synchronous = NORMAL")?;
                }
                // Deferred, a transaction that reads first and then writes can fail with "locked" whatever the busy timeout.
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")
            }
            (Self::Postgres(connection), Durability::Now) => AnsiTransactionManager::begin_transaction(connection),
            // For this transaction only, so that a pooler may stand between.
            (Self::Postgres(connection), Durability::Soon) => {
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN; SET LOCAL synchronous_commit = off")
            }
        }
    }

    /// Takes back what [`Self::begin`] set beyond the transaction. Returns whether the connection is as it was.
    pub(super) fn restore(&mut self, durability: Durability) -> bool {
        match self {
            Self::Sqlite(connection) if durability == Durability::Soon => {
                connection.batch_execute("PRAGMA synchronous = FULL").is_ok()
            }
            _ => true,
        }
    }

    /// Runs `step` in the transaction that [`Self::begin`] opened, and ends it.
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

/// Whether an error says that the connection is gone, not that the query was wrong.
pub(super) fn is_lost(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
            | DieselError::BrokenTransactionManager
    )
}

/// A connection in the pool, and whether it must not go back there.
pub(super) struct Slot {
    pub connection: DbConnection,
    pub is_broken: bool,
    /// Set when a query on it failed because the connection is gone: callers turn errors into their own before we see them.
    was_lost: Arc<AtomicBool>,
    /// The last of the fields, which are dropped in their order.
    _memory: GiveBackMemory,
}

impl Slot {
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
        Ok(Self { connection, is_broken: false, was_lost, _memory: GiveBackMemory })
    }

    /// Keeps the connection from being used again.
    pub fn mark_broken(&mut self) {
        self.was_lost.store(true, Ordering::Relaxed);
    }

    /// Whether nothing more can be done with this connection.
    pub fn is_lost(&mut self) -> bool {
        self.was_lost.load(Ordering::Relaxed) || self.connection.has_failed_transaction()
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

/// Dropped after a connection, whose kept pages are then free: the system gets them back.
struct GiveBackMemory;

impl Drop for GiveBackMemory {
    fn drop(&mut self) {
        memory::release_freed();
    }
}

impl ManageConnection for Connector {
    type Connection = Slot;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Slot, ConnectionError> {
        Slot::open(&self.url, self.lock_wait)
    }

    fn is_valid(&self, _slot: &mut Slot) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, slot: &mut Slot) -> bool {
        slot.is_broken
    }
}
