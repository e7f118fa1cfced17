//! What can be told by mail, and the sealed form in which it waits. What may not live here: words (`message.rs`), and SQL.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::Moment;
use crate::secret::{DerivedKey, PlainSecret};

/// A mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// What it tells.
    pub kind: MailKind,
    /// The address, as the account has it.
    pub to: String,
    /// The recipient's display name; the greeting uses the username without one.
    pub display_name: Option<String>,
    /// The tag of the language to write in; `None` for that of the page it follows from, or the default one.
    pub language: Option<String>,
    /// The number of the account that it is about, when there is one yet.
    pub user_id: Option<i64>,
}

/// What a mail tells.
#[derive(Clone)]
pub enum MailKind {
    /// A link to choose a new password.
    Reset {
        /// Whose.
        username: String,
        /// The link's secret.
        secret: PlainSecret,
    },
    /// A link to confirm an address.
    Verify {
        /// Whose.
        username: String,
        /// The link's secret.
        secret: PlainSecret,
    },
    /// A link to make an account, to somebody who asked for one.
    Register {
        /// The link's secret.
        secret: PlainSecret,
    },
    /// A link to make an account, to somebody whom an admin invites.
    Invite {
        /// The link's secret.
        secret: PlainSecret,
    },
    /// Somebody asked for an account with an address that has one.
    AddressInUse {
        /// Whose it is.
        username: String,
    },
    /// The password was changed.
    PasswordChanged {
        /// Whose.
        username: String,
    },
    /// Somebody signed in at a browser that was not known.
    NewDevice {
        /// To whose account.
        username: String,
        /// The browser, in words.
        device: String,
        /// The network address.
        address: String,
        /// When.
        at: Moment,
    },
    /// Somebody signed in to another account wants this address, which is one's own already.
    AddressWanted {
        /// Whose it is.
        username: String,
    },
    /// Somebody asked that the account have another address; goes to the present one.
    EmailChangeAsked {
        /// Whose.
        username: String,
    },
    /// The account has another address now; goes to the old one.
    EmailChanged {
        /// Whose.
        username: String,
    },
    /// The account is gone.
    AccountDeleted {
        /// Whose it was.
        username: String,
    },
}

impl MailKind {
    /// The name in the rows and in the keys of the words.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reset { .. } => "reset",
            Self::Verify { .. } => "verify",
            Self::Register { .. } => "register",
            Self::Invite { .. } => "invite",
            Self::AddressInUse { .. } => "address-in-use",
            Self::PasswordChanged { .. } => "password-changed",
            Self::NewDevice { .. } => "new-device",
            Self::AddressWanted { .. } => "address-wanted",
            Self::EmailChangeAsked { .. } => "email-change-asked",
            Self::EmailChanged { .. } => "email-changed",
            Self::AccountDeleted { .. } => "account-deleted",
        }
    }

    /// How long it is worth sending: as long as its link lives, else a day.
    pub(super) fn life(&self) -> TimeDelta {
        match self {
            Self::Reset { .. } => TimeDelta::minutes(30),
            Self::Invite { .. } => TimeDelta::days(7),
            _ => TimeDelta::hours(24),
        }
    }

    pub(super) fn has_link(&self) -> bool {
        matches!(self, Self::Reset { .. } | Self::Verify { .. } | Self::Register { .. } | Self::Invite { .. })
    }
}

/// A mail as it waits.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Letter {
    pub to: String,
    pub display_name: Option<String>,
    pub language: Option<String>,
    pub username: Option<String>,
    /// The path of the page it leads to, with the link's secret when it has one.
    pub path: Option<String>,
    pub device: Option<String>,
    pub address: Option<String>,
    pub at: Option<Moment>,
}

impl From<Mail> for Letter {
    fn from(mail: Mail) -> Self {
        let link = |path: &str, secret: &PlainSecret| Some(format!("{path}?link={}", secret.reveal()));
        let base = Self { to: mail.to, display_name: mail.display_name, language: mail.language, ..Self::default() };
        match mail.kind {
            MailKind::Reset { username, secret } => {
                Self { username: Some(username), path: link("/password/reset", &secret), ..base }
            }
            MailKind::Verify { username, secret } => {
                Self { username: Some(username), path: link("/email/verify", &secret), ..base }
            }
            MailKind::Register { secret } | MailKind::Invite { secret } => {
                Self { path: link("/invite", &secret), ..base }
            }
            MailKind::AddressInUse { username }
            | MailKind::PasswordChanged { username }
            | MailKind::EmailChangeAsked { username } => {
                Self { username: Some(username), path: Some("/password/forgot".to_owned()), ..base }
            }
            MailKind::NewDevice { username, device, address, at } => Self {
                username: Some(username),
                path: Some("/password/forgot".to_owned()),
                device: Some(device),
                address: Some(address),
                at: Some(at),
                ..base
            },
            MailKind::AddressWanted { username }
            | MailKind::EmailChanged { username }
            | MailKind::AccountDeleted { username } => Self { username: Some(username), ..base },
        }
    }
}

impl Letter {
    /// Sealed for the row `id` of this kind: it opens in no other.
    pub fn seal(&self, key: &DerivedKey, id: &str, kind: &str) -> String {
        let plain = serde_json::to_vec(self).expect("texts and a moment are always JSON");
        key.seal(&context(id, kind), &Zeroizing::new(plain))
    }

    /// `None` when it was sealed under another server key, or changed.
    pub fn open(key: &DerivedKey, id: &str, kind: &str, sealed: &str) -> Option<Self> {
        serde_json::from_slice(&key.open(&context(id, kind), sealed)?).ok()
    }
}

fn context(id: &str, kind: &str) -> String {
    format!("{kind} {id}")
}
