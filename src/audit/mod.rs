//! What happened that an administrator may want to know later: ids only, never a name or a secret.
//! `store.rs` holds the rows. What may not live here: the log (`tracing`), and who may read it.

mod store;

use crate::clock::Moment;
pub use store::{delete_old, list_of_user, record};

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
    /// Somebody signed in: at a browser, or a program from a network that the account did not know.
    SignedIn,
    /// Somebody signed in at a browser that the account did not know.
    SignedInFromNewDevice,
    /// So many wrong passwords that the account takes none for a while.
    SignInsBlocked,
    /// The person changed their password.
    PasswordChanged,
    /// An admin set the password, or somebody with a link chose it.
    PasswordSet,
    /// The person ended one of their sessions from another one.
    SessionEnded,
    /// The person ended all their sessions but one.
    OtherSessionsEnded,
    /// An admin ended all sessions of the account.
    SignedOutByAdmin,
    /// The person changed what they are called.
    ProfileChanged,
    /// The address where mail reaches the person was changed.
    EmailChanged,
    /// An admin turned the account off.
    Disabled,
    /// An admin turned the account on.
    Enabled,
    /// The account was deleted.
    Deleted,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::RefreshTokenReused,
        Self::SigningKeyAdded,
        Self::SigningKeyRetired,
        Self::SigningKeysResealed,
        Self::SignedIn,
        Self::SignedInFromNewDevice,
        Self::SignInsBlocked,
        Self::PasswordChanged,
        Self::PasswordSet,
        Self::SessionEnded,
        Self::OtherSessionsEnded,
        Self::SignedOutByAdmin,
        Self::ProfileChanged,
        Self::EmailChanged,
        Self::Disabled,
        Self::Enabled,
        Self::Deleted,
    ];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::SigningKeyAdded => "signing_key_added",
            Self::SigningKeyRetired => "signing_key_retired",
            Self::SigningKeysResealed => "signing_keys_resealed",
            Self::SignedIn => "signed_in",
            Self::SignedInFromNewDevice => "signed_in_from_new_device",
            Self::SignInsBlocked => "sign_ins_blocked",
            Self::PasswordChanged => "password_changed",
            Self::PasswordSet => "password_set",
            Self::SessionEnded => "session_ended",
            Self::OtherSessionsEnded => "other_sessions_ended",
            Self::SignedOutByAdmin => "signed_out_by_admin",
            Self::ProfileChanged => "profile_changed",
            Self::EmailChanged => "email_changed",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Deleted => "deleted",
        }
    }

    fn from_str(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
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
    /// What else there is to name: a signing key by its `kid`, or what kind of device, such as "Firefox, Windows".
    pub detail: Option<String>,
}

/// From where somebody did something, as far as that is known; by default nothing is, as for a command on the server itself.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// The network address.
    pub network_address: Option<String>,
    /// What kind of device, such as "Firefox, Windows".
    pub device: Option<String>,
}

impl Event {
    /// Something that happened to a user's account.
    #[must_use]
    pub fn of_user(kind: EventKind, user_id: i64, client_info: &ClientInfo, now: Moment) -> Self {
        Self {
            user_id: Some(user_id),
            network_address: client_info.network_address.clone(),
            detail: client_info.device.clone(),
            ..Self::new(kind, now)
        }
    }

    /// Something that happened to signing keys, to one of them when `key` names it by its `kid`.
    #[must_use]
    pub fn of_keys(kind: EventKind, key: Option<&str>, happened_at: Moment) -> Self {
        Self { detail: key.map(str::to_owned), ..Self::new(kind, happened_at) }
    }

    /// An event of which no more is known.
    #[must_use]
    pub fn new(kind: EventKind, now: Moment) -> Self {
        Self {
            kind,
            happened_at: now,
            user_id: None,
            client_id: None,
            session_id: None,
            network_address: None,
            detail: None,
        }
    }
}
