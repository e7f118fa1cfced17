//! Signing a user out everywhere.

use super::AccountService;
use super::lookup::find_user;
use crate::audit::{self, Cause, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links::{self, LinkPurpose};
use crate::sessions::{self, EndReason, EndedSessions};
use crate::users::{self, LookupName, User, UserId};

impl AccountService {
    /// Ends all sessions of a user in one transaction, as [`sign_out`].
    pub async fn sign_out(&self, name: &LookupName, cause: &Cause) -> Result<Option<(User, usize)>, DbError> {
        let (name, cause, clock) = (name.clone(), cause.clone(), self.clock.clone());
        self.write(move |conn, ended| sign_out(conn, ended, &name, &cause, clock.now())).await
    }
}

/// Ends all sessions of a user, and cancels an email change that one of them may have requested. Returns the user and
/// the number of sessions that ended; `None` when no user has this name.
pub fn sign_out(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    name: &LookupName,
    cause: &Cause,
    now: Moment,
) -> Result<Option<(User, usize)>, DbError> {
    let Some(user) = find_user(conn, name)? else { return Ok(None) };
    let count = end_sessions(conn, ended, user.id, cause, now)?;
    Ok(Some((user, count)))
}

/// Ends all sessions of a user, as [`sign_out`]. Returns their number.
pub fn end_sessions(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    id: UserId,
    cause: &Cause,
    now: Moment,
) -> Result<usize, DbError> {
    // A sign-in that is being completed comes before this and is ended, or after it.
    users::lock(conn, id)?;
    let count = sessions::end_all_of_user(conn, ended, id, EndReason::SignedOutByAdmin, now)?;
    links::revoke_of_user(conn, &[LinkPurpose::Verify], id)?;
    if count > 0 {
        audit::record(conn, &Event::of_user(EventKind::SignedOutByAdmin, id.0, cause, now))?;
    }
    Ok(count)
}
