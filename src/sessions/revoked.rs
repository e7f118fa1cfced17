//! The in-memory set of revoked sessions, against which every access token is checked.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::lifetimes::revoked_until;
use super::store;
use crate::clock::Moment;
use crate::db::{Db, DbError};

/// IDs of sessions that ended while a verifier could accept their access tokens. Clones share one set.
///
/// This process adds the sessions that it ends right after the commit, and reads those of other instances from the
/// database twice a second. An ended session never becomes live again, so an entry stays until the last verifier rejects
/// the session's tokens. While the database is unavailable, the last set stays in use.
#[derive(Clone, Default)]
pub struct RevokedSessions {
    until: Arc<RwLock<HashMap<String, Moment>>>,
}

impl RevokedSessions {
    /// Whether the session is revoked.
    #[must_use]
    pub fn contains(&self, session_id: &str) -> bool {
        self.read().contains_key(session_id)
    }

    /// Lists at most `limit` revoked sessions, as (session ID, when the last verifier rejects its tokens), the latest
    /// first.
    #[must_use]
    pub fn list(&self, now: Moment, limit: usize) -> Vec<(String, Moment)> {
        let set = self.read();
        let mut revoked: Vec<_> =
            set.iter().filter(|(_, until)| **until > now).map(|(id, until)| (id.clone(), *until)).collect();
        drop(set);
        revoked.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
        revoked.truncate(limit);
        revoked
    }

    /// Adds the sessions that a committed transaction ended, as (session ID, when the last verifier rejects
    /// its tokens).
    pub(super) fn add(&self, ended: &[(String, Moment)]) {
        self.write().extend(ended.iter().cloned());
    }

    /// Reads all revoked sessions from the database.
    ///
    /// # Errors
    /// If the query fails; the set is unchanged.
    pub async fn refresh(&self, db: &Db, now: Moment) -> Result<(), DbError> {
        let revoked = db.read(move |conn| -> Result<_, DbError> { Ok(store::list_revoked(conn, now)?) }).await?;
        let revoked: Vec<_> = revoked.into_iter().map(|(id, expires_at)| (id, revoked_until(expires_at))).collect();
        let has_changes = {
            let set = self.read();
            revoked.iter().any(|(id, _)| !set.contains_key(id)) || set.values().any(|until| *until <= now)
        };
        if has_changes {
            let mut set = self.write();
            set.retain(|_, until| *until > now);
            set.extend(revoked);
        }
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Moment>> {
        self.until.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Moment>> {
        self.until.write().unwrap_or_else(PoisonError::into_inner)
    }
}
