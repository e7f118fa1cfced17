//! The session service, which runs the transactions that end sessions and updates the set of revoked sessions.

use diesel::QueryResult;

use super::{EndReason, Lifetimes, RevokedSessions, Session, end, lifetimes};
use crate::clock::{Clock, Moment};
use crate::db::{Db, DbConnection, DbError, IsTransient};

/// The sessions that a transaction has ended, as (session ID, when the last verifier rejects its tokens).
///
/// Only [`SessionService::write`] creates one, and it adds the sessions to the set of revoked sessions after the
/// commit: no caller can end a session and forget to revoke its access tokens.
#[derive(Debug)]
pub struct EndedSessions(Vec<(String, Moment)>);

impl EndedSessions {
    /// Records ended sessions, as (session ID, expiry of its last access token).
    pub(super) fn record(&mut self, sessions: impl IntoIterator<Item = (String, Moment)>) {
        self.0.extend(sessions.into_iter().map(|(id, expires_at)| (id, lifetimes::revoked_until(expires_at))));
    }
}

/// Reads live sessions and ends sessions. Cheap to clone.
#[derive(Clone)]
pub struct SessionService {
    db: Db,
    clock: Clock,
    lifetimes: Lifetimes,
    revoked: RevokedSessions,
}

impl SessionService {
    /// Creates the service, with an empty set of revoked sessions.
    #[must_use]
    pub fn new(db: Db, clock: Clock, lifetimes: Lifetimes) -> Self {
        Self { db, clock, lifetimes, revoked: RevokedSessions::default() }
    }

    /// The lifetimes of sessions and access tokens.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// The time by which sessions expire.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The set of revoked sessions, which token verification reads.
    #[must_use]
    pub fn revoked(&self) -> &RevokedSessions {
        &self.revoked
    }

    /// Runs `step` in one transaction. As soon as it has committed, the sessions that it ended are in the set of
    /// revoked sessions, even if the caller was dropped in the meantime. Every function that ends a session needs the
    /// [`EndedSessions`] that only this method hands out.
    pub async fn write<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection, &mut EndedSessions) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let revoked = self.revoked.clone();
        let step = move |conn: &mut DbConnection| -> Result<_, E> {
            let mut ended = EndedSessions(Vec::new());
            let value = step(conn, &mut ended)?;
            Ok((value, ended))
        };
        let (value, _) = self.db.write_then(step, move |(_, ended)| revoked.add(&ended.0)).await?;
        Ok(value)
    }

    /// Runs [`Self::write`] up to `attempts` times, as long as the error is transient.
    pub async fn write_with_retry<T, E, F>(&self, attempts: u32, step: F) -> Result<T, E>
    where
        F: Fn(&mut DbConnection, &mut EndedSessions) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + IsTransient + Send + 'static,
    {
        for _ in 1..attempts {
            match self.write(step.clone()).await {
                Err(error) if error.is_transient() => {}
                result => return result,
            }
        }
        self.write(step).await
    }

    /// Ends one session. Returns whether this call ended it.
    pub async fn end(&self, id: String, reason: EndReason) -> Result<bool, DbError> {
        let now = self.clock.now();
        self.write(move |conn, ended| Ok(end(conn, ended, &id, reason, now)?)).await
    }

    /// Reads a session with `find` and, if it is live, passes it to `then` on the same connection.
    pub async fn read_live<T>(
        &self,
        find: impl Fn(&mut DbConnection) -> QueryResult<Option<Session>> + Send + 'static,
        then: impl Fn(&mut DbConnection, Session) -> Result<Option<T>, DbError> + Send + 'static,
    ) -> Result<Option<T>, DbError>
    where
        T: Send + 'static,
    {
        let (lifetimes, now) = (self.lifetimes, self.clock.now());
        self.db
            .read(move |conn| {
                let session = find(conn)?.filter(|session| lifetimes.is_live(session, now));
                session.map_or(Ok(None), |session| then(conn, session))
            })
            .await
    }

    /// Records that the session is used now, at most once a minute.
    pub async fn record_use(&self, session: &Session) -> Result<(), DbError> {
        let now = self.clock.now();
        if !self.lifetimes.is_use_due(session, now) {
            return Ok(());
        }
        let id = session.id.clone();
        self.db.write(move |conn| Ok(super::set_used(conn, &id, now).map(drop)?)).await
    }
}
