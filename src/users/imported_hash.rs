//! Password hashes that other systems wrote: parsing, their cost, and verification until the first sign-in replaces
//! them by Argon2id.
//!
//! Formats based on MD5 or SHA-1 are not stored: [`ImportedHash::wrap`] makes an Argon2id hash of their output.

mod encoding;
mod format;
mod parse;
mod recipe;

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use unicode_normalization::UnicodeNormalization as _;

use super::argon2id::{Cost, Hasher, PasswordHash};
use super::password::Password;
use crate::metrics;
use crate::secret::constant_time_eq;
pub use format::HashFormat;
use recipe::{MAX_MEMORY_KIB, MAX_WORK_KIB, Pbkdf2Digest, Recipe};

/// The most bytes of a hash, so a long one causes no work.
const MAX_TEXT: usize = 1_024;
/// What a stored hash of another system begins with; the name of its format and its text follow.
const STORED_PREFIX: &str = "$imported$";
/// What a wrapped hash begins with: `$wrapped$format$rounds,length$salt$argon2id$…`, the salt in base64.
const WRAPPED_PREFIX: &str = "$wrapped$";

/// The password hash parameters of a Firebase project, as its console shows them.
#[derive(Clone, Debug)]
pub struct FirebaseParameters {
    /// `base64_signer_key`.
    pub signer_key: String,
    /// `base64_salt_separator`.
    pub salt_separator: String,
    /// `rounds`.
    pub rounds: u32,
    /// `mem_cost`.
    pub memory_cost: u32,
}

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
    /// Parses a hash as the other system writes it. Without `format`, it is recognised by its prefix. A text of
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
        let format = match format.or_else(|| HashFormat::recognise(text)) {
            Some(format) => format,
            None if text.bytes().all(is_bare) => return Err(HashRejection::FormatNeeded),
            None => return Err(HashRejection::UnknownFormat),
        };
        let text = match (format, firebase) {
            (HashFormat::Firebase, None) => return Err(HashRejection::ParametersNeeded),
            (HashFormat::Firebase, Some(parameters)) => {
                parse::firebase_text(text, parameters).ok_or(HashRejection::Malformed(format))?
            }
            _ => text.to_owned(),
        };
        Self::from_text(text, format)
    }

    /// A PBKDF2 credential of a Keycloak export: `algorithm` is `pbkdf2`, `pbkdf2-sha256` or `pbkdf2-sha512`, `salt` and
    /// `value` are base64. [`Self::keycloak_argon2`] takes the others.
    pub fn keycloak(algorithm: &str, iterations: u32, salt: &str, value: &str) -> Result<Self, HashRejection> {
        Self::from_text(format!("{algorithm}${iterations}${salt}${value}"), HashFormat::KeycloakPbkdf2)
    }

    /// An Argon2 credential of a Keycloak export. `variant` is the `type` (`id`), `version` is `1.3` or `1.0`.
    pub fn keycloak_argon2(
        variant: &str,
        version: &str,
        cost: Cost,
        salt: &str,
        value: &str,
    ) -> Result<Self, HashRejection> {
        let version = match version {
            "1.3" => 19,
            "1.0" => 16,
            _ => return Err(HashRejection::Malformed(HashFormat::Argon2)),
        };
        let Cost { memory_kib, iterations, parallelism } = cost;
        let text = format!("$argon2{variant}$v={version}$m={memory_kib},t={iterations},p={parallelism}${salt}${value}");
        Self::from_text(text, HashFormat::Argon2)
    }

    fn from_text(text: String, format: HashFormat) -> Result<Self, HashRejection> {
        let parsed = (text.len() <= MAX_TEXT && text.is_ascii()).then(|| parse::parse(&text, format)).flatten();
        let (recipe, output) = parsed.ok_or(HashRejection::Malformed(format))?;
        if recipe.work_kib(output.len()) > MAX_WORK_KIB || recipe.memory_kib() > MAX_MEMORY_KIB {
            return Err(HashRejection::TooExpensive(format));
        }
        Ok(Self { format, recipe, output, text })
    }

    /// Parses what [`Self::to_stored`] returned, with the same checks of its cost. `None` also for a hash that needs
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

    /// Whether it is based on MD5 or SHA-1, and may be stored only as [`Self::wrap`] returns it.
    #[must_use]
    pub fn needs_wrapping(&self) -> bool {
        self.recipe.is_legacy()
    }

    /// The text for the column `users.password_hash`. Only for a hash that does not need wrapping: another one is not
    /// read back.
    #[must_use]
    pub fn to_stored(&self) -> String {
        format!("{STORED_PREFIX}{}${}", self.format.name(), self.text)
    }

    /// Argon2id of the output of this hash, as the text for the column `users.password_hash`: with it are stored the
    /// parameters and the salt of the old hash, and not its output, which could be guessed quickly.
    ///
    /// # Panics
    /// If the hash does not need wrapping.
    #[must_use]
    pub fn wrap(&self, hasher: &mut Hasher, cost: Cost) -> String {
        let (rounds, salt) = match &self.recipe {
            Recipe::Pbkdf2 { rounds, salt, .. } => (rounds.get(), salt),
            Recipe::Phpass { log_rounds, salt, .. } => (*log_rounds, salt),
            _ => panic!("only hashes based on MD5 or SHA-1 are wrapped"),
        };
        let outer = hasher.hash(&self.output, cost);
        WrappedHash {
            format: self.format,
            recipe: self.recipe.clone(),
            length: self.output.len(),
            parameters: format!("{rounds},{}${}", self.output.len(), encoding::to_base64(salt)),
            outer,
        }
        .to_string()
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
    /// `rounds,length$salt`.
    parameters: String,
    outer: PasswordHash,
}

