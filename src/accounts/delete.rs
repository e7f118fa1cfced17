//! Deleting accounts.

use super::lookup::find_user;
use super::roles::is_last_admin;
use super::{AccountService, LINKS_REVOKED_ON_CREDENTIAL_CHANGE};
use crate::audit::{self, Cause, Event, EventKind};
use crate::authentication;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links;
use crate::sessions::{self, EndReason, EndedSessions};
use crate::users::{self, LookupName, User};

/// Outcome of deleting an account.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// The account was deleted.
    Done {
        /// The user, as before the deletion.
        user: User,
        /// The number of sessions that ended.
        ended_sessions: usize,
    },
    /// The user is the last admin who can sign in.
    LastAdmin(User),
    /// No user has this name.
    NoSuchUser,
}

impl AccountService {
    /// Deletes an account in one transaction, as [`delete`].
    pub async fn delete(&self, name: &LookupName, is_forced: bool, cause: &Cause) -> Result<Deletion, DbError> {
        let (name, cause, clock) = (name.clone(), cause.clone(), self.clock.clone());
        self.write(move |conn, ended| delete(conn, ended, &name, is_forced, &cause, clock.now())).await
    }
}

/// Deletes an account: removes its personal data and roles and ends its sessions. Its name and user ID stay taken. With
/// `is_forced` even the last admin's.
pub fn delete(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    name: &LookupName,
    is_forced: bool,
    cause: &Cause,
    now: Moment,
) -> Result<Deletion, DbError> {
    users::lock_accounts(conn)?;
    let Some(user) = find_user(conn, name)? else { return Ok(Deletion::NoSuchUser) };
    if !is_forced && is_last_admin(conn, &user)? {
        return Ok(Deletion::LastAdmin(user));
    }
    // Before the sessions end: no sign-in starts a session in between.
    users::lock(conn, user.id)?;
    users::delete(conn, user.id, now)?;
    let ended_sessions = sessions::end_all_of_user(conn, ended, user.id, EndReason::UserDeleted, now)?;
    authentication::forget_devices(conn, user.id)?;
    // Deleted, not only revoked: the rows hold an email address.
    links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user.id)?;
    audit::record(conn, &Event::of_user(EventKind::Deleted, user.id.0, cause, now))?;
    Ok(Deletion::Done { user, ended_sessions })
}
