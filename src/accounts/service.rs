//! The account service: what its use cases share, and how their transactions run.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbConnection, DbError, IsTransient, Rollback};
use crate::mail::{self, Outbox};
use crate::sessions::{EndedSessions, SessionService};
use crate::tokens::BrowserTokenSize;
use crate::users::NamePolicy;
use crate::users::argon2id::PasswordHash;
use crate::users::hash_pool::{HashPool, HashPoolFull};
use crate::users::password::{PasswordError, PasswordPolicy, ProposedPassword};

/// Attempts of a command's transaction while other processes keep the database busy. On SQLite each attempt waits three
/// seconds.
pub const COMMAND_ATTEMPTS: u32 = 10;

/// An error that prevents a use case; nothing is changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The hash queue is full.
    #[error(transparent)]
    HashPoolFull(#[from] HashPoolFull),
}

/// Use cases on accounts. Cheap to clone.
#[derive(Clone)]
pub struct AccountService {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) hash_pool: HashPool,
    pub(super) password_policy: Arc<PasswordPolicy>,
    name_policy: Arc<NamePolicy>,
    pub(super) outbox: Outbox,
    pub(super) sessions: SessionService,
    pub(super) browser_token_size: BrowserTokenSize,
    /// Attempts of a transaction while the error is transient.
    attempts: u32,
}

impl AccountService {
    /// Creates the service for a server: a transaction that cannot run now fails, and the client retries.
    #[must_use]
    pub fn new(
        config: &Config,
        db: Db,
        clock: Clock,
        hash_pool: HashPool,
        outbox: Outbox,
        sessions: SessionService,
    ) -> Self {
        let (password_policy, name_policy) = (Arc::new(PasswordPolicy::new(config)), Arc::new(NamePolicy::new(config)));
        let browser_token_size = BrowserTokenSize::new(config);
        Self { db, clock, hash_pool, password_policy, name_policy, outbox, sessions, browser_token_size, attempts: 1 }
    }

    /// The same service for a command, which retries while other processes keep the database busy.
    #[must_use]
    pub fn for_commands(self) -> Self {
        Self { attempts: COMMAND_ATTEMPTS, ..self }
    }

    /// The policy for new passwords.
    #[must_use]
    pub fn password_policy(&self) -> &PasswordPolicy {
        &self.password_policy
    }

    /// The policy for usernames that people choose.
    #[must_use]
    pub fn name_policy(&self) -> &NamePolicy {
        &self.name_policy
    }

    /// The mail queue.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Whether an email to somebody with or without an account would be queued. The same for everybody: a page that
    /// says so tells nothing of an account.
    pub async fn has_room_for_mail(&self, is_user: bool) -> Result<bool, DbError> {
        self.db.read(move |conn| Ok(mail::has_room(conn, is_user)?)).await
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The threads that hash passwords.
    #[must_use]
    pub fn hash_pool(&self) -> &HashPool {
        &self.hash_pool
    }

    /// Estimates the strength of a new password and hashes it, both on the threads of the hash pool.
    pub async fn hash_new(
        &self,
        proposed: ProposedPassword,
    ) -> Result<Result<PasswordHash, PasswordError>, HashPoolFull> {
        match self.hash_pool.choose(proposed).await? {
            Ok(password) => Ok(Ok(self.hash_pool.hash(password).await?)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Reads from the database.
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.db.read(query).await
    }

    /// Whether a long series of transactions must leave gaps, in which other processes can write.
    #[must_use]
    pub fn has_one_writer(&self) -> bool {
        self.db.has_one_writer()
    }

    /// Runs `step` in one transaction, as [`SessionService::write`]. In a command, it is retried while the error is
    /// transient.
    pub async fn write<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: Fn(&mut DbConnection, &mut EndedSessions) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + IsTransient + Send + 'static,
    {
        self.sessions.write_with_retry(self.attempts, step).await
    }

    /// [`Self::write`] for a step that may roll back and still has an outcome.
    pub async fn write_or_rollback<T, F>(&self, step: F) -> Result<T, DbError>
    where
        F: Fn(&mut DbConnection, &mut EndedSessions) -> Result<T, Rollback<T>> + Clone + Send + 'static,
        T: Send + 'static,
    {
        Rollback::settle(self.write(step).await)
    }
}
