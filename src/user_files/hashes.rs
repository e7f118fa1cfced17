//! Password hashes of a file: which can be stored, in which form, and what they cost.

use crate::users::argon2id::{Cost, Hasher};
use crate::users::imported_hash::{FirebaseParameters, HashFormat, ImportedHash};
use crate::users::stored_hash::StoredHash;

/// What is known of the hashes of a file beforehand.
#[derive(Clone, Default)]
pub struct HashOptions {
    /// Their format; `None` if their prefixes show it.
    pub format: Option<HashFormat>,
    /// The parameters of the Firebase project that they come from.
    pub firebase: Option<FirebaseParameters>,
}

/// A hash that can be stored.
#[derive(Clone, Debug)]
pub(super) struct CheckedHash {
    /// The text for the database; `None` if nothing is written and it would take a hash.
    pub stored: Option<String>,
    /// The name of its format.
    pub format: &'static str,
    /// Its cost, in KiB of Argon2 memory filled.
    pub work_kib: u64,
}

/// Checks hashes, and wraps those that rest on MD5 or SHA-1.
pub(super) struct HashChecker {
    options: HashOptions,
    is_check_only: bool,
    hasher: Hasher,
    cost: Cost,
}

impl HashChecker {
    pub fn new(options: HashOptions, is_check_only: bool, cost: Cost) -> Self {
        Self { options, is_check_only, hasher: Hasher::default(), cost }
    }

    /// Checks a hash. `None` for a text that other systems store for an account without a password.
    ///
    /// # Errors
    /// Why the hash cannot be used.
    pub fn check(&mut self, text: &str) -> Result<Option<CheckedHash>, String> {
        // Django's `set_unusable_password`, and locked accounts of Unix.
        if text.starts_with('!') || text == "*" {
            return Ok(None);
        }
        // As `vestibule export` writes it.
        if let Some(hash) = StoredHash::parse_exported(text) {
            let (format, work_kib) = (hash.format_name(), hash.work_kib());
            return Ok(Some(CheckedHash { stored: Some(hash.to_string()), format, work_kib }));
        }
        let HashOptions { format, firebase } = &self.options;
        let hash = ImportedHash::parse(text, *format, firebase.as_ref()).map_err(|error| error.to_string())?;
        let (format, work_kib) = (hash.format().name(), hash.work_kib());
        let is_stored = !(self.is_check_only && hash.needs_wrapping());
        let stored = is_stored.then(|| hash.into_stored(&mut self.hasher, self.cost).to_string());
        Ok(Some(CheckedHash { stored, format, work_kib }))
    }
}
