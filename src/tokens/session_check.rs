//! The check of HS256 tokens against their session, because every resource server with the secret can sign any claims.

use std::sync::Arc;

use chrono::TimeDelta;
use quick_cache::sync::Cache;

use super::verified::{TokenError, VerifiedToken};
use crate::clock::{Moment, has_passed, unix_seconds};
use crate::db::{Db, DbError};
use crate::scope::Scopes;
use crate::sessions;
use crate::users::{self, UserId, UserState};

/// How long a session stays in the cache.
const MAX_AGE: TimeDelta = TimeDelta::seconds(30);

/// A session as the database had it at `read_at`.
struct SessionSnapshot {
    user_id: Option<UserId>,
    client_id: Option<String>,
    subject: String,
    roles: Vec<String>,
    scope: Scopes,
    access_until: Moment,
    read_at: Moment,
}

/// Checks tokens against their sessions, which it caches.
pub(super) struct SessionCheck {
    db: Db,
    cache: Cache<String, Arc<SessionSnapshot>>,
}

impl SessionCheck {
    pub fn new(db: Db, capacity: usize) -> Self {
        Self { db, cache: Cache::new(capacity) }
    }

    /// Checks that the session exists, belongs to the token's user and client, allows its scopes and covers its expiry.
    /// Returns the token with the roles from the database.
    pub async fn check_against_session(
        &self,
        verified: Arc<VerifiedToken>,
        now: Moment,
    ) -> Result<Arc<VerifiedToken>, TokenError> {
        let claims = &verified.claims;
        // Anyone with the secret can sign any `sid`. PostgreSQL fails on U+0000 instead of finding no session.
        if !sessions::is_id(&claims.sid) {
            return Err(TokenError::SessionEnded);
        }
        let is_covered = |session: &SessionSnapshot| claims.exp <= unix_seconds(session.access_until);
        let is_fresh = |session: &SessionSnapshot| !has_passed(MAX_AGE, session.read_at, now);
        // A token that expires after the cached `access_until` may have been issued since then: the session is read
        // again.
        let session = match self.cache.get(&claims.sid).filter(|session| is_fresh(session) && is_covered(session)) {
            Some(session) => session,
            None => {
                let session = self.read(claims.sid.clone(), now).await?.ok_or(TokenError::SessionEnded)?;
                let session = Arc::new(session);
                self.cache.insert(claims.sid.clone(), Arc::clone(&session));
                session
            }
        };
        let has_same_subject =
            session.user_id == claims.id && session.subject == claims.sub && session.client_id == claims.client_id;
        let is_granted = Scopes::parse(&claims.scope).is_some_and(|scope| scope.is_subset(&session.scope));
        if !has_same_subject || !is_granted || !is_covered(&session) {
            return Err(TokenError::SessionEnded);
        }
        if session.roles == claims.roles {
            return Ok(verified);
        }
        let mut token = VerifiedToken::clone(&verified);
        token.claims.roles.clone_from(&session.roles);
        Ok(Arc::new(token))
    }

    async fn read(&self, sid: String, now: Moment) -> Result<Option<SessionSnapshot>, DbError> {
        self.db
            .read(move |conn| {
                let Some(session) = sessions::find(conn, &sid)?.filter(|session| session.ended_at.is_none()) else {
                    return Ok(None);
                };
                let (subject, roles) = match session.user_id {
                    Some(user_id) => {
                        let user = users::find_by_id(conn, user_id)?.filter(|user| user.state == UserState::Active);
                        let Some(user) = user else { return Ok(None) };
                        (user.username, users::list_roles(conn, user_id)?)
                    }
                    None => (session.client_id.clone().unwrap_or_default(), Vec::new()),
                };
                Ok(Some(SessionSnapshot {
                    user_id: session.user_id,
                    client_id: session.client_id,
                    subject,
                    roles,
                    scope: session.scope,
                    access_until: session.access_until,
                    read_at: now,
                }))
            })
            .await
    }
}
