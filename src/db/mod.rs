//! Access to the SQLite or PostgreSQL database: [`Db::read`] and [`Db::write`] run queries on a blocking thread.

pub mod backup;
mod connection;
mod connections;
pub mod copy;
mod error;
mod facts;
mod jobs;
mod limits;
pub mod migrations;
mod pooled_connection;
mod prepared;
pub mod schema;
pub mod server_time;
mod sqlite_file;
mod state_changes;
mod warnings;
mod write_job;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::DatabaseUrl;
pub use connection::DbConnection;
use connection::{Durability, StatementLimits};
use connections::IdleConnections;
pub use error::{DbError, IsTransient, Rollback};
pub use facts::{DatabaseFacts, facts};
use jobs::{Job, JobKind, JobThreads};
use limits::{BACKGROUND, COMMAND, Limits, REQUEST, START};
use pooled_connection::{Connector, PooledConnection};
pub(crate) use prepared::prepared;
pub use prepared::{Prepared, update_where};
use sqlite_file::SqliteFile;
pub use sqlite_file::set_log_aside;
use state_changes::StateEpoch;
pub use state_changes::{count_state_changes, note_rights_change, note_session_end};
pub use warnings::warnings;
use writer::{Writer, WriterContext};

/// For reads; one more writes.
const SQLITE_CONNECTIONS: usize = 4;
const POSTGRES_CONNECTIONS: usize = 8;

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Arc<Pool>,
    limits: Limits,
}

struct Pool {
    idle: Arc<IdleConnections>,
    threads: JobThreads,
    /// One permit per connection: callers wait here, where they block no thread.
    connections: Arc<Semaphore>,
    size: usize,
    /// The thread that writes to a SQLite file. On PostgreSQL, each connection can write.
    writer: Option<Writer>,
    /// Whether the database runs on a machine of its own, with another clock: PostgreSQL.
    has_own_clock: bool,
    /// The file of a SQLite database.
    file: Option<SqliteFile>,
    /// The changes of state that this process knows of.
    state_epoch: Arc<StateEpoch>,
    /// Whether a job has failed because of the database since [`Db::take_failure`].
    has_failed: Arc<AtomicBool>,
}

impl Drop for Pool {
    fn drop(&mut self) {
        // The writer's thread holds the list as well, and may not end before the process does.
        self.idle.close();
    }
}

impl Db {
    /// Creates the pool of a server without connecting: a job ends within two seconds. The file of a SQLite database
    /// must exist; see [`migrations::prepare`].
    #[must_use]
    pub fn new(url: &DatabaseUrl) -> Self {
        Self::with_limits(url, REQUEST)
    }

    /// As [`Self::new`], for start-up work: it waits longer for a busy database than a request does.
    #[must_use]
    pub fn for_start(url: &DatabaseUrl) -> Self {
        Self::with_limits(url, START)
    }

    /// As [`Self::new`], for a command, whose transaction can be large.
    #[must_use]
    pub fn for_command(url: &DatabaseUrl) -> Self {
        Self::with_limits(url, COMMAND)
    }

    /// The same pool for work that no request waits for. Its writes may take longer.
    #[must_use]
    pub fn for_background(&self) -> Self {
        Self { pool: Arc::clone(&self.pool), limits: BACKGROUND }
    }

    fn with_limits(url: &DatabaseUrl, limits: Limits) -> Self {
        let (size, writer_count, idle_timeout) = match url {
            // Opening takes a fraction of a millisecond, and an idle connection holds up to a megabyte of pages.
            DatabaseUrl::Sqlite(_) => (SQLITE_CONNECTIONS, 1, Duration::from_secs(20)),
            DatabaseUrl::Postgres(_) => (POSTGRES_CONNECTIONS, 0, Duration::from_mins(10)),
        };
        let connector = Connector::new(url.clone(), limits.job);
        let idle = Arc::new(IdleConnections::new(connector, size + writer_count, idle_timeout));
        let has_failed = Arc::new(AtomicBool::new(false));
        let file = match url {
            DatabaseUrl::Sqlite(path) => Some(SqliteFile::at(path)),
            DatabaseUrl::Postgres(_) => None,
        };
        let state_epoch = Arc::new(StateEpoch::default());
        let writer = file.clone().map(|file| {
            let (idle, has_failed, state_epoch) =
                (Arc::clone(&idle), Arc::clone(&has_failed), Arc::clone(&state_epoch));
            Writer::new(WriterContext { idle, file, state_epoch, has_failed })
        });
        let pool = Pool {
            idle,
            // As many again may be stuck: a database that hangs must not use up the threads and connections of one
            // that replaces it.
            threads: JobThreads::new(2 * size).expect("a runtime without drivers needs no system resources"),
            connections: Arc::new(Semaphore::new(size)),
            size,
            writer,
            has_own_clock: matches!(url, DatabaseUrl::Postgres(_)),
            file,
            state_epoch,
            has_failed,
        };
        Self { pool: Arc::new(pool), limits }
    }

