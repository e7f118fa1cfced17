//! A connection of the pool: how it is opened, and whether it can be used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::InstrumentationEvent;
use diesel::{Connection as _, ConnectionError};

use super::connection::{DbConnection, START_WAIT, StatementLimits};
use super::error::{is_lost, is_unavailable};
use crate::config::DatabaseUrl;
use crate::{memory, metrics};

/// A connection of the pool.
pub(super) struct PooledConnection {
    pub connection: DbConnection,
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
    fn new(mut connection: DbConnection) -> Self {
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
        Self { connection, state, _memory: ReleaseMemory }
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
    /// Server options for PostgreSQL. They limit reads, which have no transaction that could.
    options: String,
    /// Set when a pooler has rejected the options. Then only the job's own limit ends a read.
    rejects_options: AtomicBool,
}

impl Connector {
    /// For connections whose jobs end within `job_limit`.
    pub fn new(url: DatabaseUrl, job_limit: Duration) -> Self {
        let options = StatementLimits::within(job_limit).options();
        let lock_wait = (job_limit * 3 / 4).min(START_WAIT);
        Self { url, lock_wait, options, rejects_options: AtomicBool::new(false) }
    }

    pub fn connect(&self) -> Result<PooledConnection, ConnectionError> {
        let open = |options| DbConnection::open(&self.url, self.lock_wait, options).map(PooledConnection::new);
        if self.rejects_options.load(Ordering::Relaxed) {
            return open("");
        }
        open(&self.options).or_else(|error| {
            // PgBouncer rejects options that could stay on a connection for its next client.
            if !error.to_string().contains("unsupported startup parameter") {
                return Err(error);
            }
            self.rejects_options.store(true, Ordering::Relaxed);
            open("")
        })
    }
}
