//! Files and folders that only their owner can read: they hold password hashes or keys.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The options to write a file that, if they create it, only its owner can read from the first byte on.
#[must_use]
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Creates a file, or empties an existing one. `None` if it is the file `source`, which is left as it is.
///
/// # Errors
/// The file cannot be written.
pub fn create_or_empty(path: &Path, source: Option<&Path>) -> io::Result<Option<File>> {
    // Not truncated before it is known to be another file.
    let file = options().create(true).truncate(false).open(path)?;
    let metadata = file.metadata()?;
    if let Some(source) = source {
        let other = std::fs::metadata(source)?;
        if (metadata.dev(), metadata.ino()) == (other.dev(), other.ino()) {
            return Ok(None);
        }
    }
    // Not a device such as /dev/stdout.
    if metadata.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.set_len(0)?;
    }
    Ok(Some(file))
}

/// Creates the folder of `path`, unless it exists.
///
/// # Errors
/// The folder cannot be created.
pub fn create_folder_of(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    if folder.exists() {
        return Ok(());
    }
    DirBuilder::new().mode(0o700).recursive(true).create(folder)
}

/// Syncs the folder of `path`: a new name must survive a power loss.
///
/// # Errors
/// The folder cannot be opened or synced.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
