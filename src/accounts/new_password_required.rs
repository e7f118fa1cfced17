//! Requiring a new password, because the old one may be known to others.

use super::lookup::find_user;
use super::{AccountService, LINKS_REVOKED_ON_CREDENTIAL_CHANGE};
use crate::audit::{self, Cause, Event, EventKind};
use crate::authentication;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links;
use crate::sessions::{self, EndReason, EndedSessions};
use crate::users::{self, LookupName, User, UserId};

/// Users in one transaction, when all are required to set a new password.
const BATCH: i64 = 100;

/// Outcome of requiring a new password.
#[derive(Clone, Debug)]
pub enum NewPasswordRequirement {
    /// The user must set a new password by a link before they can sign in.
    Done {
        /// The user.
        user: User,
        /// The number of sessions that ended.
        ended_sessions: usize,
    },
    /// It was required already.
    WasRequired(User),
    /// The user has no password.
    NoPassword(User),
    /// No user has this name.
    NoSuchUser,
}

impl AccountService {
    /// Requires a new password of one user in one transaction, and ends their sessions.
    pub async fn require_new_password(
        &self,
        name: &LookupName,
        cause: &Cause,
    ) -> Result<NewPasswordRequirement, DbError> {
        let (name, cause, clock) = (name.clone(), cause.clone(), self.clock.clone());
        self.write(move |conn, ended| {
            let Some(user) = find_user(conn, &name)? else { return Ok(NewPasswordRequirement::NoSuchUser) };
            require_of(conn, ended, user, &cause, clock.now())
        })
        .await
    }

    /// Requires a new password of the next users after the user ID `after`, at most 100, in one transaction. Returns the
    /// last user ID, the number of users of whom it is required since now, and the number of sessions that ended; `None`
    /// when there are no more users.
    pub async fn require_new_passwords_after(
        &self,
        after: UserId,
        cause: &Cause,
    ) -> Result<Option<(UserId, usize, usize)>, DbError> {
        let (cause, clock) = (cause.clone(), self.clock.clone());
        self.write(move |conn, ended| {
            let batch = users::list(conn, after, BATCH)?;
            let Some(last) = batch.last().map(|user| user.id) else { return Ok(None) };
            let (mut users, mut sessions) = (0, 0);
            for user in batch {
                if let NewPasswordRequirement::Done { ended_sessions, .. } =
                    require_of(conn, ended, user, &cause, clock.now())?
                {
                    users += 1;
                    sessions += ended_sessions;
                }
            }
            Ok(Some((last, users, sessions)))
        })
        .await
    }
}

fn require_of(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    user: User,
    cause: &Cause,
    now: Moment,
) -> Result<NewPasswordRequirement, DbError> {
    if user.password_hash.is_none() {
        return Ok(NewPasswordRequirement::NoPassword(user));
    }
    // First, because it locks the row: a sign-in comes before it and is ended, or after it and fails.
    if !users::set_new_password_required(conn, user.id, now)? {
        return Ok(NewPasswordRequirement::WasRequired(user));
    }
    let ended_sessions = sessions::end_all_of_user(conn, ended, user.id, EndReason::NewPasswordRequired, now)?;
    authentication::forget_devices(conn, user.id)?;
    // Someone who knows the password may have requested them.
    links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user.id)?;
    audit::record(conn, &Event::of_user(EventKind::NewPasswordRequired, user.id.0, cause, now))?;
    Ok(NewPasswordRequirement::Done { user, ended_sessions })
}
