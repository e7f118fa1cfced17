//! The sessions that ended before their tokens did: the one thing that checking a token asks beyond the token itself.
//! What may not live here: the loop that keeps it fresh (`ops::housekeeping`).

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use crate::clock::Moment;
use crate::db::{Db, DbError};
use crate::sessions;

/// Ids of ended sessions until their last token has expired. Clones share one set.
///
/// An ended session never lives again, so that entries are only added, by this process at once and from the database each
/// second, and dropped when they have nothing left to refuse. While the database is away the last set is kept.
#[derive(Clone, Default)]
pub struct RevokedSessions {
    until: Arc<RwLock<HashMap<String, Moment>>>,
}

impl RevokedSessions {
    /// Whether the session was ended.
    #[must_use]
    pub fn contains(&self, session_id: &str) -> bool {
        self.until.read().unwrap_or_else(std::sync::PoisonError::into_inner).contains_key(session_id)
    }

    /// The ended sessions whose tokens have not all expired, those that live longest first, at most `limit`.
    #[must_use]
    pub fn list(&self, now: Moment, limit: usize) -> Vec<(String, Moment)> {
        let set = self.until.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut ended: Vec<_> =
            set.iter().filter(|(_, until)| **until > now).map(|(id, until)| (id.clone(), *until)).collect();
        drop(set);
        ended.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
        ended.truncate(limit);
        ended
    }

    /// Adds a session that this process has just ended.
    pub fn add(&self, session_id: &str, access_until: Moment) {
        let mut set = self.until.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        set.insert(session_id.to_owned(), access_until);
    }

    /// Reads all ended sessions from the database.
    ///
    /// # Errors
    /// When the query fails; the set is then as it was.
    pub async fn refresh(&self, db: &Db, now: Moment) -> Result<(), DbError> {
        let ended = db.read(move |conn| -> Result<_, DbError> { Ok(sessions::list_ended(conn, now)?) }).await?;
        let is_news = {
            let set = self.until.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            ended.iter().any(|(id, _)| !set.contains_key(id)) || set.values().any(|until| *until <= now)
        };
        if is_news {
            let mut set = self.until.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            set.retain(|_, until| *until > now);
            set.extend(ended);
        }
        Ok(())
    }
}
