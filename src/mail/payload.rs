//! The content of a queued email, encrypted in its database row.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::kind::{Mail, MailKind};
use crate::clock::Moment;
use crate::secret::{DerivedKey, PlainSecret};

/// The content of a queued email.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MailPayload {
    pub to: String,
    /// The name in the greeting.
    #[serde(rename = "display_name")]
    pub name: Option<String>,
    pub language: Option<String>,
    /// The path of the page it links to, with the secret of a one-time link.
    pub path: Option<String>,
    pub device: Option<String>,
    pub address: Option<String>,
    pub at: Option<Moment>,
}

impl From<Mail> for MailPayload {
    fn from(mail: Mail) -> Self {
        let link_to = |path: &str, link: &str| Some(format!("{path}?link={link}"));
        let link = |path: &str, secret: &PlainSecret| link_to(path, secret.reveal());
        let base = Self { to: mail.to, name: mail.name, language: mail.language, ..Self::default() };
        match mail.kind {
            MailKind::Reset { secret } | MailKind::Welcome { secret } => {
                Self { path: link("/password/reset", &secret), ..base }
            }
            MailKind::Verify { secret } => Self { path: link("/email/verify", &secret), ..base },
            MailKind::Register { link } => Self { path: link_to("/invite", &link), ..base },
            MailKind::Invite { secret } => Self { path: link("/invite", &secret), ..base },
            MailKind::AddressInUse | MailKind::PasswordChanged | MailKind::EmailChangeRequested => {
                Self { path: Some("/password/forgot".to_owned()), ..base }
            }
            MailKind::NewDevice { device, address, at } => {
                Self { path: Some("/password/forgot".to_owned()), device, address: Some(address), at: Some(at), ..base }
            }
            MailKind::AddressRequested | MailKind::EmailChanged | MailKind::AccountDeleted => base,
        }
    }
}

impl MailPayload {
    /// Encrypts it for the row `id` of this kind; it cannot be decrypted in another row.
    pub fn seal(&self, key: &DerivedKey, id: &str, kind: &str) -> String {
        let plain = serde_json::to_vec(self).expect("strings and a timestamp serialize to JSON");
        key.seal(&context(id, kind), &Zeroizing::new(plain))
    }

    /// Decrypts it; `None` if it was encrypted with another server key, or modified.
    pub fn open(key: &DerivedKey, id: &str, kind: &str, sealed: &str) -> Option<Self> {
        serde_json::from_slice(&key.open(&context(id, kind), sealed)?).ok()
    }
}

fn context(id: &str, kind: &str) -> String {
    format!("{kind} {id}")
}
