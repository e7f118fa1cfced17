//! Listing and ending sessions.

use super::AdminService;
use crate::accounts::{self, find_user};
use crate::audit::{self, Cause, Event, EventKind};
use crate::db::{DbConnection, DbError};
use crate::sessions::{self, EndReason, Session, SessionWithOrigin};
use crate::users::{LookupName, UserId};

/// The most sessions listed of one user.
const MAX_SESSIONS: i64 = 10_000;
/// Users or clients whose sessions end in one transaction.
const BATCH: i64 = 100;

impl AdminService {
    /// Lists the live sessions of a user, last used first; `None` when no user has this name.
    pub async fn list_sessions(&self, name: &LookupName) -> Result<Option<Vec<SessionWithOrigin>>, DbError> {
        let (name, now, lifetimes) = (name.clone(), self.clock.now(), self.sessions.lifetimes());
        self.db
            .read(move |conn| {
                let Some(user) = find_user(conn, &name)? else { return Ok(None) };
                let mut sessions = sessions::list_with_origin(conn, user.id, MAX_SESSIONS)?;
                sessions.retain(|listed| lifetimes.is_live(&listed.session, now));
                Ok(Some(sessions))
            })
            .await
    }

    /// Ends a session. Returns it, and whether it had not ended before; `None` when no session has this ID.
    pub async fn end_session(&self, id: &str) -> Result<Option<(Session, bool)>, DbError> {
        let (id, clock) = (id.to_owned(), self.clock.clone());
        self.write(move |conn, ended| {
            let now = clock.now();
            let Some(session) = sessions::find(conn, &id)? else { return Ok(None) };
            let is_changed = sessions::end(conn, ended, &id, EndReason::SignedOutByAdmin, now)?;
            if is_changed {
                let event = Event {
                    user_id: session.user_id.map(|id| id.0),
                    client_id: session.client_id.clone(),
                    session_id: Some(id.clone()),
                    ..Event::caused(EventKind::SessionEnded, &Cause::command(), now)
                };
                audit::record(conn, &event)?;
            }
            Ok(Some((session, is_changed)))
        })
        .await
    }

    /// Ends all sessions of all users and clients, in batches. Calls `progress` with the number so far. Returns the
    /// number of sessions that ended.
    pub async fn end_all_sessions(&self, mut progress: impl FnMut(usize)) -> Result<usize, DbError> {
        let mut count = 0;
        let mut after = UserId(0);
        while let Some((last, ended)) = self.end_sessions_of_next_users(after).await? {
            after = last;
            count += ended;
            progress(count);
        }
        loop {
            let ended = self.end_sessions_of_next_clients().await?;
            if ended == 0 {
                break;
            }
            count += ended;
            progress(count);
        }
        if count > 0 {
            let clock = self.clock.clone();
            self.write(move |conn, _| -> Result<_, DbError> {
                let event = Event::caused(EventKind::AllSessionsEnded, &Cause::command(), clock.now());
                Ok(audit::record(conn, &event)?)
            })
            .await?;
        }
        Ok(count)
    }

    async fn end_sessions_of_next_users(&self, after: UserId) -> Result<Option<(UserId, usize)>, DbError> {
        let clock = self.clock.clone();
        self.write(move |conn, ended| {
            let users = sessions::list_users_with_sessions(conn, after, BATCH)?;
            let Some(last) = users.last().copied() else { return Ok(None) };
            let mut count = 0;
            for id in users {
                count += accounts::end_sessions(conn, ended, id, &Cause::command(), clock.now())?;
            }
            Ok(Some((last, count)))
        })
        .await
    }

    async fn end_sessions_of_next_clients(&self) -> Result<usize, DbError> {
        let clock = self.clock.clone();
        self.write(move |conn: &mut DbConnection, ended| -> Result<_, DbError> {
            let mut count = 0;
            for id in sessions::list_clients_with_sessions(conn, BATCH)? {
                count += sessions::end_all_of_client(conn, ended, &id, EndReason::SignedOutByAdmin, clock.now())?;
            }
            Ok(count)
        })
        .await
    }
}
