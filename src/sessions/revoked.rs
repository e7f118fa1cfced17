//! The in-memory set of revoked sessions and holders, against which every access token is checked.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chrono::TimeDelta;

use super::freshness::Freshness;
use super::lifetimes::revoked_until;
use super::{Holders, store};
use crate::clock::Moment;
use crate::db::{Db, DbError, count_state_changes};

/// The longest time after which the whole set is read, although nothing has changed: entries that every verifier
/// rejects leave it then.
const MAX_AGE: TimeDelta = TimeDelta::minutes(1);

/// A holder whose tokens of earlier generations are revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedHolder {
    /// The holder ID in the tokens.
    pub id: Arc<str>,
    /// The first generation that is not revoked.
    pub before: i64,
    /// When the last verifier rejects the revoked tokens.
    pub until: Moment,
}

/// All revoked sessions and holders at one moment.
#[derive(Debug, Default)]
pub struct RevocationSnapshot {
    /// Which change this is; a later change has a higher number.
    pub revision: u64,
    /// The sessions, as (session ID, when the last verifier rejects its tokens), in no order.
    pub sessions: Vec<(Arc<str>, Moment)>,
    /// The holders, in no order.
    pub holders: Vec<RevokedHolder>,
}

/// The sessions that ended while a verifier could accept their access tokens, and the holders with so many of them that
/// one entry revokes all. Clones share one set.
///
/// This process adds the sessions that it ends right after the commit, and reads those of other instances from the
/// database twice a second. An ended session never becomes live again, so an entry stays until the last verifier rejects
/// the session's tokens, or an entry of its holder covers it. While the database is unavailable, the last set stays in
/// use. If it is not read although the database responds, because its task is stuck or its query fails, it becomes
/// stale, and no token is accepted.
#[derive(Clone)]
pub struct RevokedSessions {
    entries: Arc<RwLock<Entries>>,
    freshness: Freshness,
}

#[derive(Default)]
struct Entries {
    sessions: HashMap<Arc<str>, SessionEntry>,
    holders: HashMap<Arc<str>, (i64, Moment)>,
    /// The number of changes so far.
    revision: u64,
    /// The last reading of the whole set, and what it depended on.
    read: Option<Reading>,
}

struct SessionEntry {
    until: Moment,
    /// The change that added it.
    revision: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Reading {
    at: Moment,
    /// The result of [`store::count_changes`] for `at`.
    changes: (i64, i64),
}

/// What the database has.
struct Stored {
    reading: Reading,
    sessions: Vec<(String, Moment)>,
    holders: Vec<(String, i64, Moment)>,
}

impl RevokedSessions {
    /// Creates an empty set, which becomes stale when it is not read for `stale_after`.
    #[must_use]
    pub fn new(stale_after: Duration) -> Self {
        Self { entries: Arc::default(), freshness: Freshness::new(stale_after) }
    }

    /// Whether the set is too old to accept a token by it.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.freshness.is_stale()
    }

    /// Records that the database is unavailable: the last set stays in use.
    pub fn record_outage(&self) {
        self.freshness.confirm();
    }

    /// Whether a token of this session and of these holders is revoked.
    #[must_use]
    pub fn contains(&self, session_id: &str, holders: &Holders) -> bool {
        let entries = self.read();
        let is_revoked = |id, generation| entries.holders.get(id).is_some_and(|(before, _)| generation < *before);
        entries.sessions.contains_key(session_id) || holders.iter().any(|(id, generation)| is_revoked(id, generation))
    }

