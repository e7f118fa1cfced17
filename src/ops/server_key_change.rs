//! Rotation of the server key, in steps that can be interrupted and run again.

use std::path::{Path, PathBuf};

use super::server_key::{ServerKeyError, ServerKeySource, create_file, read};
use crate::private_file::sync_folder_of;
use crate::secret::ServerKey;

/// A prepared rotation. The new key is on disk before anything is encrypted with it, and replaces the old one only
/// after everything is. A power loss at any point therefore leaves the key that decrypts the database on disk, and the
/// command can run again.
#[derive(Debug)]
pub struct ServerKeyChange {
    /// The key to encrypt with.
    pub new: ServerKey,
    /// The key file to replace; `None` when the key comes from the settings.
    file: Option<PathBuf>,
}

/// An error while rotating the server key.
#[derive(Debug, thiserror::Error)]
pub enum ServerKeyChangeError {
    /// The current key comes from the settings, so the new one must be given.
    #[error(
        "the server key comes from the settings: write a new one to a file, for example with `openssl rand -base64 32`, and pass the file with --new-server-key-file"
    )]
    NotGiven,
    /// The file with the new key does not exist.
    #[error("the new server key file {} does not exist: check the path", .0.display())]
    NoFile(PathBuf),
    /// An interrupted run used another new key.
    #[error(
        "{} contains another new key, from an interrupted run: run the command without --new-server-key-file to finish that run first", .0.display()
    )]
    Unfinished(PathBuf),
    /// A key file cannot be read or written.
    #[error(transparent)]
    File(#[from] ServerKeyError),
}

/// Reads the new key from `given`, takes it from an interrupted run, or generates it. With a key file, writes the new
/// key to `server.key.new`.
pub fn prepare(source: &ServerKeySource, given: Option<&Path>) -> Result<ServerKeyChange, ServerKeyChangeError> {
    let given =
        given.map(|path| read(path)?.ok_or_else(|| ServerKeyChangeError::NoFile(path.to_owned()))).transpose()?;
    let (ServerKeySource::File(file) | ServerKeySource::Created(file)) = source else {
        return given.map(|new| ServerKeyChange { new, file: None }).ok_or(ServerKeyChangeError::NotGiven);
    };
    let staged = staged(file);
    create_file(&staged, given.as_ref().unwrap_or(&ServerKey::generate()))?;
    let new = read(&staged)?.ok_or_else(|| ServerKeyError::Lost(staged.clone()))?;
    match given {
        Some(given) if *given.reveal() != *new.reveal() => Err(ServerKeyChangeError::Unfinished(staged)),
        _ => Ok(ServerKeyChange { new, file: Some(file.clone()) }),
    }
}

impl ServerKeyChange {
    /// Replaces the old key file, after everything is encrypted with the new key. Returns the file, if there is one.
    ///
    /// # Errors
    /// [`ServerKeyError::File`] when the file cannot be replaced; the new key is still in `server.key.new`.
    pub fn finish(self) -> Result<Option<PathBuf>, ServerKeyError> {
        let Some(file) = self.file else { return Ok(None) };
        match std::fs::rename(staged(&file), &file).and_then(|()| sync_folder_of(&file)) {
            Ok(()) => Ok(Some(file)),
            // Another run of the command has already replaced it.
            Err(_) if read(&file)?.is_some_and(|key| *key.reveal() == *self.new.reveal()) => Ok(Some(file)),
            Err(error) => Err(ServerKeyError::File {
                path: file,
                reason: format!("cannot be replaced with server.key.new ({error})"),
            }),
        }
    }
}

fn staged(file: &Path) -> PathBuf {
    file.with_extension("key.new")
}
