//! The password hash in a user's row: Argon2id, or that of another system until the user signs in.

use std::fmt;

use super::argon2id::{Cost, Hasher, PasswordHash};
use super::imported_hash::{ImportedHash, WrappedHash};
use super::password::Password;

/// What precedes Vestibule's own hash in an exported file. A bare Argon2id hash in a file is another system's, of the
/// password as it was typed.
const EXPORT_PREFIX: &str = "$vestibule";

/// A stored password hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredHash {
    /// Argon2id of the prepared password.
    Argon2id(PasswordHash),
    /// The hash of another system.
    Imported(Box<ImportedHash>),
    /// Argon2id over the hash of another system.
    Wrapped(Box<WrappedHash>),
}

impl StoredHash {
    /// Parses the column `users.password_hash`; `None` if it is malformed or costs more than the ceilings allow.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        PasswordHash::parse(text)
            .map(Self::Argon2id)
            .or_else(|| ImportedHash::from_stored(text).map(|hash| Self::Imported(Box::new(hash))))
            .or_else(|| WrappedHash::parse(text).map(|hash| Self::Wrapped(Box::new(hash))))
    }

    /// Parses what [`Self::export_text`] returned; `None` for any other text, which another system may have written.
    #[must_use]
    pub fn parse_exported(text: &str) -> Option<Self> {
        match text.strip_prefix(EXPORT_PREFIX) {
            Some(own) => PasswordHash::parse(own).map(Self::Argon2id),
            None => Self::parse(text).filter(|hash| hash.argon2id().is_none()),
        }
    }

    /// The text of an exported file for the text of the column.
    #[must_use]
    pub fn export_text(stored: &str) -> String {
        let is_own = PasswordHash::parse(stored).is_some();
        format!("{}{stored}", if is_own { EXPORT_PREFIX } else { "" })
    }

    /// The Argon2id hash; `None` for one of another system.
    #[must_use]
    pub fn argon2id(&self) -> Option<&PasswordHash> {
        match self {
            Self::Argon2id(hash) => Some(hash),
            Self::Imported(_) | Self::Wrapped(_) => None,
        }
    }

    /// The name of its format: `argon2id`, or that of [`HashFormat`](super::imported_hash::HashFormat).
    #[must_use]
    pub fn format_name(&self) -> &'static str {
        match self {
            Self::Argon2id(_) => "argon2id",
            Self::Imported(hash) => hash.format().name(),
            Self::Wrapped(hash) => hash.format().name(),
        }
    }

    /// The work of verifying it, in KiB of Argon2.
    #[must_use]
    pub fn work_kib(&self) -> u64 {
        match self {
            Self::Argon2id(hash) => hash.cost().work_kib(),
            Self::Imported(hash) => hash.work_kib(),
            Self::Wrapped(hash) => hash.work_kib(),
        }
    }

    /// Whether a sign-in should replace it by Argon2id of the cost `today`.
    #[must_use]
    pub fn should_be_replaced(&self, today: Cost) -> bool {
        self.argon2id().is_none_or(|hash| hash.cost().is_weaker_than(today))
    }

    /// Whether a password matches `hash`. Without a hash it computes one of the cost `today`, and after one that costs
    /// less than today's another one for the difference.
    #[must_use]
    pub fn verify(hasher: &mut Hasher, password: &Password, hash: Option<&Self>, today: Cost) -> bool {
        let is_correct = match hash {
            None => return hasher.verify(password.bytes(), None, today),
            Some(Self::Argon2id(hash)) => return hasher.verify(password.bytes(), Some(hash), today),
            Some(Self::Imported(hash)) => hash.verify(hasher, password),
            Some(Self::Wrapped(hash)) => hash.verify(hasher, password),
        };
        hasher.fill_up(password.bytes(), hash.map_or(0, Self::work_kib), today);
        is_correct
    }
}

impl From<PasswordHash> for StoredHash {
    fn from(hash: PasswordHash) -> Self {
        Self::Argon2id(hash)
    }
}

/// The text of the column `users.password_hash`.
impl fmt::Display for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2id(hash) => hash.fmt(f),
            Self::Imported(hash) => f.write_str(&hash.stored_text()),
            Self::Wrapped(hash) => hash.fmt(f),
        }
    }
}
