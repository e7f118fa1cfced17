//! Password hashes that other systems wrote: parsing, their cost, and verification until the first sign-in replaces
//! them by Argon2id.
//!
//! Hashes based on MD5 or SHA-1 are not stored: [`ImportedHash::into_stored`] makes an Argon2id hash of their output.

mod encoding;
mod firebase;
mod format;
mod parse;
mod recipe;

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use unicode_normalization::UnicodeNormalization as _;

use super::argon2id::{Cost, Hasher, PasswordHash};
use super::password::Password;
use super::stored_hash::StoredHash;
use crate::metrics;
use crate::secret::constant_time_eq;
pub use firebase::FirebaseParameters;
pub use format::HashFormat;
use recipe::{MAX_MEMORY_KIB, MAX_WORK_KIB, Pbkdf2Digest, Recipe};

/// The most bytes of a hash, so a long one causes no work.
const MAX_TEXT: usize = 1_024;
/// What a stored hash of another system begins with; the name of its format and its text follow.
const STORED_PREFIX: &str = "$imported$";
/// What a wrapped hash begins with: `$wrapped$format$rounds,length$salt$argon2id$…`, the salt in base64.
const WRAPPED_PREFIX: &str = "$wrapped$";

/// Why a hash cannot be imported. `Display` gives the reason and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashRejection {
    /// No known prefix.
    #[error("the format of this password hash is unknown: name it, or leave the hash out and send a reset link")]
    UnknownFormat,
    /// Not a hash of this format.
    #[error("this is not a password hash of the format {}: check the column and the format", .0.name())]
    Malformed(HashFormat),
    /// It takes more work or memory than a sign-in may cost.
    #[error(
        "this password hash ({}) takes too much time or memory to verify: leave it out and send a reset link", .0.name()
    )]
    TooExpensive(HashFormat),
    /// Hashes of this system have no prefix.
    #[error("this password hash has no prefix that shows its format: name the format, such as better-auth or firebase")]
    FormatNeeded,
    /// A Firebase hash without the parameters of its project.
    #[error("a Firebase password hash needs the parameters of its project: signer key, salt separator, rounds, memory")]
    ParametersNeeded,
}

/// A password hash of another system, within the ceilings on cost.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedHash {
    format: HashFormat,
    recipe: Recipe,
    output: Vec<u8>,
    text: String,
}

impl ImportedHash {
    /// Parses a hash as the other system writes it. Without `format`, it is recognized by its prefix. A text of
    /// [`HashFormat::Firebase`] is `salt:hash`, and needs the parameters of the project.
    ///
    /// # Errors
    /// If the format is unknown, the text malformed, or the hash too expensive.
    pub fn parse(
        text: &str,
        format: Option<HashFormat>,
        firebase: Option<&FirebaseParameters>,
    ) -> Result<Self, HashRejection> {
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b":+/=-_".contains(&byte);
        let format = match format.or_else(|| HashFormat::recognize(text)) {
            Some(format) => format,
            None if text.bytes().all(is_bare) => return Err(HashRejection::FormatNeeded),
            None => return Err(HashRejection::UnknownFormat),
        };
        let text = match (format, firebase) {
            (HashFormat::Firebase, None) => return Err(HashRejection::ParametersNeeded),
            (HashFormat::Firebase, Some(parameters)) => {
                parameters.stored_text(text).ok_or(HashRejection::Malformed(format))?
            }
            _ => text.to_owned(),
        };
        Self::from_text(text, format)
    }

    fn from_text(text: String, format: HashFormat) -> Result<Self, HashRejection> {
        let parsed = (text.len() <= MAX_TEXT && text.is_ascii()).then(|| parse::parse(&text, format)).flatten();
        let (recipe, output) = parsed.ok_or(HashRejection::Malformed(format))?;
        if recipe.work_kib(output.len()) > MAX_WORK_KIB || recipe.memory_kib() > MAX_MEMORY_KIB {
            return Err(HashRejection::TooExpensive(format));
        }
        Ok(Self { format, recipe, output, text })
    }

    /// Parses what [`Self::stored_text`] returned, with the same checks of its cost. `None` also for a hash that needs
    /// wrapping: it is never stored like this.
    #[must_use]
    pub(super) fn from_stored(text: &str) -> Option<Self> {
        let (name, text) = text.strip_prefix(STORED_PREFIX)?.split_once('$')?;
        let hash = Self::from_text(text.to_owned(), HashFormat::parse_name(name)?).ok()?;
        (!hash.needs_wrapping()).then_some(hash)
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> HashFormat {
        self.format
    }

    /// The work of verifying it, in KiB of Argon2 that take as long: comparable with [`Cost::work_kib`].
    #[must_use]
    pub fn work_kib(&self) -> u64 {
        self.recipe.work_kib(self.output.len())
    }

    /// Whether it is based on MD5 or SHA-1: [`Self::into_stored`] then computes a hash of today's cost.
    #[must_use]
    pub fn needs_wrapping(&self) -> bool {
        self.recipe.is_legacy()
    }

    /// The hash as it is stored. One based on MD5 or SHA-1 could be guessed quickly: of it are stored the parameters, the
    /// salt, and Argon2id of the output.
    #[must_use]
    pub fn into_stored(self, hasher: &mut Hasher, cost: Cost) -> StoredHash {
        if !self.needs_wrapping() {
            return StoredHash::Imported(Box::new(self));
        }
        let outer = hasher.hash(&self.output, cost);
        let Self { format, recipe, output, text: _ } = self;
        StoredHash::Wrapped(Box::new(WrappedHash { format, recipe, length: output.len(), outer }))
    }

    /// The text for the column `users.password_hash`.
    #[must_use]
    pub(super) fn stored_text(&self) -> String {
        format!("{STORED_PREFIX}{}${}", self.format.name(), self.text)
    }

    /// Whether a password matches.
    pub(super) fn verify(&self, hasher: &mut Hasher, password: &Password) -> bool {
        metrics::PASSWORD_HASHES.increment();
        metrics::PASSWORD_HASH_WORK.add(self.work_kib());
        let output = self.recipe.compute(hasher, &password_bytes(self.format, password), self.output.len());
        constant_time_eq(&output, &self.output)
    }
}

/// Prints only the format: a reader of the log could attack the hash.
impl fmt::Debug for ImportedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportedHash({})", self.format.name())
    }
}

