//! Another server key in place of the one in use. The new key is written down before anything is sealed under it, and takes the old
//! one's place after all is: wherever a power cut falls, the key that opens the database is on the disk, and the command, run again,
//! goes on from there. What may not live here: the sealing (`tokens`).

use std::path::{Path, PathBuf};

use super::server_key::{ServerKeyError, Source, make, read, sync_folder};
use crate::secret::ServerKey;

/// A change that was prepared.
#[derive(Debug)]
pub struct Change {
    /// The key to seal under.
    pub new: ServerKey,
    /// The file to replace, when the server reads its key from one beside the database.
    file: Option<PathBuf>,
}

/// Why there is no new server key.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The key in use was given as a setting, and so must the new one be.
    #[error(
        "the server key comes from the settings: write the new one into a file, such as with `openssl rand -base64 32`, and name it with --new-server-key-file"
    )]
    NotGiven,
    /// The named file is not there.
    #[error("the new server key file {} is not there", .0.display())]
    NoFile(PathBuf),
    /// An earlier run was cut off with another new key.
    #[error(
        "{} holds another new key, of a run that was cut off: run the command without --new-server-key-file to finish that one first", .0.display()
    )]
    Unfinished(PathBuf),
    /// A key file cannot be read or written.
    #[error(transparent)]
    File(#[from] ServerKeyError),
}

/// Finds the new key: in `given`, or left by a run that was cut off, or made now. Beside a SQLite database it is on the disk then, in
/// `server.key.new`.
///
/// # Errors
/// [`ChangeError`].
pub fn prepare(source: &Source, given: Option<&Path>) -> Result<Change, ChangeError> {
    let given = given.map(|path| read(path)?.ok_or_else(|| ChangeError::NoFile(path.to_owned()))).transpose()?;
    let (Source::File(file) | Source::Made(file)) = source else {
        return given.map(|new| Change { new, file: None }).ok_or(ChangeError::NotGiven);
    };
    let staged = staged(file);
    make(&staged, given.as_ref().unwrap_or(&ServerKey::generate()))?;
    let new = read(&staged)?.ok_or_else(|| ServerKeyError::Lost(staged.clone()))?;
    match given {
        Some(given) if *given.reveal() != *new.reveal() => Err(ChangeError::Unfinished(staged)),
        _ => Ok(Change { new, file: Some(file.clone()) }),
    }
}

impl Change {
    /// Puts the new key in the old one's place, after everything is sealed under it. Returns the file, when there is one.
    ///
    /// # Errors
    /// When it cannot be replaced; the new key is in `server.key.new` still.
    pub fn finish(self) -> Result<Option<PathBuf>, ServerKeyError> {
        let Some(file) = self.file else { return Ok(None) };
        match std::fs::rename(staged(&file), &file).and_then(|()| sync_folder(&file)) {
            Ok(()) => Ok(Some(file)),
            // Another run of the command was at the same point.
            Err(_) if read(&file)?.is_some_and(|key| *key.reveal() == *self.new.reveal()) => Ok(Some(file)),
            Err(error) => Err(ServerKeyError::File {
                path: file,
                reason: format!("it cannot be replaced by server.key.new ({error})"),
            }),
        }
    }
}

fn staged(file: &Path) -> PathBuf {
    file.with_extension("key.new")
}
