//! Use cases for administrators: clients, signing keys, sessions and script tokens, on the command line alone, and lists of
//! events.

pub mod clients;
mod events;
mod keys;
pub mod script_tokens;
mod sessions;

use crate::accounts::COMMAND_ATTEMPTS;
use crate::clock::Clock;
use crate::db::{Db, DbConnection, DbError, IsTransient};
use crate::sessions::{EndedSessions, SessionService};
pub use events::{NamedEvent, list_events};
pub use keys::KeyRotation;

/// Use cases on clients, signing keys, sessions and script tokens. Cheap to clone.
#[derive(Clone)]
pub struct AdminService {
    db: Db,
    clock: Clock,
    sessions: SessionService,
}

impl AdminService {
    /// Creates the service.
    #[must_use]
    pub fn new(db: Db, clock: Clock, sessions: SessionService) -> Self {
        Self { db, clock, sessions }
    }

    /// Runs `step` in one transaction, as [`SessionService::write`], with retries while the error is transient.
    async fn write<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: Fn(&mut DbConnection, &mut EndedSessions) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + IsTransient + Send + 'static,
    {
        self.sessions.write_with_retry(COMMAND_ATTEMPTS, step).await
    }
}
