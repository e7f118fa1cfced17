//! Password hashes of a file: which can be stored, in which form, and what they cost.

use std::sync::{Mutex, PoisonError};

use crate::users::argon2id::{Cost, Hasher};
use crate::users::imported_hash::{HashFormat, ImportedHash};
use crate::users::stored_hash::StoredHash;

/// A hash that can be stored.
#[derive(Clone, Debug)]
pub(super) struct CheckedHash {
    /// The text for the database.
    pub stored: String,
    /// The name of its format.
    pub format: &'static str,
    /// Its cost, in KiB of Argon2 memory filled.
    pub work_kib: u64,
}

/// Checks hashes, and wraps those that rest on MD5 or SHA-1.
pub(super) struct HashChecker {
    /// The format of all hashes of the file; `None` if their prefixes tell.
    format: Option<HashFormat>,
    /// Computes the hashes around weak ones; `None` if nothing is written.
    hasher: Option<Mutex<Hasher>>,
    cost: Cost,
}

impl HashChecker {
    pub fn new(format: Option<HashFormat>, is_check_only: bool, cost: Cost) -> Self {
        Self { format, hasher: (!is_check_only).then(Mutex::default), cost }
    }

    /// Checks a hash. `None` for a text that other systems store for an account without a password.
    ///
    /// # Errors
    /// Why the hash cannot be used.
    pub fn check(&self, text: &str) -> Result<Option<CheckedHash>, String> {
        // Django's `set_unusable_password`, and locked accounts of Unix.
        if text.starts_with('!') || text == "*" {
            return Ok(None);
        }
        // As `vestibule export` writes it.
        if let Some(hash) = StoredHash::parse(text) {
            let (format, work_kib) = (hash.format_name(), hash.work_kib());
            return Ok(Some(CheckedHash { stored: text.to_owned(), format, work_kib }));
        }
        let hash = ImportedHash::parse(text, self.format, None).map_err(|error| error.to_string())?;
        let stored = match &self.hasher {
            Some(hasher) if hash.needs_wrapping() => {
                hash.wrap(&mut hasher.lock().unwrap_or_else(PoisonError::into_inner), self.cost)
            }
            _ => hash.to_stored(),
        };
        Ok(Some(CheckedHash { stored, format: hash.format().name(), work_kib: hash.work_kib() }))
    }
}
