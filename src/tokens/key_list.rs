//! The list of signing keys for admins, and the immediate retirement of a key.

use super::key_choice::find_signing;
use super::key_pair::KeyError;
use super::key_rotation::retire;
use super::store::{self, StoredKey};
use crate::audit::Cause;
use crate::clock::Moment;
use crate::config::KeyAlgorithm;
use crate::db::DbConnection;
use crate::sessions::{self, KeyUsage};

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is published and signs later.
    Next,
    /// It signs.
    Signing,
    /// It no longer signs; its tokens are accepted.
    Old,
    /// Its tokens are rejected.
    Retired,
}

/// A key in the list.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// The RFC 7638 thumbprint: 43 characters of base64url.
    pub kid: String,
    /// The algorithm's name.
    pub algorithm: String,
    /// The state.
    pub state: KeyState,
    /// When it was created and published.
    pub created_at: Moment,
    /// When it starts to sign, or started.
    pub signs_from: Moment,
    /// When it was retired.
    pub retired_at: Option<Moment>,
    /// Its live tokens.
    pub usage: KeyUsage,
}

/// Outcome of retiring a key.
#[derive(Clone, Debug)]
pub enum KeyRetirement {
    /// It is retired.
    Retired {
        /// The key as it was before.
        key: KeyRecord,
        /// The key that signs from now on.
        signing: KeyRecord,
    },
    /// It was retired before.
    AlreadyRetired(KeyRecord),
    /// No other key can sign.
    OnlyKey(KeyRecord),
    /// No key has this `kid`.
    NoSuchKey,
}

/// Lists all keys, newest first. The states are those of an instance that signs with `algorithm`.
pub fn list_keys(conn: &mut DbConnection, algorithm: KeyAlgorithm, now: Moment) -> Result<Vec<KeyRecord>, KeyError> {
    let keys = store::list(conn, true)?;
    let signing = find_signing(&keys, algorithm, now).map(|key| key.kid.clone());
    let mut records = Vec::with_capacity(keys.len());
    for key in keys {
        let usage = match key.retired_at {
            Some(_) => KeyUsage::default(),
            None => sessions::get_key_usage(conn, &key.kid, now)?,
        };
        let state = match key.retired_at {
            Some(_) => KeyState::Retired,
            None if Some(&key.kid) == signing.as_ref() => KeyState::Signing,
            None if key.signs_from() > now => KeyState::Next,
            None => KeyState::Old,
        };
        records.push(KeyRecord {
            signs_from: key.signs_from(),
            kid: key.kid,
            algorithm: key.algorithm,
            state,
            created_at: key.created_at,
            retired_at: key.retired_at,
            usage,
        });
    }
    Ok(records)
}

/// Retires a key at once, even if it has live tokens. If it is the one that signs, the newest of the others takes over,
/// preferably one of `algorithm`; a key that waits to sign does so now.
pub fn retire_key(
    conn: &mut DbConnection,
    kid: &str,
    algorithm: KeyAlgorithm,
    cause: &Cause,
    now: Moment,
) -> Result<KeyRetirement, KeyError> {
    store::lock(conn)?;
    let records = list_keys(conn, algorithm, now)?;
    let Some(key) = records.into_iter().find(|key| key.kid == kid) else { return Ok(KeyRetirement::NoSuchKey) };
    if key.state == KeyState::Retired {
        return Ok(KeyRetirement::AlreadyRetired(key));
    }
    if key.state == KeyState::Signing {
        let others: Vec<StoredKey> = store::list(conn, false)?.into_iter().filter(|other| other.kid != kid).collect();
        let Some(replacement) = find_replacement(others, algorithm) else { return Ok(KeyRetirement::OnlyKey(key)) };
        if replacement.signs_from() > now {
            store::set_signs_from(conn, &replacement.kid, now)?;
        }
    }
    retire(conn, kid, cause, now)?;
    let signing = list_keys(conn, algorithm, now)?.into_iter().find(|key| key.state == KeyState::Signing);
    let signing = signing.ok_or_else(|| KeyError::Unusable("no other key can sign".to_owned()))?;
    Ok(KeyRetirement::Retired { key, signing })
}

fn find_replacement(mut others: Vec<StoredKey>, algorithm: KeyAlgorithm) -> Option<StoredKey> {
    others.retain(|key| key.algorithm().is_some());
    others.into_iter().max_by_key(|key| (key.algorithm() == Some(algorithm), key.signs_from(), key.created_at))
}
