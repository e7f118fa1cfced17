//! Database errors, and rollbacks that carry an outcome.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A database error.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Too many requests at once, or another process holds the lock; a retry may succeed.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached.
    #[error("cannot reach the database")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A query failed.
    #[error("database query failed")]
    Query(#[source] DieselError),
}

impl DbError {
    /// Whether another transaction inserted a row with the same unique value first; a retry sees that row.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Query(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match &error {
            _ if is_lost(&error) => Self::Unreachable(Box::new(error)),
            DieselError::DatabaseError(_, information) if information.message().contains("database is locked") => {
                Self::Busy
            }
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Busy,
            _ => Self::Query(error),
        }
    }
}

/// Whether an error means that the connection is lost, not that the query is wrong.
pub(super) fn is_lost(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
            | DieselError::BrokenTransactionManager
    )
}

/// An error after which a retry may succeed. Nothing was written.
pub trait IsTransient {
    /// Whether a retry may succeed.
    fn is_transient(&self) -> bool;
}

impl IsTransient for DbError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Busy) || self.is_unique_violation()
    }
}

/// Why a transaction rolls back.
#[derive(Debug)]
pub enum Rollback<T> {
    /// There is nothing to write; the caller gets this outcome.
    Outcome(Box<T>),
    /// The database failed.
    Failed(DbError),
}

impl<T> Rollback<T> {
    /// Rolls back with this outcome.
    pub fn with(outcome: T) -> Self {
        Self::Outcome(Box::new(outcome))
    }

    /// Returns the outcome of a transaction, committed or rolled back.
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
