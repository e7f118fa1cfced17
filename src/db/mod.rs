//! The way to the database: [`Db::read`] and [`Db::write`], one hop to a blocking thread and one connection each.
//! The only place that tells SQLite from Postgres. What may not live here: any query of a capability (`store.rs` files).

mod connection;
pub mod migrations;
pub mod schema;

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::DatabaseUrl;
pub use connection::DbConnection;
use connection::{Connector, Durability, Slot};

/// How long a request waits for a connection before it is told that the server is busy.
const POOL_WAIT: Duration = Duration::from_millis(500);
/// How long a write waits for its turn on SQLite, which has one writer at a time, and then for another process's lock.
const WRITE_TURN_WAIT: Duration = Duration::from_secs(3);
/// How long a starting server and a migration wait for each: eight that start at once hold each other up, and nobody else waits.
const START_WAIT: Duration = Duration::from_secs(10);
const SQLITE_CONNECTIONS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;

/// Why the database gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Too many requests at once, or another process holds the lock: worth trying again.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached.
    #[error("cannot reach the database")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database answered with a fault.
    #[error("database query failed")]
    Query(#[source] DieselError),
}

impl DbError {
    /// Whether a row with the same unique value came first: the transaction can be tried again and will see it.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Query(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
    }
}

/// An error that may be gone at the next attempt. Nothing was written.
pub trait IsTransient {
    /// Whether the next attempt may succeed.
    fn is_transient(&self) -> bool;
}

impl IsTransient for DbError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Busy) || self.is_unique_violation()
    }
}

/// Why a step of a transaction rolls back.
#[derive(Debug)]
pub enum Rollback<T> {
    /// The step decided that nothing is to be written; the caller gets this outcome.
    Outcome(Box<T>),
    /// The database failed.
    Failed(DbError),
}

impl<T> Rollback<T> {
    /// Rolls back with this outcome.
    pub fn with(outcome: T) -> Self {
        Self::Outcome(Box::new(outcome))
    }

    /// The outcome of a transaction, committed or rolled back.
    ///
    /// # Errors
    /// When the database failed.
    pub fn settle(result: Result<T, Self>) -> Result<T, DbError> {
        match result {
            Ok(outcome) => Ok(outcome),
            Err(Self::Outcome(outcome)) => Ok(*outcome),
            Err(Self::Failed(error)) => Err(error),
        }
    }
}

impl<T> From<DbError> for Rollback<T> {
    fn from(error: DbError) -> Self {
        Self::Failed(error)
    }
}

impl<T> From<DieselError> for Rollback<T> {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}

impl<T> IsTransient for Rollback<T> {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_transient())
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match &error {
            _ if connection::is_lost(&error) => Self::Unreachable(Box::new(error)),
            DieselError::DatabaseError(_, information) if information.message().contains("database is locked") => {
                Self::Busy
            }
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Busy,
            _ => Self::Query(error),
        }
    }
}

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Connector>,
    /// One permit a connection: waiting happens here, where it holds no thread.
    connections: Arc<Semaphore>,
    /// The right to write: one on SQLite, as many as connections on Postgres.
    writers: Arc<Semaphore>,
    size: u32,
}

impl Db {
    /// Makes the pool without connecting yet: the file of a SQLite database must be prepared (see [`migrations::prepare`]).
    ///
    /// # Errors
    /// Never at present: the pool opens connections when they are asked for.
    #[must_use]
    pub fn new(url: &DatabaseUrl) -> Self {
        Self::with_waits(url, POOL_WAIT, WRITE_TURN_WAIT)
    }

    /// As [`Self::new`], for what a server does before it serves: where a request would be told to come again, this waits.
    #[must_use]
    pub fn for_start(url: &DatabaseUrl) -> Self {
        Self::with_waits(url, START_WAIT, START_WAIT)
    }

