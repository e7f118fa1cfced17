//! Live sessions with their owners in memory, for what reads them at each request: `/verify/…`, pages, introspection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::freshness::Freshness;
use super::{OwnedSession, Session, store};
use crate::clients::{self, Client};
use crate::db::{Db, DbConnection, DbError};
use crate::secret::SecretHash;
use crate::users::{User, UserState};

/// The most sessions in memory, a kilobyte or two each. Those that are used least leave first.
const MAX_SESSIONS: usize = 8_192;
/// The most secrets whose session is known: a browser has one for pages and one for proxies.
const MAX_SECRETS: usize = 2 * MAX_SESSIONS;
/// The most clients in memory.
const MAX_CLIENTS: usize = 256;
/// The most sessions that are remembered because they have ended a moment ago.
const MAX_ENDED: usize = 1_024;
/// How long what is in memory is trusted without news from the database, which come twice a second. After that it is read
/// at each request, which then fails while the database is away.
pub const TRUSTED_FOR: Duration = Duration::from_secs(10);

/// How a request names its session.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum SessionKey {
    /// By its ID, as an access token does.
    Id(String),
    /// By the hash of the secret in the session cookie.
    Secret(SecretHash),
    /// By the hash of the secret in the proxy cookie.
    ProxySecret(SecretHash),
}

impl SessionKey {
    /// Reads the session from the database, even if it has ended.
    ///
    /// # Errors
    /// The query failed.
    pub fn read(&self, conn: &mut DbConnection) -> Result<Option<OwnedSession>, DbError> {
        Ok(match self {
            Self::Id(id) => store::find_owned(conn, id),
            Self::Secret(hash) => store::find_owned_by_secret(conn, hash),
            Self::ProxySecret(hash) => store::find_owned_by_proxy_secret(conn, hash),
        }?)
    }
}

/// A session that was live when it was read, with its owner.
pub struct LiveSession {
    /// The session and its owner, without the hash of the password.
    pub owned: OwnedSession,
    /// The changes that were known before it was read.
    epoch: u64,
    /// Whether a request is recording that the session is used.
    is_recording: AtomicBool,
}

impl LiveSession {
    /// The user, unless the account is disabled or deleted.
    #[must_use]
    pub fn active_user(&self) -> Option<&User> {
        self.owned.user.as_ref().filter(|user| user.state == UserState::Active)
    }
}

/// Live sessions and clients. What it does not have, or no longer trusts, is read from the database: it never says that
/// a session is not live. An entry is valid until a change is known that came after it was read; see
/// [`note_rights_change`](crate::db::note_rights_change). Clones share it.
#[derive(Clone)]
pub(super) struct LiveSessions {
    db: Db,
    /// By session ID.
    sessions: Arc<Cache<String, Arc<LiveSession>>>,
    /// The session IDs of secrets. A secret never belongs to another session.
    secrets: Arc<Cache<SessionKey, String>>,
    /// By client ID, with the changes that were known before it was read.
    clients: Arc<Cache<String, Arc<(Client, u64)>>>,
    ended: Arc<Mutex<Ended>>,
    /// When the changes were last read.
    freshness: Freshness,
}

/// The sessions that this process has ended last, the newest at the end. A session that was read before it ended must not
/// come back into memory.
#[derive(Default)]
struct Ended {
    ids: VecDeque<String>,
    /// The number of sessions that have ended so far.
    count: u64,
}

impl Ended {
    /// Whether a session may be among those after the first `count`.
    fn may_have(&self, id: &str, count: u64) -> bool {
        let new = usize::try_from(self.count - count).unwrap_or(usize::MAX);
        new > self.ids.len() || self.ids.iter().rev().take(new).any(|ended| ended == id)
    }
}

/// What was known before a session was read.
#[derive(Clone, Copy)]
pub(super) struct Before {
    epoch: u64,
    ended: u64,
}

impl LiveSessions {
    pub fn new(db: Db) -> Self {
        Self {
            db,
            sessions: Arc::new(Cache::new(MAX_SESSIONS)),
            secrets: Arc::new(Cache::new(MAX_SECRETS)),
            clients: Arc::new(Cache::new(MAX_CLIENTS)),
            ended: Arc::default(),
            freshness: Freshness::new(TRUSTED_FOR),
        }
    }

    /// Takes over the number of changes that the database has counted.
    pub fn follow(&self, changes: i64) {
        self.db.set_state_changes(changes);
        self.freshness.confirm();
    }

