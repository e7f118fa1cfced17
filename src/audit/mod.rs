//! Recorded security events, which hold IDs and never a name or a secret.

mod kind;
mod rejected;
mod store;

use crate::clock::Moment;
pub use kind::EventKind;
pub use rejected::{RejectedSignIns, RejectionReason};
pub use store::{EventFilter, ListedEvent, delete_old, list, list_failed_sign_ins, list_of_user, record, record_in};

impl EventKind {
    /// The key of the label in `locales/`.
    #[must_use]
    pub fn label_key(self) -> String {
        format!("event-{}", self.as_str().replace('_', "-"))
    }
}

/// Who caused an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// Anyone who sent a request.
    #[default]
    Anyone,
    /// A command on the server.
    Command,
    /// The server itself.
    Server,
    /// The user with this ID, who is signed in or used a link that was sent to them.
    User(i64),
}

impl Actor {
    /// The columns of the actor: the kind, and the user's ID.
    #[must_use]
    pub fn columns(self) -> (Option<&'static str>, Option<i64>) {
        match self {
            Self::Anyone => (None, None),
            Self::Command => (Some("command"), None),
            Self::Server => (Some("server"), None),
            Self::User(id) => (Some("user"), Some(id)),
        }
    }

    fn from_columns(kind: Option<&str>, user_id: Option<i64>) -> Self {
        match (kind, user_id) {
            (Some("command"), _) => Self::Command,
            (Some("server"), _) => Self::Server,
            (Some("user"), Some(id)) => Self::User(id),
            _ => Self::Anyone,
        }
    }
}

/// Who causes an event, and from where.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Who causes it.
    pub actor: Actor,
    /// Where their request comes from.
    pub client_info: ClientInfo,
}

impl Cause {
    /// A command on the server.
    #[must_use]
    pub fn command() -> Self {
        Self { actor: Actor::Command, client_info: ClientInfo::default() }
    }

    /// The server itself.
    #[must_use]
    pub fn server() -> Self {
        Self { actor: Actor::Server, client_info: ClientInfo::default() }
    }

    /// The user with this ID, who sent a request.
    #[must_use]
    pub fn user(id: i64, client_info: ClientInfo) -> Self {
        Self { actor: Actor::User(id), client_info }
    }
}

/// Where a request came from, as far as it is known; empty for a command on the server.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// The network address.
    pub network_address: Option<String>,
    /// The device, such as "Firefox, Windows".
    pub device: Option<String>,
}

/// Why a sign-in failed. It is recorded and logged, and never revealed to who tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// No account has this name.
    UnknownUsername,
    /// The password is wrong.
    WrongPassword,
    /// The account has no password.
    NoPassword,
    /// The password is correct and the account is disabled.
    Disabled,
    /// The password is correct and the user must set a new one.
    NewPasswordRequired,
    /// The account or its password was changed while the password was verified.
    Changed,
}

impl FailureReason {
    /// The database value, which is also in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUsername => "unknown_username",
            Self::WrongPassword => "wrong_password",
            Self::NoPassword => "no_password",
            Self::Disabled => "disabled",
            Self::NewPasswordRequired => "new_password_required",
            Self::Changed => "changed",
        }
    }
}

/// A recorded event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub happened_at: Moment,
    /// Who caused it.
    pub actor: Actor,
    /// The affected account.
    pub user_id: Option<i64>,
    /// The registered client that was used or changed.
    pub client_id: Option<String>,
    /// The affected session.
    pub session_id: Option<String>,
    /// The network address of the request.
    pub network_address: Option<String>,
    /// The device, such as "Firefox, Windows"; of a role, its name; of a signing key, its `kid`; of an invitation, its ID.
    pub detail: Option<String>,
    /// Why a sign-in failed or was rejected, the last time.
    pub reason: Option<String>,
    /// How often it happened, the last time at `happened_at`.
    pub occurrences: i64,
}

impl Event {
    /// An event of a user's account.
    #[must_use]
    pub fn of_user(kind: EventKind, user_id: i64, cause: &Cause, now: Moment) -> Self {
        Self { user_id: Some(user_id), ..Self::caused(kind, cause, now) }
    }

    /// An event of one signing key, or of all of them if `key_id` is `None`.
    #[must_use]
    pub fn of_keys(kind: EventKind, key_id: Option<&str>, cause: &Cause, now: Moment) -> Self {
        Self { detail: key_id.map(str::to_owned), ..Self::caused(kind, cause, now) }
    }

    /// An event of a role, of one user or, without a user, of all.
    #[must_use]
    pub fn of_role(kind: EventKind, role: &str, user_id: Option<i64>, cause: &Cause, now: Moment) -> Self {
        Self { detail: Some(role.to_owned()), user_id, ..Self::caused(kind, cause, now) }
    }

    /// An event of a registered client.
    #[must_use]
    pub fn of_client(kind: EventKind, client_id: &str, cause: &Cause, now: Moment) -> Self {
        Self { client_id: Some(client_id.to_owned()), ..Self::caused(kind, cause, now) }
    }

    /// An event of no account.
    #[must_use]
    pub fn caused(kind: EventKind, cause: &Cause, now: Moment) -> Self {
        Self {
            actor: cause.actor,
            network_address: cause.client_info.network_address.clone(),
            detail: cause.client_info.device.clone(),
            ..Self::new(kind, now)
        }
    }

    /// An event with its kind and time only.
    #[must_use]
    pub fn new(kind: EventKind, now: Moment) -> Self {
        Self {
            kind,
            happened_at: now,
            actor: Actor::Anyone,
            user_id: None,
            client_id: None,
            session_id: None,
            network_address: None,
            detail: None,
            reason: None,
            occurrences: 1,
        }
    }
}
