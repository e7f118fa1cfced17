//! The server key: read from the settings, or from a file next to the SQLite database that the first start creates.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::config::{Config, DatabaseUrl};
use crate::db::migrations::{self, MigrationError};
use crate::db::{Db, DbError, backup};
use crate::private_file;
use crate::secret::ServerKey;
use crate::tokens;

/// An error while finding or creating the server key.
#[derive(Debug, thiserror::Error)]
pub enum ServerKeyError {
    /// PostgreSQL requires the setting, because instances on several machines share the key.
    #[error(
        "SERVER_KEY is not set, and Postgres requires it. Put this line in .env or your secret store, the same for all instances:\nSERVER_KEY={0}"
    )]
    Missing(String),
    /// The key file is missing, and the database contains data that only its key decrypts.
    #[error("the database contains keys or sessions, but {} is missing: restore the file from a backup, or set SERVER_KEY to the key this database was used with", .0.display())]
    Lost(PathBuf),
    /// There is a key file, and the database that it belongs to is missing or empty.
    #[error(
        "the server key {key} exists, but the database {database} is missing or empty: delete {file}-wal and {file}-shm, if they exist, and restore the database from a backup, or correct DATABASE_URL. To start with a new database, move the key away, if no other database uses it", key = key.display(), file = file.display()
    )]
    DatabaseLost {
        /// The database.
        database: String,
        /// The file of the database.
        file: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] MigrationError),
    /// The key file cannot be read or written, or does not contain a key.
    #[error("server key file {}: {reason}", path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A database query failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The source of a server key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerKeySource {
    /// The settings.
    Setting,
    /// An existing file.
    File(PathBuf),
    /// A file that this start created.
    Created(PathBuf),
}

/// Finds the existing key, without creating one.
pub fn find(config: &Config) -> Result<Option<(ServerKey, ServerKeySource)>, ServerKeyError> {
    if let Some(key) = &config.server_key {
        return Ok(Some((key.clone(), ServerKeySource::Setting)));
    }
    match key_file(&config.database) {
        Some(path) => Ok(read(&path)?.map(|key| (key, ServerKeySource::File(path)))),
        None => Ok(None),
    }
}

/// Rejects a key file without its database, before a new database is created: a server that lost its accounts would offer
/// to create the first administrator. The first start creates the database first, so an interrupted one passes. So does
/// a start whose key is in the settings, or beside another database, to which the key file may belong.
///
/// # Errors
/// [`ServerKeyError::DatabaseLost`], or the file cannot be opened.
pub fn reject_lost_database(config: &Config) -> Result<(), ServerKeyError> {
    let DatabaseUrl::Sqlite(file) = &config.database else { return Ok(()) };
    if config.server_key.is_some() {
        return Ok(());
    }
    // In this order: another process may create both in between.
    match key_file(&config.database).filter(|key| key.exists()) {
        Some(key) if migrations::is_new(&config.database)? && !has_other_database(file) => {
            Err(ServerKeyError::DatabaseLost { database: config.database.to_string(), file: file.clone(), key })
        }
        _ => Ok(()),
    }
}

/// Whether another SQLite file is in the folder of this one.
fn has_other_database(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        // Opening a pipe could wait for ever.
        entry.file_type().is_ok_and(|kind| kind.is_file())
            && Some(entry.file_name().as_os_str()) != file.file_name()
            && backup::is_sqlite_file(&entry.path())
    })
}

/// Finds the key, or creates it on the first start with SQLite.
pub async fn find_or_create(config: &Config, db: &Db) -> Result<(ServerKey, ServerKeySource), ServerKeyError> {
    if let Some(found) = find(config)? {
        return Ok(found);
    }
    let Some(path) = key_file(&config.database) else {
        return Err(ServerKeyError::Missing(ServerKey::generate().reveal().to_string()));
    };
    let is_in_use = db.read(|conn| -> Result<_, DbError> { Ok(tokens::has_keys_or_sessions(conn)?) }).await?;
    if is_in_use {
        // Another process may have created the file since `find`; it writes the file before it uses the key.
        return read(&path)?.map(|key| (key, ServerKeySource::File(path.clone()))).ok_or(ServerKeyError::Lost(path));
    }
    if create_file(&path, &ServerKey::generate())? {
        tracing::debug!(path = %path.display(), "server key created");
    }
    let key = read(&path)?.ok_or_else(|| ServerKeyError::Lost(path.clone()))?;
    Ok((key, ServerKeySource::Created(path)))
}

/// The key file of a SQLite database, whether it exists or not; `None` on PostgreSQL.
#[must_use]
pub fn key_file(database: &DatabaseUrl) -> Option<PathBuf> {
    match database {
        DatabaseUrl::Sqlite(path) => Some(path.with_file_name("server.key")),
        DatabaseUrl::Postgres(_) => None,
    }
}

pub(super) fn read(path: &Path) -> Result<Option<ServerKey>, ServerKeyError> {
    let file_error = |reason: String| ServerKeyError::File { path: path.to_owned(), reason };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(format!("cannot be read ({error})"))),
    };
    warn_if_readable_by_others(path);
    ServerKey::parse(&text).map(Some).ok_or_else(|| {
        file_error("does not contain 32 bytes or more in base64 or hex: restore it from a backup".to_owned())
    })
}

/// Writes the key to a draft and links it to `path`, which fails if another process was first. No process reads a
/// partial key, and servers that start at the same time use the same one. Returns whether this call created the file.
pub(super) fn create_file(path: &Path, key: &ServerKey) -> Result<bool, ServerKeyError> {
    let file_error = |error: std::io::Error| ServerKeyError::File {
        path: path.to_owned(),
        reason: format!("cannot be created ({error})"),
    };
    let draft = path.with_file_name(format!(".server.key.{}", crate::secret::random_id()));
    let written = private_file::options().create_new(true).open(&draft).and_then(|mut file| {
        writeln!(file, "{}", *key.reveal())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| match std::fs::hard_link(&draft, path) {
        Ok(()) => private_file::sync_folder_of(path).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    });
    let removed = std::fs::remove_file(&draft);
    let made = linked.map_err(file_error)?;
    removed.map_err(file_error)?;
    Ok(made)
}

fn warn_if_readable_by_others(path: &Path) {
    if is_readable_by_others(path) {
        tracing::warn!(path = %path.display(), "other users can read the server key file: run chmod 600 on it");
    }
}

/// Whether other users of the machine can read or change a file.
#[must_use]
pub fn is_readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