    /// Opens all connections of the pool, so the first requests do not wait for them, for `wait` at most. Connections that
    /// cannot be opened are opened when they are needed.
    pub async fn open_connections(&self, wait: Duration) {
        let open = |_| {
            let pool = Arc::clone(&self.pool);
            tokio::task::spawn_blocking(move || pool.idle.open())
        };
        let opening = futures_util::future::join_all((0..self.pool.idle.max_idle()).map(open));
        let opened = tokio::time::timeout(wait, opening).await;
        let count = opened.map_or(0, |opened| opened.iter().flatten().flatten().count());
        tracing::debug!(count, "database connections opened");
    }

    /// The path of the SQLite file, if another file has its name now, or none. Writes fail then: what was written to the
    /// old file would be lost.
    #[must_use]
    pub fn replaced_file(&self) -> Option<PathBuf> {
        self.pool.file.as_ref().filter(|file| file.is_replaced()).map(|file| file.path().to_owned())
    }

    /// Whether only one connection of all processes can write at a time: SQLite.
    #[must_use]
    pub fn has_one_writer(&self) -> bool {
        self.pool.file.is_some()
    }

    /// Checks that the file system of a SQLite file has room; on PostgreSQL, its server does.
    ///
    /// # Errors
    /// [`DbError::NoSpace`] if less than 1 MiB is left.
    pub fn check_space(&self) -> Result<(), DbError> {
        match &self.pool.file {
            Some(file) if file.is_short_of_space() => Err(DbError::NoSpace),
            _ => Ok(()),
        }
    }

    /// Whether the database has failed a job since the last call.
    #[must_use]
    pub fn take_failure(&self) -> bool {
        self.pool.has_failed.swap(false, Ordering::Relaxed)
    }

    /// A number that grows when a user, role or client is changed: at once if this process does it. With
    /// [`Self::set_state_changes`], it grows when another process has changed one or ended a session.
    #[must_use]
    pub fn state_epoch(&self) -> u64 {
        self.pool.state_epoch.get()
    }

    /// Takes over what [`count_state_changes`] returned.
    pub fn set_state_changes(&self, count: i64) {
        self.pool.state_epoch.set_counted(count);
    }

    /// Reads a whole SQLite file and returns the first damage, if any; `None` on PostgreSQL.
    ///
    /// # Errors
    /// The file cannot be read now, or not within the limit of this pool.
    pub async fn find_damage(&self) -> Result<Option<String>, DbError> {
        self.read(sqlite_file::find_damage).await
    }

    /// Closes the connections that no job uses. The last connection to a SQLite file moves the write-ahead log into it.
    pub fn close_idle(&self) {
        self.pool.idle.close();
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
        let permit = acquire(&self.pool.connections, self.limits.connection).await?;
        self.run_job(JobKind::Read, permit, move |_, pooled| {
            let result = query(&mut pooled.connection);
            if pooled.is_lost() { ConnectionAttempt::Lost(result) } else { ConnectionAttempt::Done(result) }
        })
        .await
    }

    /// Runs `step` in one transaction: committed if it returns `Ok`, rolled back if it returns `Err`. On SQLite one thread
    /// runs the steps of all callers one after the other, and commits those that wait together. Does not nest.
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

