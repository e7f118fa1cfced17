//! Recorded security events, which hold IDs and never a name or a secret.

mod store;

use crate::clock::Moment;
pub use store::{count_failed_sign_in, delete_old, list_failed_sign_ins, list_of_user, record};

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A refresh token was reused, and its session ended.
    RefreshTokenReused,
    /// A signing key was added.
    SigningKeyAdded,
    /// A signing key was retired, by an admin or because its last token had expired.
    SigningKeyRetired,
    /// The signing keys were sealed with another server key.
    SigningKeysResealed,
    /// A sign-in in a browser, or of a client from a network that was new to the account.
    SignedIn,
    /// A later sign-in in a browser that was new to the account.
    SignedInFromNewDevice,
    /// Wrong passwords for the account from one network on one day.
    SignInFailed,
    /// Too many wrong passwords; the account rejects sign-ins for a while.
    SignInsBlocked,
    /// The user changed their password.
    PasswordChanged,
    /// An admin set the password, or the user set it through a link.
    PasswordSet,
    /// The user ended one session from another one.
    SessionEnded,
    /// The user ended all sessions but the current one.
    OtherSessionsEnded,
    /// An admin ended all sessions of the account.
    SignedOutByAdmin,
    /// The user changed their display name.
    ProfileChanged,
    /// The email address was changed.
    EmailChanged,
    /// An admin disabled the account.
    Disabled,
    /// An admin enabled the account.
    Enabled,
    /// The account was deleted.
    Deleted,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 18] = [
        Self::RefreshTokenReused,
        Self::SigningKeyAdded,
        Self::SigningKeyRetired,
        Self::SigningKeysResealed,
        Self::SignedIn,
        Self::SignedInFromNewDevice,
        Self::SignInFailed,
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

    /// The database value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::SigningKeyAdded => "signing_key_added",
            Self::SigningKeyRetired => "signing_key_retired",
            Self::SigningKeysResealed => "signing_keys_resealed",
            Self::SignedIn => "signed_in",
            Self::SignedInFromNewDevice => "signed_in_from_new_device",
            Self::SignInFailed => "sign_in_failed",
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

/// A recorded event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub happened_at: Moment,
    /// The affected account.
    pub user_id: Option<i64>,
    /// The registered client that was used.
    pub client_id: Option<String>,
    /// The affected session.
    pub session_id: Option<String>,
    /// The network address of the request.
    pub network_address: Option<String>,
    /// A signing key's `kid`, or a device such as "Firefox, Windows".
    pub detail: Option<String>,
    /// How often it happened, the last time at `happened_at`.
    pub occurrences: i64,
}

/// Where a request came from, as far as it is known; empty for a command on the server.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// The network address.
    pub network_address: Option<String>,
    /// The device, such as "Firefox, Windows".
    pub device: Option<String>,
}

impl Event {
    /// An event of a user's account.
    #[must_use]
    pub fn of_user(kind: EventKind, user_id: i64, client_info: &ClientInfo, now: Moment) -> Self {
        Self {
            user_id: Some(user_id),
            network_address: client_info.network_address.clone(),
            detail: client_info.device.clone(),
            ..Self::new(kind, now)
        }
    }

    /// An event of one signing key, or of all of them if `key_id` is `None`.
    #[must_use]
    pub fn of_keys(kind: EventKind, key_id: Option<&str>, now: Moment) -> Self {
        Self { detail: key_id.map(str::to_owned), ..Self::new(kind, now) }
    }

    /// An event with its kind and time only.
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
            occurrences: 1,
        }
    }
}
