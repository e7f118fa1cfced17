//! Access to the SQLite or PostgreSQL database: [`Db::read`] and [`Db::write`] run queries on a blocking thread.

mod connection;
mod error;
pub mod migrations;
pub mod schema;
pub mod server_time;

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::DatabaseUrl;
pub use connection::DbConnection;
use connection::{Connector, Durability, PooledConnection, START_WAIT};
pub use error::{DbError, IsTransient, Rollback};

/// How long a request waits for a connection before it gets [`DbError::Busy`].
const POOL_WAIT: Duration = Duration::from_millis(500);
/// How long a write waits on SQLite: first for the one writer of this process, then for another process's lock.
const WRITE_TURN_WAIT: Duration = Duration::from_secs(3);
const SQLITE_CONNECTIONS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Connector>,
    /// One permit per connection: callers wait here, where they block no thread.
    connections: Arc<Semaphore>,
    /// Permits to write: one on SQLite, one per connection on PostgreSQL.
    writers: Arc<Semaphore>,
    size: u32,
    /// Whether the database runs on a machine of its own, with another clock: PostgreSQL.
    has_own_clock: bool,
}

impl Db {
    /// Creates the pool without connecting. The file of a SQLite database must exist; see [`migrations::prepare`].
    #[must_use]
    pub fn new(url: &DatabaseUrl) -> Self {
        Self::with_waits(url, POOL_WAIT, WRITE_TURN_WAIT)
    }

    /// As [`Self::new`], for start-up work: it waits longer for a busy database than a request does.
    #[must_use]
    pub fn for_start(url: &DatabaseUrl) -> Self {
        Self::with_waits(url, START_WAIT, START_WAIT)
    }

    fn with_waits(url: &DatabaseUrl, pool_wait: Duration, lock_wait: Duration) -> Self {
        let (size, writers, idle) = match url {
            // Opening takes a fraction of a millisecond, and an idle connection holds up to a megabyte of pages.
            DatabaseUrl::Sqlite(_) => (SQLITE_CONNECTIONS, 1, Duration::from_secs(20)),
            DatabaseUrl::Postgres(_) => (POSTGRES_CONNECTIONS, POSTGRES_CONNECTIONS, Duration::from_mins(10)),
        };
        let pool = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            // A test query would cost every request a round trip. A query on a broken connection is retried instead.
            .test_on_check_out(false)
            // The caller reports the error once; the pool would log every attempt.
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .connection_timeout(pool_wait)
            .idle_timeout(Some(idle))
            .build_unchecked(Connector::new(url.clone(), lock_wait));
        let permits = |count: u32| Arc::new(Semaphore::new(count as usize));
        let has_own_clock = matches!(url, DatabaseUrl::Postgres(_));
        Self { pool, connections: permits(size), writers: permits(writers), size, has_own_clock }
    }

    /// Opens all connections of the pool, so the first requests do not wait for them, for `wait` at most. Connections that
    /// cannot be opened are opened when they are needed.
    pub async fn open_connections(&self, wait: Duration) {
        let opening: Vec<_> = (0..self.size)
            .map(|_| {
                let pool = self.pool.clone();
                tokio::task::spawn_blocking(move || pool.get_timeout(wait))
            })
            .collect();
        // Each is held until all are open: one that is returned would be given out again.
        let open = tokio::time::timeout(wait, futures_util::future::join_all(opening)).await;
        let count = open.map_or(0, |open| open.iter().flatten().flatten().count());
        tracing::debug!(count, "database connections opened");
    }

    /// Runs `query` on a connection, outside a transaction. If the connection is lost, the query runs again on another
    /// one, at most once for each connection in the pool.
    ///
    /// # Errors
    /// The error of `query`, or a [`DbError`] if no connection was available.
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let _permit = acquire(&self.connections, POOL_WAIT).await?;
        self.on_blocking_thread(move |pooled| {
            let result = query(&mut pooled.connection);
            if pooled.is_lost() { ConnectionAttempt::Lost(result) } else { ConnectionAttempt::Done(result) }
        })
        .await
    }

    /// Runs `step` in one transaction: committed if it returns `Ok`, rolled back if it returns `Err`. On SQLite the
    /// transaction starts with the write lock, so it cannot fail midway waiting for it. Does not nest.
    ///
    /// # Errors
    /// The error of `step`, or a [`DbError`] if the transaction could not begin or commit. A commit is never retried.
    pub async fn write<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.transact(Durability::Immediate, step, |_| {}).await
    }

    /// As [`Self::write`], but may return before the data is on disk: a killed process loses nothing, a power loss may
    /// lose the last commits. Only for data that is worthless after a power loss, never for what is then reported as
    /// done.
    pub async fn write_relaxed<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.transact(Durability::Relaxed, step, |_| {}).await
    }

    /// As [`Self::write`]. `after_commit` runs on the same thread right after the commit, even if the caller's future
    /// was dropped.
    pub async fn write_then<T, E, F, A>(&self, step: F, after_commit: A) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        A: Fn(&T) + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.transact(Durability::Immediate, step, after_commit).await
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
        self.on_blocking_thread(move |pooled| {
            let result = match pooled.connection.begin(durability) {
                Ok(()) => pooled.connection.finish(step.take().expect("a transaction begins once")),
                // Only BEGIN was sent, so the step can run on another connection without repeating anything.
                Err(error) if pooled.is_lost() => return ConnectionAttempt::Lost(Err(DbError::from(error).into())),
                Err(error) => Err(DbError::from(error).into()),
            };
            if let Ok(value) = &result {
                after_commit(value);
            }
            if !pooled.connection.restore(durability) {
                pooled.mark_broken();
            }
            ConnectionAttempt::Done(result)
        })
        .await
    }

    async fn on_blocking_thread<T, E>(
        &self,
        mut work: impl FnMut(&mut PooledConnection) -> ConnectionAttempt<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let pool = self.pool.clone();
        let attempts = self.size + 1;
        let task = tokio::task::spawn_blocking(move || {
            for attempts_left in (0..attempts).rev() {
                let mut pooled = pool.get().map_err(|error| DbError::Unreachable(Box::new(error)))?;
                // Set during the work: if it panics, the connection is closed, not reused with its transaction open.
                pooled.is_broken = true;
                match work(&mut pooled) {
                    ConnectionAttempt::Lost(_) if attempts_left > 0 => {}
                    ConnectionAttempt::Lost(result) => return result,
                    ConnectionAttempt::Done(result) => {
                        pooled.is_broken = pooled.is_lost();
                        return result;
                    }
                }
            }
            Err(DbError::Busy.into())
        });
        task.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

/// Outcome of running work on one connection.
enum ConnectionAttempt<T, E> {
    Done(Result<T, E>),
    /// The connection was lost; the work can run again on another one.
    Lost(Result<T, E>),
}

async fn acquire(semaphore: &Semaphore, wait: Duration) -> Result<SemaphorePermit<'_>, DbError> {
    match tokio::time::timeout(wait, semaphore.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(DbError::Busy),
    }
}