    /// Forgets sessions that this process has ended.
    pub fn end<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        for id in ids {
            {
                let mut ended = self.lock_ended();
                ended.count += 1;
                ended.ids.push_back(id.to_owned());
                if ended.ids.len() > MAX_ENDED {
                    ended.ids.pop_front();
                }
            }
            // After it is noted: a request that puts the session back then sees that, or did so before this.
            self.sessions.remove(id);
        }
    }

    /// Forgets a session, which is read again at its next use.
    pub fn forget(&self, id: &str) {
        self.sessions.remove(id);
    }

    /// A session that `is_live` and of which no change is known.
    pub fn find(&self, key: &SessionKey, is_live: impl Fn(&Session) -> bool) -> Option<Arc<LiveSession>> {
        if self.freshness.is_stale() {
            return None;
        }
        let found = match key {
            SessionKey::Id(id) => self.sessions.get(id),
            secret => self.secrets.get(secret).and_then(|id| self.sessions.get(&id)),
        };
        found.filter(|found| found.epoch == self.db.state_epoch() && is_live(&found.owned.session))
    }

    /// Reads a session, and keeps it if it `is_live`.
    pub async fn read(
        &self,
        key: SessionKey,
        is_live: impl Fn(&Session) -> bool,
    ) -> Result<Option<Arc<LiveSession>>, DbError> {
        let (before, named) = (self.before(), key.clone());
        let found = self.db.read(move |conn| named.read(conn)).await?;
        let Some(mut owned) = found.filter(|owned| is_live(&owned.session)) else { return Ok(None) };
        if let Some(user) = &mut owned.user {
            // No request needs it here, and it must not stay in memory.
            user.password_hash = None;
        }
        if !matches!(key, SessionKey::Id(_)) {
            self.secrets.insert(key, owned.session.id.clone());
        }
        Ok(Some(self.keep(owned, before)))
    }

    /// What to take before a session is read: a change in between makes what was read old.
    pub fn before(&self) -> Before {
        Before { epoch: self.db.state_epoch(), ended: self.lock_ended().count }
    }

    /// Keeps a live session that was read after `before`.
    pub fn keep(&self, owned: OwnedSession, before: Before) -> Arc<LiveSession> {
        let id = owned.session.id.clone();
        let live = Arc::new(LiveSession { owned, epoch: before.epoch, is_recording: AtomicBool::new(false) });
        self.sessions.insert(id.clone(), Arc::clone(&live));
        if self.lock_ended().may_have(&id, before.ended) {
            self.sessions.remove(&id);
        }
        live
    }

    /// A registered client by its ID.
    pub async fn find_client(&self, id: &str) -> Result<Option<Client>, DbError> {
        let epoch = self.db.state_epoch();
        if !self.freshness.is_stale()
            && let Some(found) = self.clients.get(id).filter(|found| found.1 == epoch)
        {
            return Ok(Some(found.0.clone()));
        }
        let named = id.to_owned();
        let found = self.db.read(move |conn| -> Result<_, DbError> { Ok(clients::find(conn, &named)?) }).await?;
        if let Some(client) = &found {
            self.clients.insert(id.to_owned(), Arc::new((client.clone(), epoch)));
        }
        Ok(found)
    }

    fn lock_ended(&self) -> std::sync::MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveSession {
    /// Whether the caller should record a use that is due: of concurrent requests only one should.
    pub(super) fn begin_recording(&self) -> bool {
        !self.is_recording.swap(true, Ordering::AcqRel)
    }

    /// Lets the next request record the use.
    pub(super) fn end_recording(&self) {
        self.is_recording.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::DatabaseUrl;
    use crate::scope::Scopes;
    use crate::sessions::SessionKind;

    fn owned(id: &str) -> OwnedSession {
        let now = Clock::system().now();
        let session = Session {
            id: id.to_owned(),
            kind: SessionKind::Browser,
            user_id: None,
            client_id: None,
            scope: Scopes::default(),
            signing_kid: None,
            created_at: now,
            authenticated_at: now,
            last_used_at: now,
            access_until: now,
            expires_at: None,
            ended_at: None,
            is_remembered: false,
        };
        OwnedSession { session, user: None, client: None, roles: Vec::new(), role_scopes: Scopes::default() }
    }

    #[test]
    fn session_that_was_read_before_it_ended_does_not_come_back() {
        // No query runs.
        let live = LiveSessions::new(Db::new(&DatabaseUrl::Sqlite("/nonexistent/a.db".into())));
        let is_kept = |id: &str| live.find(&SessionKey::Id(id.to_owned()), |_| true).is_some();
        let before = live.before();
        live.keep(owned("a"), before);
        live.keep(owned("b"), before);
        assert!(is_kept("a") && is_kept("b"));
        live.end(["a"]);
        assert!(!is_kept("a") && is_kept("b"));
        live.keep(owned("a"), before);
        live.keep(owned("b"), before);
        assert!(!is_kept("a") && is_kept("b"), "what was read before counts only for the other one");
        let many: Vec<String> = (0..=MAX_ENDED).map(|number| number.to_string()).collect();
        live.end(many.iter().map(String::as_str));
        live.keep(owned("b"), before);
        assert!(!is_kept("b"), "it may be among those that are no longer remembered");
        live.keep(owned("b"), live.before());
        assert!(is_kept("b"));
        assert!(live.find(&SessionKey::Id("b".to_owned()), |_| false).is_none(), "it has expired");
    }
}
