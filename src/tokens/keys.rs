//! The table of keys that sign and check access tokens, in memory: `JWT_SECRET`, or pairs kept sealed in the database and read anew
//! twice a second. What may not live here: how a key is made and opened (`key_pair.rs`), and when one is made or retired
//! (`key_rotation.rs`).

use std::sync::{Arc, PoisonError, RwLock};

use chrono::TimeDelta;
use jsonwebtoken::jwk::JwkSet;

use super::key_pair::{FreshKey, Key, KeyError, KeyPair, Signer};
use super::key_rotation::{self, KeyNeed};
use super::store::{self, StoredKey};
use crate::clock::Moment;
use crate::config::{KeyAlgorithm, Signing};
use crate::db::{Db, DbError};
use crate::secret::{DerivedKey, Purpose, ServerKey};

/// How long a new key is published before it signs, unless an admin chooses otherwise. Twice the five minutes for which resource
/// servers may keep the published keys (`max-age=300`), so that each has read it anew by then.
pub const DEFAULT_LEAD: TimeDelta = TimeDelta::minutes(10);

/// The keys that sign, and all keys whose tokens are accepted.
pub struct Keys(Source);

enum Source {
    Shared(Signer),
    Pairs(Table),
}

struct Table {
    algorithm: KeyAlgorithm,
    seal: DerivedKey,
    /// All keys that are not retired; one of them at least can sign.
    pairs: RwLock<Arc<Vec<KeyPair>>>,
}

impl Keys {
    /// Loads the keys, making one first when the database holds none of the wanted algorithm.
    ///
    /// # Errors
    /// [`KeyError`]; that a key cannot be opened, too, so that a server with a wrong `SERVER_KEY` does not start.
    pub async fn load(db: &Db, signing: &Signing, server_key: &ServerKey, now: Moment) -> Result<Self, KeyError> {
        let algorithm = match signing {
            Signing::Hs256(secret) => return Ok(Self(Source::Shared(Signer::shared(secret)))),
            Signing::KeyPair(algorithm) => *algorithm,
        };
        let seal = server_key.derive(Purpose::SigningKeys);
        let list =
            |db: Db| async move { db.read(|conn| -> Result<_, KeyError> { Ok(store::list(conn, false)?) }).await };
        let mut rows = list(db.clone()).await?;
        if !rows.iter().any(|row| row.algorithm() == Some(algorithm)) {
            let fresh = FreshKey::make(algorithm, &seal).await?;
            let step = move |conn: &mut _| key_rotation::add(conn, &fresh, KeyNeed::None, DEFAULT_LEAD, now);
            db.write(step).await?;
            rows = list(db.clone()).await?;
        }
        let mut pairs = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| is_known(row)) {
            let pair = KeyPair::open(row, &seal)?;
            if pair.signer.is_none() {
                return Err(KeyError::Sealed { kid: row.kid.clone() });
            }
            pairs.push(pair);
        }
        if pairs.is_empty() {
            return Err(KeyError::Unusable("it was retired in the meantime; start the server again".to_owned()));
        }
        Ok(Self(Source::Pairs(Table { algorithm, seal, pairs: RwLock::new(Arc::new(pairs)) })))
    }

    /// Reads what has changed in the database since: keys that other processes made or retired. Only new keys are opened.
    ///
    /// # Errors
    /// When a query fails; the keys are then as they were.
    pub async fn refresh(&self, db: &Db) -> Result<(), DbError> {
        let Source::Pairs(table) = &self.0 else { return Ok(()) };
        let times = db.read(|conn| -> Result<_, DbError> { Ok(store::list_accepted_times(conn)?) }).await?;
        if table.knows(&times) {
            return Ok(());
        }
        let rows = db.read(|conn| -> Result<_, DbError> { Ok(store::list(conn, false)?) }).await?;
        table.replace(&rows);
        Ok(())
    }

    /// Whether every verifier could also sign a token (HS256): its claims prove nothing by themselves then.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Source::Shared(_))
    }

    /// The public keys (RFC 7517 §5), the one that signs at `now` first; empty with HS256.
    #[must_use]
    pub fn public(&self, now: Moment) -> JwkSet {
        let Source::Pairs(table) = &self.0 else { return JwkSet::default() };
        let pairs = table.pairs();
        let signing = table.signing(&pairs, now).kid();
        let (first, others): (Vec<&KeyPair>, Vec<_>) = pairs.iter().partition(|pair| pair.kid() == signing);
        JwkSet { keys: first.into_iter().chain(others).filter_map(|pair| pair.key.public_jwk.clone()).collect() }
    }

    /// Words for the start-up message.
    #[must_use]
    pub fn describe(&self, now: Moment) -> String {
        let Source::Pairs(table) = &self.0 else { return "HS256 with JWT_SECRET".to_owned() };
        let pairs = table.pairs();
        let signing = table.signing(&pairs, now);
        let next = pairs.iter().find(|pair| pair.signs_from > now);
        let next = next.map(|next| {
            format!(", {} {} from {:.0}Z on", next.algorithm.as_str(), next.kid(), next.signs_from.format("%FT%T"))
        });
        format!("{} {}{}", signing.algorithm.as_str(), signing.kid(), next.unwrap_or_default())
    }

    /// The key to sign with at `now`.
    pub(super) fn signer(&self, now: Moment) -> Signer {
        match &self.0 {
            Source::Shared(signer) => signer.clone(),
            Source::Pairs(table) => {
                let pairs = table.pairs();
                table.signing(&pairs, now).signer.clone().expect("a key is chosen among those that can sign")
            }
        }
    }

    /// The accepted key with this `kid`, when there is one.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<Arc<Key>> {
        match &self.0 {
            Source::Shared(signer) => kid.is_none().then(|| Arc::clone(signer.key())),
            Source::Pairs(table) => {
                let pairs = table.pairs();
                pairs.iter().find(|pair| Some(pair.kid()) == kid).map(|pair| Arc::clone(&pair.key))
            }
        }
    }

    /// Which algorithm new keys have, and what they are sealed with; `None` with HS256, which needs no key of ours.
    pub(super) fn new_keys(&self) -> Option<(KeyAlgorithm, &DerivedKey)> {
        match &self.0 {
            Source::Shared(_) => None,
            Source::Pairs(table) => Some((table.algorithm, &table.seal)),
        }
    }
}

