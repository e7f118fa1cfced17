//! Password hashes of a file: which can be stored, in which form, and what they cost.

use crate::users::argon2id::PasswordHash;

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

/// Checks a hash. `None` for a text that other systems store for an account without a password.
///
/// # Errors
/// Why the hash cannot be used.
pub(super) fn check(text: &str) -> Result<Option<CheckedHash>, String> {
    // Django's `set_unusable_password`, and locked accounts of Unix.
    if text.starts_with('!') || text == "*" {
        return Ok(None);
    }
    let hash = PasswordHash::parse(text)
        .ok_or("not a usable Argon2id hash: use the form $argon2id$v=19$m=…,t=…,p=…$salt$hash")?;
    Ok(Some(CheckedHash { stored: hash.to_string(), format: "argon2id", work_kib: hash.cost().work_kib() }))
}
