//! The only source of randomness, the server key and keys derived from it, sealing, and constant-time comparison.

mod plain;

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{constant_time, digest, hkdf, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

pub use plain::{PlainSecret, SecretHash};

/// Fills `buffer` from the operating system's random source.
///
/// # Panics
/// If the operating system has no randomness: continuing would create guessable secrets.
pub fn fill_random(buffer: &mut [u8]) {
    rand::fill(buffer).expect("the operating system's random source is available after boot");
}

/// Returns a new public identifier: 128 random bits, 22 characters of base64url. It does not begin with a hyphen, which
/// a command would read as an option.
#[must_use]
pub fn random_id() -> String {
    loop {
        let mut bytes = [0; 16];
        fill_random(&mut bytes);
        let id = URL_SAFE_NO_PAD.encode(bytes);
        if !id.starts_with('-') {
            return id;
        }
    }
}

/// SHA-256 of `data`.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    to_array(digest::digest(&digest::SHA256, data).as_ref())
}

/// HMAC-SHA256 of `data` (RFC 2104).
fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    to_array(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref())
}

/// Whether two byte strings are equal. The time that this takes depends only on their lengths.
#[must_use]
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// `bytes` as base64url without padding.
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes base64url without padding.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Decodes standard base64, which HTTP Basic uses (RFC 7617 §2).
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The purpose of a key derived from the server key. Each has its own label, so no key is used for two purposes.
#[derive(Clone, Copy, Debug)]
pub enum KeyPurpose {
    /// Encrypts cookies.
    Cookies,
    /// Hashes usernames and networks into bucket names for throttling.
    Throttling,
    /// Seals private signing keys in the database.
    SigningKeys,
    /// Seals queued mails in the database.
    Mails,
    /// Encrypts the content of registration links.
    RegistrationLinks,
    /// Authenticates the claims of access tokens that are signed with a shared secret.
    TokenClaims,
    /// Authenticates the family of a refresh token.
    RefreshTokens,
    /// Authenticates requests of `vestibule doctor`.
    Doctor,
}

impl KeyPurpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Cookies => b"vestibule cookies v1",
            Self::Throttling => b"vestibule throttling v1",
            Self::SigningKeys => b"vestibule signing keys v1",
            Self::Mails => b"vestibule mails v1",
            Self::RegistrationLinks => b"vestibule registration links v1",
            Self::TokenClaims => b"vestibule token claims v1",
            Self::RefreshTokens => b"vestibule refresh tokens v1",
            Self::Doctor => b"vestibule doctor v1",
        }
    }
}

/// The server key (`SERVER_KEY`), from which every other key is derived (HKDF, RFC 5869).
#[derive(Clone)]
pub struct ServerKey(Zeroizing<Vec<u8>>);

impl ServerKey {
    /// The fewest bytes that a server key may have.
    pub const MIN_BYTES: usize = 32;

    /// Generates a key of 32 random bytes.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new(vec![0; Self::MIN_BYTES]);
        fill_random(&mut bytes);
        Self(bytes)
    }

    /// Parses a key of at least 32 bytes in hex, base64 or base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unpadded = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
        // Hex first: 64 hex digits are also valid base64, but are meant as hex.
        let bytes = from_hex(text).or_else(|| from_base64url(&unpadded))?;
        (bytes.len() >= Self::MIN_BYTES).then(|| Self(Zeroizing::new(bytes)))
    }

    /// The key in base64url, which [`Self::parse`] reads.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(base64url(&self.0))
    }

    /// Derives the key for one purpose.
    #[must_use]
    pub fn derive(&self, purpose: KeyPurpose) -> DerivedKey {
        let mut key = Zeroizing::new([0; 64]);
        let label = [purpose.label()];
        hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
            .extract(&self.0)
            .expand(&label, KeyLength)
            .and_then(|okm| okm.fill(key.as_mut()))
            .expect("HKDF-SHA256 can output 64 bytes");
        DerivedKey(key)
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(…)")
    }
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        64
    }
}

/// 64 bytes derived from the [`ServerKey`] for one [`KeyPurpose`].
#[derive(Clone)]
pub struct DerivedKey(Zeroizing<[u8; 64]>);

impl DerivedKey {
    /// The bytes, for a library that does its own encryption.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// HMAC-SHA256 of the parts, each preceded by its length, because ("ab", "c") and ("a", "bc") must differ.
    #[must_use]
    pub fn hmac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_ref()));
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        to_array(context.sign().as_ref())
    }

    /// Encrypts and authenticates `plain` (AES-256-GCM, random nonce), bound to `context`; base64url.
    #[must_use]
    pub fn seal(&self, context: &str, plain: &[u8]) -> String {
        let mut sealed = plain.to_vec();
        let nonce = self
            .aead()
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut sealed)
            .expect("AES-256-GCM encrypts anything under 64 GiB");
        sealed.extend_from_slice(nonce.as_ref());
        base64url(&sealed)
    }

    /// Decrypts what [`Self::seal`] returned; `None` if the key or the context differs.
    #[must_use]
    pub fn open(&self, context: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = from_base64url(sealed)?;
        let nonce = bytes.split_off(bytes.len().checked_sub(12)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let mut bytes = Zeroizing::new(bytes);
        let length = self.aead().open_in_place(nonce, Aad::from(context.as_bytes()), &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }

    fn aead(&self) -> RandomizedNonceKey {
        RandomizedNonceKey::new(&AES_256_GCM, &self.0[..32]).expect("AES-256 takes 32 bytes")
    }
}

/// Decodes hex digits of either case; `None` for an empty text too.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|index| u8::from_str_radix(&text[index..index + 2], 16).ok()).collect()
}

fn to_array(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 outputs 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_id_does_not_begin_with_a_hyphen() {
        assert!((0..2_000).all(|_| !random_id().starts_with('-')));
    }

    #[test]
    fn sealed_text_opens_only_with_its_key_and_context() {
        let key = ServerKey::generate();
        let sealed = key.derive(KeyPurpose::SigningKeys).seal("kid-1", b"private");
        let open = |key: &ServerKey, context| key.derive(KeyPurpose::SigningKeys).open(context, &sealed);
        assert_eq!(open(&key, "kid-1").expect("opens").as_slice(), b"private");
        assert!(open(&key, "kid-2").is_none());
        assert!(open(&ServerKey::generate(), "kid-1").is_none());
        assert!(key.derive(KeyPurpose::Cookies).open("kid-1", &sealed).is_none());
        assert!(key.derive(KeyPurpose::SigningKeys).open("kid-1", "AAAA").is_none());
    }

    #[test]
    fn server_key_parses_from_hex_base64_and_base64url() {
        let hex = "00ff".repeat(16);
        for text in [
            hex.as_str(),
            "AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8=",
            "AP8A_wD_AP8A_wD_AP8A_wD_AP8A_wD_AP8A_wD_AP8",
        ] {
            let key = ServerKey::parse(text).expect(text);
            assert_eq!(*key.reveal(), "AP8A_wD_AP8A_wD_AP8A_wD_AP8A_wD_AP8A_wD_AP8");
        }
        for text in ["", "short", "00ff", "not base64 at all, though it is long enough to be"] {
            assert!(ServerKey::parse(text).is_none(), "{text}");
        }
    }
}
