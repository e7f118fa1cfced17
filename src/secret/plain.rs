//! Secrets that are handed to browsers and clients, and the hashes that are stored of them.

use std::fmt;

use zeroize::Zeroizing;

use super::{DerivedKey, base64url, constant_time_eq, fill_random, from_base64url, hmac_sha256, sha256};

/// The random bytes of a secret that also has a tag; the other half of it is the tag.
const TAGGED_BYTES: usize = 16;

/// The secret of a session, one-time link, refresh token or client: 256 random bits, 43 characters of base64url.
///
/// It is never stored, printed by `Debug` or serialized; only its [`SecretHash`] reaches the database.
#[derive(Clone)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    /// Generates a random secret.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        fill_random(bytes.as_mut());
        Self(Zeroizing::new(base64url(bytes.as_ref())))
    }

    /// Generates a secret of 128 random bits and a tag of 128 bits, an HMAC under `key`: who has the key can tell it
    /// from a made-up one without a look-up. `purpose` says what it is for and whom.
    #[must_use]
    pub fn generate_tagged(key: &DerivedKey, purpose: &[&[u8]]) -> Self {
        let mut random = Zeroizing::new([0; TAGGED_BYTES]);
        fill_random(random.as_mut());
        let tag = tag(key, purpose, random.as_ref());
        Self(Zeroizing::new(base64url(&Zeroizing::new([random.as_ref(), &tag[..]].concat()))))
    }

    /// Whether [`Self::generate_tagged`] generated the secret with this key and purpose.
    #[must_use]
    pub fn has_tag(&self, key: &DerivedKey, purpose: &[&[u8]]) -> bool {
        let bytes = Zeroizing::new(from_base64url(&self.0).unwrap_or_default());
        let Some((random, presented)) = bytes.split_at_checked(TAGGED_BYTES) else { return false };
        constant_time_eq(&tag(key, purpose, random), presented)
    }

    /// Parses a presented secret: 43 characters of base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_secret = text.len() == 43 && from_base64url(text).is_some();
        is_secret.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The secret itself, for the one response that hands it out.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Derives another secret with a one-way function: HMAC-SHA256 of the label, with this secret as the key.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        Self(Zeroizing::new(base64url(&hmac_sha256(self.0.as_bytes(), label.as_bytes()))))
    }

    /// Encrypts another secret with this one (XOR with an HMAC-SHA256 under this secret); base64url. `sequence` must be
    /// different for each successor of this secret, because two that share a mask reveal their XOR.
    #[must_use]
    pub fn seal_successor(&self, successor: &Self, sequence: i64) -> String {
        base64url(&self.apply_mask(&from_base64url(&successor.0).unwrap_or_default(), sequence))
    }

    /// Decrypts what [`Self::seal_successor`] returned for the same `sequence`.
    #[must_use]
    pub fn open_successor(&self, sealed: &str, sequence: i64) -> Option<Self> {
        Self::parse(&base64url(&self.apply_mask(&from_base64url(sealed)?, sequence)))
    }

    fn apply_mask(&self, bytes: &[u8], sequence: i64) -> Vec<u8> {
        let mask = self.derive(&format!("vestibule successor v1 {sequence}"));
        let mask = from_base64url(&mask.0).unwrap_or_default();
        bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
    }

    /// The form that is stored and looked up. One SHA-256 is enough, because the input has 256 random bits.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(base64url(&sha256(self.0.as_bytes())))
    }
}

fn tag(key: &DerivedKey, purpose: &[&[u8]], random: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = purpose.iter().copied().chain([random]).collect();
    key.hmac(&parts)[..TAGGED_BYTES].to_vec()
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainSecret(…)")
    }
}

/// The stored form of a [`PlainSecret`]: SHA-256 in base64url, 43 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretHash(String);

impl SecretHash {
    /// Wraps a hash from the database.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text that is stored in the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{KeyPurpose, ServerKey};

    #[test]
    fn sealed_successor_opens_only_with_its_secret_and_sequence() {
        let (secret, successor) = (PlainSecret::generate(), PlainSecret::generate());
        let sealed = secret.seal_successor(&successor, 1);
        assert_ne!(sealed, successor.reveal());
        assert_eq!(secret.open_successor(&sealed, 1).expect("a secret").reveal(), successor.reveal());
        assert_ne!(secret.open_successor(&sealed, 2).expect("a secret").reveal(), successor.reveal());
        assert_ne!(PlainSecret::generate().open_successor(&sealed, 1).expect("a secret").reveal(), successor.reveal());
    }

    #[test]
    fn tag_belongs_to_one_key_and_purpose() {
        let [key, other] = [ServerKey::generate(), ServerKey::generate()].map(|key| key.derive(KeyPurpose::Throttling));
        let secret = PlainSecret::generate_tagged(&key, &[b"device", b"alice"]);
        let parsed = PlainSecret::parse(secret.reveal()).expect("a secret");
        assert!(parsed.has_tag(&key, &[b"device", b"alice"]));
        assert!(!parsed.has_tag(&key, &[b"device", b"bob"]) && !parsed.has_tag(&other, &[b"device", b"alice"]));
        assert!(!PlainSecret::generate().has_tag(&key, &[b"device", b"alice"]));
        let again = PlainSecret::generate_tagged(&key, &[b"device", b"alice"]);
        assert_ne!(again.reveal(), secret.reveal());
    }

    #[test]
    fn plain_secret_is_hidden_in_debug_and_parses_from_its_text() {
        let secret = PlainSecret::generate();
        assert_eq!(format!("{secret:?}"), "PlainSecret(…)");
        assert_eq!(PlainSecret::parse(secret.reveal()).expect("a secret").hash(), secret.hash());
        assert!(PlainSecret::parse("short").is_none());
    }
}