    /// The number of the last change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.read().revision
    }

    /// All entries that a verifier may still need at `now`.
    #[must_use]
    pub fn snapshot(&self, now: Moment) -> RevocationSnapshot {
        let entries = self.read();
        let sessions = entries.sessions.iter().filter(|(_, entry)| entry.until > now);
        let holders = entries.holders.iter().filter(|(_, (_, until))| *until > now);
        RevocationSnapshot {
            revision: entries.revision,
            sessions: sessions.map(|(id, entry)| (Arc::clone(id), entry.until)).collect(),
            holders: holders
                .map(|(id, (before, until))| RevokedHolder { id: Arc::clone(id), before: *before, until: *until })
                .collect(),
        }
    }

    /// Adds the sessions that a committed transaction ended, as (session ID, expiry of the last token), and the holders
    /// that it gave a new generation, as (holder ID, generation, expiry of the last revoked token).
    pub(super) fn add(&self, sessions: &[(String, Moment)], holders: &[(String, i64, Moment)]) {
        if sessions.is_empty() && holders.is_empty() {
            return;
        }
        let mut entries = self.write();
        entries.revision += 1;
        let revision = entries.revision;
        for (id, expires_at) in sessions {
            entries.sessions.insert(id.as_str().into(), SessionEntry { until: revoked_until(*expires_at), revision });
        }
        entries.add_holders(holders);
    }

    /// Reads all revoked sessions and holders from the database, unless neither has changed. Returns the number of all
    /// [changes of state](count_state_changes).
    ///
    /// # Errors
    /// If a query fails; the set is unchanged.
    pub async fn refresh(&self, db: &Db, now: Moment) -> Result<i64, DbError> {
        let (last, revision) = {
            let entries = self.read();
            (entries.read, entries.revision)
        };
        // A clock that was set back makes a reading of the future.
        let last = last.filter(|last| (last.at..last.at + MAX_AGE).contains(&now));
        let (changes, stored) = db
            .read(move |conn| -> Result<_, DbError> {
                let changes = count_state_changes(conn)?;
                // Before the lists: what changes in between is seen at the next reading.
                let at = last.map_or(now, |last| last.at);
                let reading = Reading { at, changes: store::count_changes(conn, at)? };
                if last == Some(reading) {
                    return Ok((changes, None));
                }
                // The sessions first: those that leave the list in between are covered by a holder that is read then.
                let sessions = store::list_revoked(conn, at)?;
                let holders = store::list_revoked_holders(conn, at)?;
                Ok((changes, Some(Stored { reading, sessions, holders })))
            })
            .await?;
        if let Some(stored) = stored {
            self.replace(stored, revision, now);
        }
        self.freshness.confirm();
        Ok(changes)
    }

    /// Takes over what the database has. Entries that this process added after the change `revision` may be newer than
    /// the reading, and stay.
    fn replace(&self, Stored { reading, sessions, holders }: Stored, revision: u64, now: Moment) {
        let (added, removed) = {
            let entries = self.read();
            let stored: HashSet<&str> = sessions.iter().map(|(id, _)| id.as_str()).collect();
            let is_gone = |(id, entry): &(&Arc<str>, &SessionEntry)| {
                entry.until <= now || (entry.revision <= revision && !stored.contains(&***id))
            };
            let removed: Vec<Arc<str>> =
                entries.sessions.iter().filter(is_gone).map(|(id, _)| Arc::clone(id)).collect();
            let added: Vec<(Arc<str>, Moment)> = sessions
                .iter()
                .filter(|(id, _)| !entries.sessions.contains_key(id.as_str()))
                .map(|(id, expires_at)| (id.as_str().into(), revoked_until(*expires_at)))
                .filter(|(_, until)| *until > now)
                .collect();
            (added, removed)
        };
        let mut entries = self.write();
        let has_changes = !added.is_empty() || !removed.is_empty();
        entries.read = Some(reading);
        let has_new_holders = entries.add_holders(&holders);
        let held = entries.holders.len();
        entries.holders.retain(|_, (_, until)| *until > now);
        if has_changes || has_new_holders || held != entries.holders.len() {
            entries.revision += 1;
        }
        let revision = entries.revision;
        entries.sessions.extend(added.into_iter().map(|(id, until)| (id, SessionEntry { until, revision })));
        for id in removed {
            entries.sessions.remove(&id);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Adds revoked holders, given as (holder ID, generation, expiry of the last revoked token). Returns whether one of
    /// them is new or has a later generation.
    fn add_holders(&mut self, holders: &[(String, i64, Moment)]) -> bool {
        let mut has_changes = false;
        for (id, before, expires_at) in holders {
            let known = self.holders.get(id.as_str()).map_or(-1, |(before, _)| *before);
            if *before > known {
                self.holders.insert(id.as_str().into(), (*before, revoked_until(*expires_at)));
                has_changes = true;
            }
        }
        has_changes
    }
}
