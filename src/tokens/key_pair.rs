//! A signing key: generated, sealed for the database, and opened.

use std::fmt::Display;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use zeroize::Zeroizing;

use super::store::StoredKey;
use crate::clock::Moment;
use crate::config::KeyAlgorithm;
use crate::db::DbError;
use crate::secret::DerivedKey;

/// The version and the algorithm `rsaEncryption`, which precede the RSA key (RFC 8017 §A.1.2) in PKCS #8 (RFC 5208 §5).
const RSA_PKCS8_ALGORITHM: [u8; 18] = [2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];

/// Why no key can sign.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database is unavailable.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The stored key was sealed with another `SERVER_KEY`, or was damaged.
    #[error(
        "SERVER_KEY does not decrypt the signing key {kid} in the database: use the server key that this database was last used with, or run \"vestibule keys reseal\" again if it was interrupted"
    )]
    Sealed {
        /// The key's ID.
        kid: String,
    },
    /// The key could not be generated or read.
    #[error("the signing key cannot be used: {0}")]
    Unusable(String),
}

impl From<diesel::result::Error> for KeyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

fn unusable(error: impl Display) -> KeyError {
    KeyError::Unusable(error.to_string())
}

/// A public key and the header fields of its tokens, which never come from a token.
pub(super) struct Key {
    pub kid: Option<String>,
    pub algorithm: Algorithm,
    pub decoding: DecodingKey,
    pub public_jwk: Option<Jwk>,
}

/// A key that can sign.
#[derive(Clone)]
pub struct Signer {
    key: Arc<Key>,
    encoding: Arc<EncodingKey>,
}

impl Signer {
    /// The `kid` in the header of its tokens; `None` with HS256.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.key.kid.as_deref()
    }

    /// Creates a signer for HS256.
    pub(super) fn from_secret(secret: &[u8]) -> Self {
        let key = Key {
            kid: None,
            algorithm: Algorithm::HS256,
            decoding: DecodingKey::from_secret(secret),
            public_jwk: None,
        };
        Self { key: Arc::new(key), encoding: Arc::new(EncodingKey::from_secret(secret)) }
    }

    pub(super) fn key(&self) -> &Arc<Key> {
        &self.key
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }
}

/// A key from the database.
#[derive(Clone)]
pub(super) struct KeyPair {
    pub algorithm: KeyAlgorithm,
    pub created_at: Moment,
    pub signs_from: Moment,
    pub key: Arc<Key>,
    /// `None` if it was sealed with another server key: its tokens are valid, but it cannot sign here.
    pub signer: Option<Signer>,
}

impl KeyPair {
    /// The `kid`.
    pub fn kid(&self) -> &str {
        self.key.kid.as_deref().unwrap_or_default()
    }

    /// Opens a stored key; `signer` is `None` if `seal` does not open it.
    pub fn open(stored: &StoredKey, seal: &DerivedKey) -> Result<Self, KeyError> {
        let algorithm =
            stored.algorithm().ok_or_else(|| unusable(format!("unknown algorithm {}", stored.algorithm)))?;
        let jwk: Jwk = serde_json::from_str(&stored.public_jwk).map_err(unusable)?;
        // The seal is bound to the kid, and the kid to the public key. This detects a public key that was swapped in
        // the database.
        if jwk.thumbprint(ThumbprintHash::SHA256).map_err(unusable)? != stored.kid {
            return Err(unusable(format!("the public key {} in the database was modified", stored.kid)));
        }
        let key = Arc::new(Key {
            kid: Some(stored.kid.clone()),
            algorithm: jwt_algorithm(algorithm),
            decoding: DecodingKey::from_jwk(&jwk).map_err(unusable)?,
            public_jwk: Some(jwk),
        });
        let signer = match seal.open(&stored.kid, &stored.private_key_sealed) {
            Some(pkcs8) => Some(Signer { key: Arc::clone(&key), encoding: Arc::new(encoding_key(algorithm, &pkcs8)?) }),
            None => None,
        };
        Ok(Self { algorithm, created_at: stored.created_at, signs_from: stored.signs_from(), key, signer })
    }
}

/// A generated key that is not stored yet.
#[derive(Clone)]
pub struct NewKey {
    pub(super) kid: String,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) private_key_sealed: String,
    pub(super) public_jwk: String,
    pub(super) seal: DerivedKey,
}

impl NewKey {
    /// Generates a key on a blocking thread, because an RSA key takes up to a few seconds. `seal` is derived for
    /// [`crate::secret::KeyPurpose::SigningKeys`].
    pub async fn generate(algorithm: KeyAlgorithm, seal: &DerivedKey) -> Result<Self, KeyError> {
        let seal = seal.clone();
        let work = tokio::task::spawn_blocking(move || Self::generate_blocking(algorithm, seal));
        work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    fn generate_blocking(algorithm: KeyAlgorithm, seal: DerivedKey) -> Result<Self, KeyError> {
        let pkcs8 = generate_pkcs8(algorithm)?;
        let jwt_algorithm = jwt_algorithm(algorithm);
        let mut jwk = Jwk::from_encoding_key(&encoding_key(algorithm, &pkcs8)?, jwt_algorithm).map_err(unusable)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(unusable)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public_jwk = serde_json::to_string(&jwk).map_err(unusable)?;
        Ok(Self { private_key_sealed: seal.seal(&kid, &pkcs8), kid, algorithm, public_jwk, seal })
    }
}

fn generate_pkcs8(algorithm: KeyAlgorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let random = SystemRandom::new();
    let pkcs8 = match algorithm {
        KeyAlgorithm::Es256 => {
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
            document.map_err(unusable)?.as_ref().to_vec()
        }
        KeyAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&random).map_err(unusable)?.as_ref().to_vec(),
        KeyAlgorithm::Rs256 => {
            let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa3072).map_err(unusable)?;
            pair.as_der().map_err(unusable)?.as_ref().to_vec()
        }
    };
    Ok(Zeroizing::new(pkcs8))
}

fn encoding_key(algorithm: KeyAlgorithm, pkcs8: &[u8]) -> Result<EncodingKey, KeyError> {
    Ok(match algorithm {
        KeyAlgorithm::Es256 => EncodingKey::from_ec_der(pkcs8),
        KeyAlgorithm::EdDsa => EncodingKey::from_ed_der(pkcs8),
        KeyAlgorithm::Rs256 => EncodingKey::from_rsa_der(pkcs1_in_pkcs8(pkcs8)?),
    })
}

/// Returns the PKCS #1 key inside PKCS #8, which `jsonwebtoken` needs. A key of 3,072 bits has two-byte lengths.
fn pkcs1_in_pkcs8(pkcs8: &[u8]) -> Result<&[u8], KeyError> {
    let inner = match pkcs8 {
        [0x30, 0x82, _, _, rest @ ..] => rest.strip_prefix(&RSA_PKCS8_ALGORITHM),
        _ => None,
    };
    match inner {
        Some([4, 0x82, high, low, key @ ..]) if key.len() == usize::from(u16::from_be_bytes([*high, *low])) => Ok(key),
        _ => Err(unusable("not an RSA key in PKCS #8")),
    }
}

fn jwt_algorithm(algorithm: KeyAlgorithm) -> Algorithm {
    match algorithm {
        KeyAlgorithm::Es256 => Algorithm::ES256,
        KeyAlgorithm::EdDsa => Algorithm::EdDSA,
        KeyAlgorithm::Rs256 => Algorithm::RS256,
    }
}
