//! When a signing key is made, takes over and is retired by itself. Steps inside one transaction; each holds the table of keys, so
//! that of processes that want the same only one does it. What may not live here: what an admin sees and ends (`key_list.rs`), the
//! keys in memory (`keys.rs`), and SQL.

use chrono::TimeDelta;
use diesel::QueryResult;

use super::claims::LEEWAY_SECONDS;
use super::key_pair::{FreshKey, KeyError};
use super::keys::{Candidate, choose_signing};
use super::store::{self, StoredKey};
use crate::audit::{self, Event, EventKind};
use crate::clock::Moment;
use crate::config::KeyAlgorithm;
use crate::db::DbConnection;
use crate::secret::DerivedKey;
use crate::sessions::{self, KeyUse};

/// How long after a key stopped signing an instance may still do so: its clock may be behind, and a request on its way.
const HANDED_OVER_AFTER: TimeDelta = TimeDelta::minutes(1);
/// How long a key of another algorithm than the wanted one is kept when it is the newer one: instances may be configured
/// differently for as long as a deployment takes.
const OTHER_ALGORITHM_KEPT: TimeDelta = TimeDelta::days(1);
/// How long the row of a retired key is kept, so that its tokens can be explained.
const RETIRED_KEPT: TimeDelta = TimeDelta::days(30);

/// When a new key is wanted.
#[derive(Clone, Copy, Debug)]
pub enum KeyNeed {
    /// When there is none of its algorithm.
    None,
    /// When the newest of its algorithm was made before this moment, or there is none.
    OlderThan(Moment),
    /// In any case, unless the next one waits already.
    Next,
}

impl KeyNeed {
    fn is_met(self, keys: &[StoredKey], algorithm: KeyAlgorithm, now: Moment) -> bool {
        let mut same = keys.iter().filter(|key| key.algorithm() == Some(algorithm));
        match self {
            Self::None => same.next().is_some(),
            Self::OlderThan(moment) => same.any(|key| key.created_at >= moment || key.signs_from() > now),
            Self::Next => same.any(|key| key.signs_from() > now),
        }
    }
}

/// What became of a wish to seal the keys under another server key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resealing {
    /// Keys that are sealed anew.
    pub resealed: usize,
    /// Keys that were sealed under the new server key before.
    pub unchanged: usize,
}

/// Adds a key that was just made, if it is needed: it signs after `lead`, or at once when there is no other key. Returns whether it
/// was added.
///
/// # Errors
/// [`KeyError::Sealed`] when the keys that exist were sealed under another server key: nobody could use all of them then.
pub fn add(
    conn: &mut DbConnection,
    fresh: &FreshKey,
    need: KeyNeed,
    lead: TimeDelta,
    now: Moment,
) -> Result<bool, KeyError> {
    store::lock(conn)?;
    let keys = store::list(conn, false)?;
    require_open(&keys, &fresh.seal)?;
    if need.is_met(&keys, fresh.algorithm, now) {
        return Ok(false);
    }
    let signs_from = if keys.is_empty() { now } else { now + lead };
    store::insert(conn, fresh, signs_from, now)?;
    audit::record(conn, &Event::of_keys(EventKind::SigningKeyAdded, Some(&fresh.kid), now))?;
    Ok(true)
}

/// Whether [`add`] would add a key.
///
/// # Errors
/// When a query fails.
pub fn is_needed(
    conn: &mut DbConnection,
    algorithm: KeyAlgorithm,
    need: KeyNeed,
    now: Moment,
) -> Result<bool, KeyError> {
    Ok(!need.is_met(&store::list(conn, false)?, algorithm, now))
}

/// Retires the keys that sign no more and whose last token is dead, and forgets those retired long ago. `token_life` is how long a
/// token lives at the most. Returns the `kid` of each that was retired.
///
/// # Errors
/// When a query fails.
pub fn retire_dead(
    conn: &mut DbConnection,
    algorithm: KeyAlgorithm,
    token_life: TimeDelta,
    now: Moment,
) -> Result<Vec<String>, KeyError> {
    store::lock(conn)?;
    let keys = store::list(conn, false)?;
    let dead = list_handed_over(&keys, algorithm, token_life, now);
    let mut retired = Vec::new();
    for kid in dead {
        if sessions::find_key_use(conn, kid, now - TimeDelta::seconds(LEEWAY_SECONDS))?.live_sessions == 0
            && retire(conn, kid, now)?
        {
            retired.push(kid.to_owned());
        }
    }
    store::delete_retired(conn, now - RETIRED_KEPT)?;
    Ok(retired)
}

