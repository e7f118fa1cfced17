//! The open connections that no job uses at the moment.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::ConnectionError;

use super::pooled_connection::{Connector, PooledConnection};

/// Idle connections, the last used one at the end. How many are in use is limited by the permits of [`super::Db`].
pub(super) struct IdleConnections {
    connector: Connector,
    idle: Mutex<Vec<IdleConnection>>,
    max_idle: usize,
    idle_timeout: Duration,
}

struct IdleConnection {
    connection: PooledConnection,
    since: Instant,
}

impl IdleConnections {
    pub fn new(connector: Connector, max_idle: usize, idle_timeout: Duration) -> Self {
        Self { connector, idle: Mutex::default(), max_idle, idle_timeout }
    }

    /// The most connections that are kept.
    pub fn max_idle(&self) -> usize {
        self.max_idle
    }

    /// The connection that was used last, or a new one. It may be lost: testing it would cost every request a round
    /// trip.
    pub fn take(&self) -> Result<PooledConnection, ConnectionError> {
        let idle = self.lock().pop();
        idle.map_or_else(|| self.connector.connect(), |idle| Ok(idle.connection))
    }

    /// Opens a connection for a later job.
    pub fn open(&self) -> Result<(), ConnectionError> {
        self.connector.connect().map(|connection| self.put(connection))
    }

    /// Keeps a connection for the next job, and closes those that were idle for too long.
    pub fn put(&self, connection: PooledConnection) {
        let now = Instant::now();
        let mut idle = self.lock();
        let expired = idle.partition_point(|idle| now.duration_since(idle.since) >= self.idle_timeout);
        let mut closed: Vec<IdleConnection> = idle.drain(..expired).collect();
        idle.push(IdleConnection { connection, since: now });
        if idle.len() > self.max_idle {
            closed.push(idle.remove(0));
        }
        // Closing can take a moment.
        drop(idle);
        drop(closed);
    }

    /// Closes all idle connections.
    pub fn close(&self) {
        let closed = std::mem::take(&mut *self.lock());
        drop(closed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<IdleConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
