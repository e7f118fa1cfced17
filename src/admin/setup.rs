//! The first admin, and the link for an admin who is locked out (`recovery.rs` says what its holder may do). Steps for a transaction
//! that is open; the pages are in `login`. What may not live here: what a link is (`links`).

use diesel::result::Error as DieselError;

use super::accounts::find_account;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links::{self, Link, LinkPurpose};
use crate::secret::PlainSecret;
use crate::users::{self, ADMIN_ROLE, Creation, LookupName, NewUser, User, UserState};

/// What became of a wish for a link.
#[derive(Clone, Debug)]
pub enum SetupLink {
    /// A link that makes the first admin.
    Setup(PlainSecret),
    /// A link that lets this admin choose a new password.
    Rescue(PlainSecret, User),
    /// There is an admin already, and none was named.
    NeedsName,
    /// A name was given, but nobody can sign in as an admin yet: the link to make one needs no name.
    NoAdminYet,
    /// Nobody has this name.
    NoSuchUser,
    /// The named user is no admin.
    NotAdmin(User),
    /// The named admin is turned off.
    Disabled(User),
}

/// What became of a wish to make the first admin.
#[derive(Clone, Debug)]
pub enum FirstAdmin {
    /// They were made.
    Created(User),
    /// The link was used, is for something else, or there is an admin already.
    LinkExpired,
    /// The name is somebody's, or was; the link can still be used.
    NameTaken,
}

/// Makes a link: for the first admin while nobody can sign in as one, else for the admin `name`.
///
/// # Errors
/// When a query fails.
pub fn setup_link(conn: &mut DbConnection, name: Option<&LookupName>, now: Moment) -> Result<SetupLink, DbError> {
    users::lock_accounts(conn)?;
    let has_admin = users::has_admin(conn)?;
    let Some(name) = name else {
        if has_admin {
            return Ok(SetupLink::NeedsName);
        }
        return Ok(SetupLink::Setup(links::create(conn, LinkPurpose::Setup, None, now)?));
    };
    let Some(account) = find_account(conn, name)? else {
        return Ok(if has_admin { SetupLink::NoSuchUser } else { SetupLink::NoAdminYet });
    };
    let user = account.user;
    if !account.roles.iter().any(|role| role == ADMIN_ROLE) {
        return Ok(if has_admin { SetupLink::NotAdmin(user) } else { SetupLink::NoAdminYet });
    }
    if user.state != UserState::Active {
        return Ok(SetupLink::Disabled(user));
    }
    let secret = links::create(conn, LinkPurpose::Rescue, Some(user.id), now)?;
    Ok(SetupLink::Rescue(secret, user))
}

/// Makes the first admin and uses the link up, both or neither. Of two calls at once with one link, or with two, one makes an
/// admin and the other finds its link dead.
///
/// # Errors
/// When a query fails.
pub fn create_first_admin(
    conn: &mut DbConnection,
    link: &Link,
    new: NewUser,
    now: Moment,
) -> Result<FirstAdmin, DbError> {
    // Under READ COMMITTED two transactions would both see no admin: they take turns, and the second one looks after the first.
    users::lock_accounts(conn)?;
    if link.purpose != LinkPurpose::Setup || users::has_admin(conn)? {
        return Ok(FirstAdmin::LinkExpired);
    }
    // Before the link is used up: a person who meets a taken name chooses another.
    if users::find_by_key(conn, new.username.key())?.is_some() {
        return Ok(FirstAdmin::NameTaken);
    }
    if !links::use_up(conn, link, now)? {
        return Ok(FirstAdmin::LinkExpired);
    }
    let Creation::Created(user) = users::create(conn, new, now)? else {
        // The number was taken, or the name within this moment. As a fault it rolls back, and the link is left as it was.
        return Err(DbError::Query(DieselError::RollbackTransaction));
    };
    users::grant_role(conn, user.id, ADMIN_ROLE, now)?;
    Ok(FirstAdmin::Created(user))
}
