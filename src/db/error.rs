//! Database errors, and rollbacks that carry an outcome.

use std::path::PathBuf;

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
    /// The database rejects queries that are right: its disk is full, it is read-only or damaged, it denies access, or
    /// it cancelled a query that took too long.
    #[error("the database cannot run queries")]
    Unavailable(#[source] DieselError),
    /// A job did not end within its limit, or too many earlier ones still have not.
    #[error("the database did not respond in time")]
    TimedOut,
    /// Another file has the name of the SQLite file now, or none.
    #[error("the database file {} was replaced or deleted while it was in use", .0.display())]
    FileReplaced(PathBuf),
    /// The file system of the SQLite file is almost full: a small write still fits into the write-ahead log, others do not.
    #[error("the file system of the database has less than 1 MiB left")]
    NoSpace,
    /// A query is wrong, or violates a constraint.
    #[error("database query failed")]
    Query(#[source] DieselError),
}

impl DbError {
    /// Whether the database cannot be used at the moment, whatever the query.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Self::Query(_))
    }

    /// The error with its cause, on one line.
    #[must_use]
    pub fn reason(&self) -> String {
        use std::error::Error as _;
        self.source().map_or_else(|| self.to_string(), |cause| format!("{self}: {}", cause.to_string().trim_end()))
    }

    /// The same error again, for each job that it fails.
    pub(super) fn repeat(&self) -> Self {
        match self {
            Self::Busy => Self::Busy,
            Self::Unreachable(error) => Self::Unreachable(error.to_string().into()),
            Self::Unavailable(error) => Self::Unavailable(repeat(error)),
            Self::TimedOut => Self::TimedOut,
            Self::FileReplaced(path) => Self::FileReplaced(path.clone()),
            Self::NoSpace => Self::NoSpace,
            Self::Query(error) => Self::Query(repeat(error)),
        }
    }

    /// Whether another transaction inserted a row with the same unique value first; a retry sees that row.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Query(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match cause(&error) {
            lost if is_lost(lost) => Self::Unreachable(Box::new(error)),
            busy if is_busy(busy) => Self::Busy,
            unavailable if is_unavailable(unavailable) => Self::Unavailable(error),
            _ => Self::Query(error),
        }
    }
}

fn repeat(error: &DieselError) -> DieselError {
    let (kind, message) = match cause(error) {
        DieselError::DatabaseError(kind, information) => (*kind, information.message().to_owned()),
        other => (DatabaseErrorKind::Unknown, other.to_string()),
    };
    DieselError::DatabaseError(kind, Box::new(message))
}

/// The error that started it: a commit that fails on a full disk has already rolled back, and rolling back fails too.
fn cause(error: &DieselError) -> &DieselError {
    match error {
        DieselError::RollbackErrorOnCommit { commit_error, .. } => cause(commit_error),
        _ => error,
    }
}

/// Whether an error means that the database cannot run right queries at the moment.
///
/// Diesel reports neither SQLSTATE nor SQLite's result code, and PostgreSQL translates its messages. Every error that is
/// not the violation of a constraint is therefore the database's: the server's own queries are fixed and tested.
pub(super) fn is_unavailable(error: &DieselError) -> bool {
    let is_database_error = matches!(
        cause(error),
        DieselError::DatabaseError(DatabaseErrorKind::Unknown | DatabaseErrorKind::ReadOnlyTransaction, _)
    );
    is_database_error && !is_busy(error)
}

/// Whether another transaction was in the way. The connection can be used again.
fn is_busy(error: &DieselError) -> bool {
    match cause(error) {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DieselError::DatabaseError(_, information) => information.message().contains("database is locked"),
        _ => false,
    }
}

/// Whether an error means that the connection is lost, not that the query is wrong.
pub(super) fn is_lost(error: &DieselError) -> bool {
    matches!(
        cause(error),
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
