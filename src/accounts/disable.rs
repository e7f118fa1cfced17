//! Disabling and enabling accounts.

use super::lookup::find_user;
use super::roles::is_last_admin;
use super::{AccountService, LINKS_REVOKED_ON_CREDENTIAL_CHANGE};
use crate::audit::{self, Cause, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links;
use crate::sessions::{self, EndReason, EndedSessions};
use crate::users::{self, LookupName, User, UserState};

/// Outcome of disabling an account.
#[derive(Clone, Debug)]
pub enum Disabling {
    /// The account was disabled.
    Done {
        /// The user.
        user: User,
        /// The number of sessions that ended.
        ended_sessions: usize,
    },
    /// The account was already disabled.
    WasDisabled(User),
    /// The user is the last admin who can sign in.
    LastAdmin(User),
    /// No user has this name.
    NoSuchUser,
}

/// Outcome of enabling an account.
#[derive(Clone, Debug)]
pub enum Enabling {
    /// The account was enabled.
    Done(User),
    /// The account was already enabled.
    WasEnabled(User),
    /// No user has this name.
    NoSuchUser,
}

impl AccountService {
    /// Disables an account in one transaction, as [`disable`].
    pub async fn disable(&self, name: &LookupName, is_forced: bool, cause: &Cause) -> Result<Disabling, DbError> {
        let (name, cause, clock) = (name.clone(), cause.clone(), self.clock.clone());
        self.write(move |conn, ended| disable(conn, ended, &name, is_forced, &cause, clock.now())).await
    }

    /// Enables an account in one transaction, as [`enable`].
    pub async fn enable(&self, name: &LookupName, cause: &Cause) -> Result<Enabling, DbError> {
        let (name, cause, clock) = (name.clone(), cause.clone(), self.clock.clone());
        self.write(move |conn, _| enable(conn, &name, &cause, clock.now())).await
    }
}

/// Disables an account and ends its sessions. With `is_forced` even the last admin's.
pub fn disable(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    name: &LookupName,
    is_forced: bool,
    cause: &Cause,
    now: Moment,
) -> Result<Disabling, DbError> {
    users::lock_accounts(conn)?;
    let Some(user) = find_user(conn, name)? else { return Ok(Disabling::NoSuchUser) };
    if user.state != UserState::Active {
        return Ok(Disabling::WasDisabled(user));
    }
    if !is_forced && is_last_admin(conn, &user)? {
        return Ok(Disabling::LastAdmin(user));
    }
    // Before the sessions end, because it locks the row: no sign-in starts a session in between.
    users::set_disabled(conn, user.id, Some(now))?;
    let ended_sessions = sessions::end_all_of_user(conn, ended, user.id, EndReason::UserDisabled, now)?;
    links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user.id)?;
    audit::record(conn, &Event::of_user(EventKind::Disabled, user.id.0, cause, now))?;
    Ok(Disabling::Done { user, ended_sessions })
}

/// Enables an account.
pub fn enable(conn: &mut DbConnection, name: &LookupName, cause: &Cause, now: Moment) -> Result<Enabling, DbError> {
    users::lock_accounts(conn)?;
    let Some(user) = find_user(conn, name)? else { return Ok(Enabling::NoSuchUser) };
    if !users::set_disabled(conn, user.id, None)? {
        return Ok(Enabling::WasEnabled(user));
    }
    audit::record(conn, &Event::of_user(EventKind::Enabled, user.id.0, cause, now))?;
    Ok(Enabling::Done(user))
}