impl WrappedHash {
    /// Parses what [`ImportedHash::wrap`] returned, with the same checks of its cost.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix(WRAPPED_PREFIX)?.splitn(4, '$');
        let (name, numbers, salt) = (fields.next()?, fields.next()?, fields.next()?);
        let outer = PasswordHash::parse(&format!("${}", fields.next()?))?;
        let format = HashFormat::parse_name(name)?;
        let (rounds, length) = numbers.split_once(',')?;
        let (rounds, length) = (rounds.parse::<u32>().ok()?, length.parse().ok().filter(|length| *length <= 128)?);
        let parameters = format!("{numbers}${salt}");
        let salt = encoding::base64(salt)?;
        let recipe = match format {
            HashFormat::Phpass | HashFormat::WordpressPhpass => {
                Recipe::Phpass { is_sha512: false, log_rounds: Some(rounds).filter(|rounds| *rounds <= 30)?, salt }
            }
            _ => Recipe::Pbkdf2 { digest: Pbkdf2Digest::Sha1, rounds: NonZeroU32::new(rounds)?, salt },
        };
        (recipe.work_kib(length) <= MAX_WORK_KIB).then_some(Self { format, recipe, length, parameters, outer })
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
        write!(f, "{WRAPPED_PREFIX}{}${}{}", self.format.name(), self.parameters, self.outer)
    }
}

/// Prints only the format: a reader of the log could attack the hash.
impl fmt::Debug for WrappedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedHash({})", self.format.name())
    }
}

/// The bytes that the other system hashed: the password as it was typed, except that WordPress trims it and better-auth
/// normalizes it (NFKC).
fn password_bytes(format: HashFormat, password: &Password) -> Cow<'_, [u8]> {
    let typed = password.typed();
    match format {
        HashFormat::Wordpress | HashFormat::WordpressPhpass => {
            typed.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\0']).as_bytes().into()
        }
        HashFormat::BetterAuth => typed.nfkc().collect::<String>().into_bytes().into(),
        _ => typed.as_bytes().into(),
    }
}

#[cfg(test)]
mod tests;
