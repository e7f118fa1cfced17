//! The emails that can be queued.

use chrono::TimeDelta;

use crate::clock::Moment;
use crate::secret::PlainSecret;

/// An email to one person.
#[derive(Clone)]
pub struct Mail {
    /// What it is about.
    pub kind: MailKind,
    /// The recipient's address.
    pub to: String,
    /// The name in the greeting. `None` if the recipient may be a stranger to the account: the mail must not carry text
    /// that its user chose.
    pub name: Option<String>,
    /// The tag of its language; `None` for the language of the page that queues it, or the default one.
    pub language: Option<String>,
    /// The ID of the account that it is about, if there is one yet.
    pub user_id: Option<i64>,
}

/// What an email is about.
#[derive(Clone)]
pub enum MailKind {
    /// A link to choose a new password.
    Reset {
        /// The link's secret.
        secret: PlainSecret,
    },
    /// A link to choose the first password of an account that an administrator created.
    Welcome {
        /// The link's secret.
        secret: PlainSecret,
    },
    /// A link to verify an address.
    Verify {
        /// The link's secret.
        secret: PlainSecret,
    },
    /// A link to create an account, which the recipient requested.
    Register {
        /// The link's text, which is a secret.
        link: String,
    },
    /// A link to create an account, sent by an administrator.
    Invite {
        /// The link's secret.
        secret: PlainSecret,
    },
    /// Someone requested an account with the address of an existing one.
    AddressInUse,
    /// The password was changed.
    PasswordChanged,
    /// Someone signed in with an unknown browser.
    NewDevice {
        /// The browser, as text that it chose itself; `None` if it is unknown.
        device: Option<String>,
        /// The network address.
        address: String,
        /// The time of the sign-in.
        at: Moment,
    },
    /// The user of another account tried to set the address of this one.
    AddressRequested,
    /// A change of the account's address was requested; goes to the current address.
    EmailChangeRequested,
    /// The account's address was changed; goes to the old address.
    EmailChanged,
    /// The account was deleted.
    AccountDeleted,
}

impl MailKind {
    /// The name in the database and in the keys of the translations.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reset { .. } => "reset",
            Self::Welcome { .. } => "welcome",
            Self::Verify { .. } => "verify",
            Self::Register { .. } => "register",
            Self::Invite { .. } => "invite",
            Self::AddressInUse => "address-in-use",
            Self::PasswordChanged => "password-changed",
            Self::NewDevice { .. } => "new-device",
            Self::AddressRequested => "address-wanted",
            Self::EmailChangeRequested => "email-change-asked",
            Self::EmailChanged => "email-changed",
            Self::AccountDeleted => "account-deleted",
        }
    }

    /// How long it stays in the queue: until its link expires, or a day.
    pub(super) fn ttl(&self) -> TimeDelta {
        match self {
            Self::Reset { .. } => TimeDelta::minutes(30),
            Self::Invite { .. } | Self::Welcome { .. } => TimeDelta::days(7),
            _ => TimeDelta::hours(24),
        }
    }

    /// Whether it contains a one-time link.
    pub(super) fn has_link(&self) -> bool {
        matches!(
            self,
            Self::Reset { .. }
                | Self::Welcome { .. }
                | Self::Verify { .. }
                | Self::Register { .. }
                | Self::Invite { .. }
        )
    }
}
