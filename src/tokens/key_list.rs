//! The signing keys as an admin sees them, and how one is ended at once. What may not live here: what happens by itself
//! (`key_rotation.rs`), and SQL.

use super::key_pair::KeyError;
use super::key_rotation::{retire, signing_of};
use super::store::{self, StoredKey};
use crate::clock::Moment;
use crate::config::KeyAlgorithm;
use crate::db::DbConnection;
use crate::sessions::{self, KeyUse};

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and signs later.
    Next,
    /// Signs.
    Signing,
    /// Signs no more; its tokens are accepted.
    Old,
    /// Nothing that it signed is accepted.
    Retired,
}

/// A key as an admin sees it.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// The RFC 7638 thumbprint: 43 characters of base64url.
    pub kid: String,
    /// The algorithm's name.
    pub algorithm: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made and published.
    pub created_at: Moment,
    /// When it begins to sign, or began.
    pub signs_from: Moment,
    /// When it was retired, if it was.
    pub retired_at: Option<Moment>,
    /// What still needs it.
    pub usage: KeyUse,
}

/// What became of a wish to retire a key.
#[derive(Clone, Debug)]
pub enum KeyRetirement {
    /// It is retired.
    Done {
        /// As it was before.
        key: KeyRecord,
        /// The key that signs from now on.
        signing: KeyRecord,
    },
    /// It was before.
    WasRetired(KeyRecord),
    /// No other key can sign.
    OnlyKey(KeyRecord),
    /// Nobody has this `kid`.
    NoSuchKey,
}

/// All keys, the newest first, as an instance sees them that signs with `algorithm`.
///
/// # Errors
/// When a query fails.
pub fn list_keys(conn: &mut DbConnection, algorithm: KeyAlgorithm, now: Moment) -> Result<Vec<KeyRecord>, KeyError> {
    let keys = store::list(conn, true)?;
    let signing = signing_of(&keys, algorithm, now).map(|key| key.kid.clone());
    let mut records = Vec::with_capacity(keys.len());
    for key in keys {
        let usage = match key.retired_at {
            Some(_) => KeyUse::default(),
            None => sessions::find_key_use(conn, &key.kid, now)?,
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

/// Retires a key at once, tokens alive or not. When it is the one that signs, the newest of the others takes over, and one of the
/// wanted algorithm before others: the next key, whose time has then come, or an earlier one.
///
/// # Errors
/// When a query fails.
pub fn retire_key(
    conn: &mut DbConnection,
    kid: &str,
    algorithm: KeyAlgorithm,
    now: Moment,
) -> Result<KeyRetirement, KeyError> {
    store::lock(conn)?;
    let records = list_keys(conn, algorithm, now)?;
    let Some(key) = records.into_iter().find(|key| key.kid == kid) else { return Ok(KeyRetirement::NoSuchKey) };
    if key.state == KeyState::Retired {
        return Ok(KeyRetirement::WasRetired(key));
    }
    if key.state == KeyState::Signing {
        let others: Vec<StoredKey> = store::list(conn, false)?.into_iter().filter(|other| other.kid != kid).collect();
        let Some(heir) = heir_of(others, algorithm) else { return Ok(KeyRetirement::OnlyKey(key)) };
        if heir.signs_from() > now {
            store::set_signs_from(conn, &heir.kid, now)?;
        }
    }
    retire(conn, kid, now)?;
    let signing = list_keys(conn, algorithm, now)?.into_iter().find(|key| key.state == KeyState::Signing);
    let signing = signing.ok_or_else(|| KeyError::Unusable("no other key can sign".to_owned()))?;
    Ok(KeyRetirement::Done { key, signing })
}

fn heir_of(mut others: Vec<StoredKey>, algorithm: KeyAlgorithm) -> Option<StoredKey> {
    others.retain(|key| key.algorithm().is_some());
    others.into_iter().max_by_key(|key| (key.algorithm() == Some(algorithm), key.signs_from(), key.created_at))
}
