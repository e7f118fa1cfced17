//! What happened that an administrator may want to know later: ids only, never a name or a secret.
//! `store.rs` holds the rows. What may not live here: the log (`tracing`), and who may read it.

mod store;

use crate::clock::Moment;
pub use store::{delete_old, record};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A refresh token came that only a thief could still hold, and its session ended.
    RefreshTokenReused,
    /// A signing key was made.
    SigningKeyAdded,
    /// A signing key was retired, by an admin or because its last token was dead.
    SigningKeyRetired,
    /// The signing keys were sealed under another server key.
    SigningKeysResealed,
}

impl EventKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::SigningKeyAdded => "signing_key_added",
            Self::SigningKeyRetired => "signing_key_retired",
            Self::SigningKeysResealed => "signing_keys_resealed",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// When.
    pub happened_at: Moment,
    /// To whose account, by its number.
    pub user_id: Option<i64>,
    /// Through which registered program.
    pub client_id: Option<String>,
    /// To which session.
    pub session_id: Option<String>,
    /// From where.
    pub network_address: Option<String>,
    /// What else there is to name, such as a signing key by its `kid`.
    pub detail: Option<String>,
}

impl Event {
    /// Something that happened to signing keys, to one of them when `key` names it by its `kid`.
    #[must_use]
    pub fn of_keys(kind: EventKind, key: Option<&str>, happened_at: Moment) -> Self {
        Self {
            kind,
            happened_at,
            user_id: None,
            client_id: None,
            session_id: None,
            network_address: None,
            detail: key.map(str::to_owned),
        }
    }
}