/// Retires a key that is not yet; whether it was.
pub(super) fn retire(conn: &mut DbConnection, kid: &str, now: Moment) -> QueryResult<bool> {
    let is_retired = store::retire(conn, kid, now)?;
    if is_retired {
        audit::record(conn, &Event::of_keys(EventKind::SigningKeyRetired, Some(kid), now))?;
    }
    Ok(is_retired)
}

/// Whether [`retire_dead`] may have something to do, without holding anything.
///
/// # Errors
/// When a query fails.
pub fn has_dead(
    conn: &mut DbConnection,
    algorithm: KeyAlgorithm,
    token_life: TimeDelta,
    now: Moment,
) -> Result<bool, KeyError> {
    let keys = store::list(conn, true)?;
    let is_forgettable = |key: &StoredKey| key.retired_at.is_some_and(|at| at < now - RETIRED_KEPT);
    if keys.iter().any(is_forgettable) {
        return Ok(true);
    }
    let keys: Vec<StoredKey> = keys.into_iter().filter(|key| key.retired_at.is_none()).collect();
    for kid in list_handed_over(&keys, algorithm, token_life, now) {
        if sessions::find_key_use(conn, kid, now - TimeDelta::seconds(LEEWAY_SECONDS))?.live_sessions == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Seals all private keys under another server key.
///
/// # Errors
/// [`KeyError::Sealed`] when a key opens under neither; nothing is changed then.
pub fn reseal(conn: &mut DbConnection, old: &DerivedKey, new: &DerivedKey, now: Moment) -> Result<Resealing, KeyError> {
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
        audit::record(conn, &Event::of_keys(EventKind::SigningKeysResealed, None, now))?;
    }
    Ok(resealing)
}

/// Until when a key is kept that another takes over from at `signs_from`.
#[must_use]
pub fn kept_until(usage: KeyUse, signs_from: Moment, token_life: TimeDelta) -> Moment {
    let handed_over = signs_from + token_life + HANDED_OVER_AFTER;
    usage.until.map_or(handed_over, |until| until.max(handed_over)) + TimeDelta::seconds(LEEWAY_SECONDS)
}

fn require_open(keys: &[StoredKey], seal: &DerivedKey) -> Result<(), KeyError> {
    match keys.iter().find(|key| seal.open(&key.kid, &key.private_key_sealed).is_none()) {
        Some(key) => Err(KeyError::Sealed { kid: key.kid.clone() }),
        None => Ok(()),
    }
}

pub(super) fn signing_of(keys: &[StoredKey], algorithm: KeyAlgorithm, now: Moment) -> Option<&StoredKey> {
    let accepted = keys.iter().filter(|key| key.retired_at.is_none() && key.algorithm().is_some());
    let candidate = |key: &&StoredKey| Candidate {
        algorithm: key.algorithm().unwrap_or(algorithm),
        signs_from: key.signs_from(),
        created_at: key.created_at,
    };
    choose_signing(accepted, candidate, algorithm, now)
}

/// The keys that sign no more and signed nothing that lives, as far as the times tell. Tokens that live longer, such as those made
/// for a fixed time, are found in the sessions.
fn list_handed_over(keys: &[StoredKey], algorithm: KeyAlgorithm, token_life: TimeDelta, now: Moment) -> Vec<&str> {
    let Some(signing) = signing_of(keys, algorithm, now) else { return Vec::new() };
    let done = token_life + HANDED_OVER_AFTER + TimeDelta::seconds(LEEWAY_SECONDS);
    let is_handed_over = |key: &&StoredKey| {
        let began = key.signs_from().max(signing.signs_from());
        let kept = if key.signs_from() > signing.signs_from() { done.max(OTHER_ALGORITHM_KEPT) } else { done };
        key.kid != signing.kid && key.algorithm().is_some() && now > began + kept
    };
    keys.iter().filter(is_handed_over).map(|key| key.kid.as_str()).collect()
}
