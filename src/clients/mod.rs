//! Registered clients: their ID, secret, grant types and scopes (RFC 6749 §2).

mod store;

use crate::clock::Moment;
use crate::scope::Scopes;
use crate::secret::{PlainSecret, SecretHash, constant_time_eq, random_id};
pub use store::{
    ClientRow, create, delete, find, find_by_name, list, list_names, lock_unchanged, set_forwards_client_address,
    set_rights, set_secret,
};

/// The most characters in a client's name.
pub const MAX_NAME_CHARACTERS: usize = 100;
/// The prefix of every client ID, which no username may have.
pub const ID_PREFIX: &str = "client_";

/// A grant type (RFC 6749 §1.3) that a client may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantType {
    /// A username and password (RFC 6749 §4.3).
    Password,
    /// A refresh token (RFC 6749 §6). A client without this grant type gets no refresh tokens.
    RefreshToken,
    /// The client's own credentials (RFC 6749 §4.4).
    ClientCredentials,
}

impl GrantType {
    /// All grant types.
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

    /// Returns the grant type with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == name)
    }
}

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// `client_` and 22 characters of base64url; not a secret.
    pub id: String,
    /// A unique name that an admin chose.
    pub name: String,
    /// The hash of its secret.
    pub secret_hash: SecretHash,
    /// The allowed grant types, in order.
    pub grants: Vec<GrantType>,
    /// The most that its tokens may be granted.
    pub scopes: Scopes,
    /// When it was registered.
    pub created_at: Moment,
    /// When its secret was last generated.
    pub secret_changed_at: Moment,
    /// Whether it names the address of the person whose password it sends, and is believed.
    pub forwards_client_address: bool,
}

impl Client {
    /// Creates a client with a new ID, without storing it.
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
            forwards_client_address: false,
        }
    }

    /// Whether the client may use this grant type.
    #[must_use]
    pub fn is_allowed(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// Whether this is the client's secret, compared in constant time.
    #[must_use]
    pub fn has_secret(&self, presented: &PlainSecret) -> bool {
        constant_time_eq(self.secret_hash.as_str().as_bytes(), presented.hash().as_str().as_bytes())
    }
}

/// Whether a text has the form of a client ID.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.strip_prefix(ID_PREFIX).is_some_and(|rest| rest.len() == 22 && rest.bytes().all(is_base64url))
}

/// Whether a text is a client's name: 1 to [`MAX_NAME_CHARACTERS`] characters, no control characters, no spaces at
/// either end.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_NAME_CHARACTERS).contains(&length) && !text.chars().any(char::is_control) && text.trim() == text
}
