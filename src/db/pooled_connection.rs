//! A connection of the pool: how it is opened, and whether it can be used again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::InstrumentationEvent;
use diesel::{Connection as _, ConnectionError, QueryResult};

use super::connection::{DbConnection, Durability, START_WAIT, StatementLimits};
use super::error::{DbError, is_lost, is_unavailable};
use crate::config::DatabaseUrl;
use crate::{memory, metrics};

/// A connection of the pool.
pub(super) struct PooledConnection {
    pub connection: DbConnection,
    /// The limits that are in force outside of transactions.
    limits: Option<StatementLimits>,
    state: Arc<ConnectionState>,
    /// The last field: fields are dropped in order, so the connection is closed before this releases its memory.
    _memory: ReleaseMemory,
}

/// What failed on a connection. Instrumentation records it, because callers convert the error to their own type.
#[derive(Default)]
struct ConnectionState {
    /// The connection was lost.
    was_lost: AtomicBool,
    /// The database could not run a query. A new connection may reach another server, or read a repaired file.
    was_unavailable: AtomicBool,
}

impl PooledConnection {
    fn new(mut connection: DbConnection, limits: Option<StatementLimits>) -> Self {
        let state = Arc::new(ConnectionState::default());
        let recorded = Arc::clone(&state);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { .. } => metrics::DATABASE_STATEMENTS.increment(),
            InstrumentationEvent::FinishQuery { error: Some(error), .. } => {
                recorded.was_lost.fetch_or(is_lost(error), Ordering::Relaxed);
                recorded.was_unavailable.fetch_or(is_unavailable(error), Ordering::Relaxed);
            }
            _ => {}
        });
        Self { connection, limits, state, _memory: ReleaseMemory }
    }

    /// Opens a transaction with these limits.
    pub fn begin(&mut self, durability: Durability, limits: StatementLimits) -> QueryResult<()> {
        self.connection.begin(durability, Some(limits).filter(|_| self.limits != Some(limits)))
    }

    /// Runs `step` outside of a transaction, unless only a transaction can have these limits.
    pub fn with_limits<T, E: From<DbError>>(
        &mut self,
        limits: StatementLimits,
        step: impl Fn(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.limits == Some(limits) {
            return step(&mut self.connection);
        }
        self.begin(Durability::Immediate, limits).map_err(DbError::from)?;
        self.connection.finish(step)
    }

    /// Prevents further use of the connection.
    pub fn mark_broken(&mut self) {
        self.state.was_lost.store(true, Ordering::Relaxed);
    }

    /// Whether the connection was lost, and the same work may succeed on another one.
    pub fn is_lost(&mut self) -> bool {
        self.state.was_lost.load(Ordering::Relaxed) || self.connection.has_failed_transaction()
    }

    /// Whether the pool may use the connection again.
    pub fn is_usable(&mut self) -> bool {
        !self.is_lost() && !self.state.was_unavailable.load(Ordering::Relaxed)
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
    /// Set by server options for PostgreSQL. They limit reads, which have no transaction that could.
    limits: StatementLimits,
    /// When a pooler has last rejected the options. For some time after that, only the job's own limit ends a read.
    rejected_options_at: Mutex<Option<Instant>>,
}

/// How long connections are opened without options after these were rejected. The rejection may have had another reason
/// that was gone a moment later, such as too many connections.
const WITHOUT_OPTIONS_FOR: Duration = Duration::from_mins(10);
/// A server that has not responded by then is away, and a second attempt would only take longer.
const QUICK_RESPONSE: Duration = Duration::from_secs(1);

impl Connector {
    /// For connections whose jobs end within `job_limit`.
    pub fn new(url: DatabaseUrl, job_limit: Duration) -> Self {
        let limits = StatementLimits::within(job_limit);
        let lock_wait = (job_limit * 3 / 4).min(START_WAIT);
        Self { url, lock_wait, limits, rejected_options_at: Mutex::default() }
    }

    pub fn connect(&self) -> Result<PooledConnection, ConnectionError> {
        let open = |options| DbConnection::open(&self.url, self.lock_wait, options);
        let open_without = || open("").map(|connection| PooledConnection::new(connection, None));
        if self.rejected_options().is_some_and(|at| at.elapsed() < WITHOUT_OPTIONS_FOR) {
            return open_without();
        }
        let begun = Instant::now();
        let options = self.limits.options();
        let opened = open(&options).and_then(|mut connection| {
            let are_in_force = self.limits.are_in_force(&mut connection);
            let are_in_force = are_in_force.map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(PooledConnection::new(connection, Some(self.limits).filter(|_| are_in_force)))
        });
        opened.or_else(|error| {
            // Poolers reject options that could stay on a connection for its next client, each with a text of its own.
            if begun.elapsed() >= QUICK_RESPONSE {
                return Err(error);
            }
            let connection = open_without().map_err(|_| error)?;
            *self.rejected_options() = Some(Instant::now());
            Ok(connection)
        })
    }

    fn rejected_options(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rejected_options_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
