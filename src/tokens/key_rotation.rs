//! Rotation of signing keys: adding the next key, retiring keys whose tokens have expired, resealing.

use chrono::TimeDelta;
use diesel::QueryResult;

use super::key_choice::find_signing;
use super::key_pair::{KeyError, NewKey};
use super::store::{self, NewKeyRow, StoredKey};
use crate::audit::{self, Cause, Event, EventKind};
use crate::clock::Moment;
use crate::config::KeyAlgorithm;
use crate::db::DbConnection;
use crate::secret::DerivedKey;
use crate::sessions::{self, KeyUsage, LEEWAY_SECONDS};

/// The time for which an instance may still sign with the previous key: its clock may be behind, or a request in
/// progress.
const SIGNING_OVERLAP: TimeDelta = TimeDelta::minutes(1);
/// The time for which a newer key of another algorithm is kept, because instances may be configured differently during
/// a deployment.
const OTHER_ALGORITHM_RETENTION: TimeDelta = TimeDelta::days(1);
/// The time for which the row of a retired key is kept to explain why its tokens are rejected.
const RETIRED_KEY_RETENTION: TimeDelta = TimeDelta::days(30);

/// The condition under which a key is added. Only keys of its algorithm count.
#[derive(Clone, Copy, Debug)]
pub enum AddKeyIf {
    /// If there is no key.
    NoneExists,
    /// If the newest key was created before this moment, or there is none.
    NewestBefore(Moment),
    /// If no key waits to sign.
    NoneWaits,
}

impl AddKeyIf {
    fn is_met(self, keys: &[StoredKey], algorithm: KeyAlgorithm, now: Moment) -> bool {
        let mut same = keys.iter().filter(|key| key.algorithm() == Some(algorithm));
        match self {
            Self::NoneExists => same.next().is_none(),
            Self::NewestBefore(moment) => same.all(|key| key.created_at < moment && key.signs_from() <= now),
            Self::NoneWaits => same.all(|key| key.signs_from() <= now),
        }
    }
}

/// The outcome of sealing all keys with another server key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resealing {
    /// Keys that were resealed.
    pub resealed: usize,
    /// Keys that were sealed with the new server key before.
    pub unchanged: usize,
}

/// Adds a key if `condition` is met. It signs after `lead`, or at once if there is no other key. Returns whether it was
/// added.
///
/// # Errors
/// [`KeyError::Sealed`] if existing keys were sealed with another server key: no server could then use all of them.
pub fn add(
    conn: &mut DbConnection,
    new: &NewKey,
    condition: AddKeyIf,
    lead: TimeDelta,
    cause: &Cause,
    now: Moment,
) -> Result<bool, KeyError> {
    store::lock(conn)?;
    let keys = store::list(conn, false)?;
    require_open(&keys, &new.seal)?;
    if !condition.is_met(&keys, new.algorithm, now) {
        return Ok(false);
    }
    insert(conn, new, if keys.is_empty() { now } else { now + lead }, cause, now)?;
    Ok(true)
}

/// Adds a key that signs at once, and retires all others, also one that waits to sign: tokens that they signed become
/// invalid. Returns the `kid` of the new key, and of each retired one.
///
/// # Errors
/// As [`add`].
pub fn replace_all(
    conn: &mut DbConnection,
    new: &NewKey,
    cause: &Cause,
    now: Moment,
) -> Result<(String, Vec<String>), KeyError> {
    store::lock(conn)?;
    let keys = store::list(conn, false)?;
    require_open(&keys, &new.seal)?;
    insert(conn, new, now, cause, now)?;
    let mut retired = Vec::new();
    for key in keys {
        if retire(conn, &key.kid, cause, now)? {
            retired.push(key.kid);
        }
    }
    Ok((new.kid.clone(), retired))
}

fn insert(
    conn: &mut DbConnection,
    new: &NewKey,
    signs_from: Moment,
    cause: &Cause,
    now: Moment,
) -> Result<(), KeyError> {
    let row = NewKeyRow {
        kid: &new.kid,
        algorithm: new.algorithm.as_str(),
        private_key_sealed: &new.private_key_sealed,
        public_jwk: &new.public_jwk,
        created_at: now,
        signs_from,
    };
    store::insert(conn, &row)?;
    audit::record(conn, &Event::of_keys(EventKind::SigningKeyAdded, Some(&new.kid), cause, now))?;
    Ok(())
}

/// Whether [`add`] would add a key.
pub fn is_needed(
    conn: &mut DbConnection,
    algorithm: KeyAlgorithm,
    condition: AddKeyIf,
    now: Moment,
) -> Result<bool, KeyError> {
    Ok(condition.is_met(&store::list(conn, false)?, algorithm, now))
}

