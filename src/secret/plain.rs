//! Secrets that somebody presents, and the hashes that are kept of them. What may not live here: the server's own key.

use std::fmt;

use zeroize::Zeroizing;

use super::{base64url, fill_random, from_base64url, hmac_sha256, sha256};

/// A secret that its holder presents, such as a session's or a one-time link's: 43 characters of base64url,
/// 256 bits. It is never stored, printed by `Debug` or serialised: only its [`SecretHash`] reaches the database.
#[derive(Clone)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    /// Makes a new one.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        fill_random(bytes.as_mut());
        Self(Zeroizing::new(base64url(bytes.as_ref())))
    }

    /// Takes what somebody presented; `None` unless it has the shape of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = text.len() == 43 && from_base64url(text).is_some();
        is_ours.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The secret itself, for the one answer that hands it over.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Another secret, made of this one by a one-way function (HMAC-SHA256 of the label under it).
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        Self(Zeroizing::new(base64url(&hmac_sha256(self.0.as_bytes(), label.as_bytes()))))
    }

    /// Another secret so hidden that only whoever holds this one can read it (XOR with HMAC-SHA256 under this one); base64url. `turn`
    /// must differ each time this secret hides another.
    #[must_use]
    pub fn seal_successor(&self, successor: &Self, turn: i64) -> String {
        base64url(&self.masked(&from_base64url(&successor.0).unwrap_or_default(), turn))
    }

    /// Reads what [`Self::seal_successor`] hid in the same turn.
    #[must_use]
    pub fn open_successor(&self, sealed: &str, turn: i64) -> Option<Self> {
        Self::parse(&base64url(&self.masked(&from_base64url(sealed)?, turn)))
    }

    fn masked(&self, bytes: &[u8], turn: i64) -> Vec<u8> {
        let mask = self.derive(&format!("vestibule successor v1 {turn}"));
        let mask = from_base64url(&mask.0).unwrap_or_default();
        bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
    }

    /// The form that is stored and looked up. One SHA-256 is enough: the input has 256 random bits.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(base64url(&sha256(self.0.as_bytes())))
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainSecret(…)")
    }
}

/// The stored form of a [`PlainSecret`]: SHA-256 in base64url, 43 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHash(String);

impl SecretHash {
    /// A hash that the database held.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text that the database holds.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_successor_opens_only_with_its_secret_and_turn() {
        let (secret, successor) = (PlainSecret::generate(), PlainSecret::generate());
        let sealed = secret.seal_successor(&successor, 1);
        assert_ne!(sealed, successor.reveal());
        assert_eq!(secret.open_successor(&sealed, 1).expect("ours").reveal(), successor.reveal());
        assert_ne!(secret.open_successor(&sealed, 2).expect("a secret").reveal(), successor.reveal());
        assert_ne!(PlainSecret::generate().open_successor(&sealed, 1).expect("a secret").reveal(), successor.reveal());
    }

    #[test]
    fn a_plain_secret_prints_nothing_and_comes_back_from_its_text() {
        let secret = PlainSecret::generate();
        assert_eq!(format!("{secret:?}"), "PlainSecret(…)");
        assert_eq!(PlainSecret::parse(secret.reveal()).expect("ours").hash(), secret.hash());
        assert!(PlainSecret::parse("short").is_none());
    }
}
