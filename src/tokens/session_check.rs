//! The session check of HS256 tokens: every resource server holds the secret and could sign any claims, therefore the database is asked.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::access::{TokenError, VerifiedToken};
use crate::clock::{Moment, unix_seconds};
use crate::db::{Db, DbError};
use crate::scope::Scopes;
use crate::sessions;
use crate::users::{self, UserId, UserState};

/// How long the answer of the database on a session is believed.
const FRESH_SECONDS: i64 = 30;

/// What the database said of a session.
struct SessionFacts {
    user_id: Option<UserId>,
    client_id: Option<String>,
    subject: String,
    roles: Vec<String>,
    scope: Scopes,
    access_until: Moment,
    read_at: Moment,
}

/// What the database said of sessions, kept for a while.
pub(super) struct SessionCheck {
    db: Db,
    cache: Cache<String, Arc<SessionFacts>>,
}

impl SessionCheck {
    pub fn new(db: Db, capacity: usize) -> Self {
        Self { db, cache: Cache::new(capacity) }
    }

    /// The session must exist, be that user's, allow those scopes and have lasted that long, and the roles are the database's, not
    /// the token's.
    pub async fn check_against_session(
        &self,
        verified: Arc<VerifiedToken>,
        now: Moment,
    ) -> Result<Arc<VerifiedToken>, TokenError> {
        let claims = &verified.claims;
        // A forger who holds the secret may write anything here, such as U+0000, at which Postgres fails instead of finding nothing.
        if !sessions::is_id(&claims.sid) {
            return Err(TokenError::Ended);
        }
        let is_within = |facts: &SessionFacts| claims.exp <= unix_seconds(facts.access_until);
        let is_fresh = |facts: &SessionFacts| unix_seconds(now) - unix_seconds(facts.read_at) < FRESH_SECONDS;
        // A token that outlives what was read may have been issued since: the database is asked again before it is refused.
        let facts = match self.cache.get(&claims.sid).filter(|facts| is_fresh(facts) && is_within(facts)) {
            Some(facts) => facts,
            None => {
                let facts = Arc::new(self.read(claims.sid.clone(), now).await?.ok_or(TokenError::Ended)?);
                self.cache.insert(claims.sid.clone(), Arc::clone(&facts));
                facts
            }
        };
        let is_theirs =
            facts.user_id == claims.id && facts.subject == claims.sub && facts.client_id == claims.client_id;
        let is_granted = Scopes::parse(&claims.scope).is_some_and(|scope| scope.is_subset(&facts.scope));
        if !is_theirs || !is_granted || !is_within(&facts) {
            return Err(TokenError::Ended);
        }
        if facts.roles == claims.roles {
            return Ok(verified);
        }
        let mut checked = VerifiedToken::clone(&verified);
        checked.claims.roles.clone_from(&facts.roles);
        Ok(Arc::new(checked))
    }

    async fn read(&self, sid: String, now: Moment) -> Result<Option<SessionFacts>, DbError> {
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
                Ok(Some(SessionFacts {
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