/// Retires the keys that no longer sign and whose last token has expired, and deletes the rows of keys retired long
/// ago. `token_lifetime` is the longest lifetime of an ordinary token. Returns the `kid` of each retired key.
pub fn retire_expired(
    conn: &mut DbConnection,
    algorithm: KeyAlgorithm,
    token_lifetime: TimeDelta,
    now: Moment,
) -> Result<Vec<String>, KeyError> {
    store::lock(conn)?;
    let keys = store::list(conn, false)?;
    let mut retired = Vec::new();
    for kid in list_superseded(&keys, algorithm, token_lifetime, now) {
        if !has_live_tokens(conn, kid, now)? && retire(conn, kid, &Cause::server(), now)? {
            retired.push(kid.to_owned());
        }
    }
    store::delete_retired(conn, now - RETIRED_KEY_RETENTION)?;
    Ok(retired)
}

/// Retires a key. Returns whether this call retired it.
pub(super) fn retire(conn: &mut DbConnection, kid: &str, cause: &Cause, now: Moment) -> QueryResult<bool> {
    let is_retired = store::retire(conn, kid, now)?;
    if is_retired {
        audit::record(conn, &Event::of_keys(EventKind::SigningKeyRetired, Some(kid), cause, now))?;
    }
    Ok(is_retired)
}

/// Whether [`retire_expired`] has something to do; takes no lock.
pub fn has_expired(
    conn: &mut DbConnection,
    algorithm: KeyAlgorithm,
    token_lifetime: TimeDelta,
    now: Moment,
) -> Result<bool, KeyError> {
    let keys = store::list(conn, true)?;
    let is_deletable = |key: &StoredKey| key.retired_at.is_some_and(|at| at < now - RETIRED_KEY_RETENTION);
    if keys.iter().any(is_deletable) {
        return Ok(true);
    }
    let keys: Vec<StoredKey> = keys.into_iter().filter(|key| key.retired_at.is_none()).collect();
    for kid in list_superseded(&keys, algorithm, token_lifetime, now) {
        if !has_live_tokens(conn, kid, now)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Seals all private keys with another server key.
///
/// # Errors
/// [`KeyError::Sealed`] if neither server key opens a key; nothing is changed.
pub fn reseal(
    conn: &mut DbConnection,
    old: &DerivedKey,
    new: &DerivedKey,
    cause: &Cause,
    now: Moment,
) -> Result<Resealing, KeyError> {
    store::lock(conn)?;
    let mut resealing = Resealing { resealed: 0, unchanged: 0 };
    for key in store::list(conn, false)? {
        if new.open(&key.kid, &key.private_key_sealed).is_some() {
            resealing.unchanged += 1;
            continue;
        }
        let Some(private) = old.open(&key.kid, &key.private_key_sealed) else {
            return Err(KeyError::Sealed { kid: key.kid });
        };
        store::set_sealed(conn, &key.kid, &key.private_key_sealed, &new.seal(&key.kid, &private))?;
        resealing.resealed += 1;
    }
    if resealing.resealed > 0 {
        audit::record(conn, &Event::of_keys(EventKind::SigningKeysResealed, None, cause, now))?;
    }
    Ok(resealing)
}

/// Until when a key is kept if the next one signs from `next_signs_from`.
#[must_use]
pub fn kept_until(usage: KeyUsage, next_signs_from: Moment, token_lifetime: TimeDelta) -> Moment {
    let last_expiry = next_signs_from + token_lifetime + SIGNING_OVERLAP;
    usage.until.map_or(last_expiry, |until| until.max(last_expiry)) + TimeDelta::seconds(LEEWAY_SECONDS)
}

fn has_live_tokens(conn: &mut DbConnection, kid: &str, now: Moment) -> QueryResult<bool> {
    let usage = sessions::get_key_usage(conn, kid, now - TimeDelta::seconds(LEEWAY_SECONDS))?;
    Ok(usage.live_sessions > 0)
}

fn require_open(keys: &[StoredKey], seal: &DerivedKey) -> Result<(), KeyError> {
    match keys.iter().find(|key| seal.open(&key.kid, &key.private_key_sealed).is_none()) {
        Some(key) => Err(KeyError::Sealed { kid: key.kid.clone() }),
        None => Ok(()),
    }
}

/// Lists the keys that no longer sign and whose ordinary tokens have expired. Tokens with a longer lifetime, such as
/// those of scripts, are counted in the sessions.
fn list_superseded(keys: &[StoredKey], algorithm: KeyAlgorithm, token_lifetime: TimeDelta, now: Moment) -> Vec<&str> {
    let Some(signing) = find_signing(keys, algorithm, now) else { return Vec::new() };
    let retention = token_lifetime + SIGNING_OVERLAP + TimeDelta::seconds(LEEWAY_SECONDS);
    let is_superseded = |key: &&StoredKey| {
        let is_newer = key.signs_from() > signing.signs_from();
        let retention = if is_newer { retention.max(OTHER_ALGORITHM_RETENTION) } else { retention };
        let superseded_at = key.signs_from().max(signing.signs_from());
        key.kid != signing.kid && key.algorithm().is_some() && now > superseded_at + retention
    };
    keys.iter().filter(is_superseded).map(|key| key.kid.as_str()).collect()
}