    fn with_waits(url: &DatabaseUrl, pool_wait: Duration, lock_wait: Duration) -> Self {
        let (size, writers, idle) = match url {
            // Opened again within a fraction of a millisecond; each keeps up to a megabyte of pages meanwhile.
            DatabaseUrl::Sqlite(_) => (SQLITE_CONNECTIONS, 1, Duration::from_secs(20)),
            DatabaseUrl::Postgres(_) => (POSTGRES_CONNECTIONS, POSTGRES_CONNECTIONS, Duration::from_mins(10)),
        };
        let pool = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            // A query that meets a broken connection is retried instead: asking "SELECT 1" first costs each one a round trip.
            .test_on_check_out(false)
            // The caller gets the error and says it once; the pool would log each of its tries.
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .connection_timeout(pool_wait)
            .idle_timeout(Some(idle))
            .build_unchecked(Connector::new(url.clone(), lock_wait));
        let permits = |count: u32| Arc::new(Semaphore::new(count as usize));
        Self { pool, connections: permits(size), writers: permits(writers), size }
    }

    /// Runs `query` on a connection, outside a transaction. A broken connection is retried on a fresh one, once for each
    /// that the pool may hold.
    ///
    /// # Errors
    /// What `query` returned, or [`DbError`] when there was no connection for it.
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let _permit = acquire(&self.connections, POOL_WAIT).await?;
        self.on_blocking_thread(move |slot| {
            let result = query(&mut slot.connection);
            if slot.is_lost() { Attempt::Lost(result) } else { Attempt::Done(result) }
        })
        .await
    }

    /// Runs `step` in one transaction: committed when it returns `Ok`, rolled back when it returns `Err`. On SQLite the write
    /// lock is taken at the start, so that a step never fails half-way for want of it. Does not nest.
    ///
    /// # Errors
    /// What `step` returned, or [`DbError`] when the transaction could not begin or commit. A commit is never retried.
    pub async fn write<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.transact(Durability::Now, step, |_| {}).await
    }

    /// As [`Self::write`], answered before the disk has it: a killed process loses nothing, a power cut may lose the last of it. For what
    /// is worth nothing after a power cut, never for what somebody is told has been done.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn write_relaxed<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.transact(Durability::Soon, step, |_| {}).await
    }

    /// As [`Self::write`]. `after_commit` runs right after the commit on the same thread, even when the caller is gone by then.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn write_then<T, E, F, A>(&self, step: F, after_commit: A) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        A: Fn(&T) + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.transact(Durability::Now, step, after_commit).await
    }

    async fn transact<T, E, F, A>(&self, durability: Durability, step: F, after_commit: A) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        A: Fn(&T) + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let _turn = acquire(&self.writers, WRITE_TURN_WAIT).await?;
        let _permit = acquire(&self.connections, POOL_WAIT).await?;
        let mut step = Some(step);
        self.on_blocking_thread(move |slot| {
            let result = match slot.connection.begin(durability) {
                Ok(()) => slot.connection.finish(step.take().expect("a transaction begins once")),
                // Nothing has been sent yet but BEGIN: starting anew on another connection repeats nothing.
                Err(error) if slot.is_lost() => return Attempt::Lost(Err(DbError::from(error).into())),
                Err(error) => Err(DbError::from(error).into()),
            };
            if let Ok(value) = &result {
                after_commit(value);
            }
            if !slot.connection.restore(durability) {
                slot.mark_broken();
            }
            Attempt::Done(result)
        })
        .await
    }

    async fn on_blocking_thread<T, E>(
        &self,
        mut attempt: impl FnMut(&mut Slot) -> Attempt<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let pool = self.pool.clone();
        let tries = self.size + 1;
        let work = tokio::task::spawn_blocking(move || {
            for left in (0..tries).rev() {
                let mut slot = pool.get().map_err(|error| DbError::Unreachable(Box::new(error)))?;
                // Set for the time of the work, so that a connection whose step panicked is thrown away, not reused
                // with its transaction open.
                slot.is_broken = true;
                match attempt(&mut slot) {
                    Attempt::Lost(_) if left > 0 => {}
                    Attempt::Lost(result) => return result,
                    Attempt::Done(result) => {
                        slot.is_broken = slot.is_lost();
                        return result;
                    }
                }
            }
            Err(DbError::Busy.into())
        });
        work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

enum Attempt<T, E> {
    Done(Result<T, E>),
    Lost(Result<T, E>),
}

async fn acquire(semaphore: &Semaphore, wait: Duration) -> Result<SemaphorePermit<'_>, DbError> {
    match tokio::time::timeout(wait, semaphore.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(DbError::Busy),
    }
}
