//! Why migrations were not run, listed or reverted.

use crate::config::DatabaseUrl;
use crate::db::DbError;

/// An error while running, listing or reverting migrations.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database cannot be opened or queried.
    #[error("cannot open the database {url}: {reason}")]
    Open {
        /// The database URL, without its password.
        url: String,
        /// The database's error.
        reason: String,
        /// Whether the same attempt may succeed later: the server cannot be reached, or the file is locked.
        is_temporary: bool,
    },
    /// The database has migrations that this binary does not know.
    #[error(
        "the database is newer than this release ({this}): it has unknown migrations ({unknown}). Use the release that last ran here, or a newer one"
    )]
    Newer {
        /// This binary's version.
        this: &'static str,
        /// The unknown versions.
        unknown: String,
    },
    /// The database cannot store every character.
    #[error(
        "the database has the encoding {0}, but UTF8 is needed: create another one, with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding(String),
    /// The backup before the migrations failed.
    #[error(
        "{0}; no migration was run. Free disk space or correct the permissions, or back up yourself and run \"vestibule migrate run --no-backup\""
    )]
    Backup(String),
    /// A migration failed; everything was rolled back.
    #[error("a migration failed; nothing was changed: {0}")]
    Failed(String),
}

impl MigrationError {
    /// Whether the same attempt may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Open { is_temporary: true, .. })
    }

    pub(super) fn open(url: &DatabaseUrl, reason: &str) -> Self {
        let is_temporary = match url {
            // A missing folder or permission stays missing.
            DatabaseUrl::Sqlite(_) => reason.contains("locked"),
            // PostgreSQL translates its errors, so a wrong password is not told from a server that is starting.
            DatabaseUrl::Postgres(_) => true,
        };
        Self::Open { url: url.to_string(), reason: reason.trim_end().to_owned(), is_temporary }
    }
}

impl From<DbError> for MigrationError {
    fn from(error: DbError) -> Self {
        use std::error::Error as _;
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Self::Failed(cause)
    }
}
