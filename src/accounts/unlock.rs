//! Clearing an account's failed sign-ins.

use super::AccountService;
use super::lookup::find_user;
use crate::audit::{self, Cause, Event, EventKind};
use crate::authentication::AccountLocks;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::users::{LookupName, User};

/// Outcome of clearing an account's failed sign-ins.
#[derive(Clone, Debug)]
pub enum Unlocking {
    /// The failures were cleared.
    Done {
        /// The user.
        user: User,
        /// The number of counters that were deleted; 0 when no failure was counted.
        deleted_counters: usize,
    },
    /// No user has this name.
    NoSuchUser,
}

impl AccountService {
    /// Clears the failed sign-ins of an account in one transaction, as [`unlock`].
    pub async fn unlock(&self, name: &LookupName, locks: &AccountLocks, cause: &Cause) -> Result<Unlocking, DbError> {
        let (name, locks, cause, clock) = (name.clone(), locks.clone(), cause.clone(), self.clock.clone());
        self.write(move |conn, _| unlock(conn, &locks, &name, &cause, clock.now())).await
    }
}

/// Clears the failed sign-ins of an account, under its username and its email address.
pub fn unlock(
    conn: &mut DbConnection,
    locks: &AccountLocks,
    name: &LookupName,
    cause: &Cause,
    now: Moment,
) -> Result<Unlocking, DbError> {
    let Some(user) = find_user(conn, name)? else { return Ok(Unlocking::NoSuchUser) };
    let deleted_counters = locks.clear(conn, &user)?;
    if deleted_counters > 0 {
        audit::record(conn, &Event::of_user(EventKind::Unlocked, user.id.0, cause, now))?;
    }
    Ok(Unlocking::Done { user, deleted_counters })
}
