//! The session service, which runs the transactions that end sessions and updates the set of revoked sessions.

use diesel::QueryResult;

use super::holders::Owner;
use super::{EndReason, Lifetimes, RevokedSessions, STALE_AFTER, Session, end, store};
use crate::clock::{Clock, Moment};
use crate::db::{Db, DbConnection, DbError, IsTransient};

/// The sessions that a transaction has ended.
///
/// Only [`SessionService::write`] creates one. Before the commit, it bounds the number of listed sessions of each owner,
/// and after the commit it adds the sessions to the set of revoked sessions: no caller can end a session and forget to
/// revoke its access tokens, or fill the list.
#[derive(Debug, Default)]
pub struct EndedSessions {
    /// As (session ID, expiry of the last access token).
    sessions: Vec<(String, Moment)>,
    /// Those of `sessions` that ended with all others of their client, as (session ID, expiry of the last access token).
    of_clients: Vec<(String, Moment)>,
    /// The IDs of the clients that have lost all their sessions, those of their users included.
    clients: Vec<String>,
    /// What was recorded before the last [`Self::settle`].
    settled: Revocations,
}

/// What a transaction adds to the set of revoked sessions.
#[derive(Debug, Default)]
struct Revocations {
    sessions: Vec<(String, Moment)>,
    /// As (holder ID, generation, expiry of the last revoked token).
    holders: Vec<(String, i64, Moment)>,
}

impl EndedSessions {
    /// Records ended sessions, as (session ID, expiry of its last access token).
    pub(super) fn record(&mut self, sessions: impl IntoIterator<Item = (String, Moment)>) {
        self.sessions.extend(sessions);
    }

    /// Records that all sessions of a client have ended, as [`Self::record`] does.
    pub(super) fn record_all_of_client(&mut self, client_id: &str, sessions: Vec<(String, Moment)>) {
        self.of_clients.extend(sessions);
        self.clients.push(client_id.to_owned());
    }

    /// Bounds the number of listed sessions of each owner whose sessions have ended so far. Returns whether a holder has
    /// a new generation: a token of this transaction must name it, or it would be revoked already.
    pub(super) fn settle(&mut self, conn: &mut DbConnection, now: Moment) -> QueryResult<bool> {
        let Self { sessions, of_clients, clients, settled } = self;
        let before = settled.holders.len();
        let ids: Vec<String> = sessions.iter().map(|(id, _)| id.clone()).collect();
        for owner in store::list_owners(conn, &ids)? {
            settled.holders.extend(store::bound_listed(conn, &owner, now)?);
        }
        for id in clients.drain(..) {
            for owner in [Owner::Client(id.clone()), Owner::UsersOfClient(id)] {
                settled.holders.extend(store::bound_listed(conn, &owner, now)?);
            }
        }
        settled.sessions.append(sessions);
        settled.sessions.append(of_clients);
        Ok(settled.holders.len() > before)
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
        Self::with_revoked(db, clock, lifetimes, RevokedSessions::new(STALE_AFTER))
    }

    /// As [`Self::new`], with this set.
    #[must_use]
    pub fn with_revoked(db: Db, clock: Clock, lifetimes: Lifetimes, revoked: RevokedSessions) -> Self {
        Self { db, clock, lifetimes, revoked }
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
        let (revoked, clock) = (self.revoked.clone(), self.clock.clone());
        let step = move |conn: &mut DbConnection| -> Result<_, E> {
            let mut ended = EndedSessions::default();
            let value = step(conn, &mut ended)?;
            ended.settle(conn, clock.now()).map_err(DbError::from)?;
            Ok((value, ended.settled))
        };
        let add = move |(_, ended): &(T, Revocations)| revoked.add(&ended.sessions, &ended.holders);
        let (value, _) = self.db.write_then(step, add).await?;
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
