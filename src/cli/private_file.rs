//! Files that only their owner can read, because they contain password hashes.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Creates a file, or empties an existing one. `None` if it is the file `source`, which is left as it is.
///
/// # Errors
/// The file cannot be written.
pub fn create_private(path: &Path, source: Option<&Path>) -> io::Result<Option<File>> {
    // Not truncated before it is known to be another file.
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
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
