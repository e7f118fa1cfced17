//! Registered programs: their id, their secret, and what they may ask for (RFC 6749 §2).
//! `store.rs` holds the rows. What may not live here: how a program names itself in a request (`oauth::client_auth`).

mod store;

use crate::clock::Moment;
use crate::scope::Scopes;
use crate::secret::{PlainSecret, SecretHash, constant_time_eq, random_id};
pub use store::{create, delete, find, find_by_name, list, list_names, lock_unchanged, set_rights, set_secret};

/// The most characters in a client's name.
pub const MAX_NAME: usize = 100;
/// What every client's id begins with, and no username may.
const ID_PREFIX: &str = "client_";

/// A way to a token (RFC 6749 §1.3) that a client may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantType {
    /// With a username and password (RFC 6749 §4.3).
    Password,
    /// With a refresh token (RFC 6749 §6); it also lets the client be given one.
    RefreshToken,
    /// For itself (RFC 6749 §4.4).
    ClientCredentials,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Password, Self::RefreshToken, Self::ClientCredentials];

    /// The value of the `grant_type` parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The grant with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == name)
    }
}

/// A registered program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// `client_` and 22 characters of base64url; not a secret.
    pub id: String,
    /// What an admin calls it; no two are called the same.
    pub name: String,
    /// The hash of its secret.
    pub secret_hash: SecretHash,
    /// What it may ask for, in order.
    pub grants: Vec<GrantType>,
    /// The most that its tokens may be used for.
    pub scopes: Scopes,
    /// When it was registered.
    pub created_at: Moment,
    /// When its secret was last made.
    pub secret_changed_at: Moment,
}

impl Client {
    /// A client with a fresh id, not stored yet.
    #[must_use]
    pub fn new(name: String, secret: &PlainSecret, grants: Vec<GrantType>, scopes: Scopes, now: Moment) -> Self {
        Self {
            id: format!("{ID_PREFIX}{}", random_id()),
            name,
            secret_hash: secret.hash(),
            grants,
            scopes,
            created_at: now,
            secret_changed_at: now,
        }
    }

    /// Whether it may use a grant.
    #[must_use]
    pub fn may(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// Whether this is its secret, in a time that tells nothing.
    #[must_use]
    pub fn has_secret(&self, presented: &PlainSecret) -> bool {
        constant_time_eq(self.secret_hash.as_str().as_bytes(), presented.hash().as_str().as_bytes())
    }
}

/// Whether a text has the shape of a client's id.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.strip_prefix(ID_PREFIX).is_some_and(|rest| rest.len() == 22 && rest.bytes().all(is_ours))
}

/// Checks a client's name: 1 to [`MAX_NAME`] characters, no control character, no space at either end.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control) && text.trim() == text
}
