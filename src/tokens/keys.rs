//! The keys that sign and check access tokens: from `JWT_SECRET`, or made here and kept sealed in the database.
//! What may not live here: what is signed (`access.rs`).

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use diesel::QueryResult;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use super::store;
use crate::clock::Moment;
use crate::config::Signing;
use crate::db::{Db, DbConnection, DbError};
use crate::secret::{Purpose, ServerKey};

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The stored key was sealed under another `SERVER_KEY`, or was damaged.
    #[error(
        "SERVER_KEY does not open the signing key {kid} in the database: start with the key that this database was first used with"
    )]
    Sealed {
        /// Which key.
        kid: String,
    },
    /// The key could not be made or read.
    #[error("the signing key cannot be used: {0}")]
    Unusable(String),
}

/// One key that signs, and all keys whose tokens are accepted.
pub struct Keys {
    signing: Arc<Key>,
}

/// The key that signs at a moment.
#[derive(Clone)]
pub struct Signer(Arc<Key>);

impl Signer {
    /// The `kid` in the header of what it signs; `None` with HS256.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    pub(super) fn key(&self) -> &Key {
        &self.0
    }
}

/// A key and how it is used: taken from this table, never from a token's header.
pub(super) struct Key {
    pub kid: Option<String>,
    pub algorithm: Algorithm,
    /// The header's `typ`: `at+jwt` (RFC 9068 §2.1) with asymmetric keys; `JWT` with HS256, as the tutorial's clients expect.
    pub typ: &'static str,
    pub encoding: EncodingKey,
    pub decoding: DecodingKey,
    public_jwk: Option<Jwk>,
}

impl Keys {
    /// Loads the signing key, making it first when the database holds none.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn load(db: &Db, signing: &Signing, server_key: &ServerKey, now: Moment) -> Result<Self, KeyError> {
        let key = match signing {
            Signing::Hs256(secret) => Key {
                kid: None,
                algorithm: Algorithm::HS256,
                typ: "JWT",
                encoding: EncodingKey::from_secret(secret),
                decoding: DecodingKey::from_secret(secret),
                public_jwk: None,
            },
            Signing::KeyPair(_) => load_es256(db, server_key, now).await?,
        };
        Ok(Self { signing: Arc::new(key) })
    }

    /// Whether whoever checks a token could also have made it, so that its claims prove nothing by themselves.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.signing.public_jwk.is_none()
    }

    /// The public keys (RFC 7517 §5); empty with HS256.
    #[must_use]
    pub fn public(&self) -> JwkSet {
        JwkSet { keys: self.signing.public_jwk.iter().cloned().collect() }
    }

    /// A word for the start-up message.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.signing.kid {
            Some(kid) => format!("{:?} {kid}", self.signing.algorithm),
            None => format!("{:?} with JWT_SECRET", self.signing.algorithm),
        }
    }

    /// The key to sign with at `now`.
    pub(super) fn signer(&self, _now: Moment) -> Signer {
        Signer(Arc::clone(&self.signing))
    }

    /// The accepted key with this `kid`, when there is one.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        (self.signing.kid.as_deref() == kid).then_some(&*self.signing)
    }
}

async fn load_es256(db: &Db, server_key: &ServerKey, now: Moment) -> Result<Key, KeyError> {
    let seal = server_key.derive(Purpose::SigningKeys);
    let find = |conn: &mut DbConnection| -> Result<_, DbError> { Ok(store::find_current(conn, "ES256")?) };
    let stored = match db.read(find).await? {
        Some(stored) => stored,
        None => {
            let fresh = make_es256()?;
            let sealed = seal.seal(&fresh.kid, &fresh.pkcs8);
            let row = store::StoredKey { kid: fresh.kid, private_key_sealed: sealed, public_jwk: fresh.public_jwk };
            db.write(move |conn| -> Result<_, DbError> { Ok(keep_first(conn, row, now)?) }).await?
        }
    };
    let unusable = |error: &dyn std::fmt::Display| KeyError::Unusable(error.to_string());
    let pkcs8 = seal
        .open(&stored.kid, &stored.private_key_sealed)
        .ok_or_else(|| KeyError::Sealed { kid: stored.kid.clone() })?;
    let jwk: Jwk = serde_json::from_str(&stored.public_jwk).map_err(|error| unusable(&error))?;
    Ok(Key {
        kid: Some(stored.kid),
        algorithm: Algorithm::ES256,
        typ: "at+jwt",
        encoding: EncodingKey::from_ec_der(&pkcs8),
        decoding: DecodingKey::from_jwk(&jwk).map_err(|error| unusable(&error))?,
        public_jwk: Some(jwk),
    })
}

/// Stores the first key ever made, or returns the one that another process stored first: of eight servers started at once on
/// an empty database, one makes the key.
fn keep_first(conn: &mut DbConnection, fresh: store::StoredKey, now: Moment) -> QueryResult<store::StoredKey> {
    if store::claim_first(conn)? {
        store::insert(conn, &fresh, "ES256", now)?;
        return Ok(fresh);
    }
    store::find_current(conn, "ES256")?.ok_or(diesel::result::Error::NotFound)
}

struct FreshKey {
    kid: String,
    pkcs8: zeroize::Zeroizing<Vec<u8>>,
    public_jwk: String,
}

fn make_es256() -> Result<FreshKey, KeyError> {
    let unusable = |error: &dyn std::fmt::Display| KeyError::Unusable(error.to_string());
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|error| unusable(&error))?;
    let pkcs8 = zeroize::Zeroizing::new(document.as_ref().to_vec());
    let mut jwk = Jwk::from_encoding_key(&EncodingKey::from_ec_der(&pkcs8), Algorithm::ES256)
        .map_err(|error| unusable(&error))?;
    let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|error| unusable(&error))?;
    jwk.common.key_id = Some(kid.clone());
    jwk.common.key_algorithm = Some(KeyAlgorithm::ES256);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let public_jwk = serde_json::to_string(&jwk).map_err(|error| unusable(&error))?;
    Ok(FreshKey { kid, pkcs8, public_jwk })
}