/// Argon2id over the output of a hash that is based on MD5 or SHA-1.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedHash {
    format: HashFormat,
    recipe: Recipe,
    length: usize,
    outer: PasswordHash,
}

impl WrappedHash {
    /// Parses its text, with the same checks of its cost.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix(WRAPPED_PREFIX)?.splitn(4, '$');
        let (name, numbers, salt) = (fields.next()?, fields.next()?, fields.next()?);
        let outer = PasswordHash::parse(&format!("${}", fields.next()?))?;
        let format = HashFormat::parse_name(name)?;
        let (rounds, length) = numbers.split_once(',')?;
        let (rounds, length) = (rounds.parse::<u32>().ok()?, length.parse().ok().filter(|length| *length <= 128)?);
        let salt = encoding::base64(salt)?;
        let recipe = match format {
            HashFormat::Phpass | HashFormat::WordpressPhpass => {
                Recipe::Phpass { is_sha512: false, log_rounds: Some(rounds).filter(|rounds| *rounds <= 30)?, salt }
            }
            HashFormat::Md5Crypt => Recipe::Md5Crypt { is_apr1: rounds == 1, salt },
            _ => Recipe::Pbkdf2 { digest: Pbkdf2Digest::Sha1, rounds: NonZeroU32::new(rounds)?, salt },
        };
        (recipe.work_kib(length) <= MAX_WORK_KIB).then_some(Self { format, recipe, length, outer })
    }

    /// The work of both hashes, as [`ImportedHash::work_kib`].
    #[must_use]
    pub fn work_kib(&self) -> u64 {
        self.recipe.work_kib(self.length).saturating_add(self.outer.cost().work_kib())
    }

    /// The format of the inner hash.
    #[must_use]
    pub fn format(&self) -> HashFormat {
        self.format
    }

    /// Whether a password matches.
    pub(super) fn verify(&self, hasher: &mut Hasher, password: &Password) -> bool {
        metrics::PASSWORD_HASH_WORK.add(self.recipe.work_kib(self.length));
        let inner = self.recipe.compute(hasher, &password_bytes(self.format, password), self.length);
        hasher.verify(&inner, Some(&self.outer), self.outer.cost())
    }
}

impl fmt::Display for WrappedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rounds, salt) = match &self.recipe {
            Recipe::Phpass { log_rounds, salt, .. } => (*log_rounds, salt.as_slice()),
            Recipe::Pbkdf2 { rounds, salt, .. } => (rounds.get(), salt.as_slice()),
            // It has no rounds; the number says which of the two it is.
            Recipe::Md5Crypt { is_apr1, salt } => (u32::from(*is_apr1), salt.as_slice()),
            // No other recipe is wrapped.
            _ => (0, [].as_slice()),
        };
        let (name, salt) = (self.format.name(), encoding::to_base64(salt));
        write!(f, "{WRAPPED_PREFIX}{name}${rounds},{}${salt}{}", self.length, self.outer)
    }
}

/// Prints only the format: a reader of the log could attack the hash.
impl fmt::Debug for WrappedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedHash({})", self.format.name())
    }
}

/// The bytes that the other system hashed: the password as it was typed, except that WordPress trims it and puts a
/// backslash before quotes and backslashes, and better-auth normalizes it (NFKC).
fn password_bytes(format: HashFormat, password: &Password) -> Cow<'_, [u8]> {
    let typed = password.typed();
    match format {
        HashFormat::Wordpress | HashFormat::WordpressPhpass => {
            let trimmed = typed.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\0']);
            add_slashes(trimmed).map_or(trimmed.as_bytes().into(), |slashed| slashed.into_bytes().into())
        }
        HashFormat::BetterAuth => typed.nfkc().collect::<String>().into_bytes().into(),
        _ => typed.as_bytes().into(),
    }
}

/// What PHP's `addslashes` makes of a text; `None` if nothing changes. WordPress does so with everything that its forms
/// send, and hashes passwords like this.
fn add_slashes(text: &str) -> Option<String> {
    let is_escaped = |character: char| ['\'', '"', '\\'].contains(&character);
    text.contains(is_escaped).then(|| {
        let escape = |character| is_escaped(character).then_some('\\').into_iter().chain([character]);
        text.chars().flat_map(escape).collect()
    })
}

#[cfg(test)]
mod tests;
