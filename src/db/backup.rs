//! A backup of a SQLite database into one new file, while other processes read and write it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use diesel::{RunQueryDsl as _, sql_query, sql_types};

use super::connection::{DbConnection, START_WAIT};
use super::sqlite_file::{existing_file_uri, is_same_file};
use crate::config::DatabaseUrl;
use crate::private_file;
use crate::secret::random_id;

/// Why there is no backup. An existing file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL has a tool of its own.
    #[error("{0} is not a SQLite database")]
    NotSqlite(String),
    /// The file exists, and replacing it was not allowed.
    #[error("the file {} exists", .0.display())]
    Exists(PathBuf),
    /// The file must not be replaced: it is no earlier backup, or it is in use.
    #[error("the file {} cannot be replaced: {reason}", path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// What it is.
        reason: &'static str,
    },
    /// The backup cannot be written.
    #[error("cannot write the backup {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The database cannot be read, or the disk is full.
    #[error("cannot back up the database {database}: {reason}")]
    Database {
        /// The database.
        database: String,
        /// SQLite's error.
        reason: String,
    },
}

/// Copies the SQLite database into `target`, as it is at one moment: with all committed transactions, those in the
/// write-ahead log included. It blocks no reader and no writer. The copy is a single file without a write-ahead log,
/// that only its owner can read from the first byte on. It is written beside `target` and renamed when it is on disk.
/// Returns its size in bytes.
///
/// # Errors
/// `target` exists and `may_replace` is false, or it is not a backup; the database cannot be read; the file cannot be
/// written.
pub fn back_up(url: &DatabaseUrl, target: &Path, may_replace: bool) -> Result<u64, BackupError> {
    let DatabaseUrl::Sqlite(source) = url else { return Err(BackupError::NotSqlite(url.to_string())) };
    check_target(source, target, may_replace)?;
    let failed = |error| BackupError::Write { path: target.to_owned(), error };
    let mut draft = Draft::create_beside(target).map_err(failed)?;
    vacuum_into(url, &draft.path).map_err(|reason| BackupError::Database { database: url.to_string(), reason })?;
    let size =
        File::open(&draft.path).and_then(|file| file.sync_all().and_then(|()| file.metadata())).map_err(failed)?.len();
    if !may_replace {
        // The name is taken before the rename, which would replace a file that another process has made since the check.
        match private_file::options().create_new(true).open(target) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists(target.to_owned()));
            }
            taken => taken.map_err(failed)?,
        };
    }
    draft.rename_to(target).and_then(|()| private_file::sync_folder_of(target)).map_err(failed)?;
    Ok(size)
}

fn check_target(source: &Path, target: &Path, may_replace: bool) -> Result<(), BackupError> {
    let metadata = match fs::metadata(target) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        metadata => metadata.map_err(|error| BackupError::Write { path: target.to_owned(), error })?,
    };
    let refused = |reason| Err(BackupError::NotABackup { path: target.to_owned(), reason });
    if is_same_file(source, target) {
        return refused("it is the database itself");
    }
    if !may_replace {
        return Err(BackupError::Exists(target.to_owned()));
    }
    // A slip such as the name of the server key would destroy it.
    if !metadata.is_file() || (metadata.len() > 0 && !is_sqlite_file(target)) {
        return refused("it is not a SQLite database");
    }
    // The log of the old file would be applied to the new one.
    let log = super::sqlite_file::with_suffix(target, "-wal");
    if log.exists() {
        return refused("a program has it open, or it was not closed: there is a write-ahead log beside it (-wal)");
    }
    Ok(())
}

/// Whether a file begins as SQLite's do (SQLite, "Database File Format", 1.3.1).
#[must_use]
pub fn is_sqlite_file(path: &Path) -> bool {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let mut head = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok_and(|()| &head == MAGIC)
}

/// Reads within one snapshot and writes all of it into the empty file `target`.
fn vacuum_into(url: &DatabaseUrl, target: &Path) -> Result<(), String> {
    let mut connection = DbConnection::open(url, START_WAIT, "").map_err(|error| error.to_string())?;
    let DbConnection::Sqlite(connection) = &mut connection else { return Ok(()) };
    let query = sql_query("VACUUM INTO ?").bind::<sql_types::Text, _>(existing_file_uri(target));
    query.execute(connection).map(drop).map_err(|error| error.to_string())
}

/// A file that is deleted unless it gets its final name.
struct Draft {
    path: PathBuf,
    is_renamed: bool,
}

impl Draft {
    fn create_beside(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or_else(|| io::Error::other("it is a folder"))?;
        let mut draft = std::ffi::OsString::from(".");
        draft.push(name);
        draft.push(format!(".{}", random_id()));
        let path = target.with_file_name(draft);
        private_file::options().create_new(true).open(&path)?;
        Ok(Self { path, is_renamed: false })
    }

    fn rename_to(&mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_renamed {
            // The error that caused it is reported.
            let _ = fs::remove_file(&self.path);
        }
    }
}
