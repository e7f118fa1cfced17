//! The session service, which runs the transactions that end sessions and updates the set of revoked sessions.

use std::sync::Arc;

use diesel::QueryResult;

use super::holders::Owner;
use super::live::LiveSessions;
use super::{EndReason, Lifetimes, LiveSession, OwnedSession, RevokedSessions, STALE_AFTER, SessionKey, end, store};
use crate::clients::Client;
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
    live: LiveSessions,
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
        let live = LiveSessions::new(db.clone());
        Self { db, clock, lifetimes, revoked, live }
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

    /// Runs `step` in one transaction. As soon as it has committed, the sessions that it ended are in the set of revoked
    /// sessions and no longer among the live ones in memory, even if the caller was dropped in the meantime. Every function
    /// that ends a session needs the [`EndedSessions`] that only this method hands out.
    pub async fn write<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection, &mut EndedSessions) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (revoked, live, clock) = (self.revoked.clone(), self.live.clone(), self.clock.clone());
        let step = move |conn: &mut DbConnection| -> Result<_, E> {
            let mut ended = EndedSessions::default();
            let value = step(conn, &mut ended)?;
            ended.settle(conn, clock.now()).map_err(DbError::from)?;
            Ok((value, ended.settled))
        };
        let add = move |(_, ended): &(T, Revocations)| {
            revoked.add(&ended.sessions, &ended.holders);
            live.end(ended.sessions.iter().map(|(id, _)| id.as_str()));
        };
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

    /// The live session that `key` names, with its owner, as the database has it.
    pub async fn read_live(&self, key: SessionKey) -> Result<Option<Arc<LiveSession>>, DbError> {
        let (lifetimes, now) = (self.lifetimes, self.clock.now());
        self.live.read(key, move |session| lifetimes.is_live(session, now)).await
    }

    /// As [`Self::read_live`], but from memory unless a change is known. A change by another process is known within a
    /// second. Not for decisions that must be exact, such as grants and changes of an account.
    pub async fn find_live(&self, key: SessionKey) -> Result<Option<Arc<LiveSession>>, DbError> {
        let now = self.clock.now();
        match self.live.find(&key, |session| self.lifetimes.is_live(session, now)) {
            Some(live) => Ok(Some(live)),
            None => self.read_live(key).await,
        }
    }

    /// Reads a session again at its next use: a transaction has changed its times.
    pub fn forget(&self, id: &str) {
        self.live.forget(id);
    }

    /// Runs a query; see [`Db::read`].
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl Fn(&mut DbConnection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        self.db.read(query).await
    }

    /// A registered client, from memory as in [`Self::find_live`].
    pub async fn find_client(&self, id: &str) -> Result<Option<Client>, DbError> {
        self.live.find_client(id).await
    }

    /// Reads what other processes have changed: revoked sessions, and whether what is in memory is still true.
    ///
    /// # Errors
    /// A query failed.
    pub async fn read_changes(&self, db: &Db) -> Result<(), DbError> {
        let changes = self.revoked.refresh(db, self.clock.now()).await?;
        self.live.follow(changes);
        Ok(())
    }

    /// Records that a session which [`Self::find_live`] returned is used now, at most once a minute.
    pub async fn record_use(&self, live: &LiveSession) -> Result<(), DbError> {
        let (session, now) = (&live.owned.session, self.clock.now());
        if !self.lifetimes.is_use_due(session, now) || !live.begin_recording() {
            return Ok(());
        }
        let (id, before) = (session.id.clone(), self.live.before());
        match self.db.write(move |conn| -> Result<_, DbError> { Ok(super::set_used(conn, &id, now)?) }).await {
            Ok(true) => {
                let used = OwnedSession { session: self.lifetimes.used(session, now), ..live.owned.clone() };
                self.live.keep(used, before);
                Ok(())
            }
            // It has ended.
            Ok(false) => Ok(()),
            Err(error) => {
                live.end_recording();
                Err(error)
            }
        }
    }
}