impl Table {
    fn pairs(&self) -> Arc<Vec<KeyPair>> {
        Arc::clone(&self.pairs.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn signing<'a>(&self, pairs: &'a [KeyPair], now: Moment) -> &'a KeyPair {
        let able = pairs.iter().filter(|pair| pair.signer.is_some());
        let candidate = |pair: &&'a KeyPair| Candidate {
            algorithm: pair.algorithm,
            signs_from: pair.signs_from,
            created_at: pair.created_at,
        };
        choose_signing(able, candidate, self.algorithm, now).expect("one key at the least can sign")
    }

    fn knows(&self, times: &[(String, Moment)]) -> bool {
        let pairs = self.pairs();
        let is_known = |(kid, signs_from): &(String, Moment)| {
            pairs.iter().any(|pair| pair.kid() == kid && pair.signs_from == *signs_from)
        };
        times.len() == pairs.len() && times.iter().all(is_known)
    }

    fn replace(&self, rows: &[StoredKey]) {
        let before = self.pairs();
        let mut pairs = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| is_known(row)) {
            let known = before.iter().find(|pair| pair.kid() == row.kid);
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

fn is_known(row: &StoredKey) -> bool {
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

/// What is asked of a key to know whether it signs.
pub(super) struct Candidate {
    pub algorithm: KeyAlgorithm,
    pub signs_from: Moment,
    pub created_at: Moment,
}

/// The key that signs at `now`: the newest of the wanted algorithm whose time has come, else the newest of any other; when none's
/// has, the first to come.
pub(super) fn choose_signing<T>(
    keys: impl Iterator<Item = T>,
    candidate: impl Fn(&T) -> Candidate,
    wanted: KeyAlgorithm,
    now: Moment,
) -> Option<T> {
    keys.map(|key| (candidate(&key), key))
        .max_by_key(|(candidate, _)| {
            let Candidate { algorithm, signs_from, created_at } = *candidate;
            let begun = (signs_from <= now).then_some((algorithm == wanted, signs_from, created_at));
            (begun, std::cmp::Reverse(signs_from))
        })
        .map(|(_, key)| key)
}
