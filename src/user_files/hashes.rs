//! Password hashes of a file: which can be stored, in which form, and what they cost.

use std::num::NonZeroUsize;

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

/// The most threads that wrap hashes; each needs the memory of one.
const MAX_WRAPPING_THREADS: usize = 16;

/// A hash that can be stored.
#[derive(Clone, Debug)]
pub(super) struct CheckedHash {
    /// The text for the database; `None` if it rests on MD5 or SHA-1, and is wrapped only before it is written.
    pub stored: Option<String>,
    /// The hash to wrap.
    pub unwrapped: Option<Box<ImportedHash>>,
    /// The name of its format.
    pub format: &'static str,
    /// Its cost, in KiB of Argon2 memory filled.
    pub work_kib: u64,
}

/// Checks hashes.
pub(super) struct HashChecker {
    options: HashOptions,
}

impl HashChecker {
    pub fn new(options: HashOptions) -> Self {
        Self { options }
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
        if let Some(hash) = StoredHash::parse_exported(text) {
            let (format, work_kib) = (hash.format_name(), hash.work_kib());
            return Ok(Some(CheckedHash { stored: Some(hash.to_string()), unwrapped: None, format, work_kib }));
        }
        let HashOptions { format, firebase } = &self.options;
        let hash = ImportedHash::parse(text, *format, firebase.as_ref()).map_err(|error| error.to_string())?;
        let (format, work_kib) = (hash.format().name(), hash.work_kib());
        if hash.needs_wrapping() {
            return Ok(Some(CheckedHash { stored: None, unwrapped: Some(Box::new(hash)), format, work_kib }));
        }
        let stored = Some(StoredHash::Imported(Box::new(hash)).to_string());
        Ok(Some(CheckedHash { stored, unwrapped: None, format, work_kib }))
    }
}

/// Wraps hashes on all processors, each in about the time of a new hash. Returns the texts for the database, in the same
/// order.
pub(super) fn wrap_all(unwrapped: &[&ImportedHash], cost: Cost) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_WRAPPING_THREADS);
    let part = unwrapped.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let wrap = |part: &[&ImportedHash]| {
            let mut hasher = Hasher::default();
            part.iter().map(|hash| (*hash).clone().into_stored(&mut hasher, cost).to_string()).collect::<Vec<_>>()
        };
        let running: Vec<_> = unwrapped.chunks(part).map(|part| scope.spawn(move || wrap(part))).collect();
        let results = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        results.flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
