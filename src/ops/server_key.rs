//! The server's own secret: given as a setting, or kept in a file beside a SQLite database and made at the first start.
//! What may not live here: what is derived from it (`secret`), and its change (`server_key_change.rs`).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::config::{Config, DatabaseUrl};
use crate::db::{Db, DbError};
use crate::secret::ServerKey;
use crate::tokens;

/// Why there is no server key.
#[derive(Debug, thiserror::Error)]
pub enum ServerKeyError {
    /// With Postgres it must be given: instances on several machines share it.
    #[error(
        "SERVER_KEY is not set, and with Postgres it must be. Keep this line in .env or your secret store, the same for all instances:\nSERVER_KEY={0}"
    )]
    Missing(String),
    /// The database was used with a key that is gone: a new one would open nothing.
    #[error("the database holds keys or sessions, but {} is missing: put the file back from a backup, or set SERVER_KEY to the key that this database was used with", .0.display())]
    Lost(PathBuf),
    /// The file cannot be read or written, or holds no key.
    #[error("the server key file {}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Where a server key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The settings.
    Setting,
    /// A file that was there.
    File(PathBuf),
    /// A file that was just made.
    Made(PathBuf),
}

/// Finds the key that exists, without making one.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn find(config: &Config) -> Result<Option<(ServerKey, Source)>, ServerKeyError> {
    if let Some(key) = &config.server_key {
        return Ok(Some((key.clone(), Source::Setting)));
    }
    match key_file(&config.database) {
        Some(path) => Ok(read(&path)?.map(|key| (key, Source::File(path)))),
        None => Ok(None),
    }
}

/// Finds the key, or makes it on a first start with SQLite.
///
/// # Errors
/// [`ServerKeyError`].
pub async fn find_or_make(config: &Config, db: &Db) -> Result<(ServerKey, Source), ServerKeyError> {
    if let Some(found) = find(config)? {
        return Ok(found);
    }
    let Some(path) = key_file(&config.database) else {
        return Err(ServerKeyError::Missing(ServerKey::generate().reveal().to_string()));
    };
    let is_in_use = db.read(|conn| -> Result<_, DbError> { Ok(tokens::has_keys(conn)?) }).await?;
    if is_in_use {
        // Another process may have made both since we looked: it writes the file before it uses the key.
        return read(&path)?.map(|key| (key, Source::File(path.clone()))).ok_or(ServerKeyError::Lost(path));
    }
    if make(&path, &ServerKey::generate())? {
        tracing::debug!(path = %path.display(), "server key made");
    }
    let key = read(&path)?.ok_or_else(|| ServerKeyError::Lost(path.clone()))?;
    Ok((key, Source::Made(path)))
}

fn key_file(database: &DatabaseUrl) -> Option<PathBuf> {
    match database {
        DatabaseUrl::Sqlite(path) => Some(path.with_file_name("server.key")),
        DatabaseUrl::Postgres(_) => None,
    }
}

pub(super) fn read(path: &Path) -> Result<Option<ServerKey>, ServerKeyError> {
    let fault = |reason: String| ServerKeyError::File { path: path.to_owned(), reason };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(format!("it cannot be read ({error})"))),
    };
    warn_if_readable_by_others(path);
    ServerKey::parse(&text).map(Some).ok_or_else(|| {
        fault("it does not hold 32 bytes or more in base64 or hex: put it back from a backup".to_owned())
    })
}

/// Writes a key whole under a name of its own and then links it into place, which fails when another process was first:
/// nobody ever reads half a key, and of eight servers started at once all use one. Returns whether this call made it.
pub(super) fn make(path: &Path, key: &ServerKey) -> Result<bool, ServerKeyError> {
    let fault = |error: std::io::Error| ServerKeyError::File {
        path: path.to_owned(),
        reason: format!("it cannot be made ({error})"),
    };
    let draft = path.with_file_name(format!(".server.key.{}", crate::secret::random_id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        writeln!(file, "{}", *key.reveal())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| match std::fs::hard_link(&draft, path) {
        Ok(()) => sync_folder(path).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    });
    let removed = std::fs::remove_file(&draft);
    let made = linked.map_err(fault)?;
    removed.map_err(fault)?;
    Ok(made)
}

/// A key that is in use must be there after a power cut.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::File::open(folder)?.sync_all(),
        _ => std::fs::File::open(".")?.sync_all(),
    }
}

fn warn_if_readable_by_others(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "others can read the server key: chmod 600 it");
        }
    }
}