    /// Runs `step`, whose last statement is the only one that writes. On PostgreSQL there is no transaction around it,
    /// which saves two round trips; on SQLite it is as [`Self::write`]. If the connection is lost, `step` runs again on
    /// another one, as in [`Self::read`]: writing twice must be harmless.
    ///
    /// # Errors
    /// The error of `step`, or a [`DbError`] if no connection was available.
    pub async fn write_statement<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        if self.pool.writer.is_some() {
            return self.write(step).await;
        }
        let permit = acquire(&self.pool.connections, self.limits.connection).await?;
        let limits = StatementLimits::within(self.limits.job);
        self.run_job(JobKind::Write, permit, move |_, pooled| {
            let result = pooled.with_limits(limits, &step);
            if pooled.is_lost() { ConnectionAttempt::Lost(result) } else { ConnectionAttempt::Done(result) }
        })
        .await
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
        if let Some(writer) = &self.pool.writer {
            return writer.run(durability, self.limits, step, after_commit).await;
        }
        let permit = acquire(&self.pool.connections, self.limits.connection).await?;
        let mut step = Some(step);
        let limits = StatementLimits::within(self.limits.job);
        let state_epoch = Arc::clone(&self.pool.state_epoch);
        self.run_job(JobKind::Write, permit, move |job, pooled| {
            let mut change = None;
            state_changes::begin();
            let result = match pooled.begin(durability, limits) {
                Ok(()) => {
                    let step = step.take().expect("a transaction begins once");
                    pooled.connection.finish(|connection| {
                        let value = step(connection)?;
                        change = state_changes::count(connection).map_err(DbError::from)?;
                        if job.is_abandoned() { Err(DbError::TimedOut.into()) } else { Ok(value) }
                    })
                }
                // Only BEGIN was sent, so the step can run on another connection without repeating anything.
                Err(error) if pooled.is_lost() => return ConnectionAttempt::Lost(Err(DbError::from(error).into())),
                Err(error) => Err(DbError::from(error).into()),
            };
            if let Some(change) = change {
                state_epoch.add(change, result.is_ok());
            }
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

    async fn run_job<T, E>(
        &self,
        kind: JobKind,
        permit: OwnedSemaphorePermit,
        mut work: impl FnMut(&Job, &mut PooledConnection) -> ConnectionAttempt<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        let attempts = pool.size + 1;
        let job = move |job: &Job| {
            // A new connection would open the other file, and apply the old file's write-ahead log to it.
            if let Some(file) = pool.file.as_ref().filter(|file| file.is_replaced()) {
                return Err(DbError::FileReplaced(file.path().to_owned()).into());
            }
            for attempts_left in (0..attempts).rev() {
                // If the work panics, the connection is dropped, not reused with its transaction open.
                let taken = pool.idle.take();
                pool.has_failed.fetch_or(taken.is_err(), Ordering::Relaxed);
                let mut pooled = taken.map_err(|error| DbError::Unreachable(Box::new(error)))?;
                // Opening took too long, as after a failover to a later host: the next job finds the connection open.
                if job.is_abandoned() {
                    pool.idle.put(pooled);
                    return Err(DbError::TimedOut.into());
                }
                match work(job, &mut pooled) {
                    ConnectionAttempt::Lost(_) if attempts_left > 0 && !job.is_abandoned() => {}
                    ConnectionAttempt::Lost(result) => return result,
                    ConnectionAttempt::Done(result) => {
                        let is_usable = pooled.is_usable();
                        if is_usable {
                            pool.idle.put(pooled);
                        }
                        pool.has_failed.fetch_or(!is_usable, Ordering::Relaxed);
                        return result;
                    }
                }
            }
            Err(DbError::Busy.into())
        };
        let ended = self.pool.threads.run(kind, self.limits.job, permit, job).await;
        self.pool.has_failed.fetch_or(ended.is_err(), Ordering::Relaxed);
        ended?
    }
}

/// Outcome of running work on one connection.
enum ConnectionAttempt<T, E> {
    Done(Result<T, E>),
    /// The connection was lost; the work can run again on another one.
    Lost(Result<T, E>),
}

async fn acquire(semaphore: &Arc<Semaphore>, wait: Duration) -> Result<OwnedSemaphorePermit, DbError> {
    match tokio::time::timeout(wait, Arc::clone(semaphore).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(DbError::Busy),
    }
}
