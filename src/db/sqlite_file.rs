//! The file of a SQLite database: whether it is still the one that was opened, and whether it is damaged.

use std::path::{Path, PathBuf};

use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::connection::DbConnection;
use super::error::DbError;

/// What a path keeps in a URI.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// A transaction writes tens of kilobytes, and moving the write-ahead log into the file needs room for new pages.
const MIN_SPACE: u64 = 1024 * 1024;

/// A file by device and inode, which another file under the same name does not share.
#[derive(Clone, Debug)]
pub(super) struct SqliteFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl SqliteFile {
    /// The file that has this name now.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(path) }
    }

    /// Whether another file has the name now, or none. `false` if there was no file in the first place.
    pub fn is_replaced(&self) -> bool {
        self.identity.is_some() && identity(&self.path) != self.identity
    }

    /// Whether the file system has less than [`MIN_SPACE`] left. `false` if that is not known.
    pub fn is_short_of_space(&self) -> bool {
        available_bytes(&self.path).is_some_and(|available| available < MIN_SPACE)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Renames the write-ahead log of a file that was replaced, and returns the new names. SQLite would apply the log to the
/// file that has the name now: a restored backup would be undone or damaged. The new names match
/// `<file>.replaced-<Unix time>`, so that SQLite finds the log again if the old file gets this name.
///
/// # Errors
/// A file cannot be renamed.
pub fn set_log_aside(path: &Path, unix_time: i64) -> std::io::Result<Vec<PathBuf>> {
    let mut renamed = Vec::new();
    for suffix in ["-wal", "-shm"] {
        let name = |middle: &str| with_suffix(path, &format!("{middle}{suffix}"));
        let aside = name(&format!(".replaced-{unix_time}"));
        match std::fs::rename(name(""), &aside) {
            Ok(()) => renamed.push(aside),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(renamed)
}

/// The path with `suffix` after its file name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether both names lead to one file.
pub(super) fn is_same_file(left: &Path, right: &Path) -> bool {
    match (std::fs::canonicalize(left), std::fs::canonicalize(right)) {
        (Ok(left_path), Ok(right_path)) => {
            left_path == right_path || identity(left).is_some_and(|one| Some(one) == identity(right))
        }
        _ => false,
    }
}

/// The URI that opens an existing file and creates none (SQLite, "Uniform Resource Identifiers").
pub(super) fn existing_file_uri(path: &Path) -> String {
    format!("file:{}?mode=rw", percent_encode(path.as_os_str().as_encoded_bytes(), IN_PATH))
}

#[cfg(unix)]
fn available_bytes(path: &Path) -> Option<u64> {
    // Some network and virtual file systems report no size at all.
    let system = rustix::fs::statvfs(path).ok().filter(|system| system.f_blocks > 0)?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

#[cfg(not(unix))]
fn available_bytes(_path: &Path) -> Option<u64> {
    None
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_path: &Path) -> Option<(u64, u64)> {
    None
}

#[derive(QueryableByName)]
struct Check {
    #[diesel(sql_type = sql_types::Text)]
    quick_check: String,
}

/// Reads all pages and returns the first damage, if any. Diesel cannot interrupt it: it reads on after the limit of its job. `None` on PostgreSQL, which checks its pages itself.
pub(super) fn find_damage(conn: &mut DbConnection) -> Result<Option<String>, DbError> {
    let DbConnection::Sqlite(conn) = conn else { return Ok(None) };
    match sql_query("PRAGMA quick_check(1)").get_result::<Check>(conn).map_err(DbError::from) {
        Ok(check) => Ok(Some(check.quick_check).filter(|result| result != "ok")),
        // A damaged schema stops the check itself.
        Err(DbError::Unavailable(error)) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}
