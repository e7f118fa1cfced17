//! The keys that sign and verify access tokens, in memory: `JWT_SECRET`, or the key pairs from the database.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::TimeDelta;
use jsonwebtoken::jwk::JwkSet;

use super::key_choice::{KeyCandidate, choose_signing};
use super::key_pair::{Key, KeyError, KeyPair, NewKey, Signer};
use super::key_rotation::{self, AddKeyIf};
use super::store::{self, StoredKey};
use crate::audit::Cause;
use crate::clock::Moment;
use crate::config::{KeyAlgorithm, Signing};
use crate::db::{Db, DbError};
use crate::secret::{DerivedKey, KeyPurpose, ServerKey};

/// The default time for which a new key is published before it signs: twice the five minutes for which resource servers
/// may cache the published keys (`max-age=300`).
pub(super) const DEFAULT_LEAD: TimeDelta = TimeDelta::minutes(10);

/// The key that signs, and all keys whose tokens are accepted.
pub struct Keys(KeySource);

enum KeySource {
    SharedSecret(Signer),
    KeyPairs(KeyTable),
}

struct KeyTable {
    algorithm: KeyAlgorithm,
    seal: DerivedKey,
    /// All keys that are not retired; at least one of them can sign.
    pairs: RwLock<Arc<Vec<KeyPair>>>,
}

impl Keys {
    /// Loads the keys. If the database has none of the configured algorithm, adds one first.
    ///
    /// # Errors
    /// [`KeyError::Sealed`] if a key does not open: a server with a wrong `SERVER_KEY` must not start.
    pub async fn load(db: &Db, signing: &Signing, server_key: &ServerKey, now: Moment) -> Result<Self, KeyError> {
        let algorithm = match signing {
            Signing::Hs256(secret) => return Ok(Self(KeySource::SharedSecret(Signer::from_secret(secret)))),
            Signing::KeyPair(algorithm) => *algorithm,
        };
        let seal = server_key.derive(KeyPurpose::SigningKeys);
        let list =
            |db: Db| async move { db.read(|conn| -> Result<_, KeyError> { Ok(store::list(conn, false)?) }).await };
        let mut rows = list(db.clone()).await?;
        if !rows.iter().any(|row| row.algorithm() == Some(algorithm)) {
            let new = NewKey::generate(algorithm, &seal).await?;
            let step = move |conn: &mut _| {
                key_rotation::add(conn, &new, AddKeyIf::NoneExists, DEFAULT_LEAD, &Cause::server(), now)
            };
            db.write(step).await?;
            rows = list(db.clone()).await?;
        }
        let mut pairs = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| has_known_algorithm(row)) {
            let pair = KeyPair::open(row, &seal)?;
            if pair.signer.is_none() {
                return Err(KeyError::Sealed { kid: row.kid.clone() });
            }
            pairs.push(pair);
        }
        if pairs.is_empty() {
            return Err(KeyError::Unusable("it was retired in the meantime; start the server again".to_owned()));
        }
        Ok(Self(KeySource::KeyPairs(KeyTable { algorithm, seal, pairs: RwLock::new(Arc::new(pairs)) })))
    }

    /// Loads keys that other processes have added, changed or retired. Only new keys are decrypted.
    ///
    /// # Errors
    /// If a query fails; the keys are unchanged.
    pub async fn refresh(&self, db: &Db) -> Result<(), DbError> {
        let KeySource::KeyPairs(table) = &self.0 else { return Ok(()) };
        let stored = db.read(|conn| -> Result<_, DbError> { Ok(store::list_signing_times(conn)?) }).await?;
        if table.is_current(&stored) {
            return Ok(());
        }
        let rows = db.read(|conn| -> Result<_, DbError> { Ok(store::list(conn, false)?) }).await?;
        table.replace(&rows);
        Ok(())
    }

    /// Whether tokens are signed with a shared secret (HS256). Then every verifier can also sign, and the signature
    /// alone does not prove the claims.
    #[must_use]
    pub fn is_shared_secret(&self) -> bool {
        matches!(self.0, KeySource::SharedSecret(_))
    }

    /// The public keys (RFC 7517 §5), starting with the one that signs at `now`; empty with HS256.
    #[must_use]
    pub fn public(&self, now: Moment) -> JwkSet {
        let KeySource::KeyPairs(table) = &self.0 else { return JwkSet::default() };
        let pairs = table.pairs();
        let signing = table.signing(&pairs, now).kid();
        let (first, others): (Vec<&KeyPair>, Vec<_>) = pairs.iter().partition(|pair| pair.kid() == signing);
        JwkSet { keys: first.into_iter().chain(others).filter_map(|pair| pair.key.public_jwk.clone()).collect() }
    }

    /// The signing key and the next one, for the start-up message.
    #[must_use]
    pub fn describe(&self, now: Moment) -> String {
        let KeySource::KeyPairs(table) = &self.0 else { return "HS256 with JWT_SECRET".to_owned() };
        let pairs = table.pairs();
        let signing = table.signing(&pairs, now);
        let next = pairs.iter().find(|pair| pair.signs_from > now);
        let next = next.map(|next| {
            format!(", {} {} from {}Z on", next.algorithm.as_str(), next.kid(), next.signs_from.format("%FT%T"))
        });
        format!("{} {}{}", signing.algorithm.as_str(), signing.kid(), next.unwrap_or_default())
    }

    /// The key that signs at `now`.
    pub(super) fn signer(&self, now: Moment) -> Signer {
        match &self.0 {
            KeySource::SharedSecret(signer) => signer.clone(),
            KeySource::KeyPairs(table) => {
                let pairs = table.pairs();
                table.signing(&pairs, now).signer.clone().expect("a key is chosen among those that can sign")
            }
        }
    }

    /// Finds the accepted key with this `kid`.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<Arc<Key>> {
        match &self.0 {
            KeySource::SharedSecret(signer) => kid.is_none().then(|| Arc::clone(signer.key())),
            KeySource::KeyPairs(table) => {
                let pairs = table.pairs();
                pairs.iter().find(|pair| Some(pair.kid()) == kid).map(|pair| Arc::clone(&pair.key))
            }
        }
    }

    /// The algorithm of new keys, and the key that seals them; `None` with HS256.
    pub(super) fn new_key_settings(&self) -> Option<(KeyAlgorithm, &DerivedKey)> {
        match &self.0 {
            KeySource::SharedSecret(_) => None,
            KeySource::KeyPairs(table) => Some((table.algorithm, &table.seal)),
        }
    }
}

