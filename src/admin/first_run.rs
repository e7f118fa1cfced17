//! What a set-up or rescue link lets its holder do, each one transaction. What may not live here: forms.

use crate::clock::Moment;
use crate::credentials;
use crate::db::{DbConnection, DbError};
use crate::links::{self, Link};
use crate::sessions::{self, EndReason};
use crate::users::argon2id::PasswordHash;
use crate::users::{self, ADMIN_ROLE, Creation, NewUser, User};

/// What became of the wish to be the first administrator.
pub enum FirstAdmin {
    /// The account was made.
    Created(User),
    /// The name is somebody's already; the link can be used again.
    NameTaken,
    /// The link was used, replaced or expired, or there is an administrator.
    LinkDead,
}

/// What became of a rescue.
pub enum Rescue {
    /// The password was set and all sessions ended.
    Done,
    /// The link was used, replaced or expired.
    LinkDead,
}

/// Makes the first administrator.
///
/// # Errors
/// When a query fails.
pub fn create_first_admin(
    conn: &mut DbConnection,
    link: &Link,
    new: NewUser,
    now: Moment,
) -> Result<FirstAdmin, DbError> {
    // First, because it takes the link's row: of two posts at once the second waits here and then finds it used.
    if !links::use_up(conn, link, now)? || users::has_admin(conn)? {
        return Ok(FirstAdmin::LinkDead);
    }
    match users::create(conn, new, now)? {
        Creation::Created(user) => {
            users::grant_role(conn, user.id, ADMIN_ROLE, now)?;
            Ok(FirstAdmin::Created(user))
        }
        Creation::NameTaken | Creation::IdTaken => {
            links::release(conn, link)?;
            Ok(FirstAdmin::NameTaken)
        }
    }
}

/// Sets the password of the administrator whom the link is for.
///
/// # Errors
/// When a query fails.
pub fn rescue(conn: &mut DbConnection, link: &Link, hash: &PasswordHash, now: Moment) -> Result<Rescue, DbError> {
    let Some(user_id) = link.user_id else { return Ok(Rescue::LinkDead) };
    if !links::use_up(conn, link, now)? || !users::set_password_hash(conn, user_id, hash, None, now)? {
        return Ok(Rescue::LinkDead);
    }
    sessions::end_all_of_user(conn, user_id, EndReason::PasswordChanged, now)?;
    credentials::forget_devices(conn, user_id)?;
    Ok(Rescue::Done)
}
