//! Links that create an account on request. A link holds its address and expiry, encrypted, so requests store no row: a
//! flood of them cannot use up a number of open links.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::clock::{Moment, moment_from_unix_seconds, unix_seconds};
use crate::secret::{DerivedKey, KeyPurpose, ServerKey, base64url, sha256};

/// What the encryption is bound to.
const CONTEXT: &str = "registration link";
/// How long a link is valid.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Creates and reads registration links. Cheap to clone.
#[derive(Clone)]
pub struct RegistrationLinks {
    key: DerivedKey,
}

#[derive(Serialize, Deserialize)]
struct Content {
    email: String,
    /// In seconds since 1970.
    created_at: i64,
}

impl RegistrationLinks {
    /// Creates the service. A link is valid as long as the server key stays.
    #[must_use]
    pub fn new(server_key: &ServerKey) -> Self {
        Self { key: server_key.derive(KeyPurpose::RegistrationLinks) }
    }

    /// Creates a link to be mailed to `email`: at most 450 characters of base64url.
    #[must_use]
    pub fn create(&self, email: &str, now: Moment) -> String {
        let content = Content { email: email.to_owned(), created_at: unix_seconds(now) };
        self.key.seal(CONTEXT, &serde_json::to_vec(&content).expect("a string and a number serialize to JSON"))
    }

    /// Reads a link; `None` if this server did not create it, or it has expired. It may have been used.
    #[must_use]
    pub fn open(&self, text: &str, now: Moment) -> Option<RegistrationLink> {
        let Content { email, created_at } = serde_json::from_slice(&self.key.open(CONTEXT, text)?).ok()?;
        let expires_at = moment_from_unix_seconds(created_at)? + LIFETIME;
        let link = RegistrationLink { id: base64url(&sha256(text.as_bytes())), email, expires_at };
        (now < expires_at).then_some(link)
    }
}

/// A valid registration link.
#[derive(Clone, Debug)]
pub struct RegistrationLink {
    /// The ID under which submissions of its form are counted; not a secret.
    pub id: String,
    /// The address that it was mailed to.
    pub email: String,
    /// When it expires.
    pub expires_at: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn link_is_valid_for_a_day_and_only_with_its_key() {
        let (links, clock) = (RegistrationLinks::new(&ServerKey::generate()), Clock::system());
        let longest = format!("{}@{}.example", "a".repeat(64), "b".repeat(181));
        let text = links.create(&longest, clock.now());
        assert!(text.len() <= 450, "{}", text.len());
        assert_eq!(links.open(&text, clock.now()).expect("a valid link").email, longest);
        assert!(RegistrationLinks::new(&ServerKey::generate()).open(&text, clock.now()).is_none());
        assert!(links.open(&text[1..], clock.now()).is_none());
        clock.advance(std::time::Duration::from_hours(24));
        assert!(links.open(&text, clock.now()).is_none());
    }
}