impl KeyTable {
    fn pairs(&self) -> Arc<Vec<KeyPair>> {
        Arc::clone(&self.pairs.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn signing<'a>(&self, pairs: &'a [KeyPair], now: Moment) -> &'a KeyPair {
        let with_signer = pairs.iter().filter(|pair| pair.signer.is_some());
        let candidate = |pair: &&'a KeyPair| KeyCandidate {
            algorithm: pair.algorithm,
            signs_from: pair.signs_from,
            created_at: pair.created_at,
        };
        choose_signing(with_signer, candidate, self.algorithm, now).expect("at least one key can sign")
    }

    /// Whether the table has exactly the stored keys, given as (`kid`, when it starts to sign).
    fn is_current(&self, stored: &[(String, Moment)]) -> bool {
        let pairs = self.pairs();
        let is_loaded = |(kid, signs_from): &(String, Moment)| {
            pairs.iter().any(|pair| pair.kid() == kid && pair.signs_from == *signs_from)
        };
        stored.len() == pairs.len() && stored.iter().all(is_loaded)
    }

    fn replace(&self, rows: &[StoredKey]) {
        let loaded = self.pairs();
        let mut pairs = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| has_known_algorithm(row)) {
            let known = loaded.iter().find(|pair| pair.kid() == row.kid);
            let opened = match known {
                Some(pair) => Ok(KeyPair { signs_from: row.signs_from(), ..pair.clone() }),
                None => KeyPair::open(row, &self.seal),
            };
            match opened {
                Ok(pair) => {
                    if known.is_none() && pair.signer.is_none() {
                        tracing::error!(
                            kid = row.kid,
                            "SERVER_KEY does not decrypt a new signing key: its tokens are accepted, but this server cannot sign with it; restart this server with the SERVER_KEY of the other instances"
                        );
                    }
                    pairs.push(pair);
                }
                Err(error) => tracing::error!(kid = row.kid, %error, "a new signing key is ignored"),
            }
        }
        if pairs.iter().any(|pair| pair.signer.is_some()) {
            *self.pairs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pairs);
        } else {
            tracing::error!("the database has no usable signing key; keeping the last known ones");
        }
    }
}

fn has_known_algorithm(row: &StoredKey) -> bool {
    let is_known = row.algorithm().is_some();
    if !is_known {
        tracing::warn!(
            kid = row.kid,
            algorithm = row.algorithm,
            "a signing key with an algorithm of a newer release is ignored"
        );
    }
    is_known
}
