//! Steps on one account, for a transaction that is open: find, add, set a password, disable, enable, delete.
//! What may not live here: hashing and transactions (`mod.rs`), and how the outcome is told.

use std::collections::HashMap;

use super::fields::{self, FieldError};
use crate::audit::{self, ClientInfo, Event, EventKind};
use crate::authentication;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links::{self, LinkPurpose};
use crate::sessions::{self, EndReason};
use crate::users::argon2id::PasswordHash;
use crate::users::password::PasswordError;
use crate::users::{self, ADMIN_ROLE, Creation, LookupName, NewUser, User, UserId, UserState, Username};

/// A user and what they may do.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Their roles, in alphabetical order.
    pub roles: Vec<String>,
}

/// What was typed for a new account.
#[derive(Clone, Debug, Default)]
pub struct UserFields {
    /// Its name.
    pub username: String,
    /// The number to give it; the next free one when it is absent.
    pub id: Option<i64>,
    /// What the person is called.
    pub display_name: Option<String>,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// What they may do.
    pub roles: Vec<String>,
}

impl UserFields {
    /// Checks every field; the password's hash is still to come.
    ///
    /// # Errors
    /// The first field that is refused, and why.
    pub fn check(self) -> Result<(NewUser, Vec<String>), FieldError> {
        let email = self.email.map(fields::check_email).transpose()?;
        let new = NewUser {
            id: self.id.map(fields::check_id).transpose()?,
            username: Username::parse(&self.username, email.as_deref())?,
            display_name: self.display_name.map(fields::check_display_name).transpose()?,
            email,
            password_hash: None,
        };
        Ok((new, fields::check_roles(self.roles)?))
    }
}

/// What became of a wish to add a user.
#[derive(Clone, Debug)]
pub enum Added {
    /// It was made.
    Created(Account),
    /// The name is somebody's, or was.
    NameTaken,
    /// The number is somebody's, or was.
    IdTaken,
    /// A field is refused.
    Invalid(FieldError),
}

/// What became of a wish to set a password.
#[derive(Clone, Debug)]
pub enum PasswordSetting {
    /// It was set, and this many sessions ended.
    Done {
        /// Whose it is.
        user: User,
        /// How many sessions ended.
        ended_sessions: usize,
    },
    /// Nobody has this name.
    NoSuchUser,
    /// The rules on passwords refuse it.
    Invalid(PasswordError),
}

/// What became of a wish to turn an account off.
#[derive(Clone, Debug)]
pub enum Disabling {
    /// It was turned off, and its sessions ended.
    Done {
        /// Whose it is.
        user: User,
        /// How many sessions ended.
        ended_sessions: usize,
    },
    /// It was off before.
    WasDisabled(User),
    /// Nobody could administer the server any more.
    LastAdmin(User),
    /// Nobody has this name.
    NoSuchUser,
}

/// What became of a wish to turn an account on.
#[derive(Clone, Debug)]
pub enum Enabling {
    /// It was turned on.
    Done(User),
    /// It was on before.
    WasEnabled(User),
    /// Nobody has this name.
    NoSuchUser,
}

/// What became of a wish to delete an account.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// It was deleted, and its sessions ended.
    Done {
        /// Who it was.
        user: User,
        /// How many sessions ended.
        ended_sessions: usize,
    },
    /// Nobody could administer the server any more.
    LastAdmin(User),
    /// Nobody has this name.
    NoSuchUser,
}

/// Finds a user by name; a deleted one is nobody.
///
/// # Errors
/// When the query fails.
pub fn find_user(conn: &mut DbConnection, name: &LookupName) -> Result<Option<User>, DbError> {
    let user = users::find_by_key(conn, name.key())?;
    Ok(user.filter(|user| !matches!(user.state, UserState::Deleted(_))))
}

/// Finds a user and their roles by name.
///
/// # Errors
/// When a query fails.
pub fn find_account(conn: &mut DbConnection, name: &LookupName) -> Result<Option<Account>, DbError> {
    let Some(user) = find_user(conn, name)? else { return Ok(None) };
    let roles = users::list_roles(conn, user.id)?;
    Ok(Some(Account { user, roles }))
}

/// The accounts after number `after`, in order of their numbers, at most `limit`.
///
/// # Errors
/// When a query fails.
pub fn list_accounts(conn: &mut DbConnection, after: UserId, limit: i64) -> Result<Vec<Account>, DbError> {
    let found = users::list(conn, after, limit)?;
    with_roles(conn, found)
}

/// These users with their roles, in the same order. At most some thousand.
pub(super) fn with_roles(conn: &mut DbConnection, found: Vec<User>) -> Result<Vec<Account>, DbError> {
    let ids: Vec<UserId> = found.iter().map(|user| user.id).collect();
    let mut roles_by_user: HashMap<UserId, Vec<String>> = HashMap::new();
    for (id, role) in users::list_roles_of(conn, &ids)? {
        roles_by_user.entry(id).or_default().push(role);
    }
    let with_roles = |user: User| {
        let mut roles = roles_by_user.remove(&user.id).unwrap_or_default();
        roles.sort();
        Account { user, roles }
    };
    Ok(found.into_iter().map(with_roles).collect())
}

/// Makes an account with these roles.
///
/// # Errors
/// When a query fails.
pub fn add(conn: &mut DbConnection, new: NewUser, roles: &[String], now: Moment) -> Result<Added, DbError> {
    users::lock_accounts(conn)?;
    let user = match users::create(conn, new, now)? {
        Creation::Created(user) => user,
        Creation::NameTaken => return Ok(Added::NameTaken),
        Creation::IdTaken => return Ok(Added::IdTaken),
    };
    for role in roles {
        users::grant_role(conn, user.id, role, now)?;
    }
    Ok(Added::Created(Account { user, roles: roles.to_vec() }))
}

/// The links that somebody may hold who knew an old password or could read mails to an old address: dead once either is another's.
pub const LINKS_REVOKED_ON_CREDENTIAL_CHANGE: [LinkPurpose; 3] =
    [LinkPurpose::Verify, LinkPurpose::Reset, LinkPurpose::Rescue];

/// Sets a password, by whom it is set `client_info`, and ends whatever the old one had begun: all sessions, what is known of browsers and
/// networks, a waiting change of address. Returns how many sessions ended; `None` when the user was deleted meanwhile.
///
/// # Errors
/// When a query fails.
pub fn set_password(
    conn: &mut DbConnection,
    id: UserId,
    (hash, client_info): (&PasswordHash, &ClientInfo),
    now: Moment,
) -> Result<Option<usize>, DbError> {
    // First, for it takes the row's lock: a sign-in with the old password comes before it, and is ended, or after it, and fails.
    if !users::set_password_hash(conn, id, hash, None, now)? {
        return Ok(None);
    }
    let ended_sessions = sessions::end_all_of_user(conn, id, EndReason::PasswordChanged, now)?;
    authentication::forget_devices(conn, id)?;
    links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, id)?;
    audit::record(conn, &Event::of_user(EventKind::PasswordSet, id.0, client_info, now))?;
    Ok(Some(ended_sessions))
}

/// Turns an account off and ends its sessions. With `is_forced` even the last admin's.
///
/// # Errors
/// When a query fails.
pub fn disable(conn: &mut DbConnection, name: &LookupName, is_forced: bool, now: Moment) -> Result<Disabling, DbError> {
    users::lock_accounts(conn)?;
    let Some(user) = find_user(conn, name)? else { return Ok(Disabling::NoSuchUser) };
    if user.state != UserState::Active {
        return Ok(Disabling::WasDisabled(user));
    }
    if !is_forced && is_last_admin(conn, &user)? {
        return Ok(Disabling::LastAdmin(user));
    }
    // Before the sessions, for it takes the row's lock: no sign-in begins one in between.
    users::set_disabled(conn, user.id, Some(now))?;
    let ended_sessions = sessions::end_all_of_user(conn, user.id, EndReason::UserDisabled, now)?;
    links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user.id)?;
    audit::record(conn, &Event::of_user(EventKind::Disabled, user.id.0, &ClientInfo::default(), now))?;
    Ok(Disabling::Done { user, ended_sessions })
}

/// Turns an account on.
///
/// # Errors
/// When a query fails.
pub fn enable(conn: &mut DbConnection, name: &LookupName, now: Moment) -> Result<Enabling, DbError> {
    users::lock_accounts(conn)?;
    let Some(user) = find_user(conn, name)? else { return Ok(Enabling::NoSuchUser) };
    if !users::set_disabled(conn, user.id, None)? {
        return Ok(Enabling::WasEnabled(user));
    }
    audit::record(conn, &Event::of_user(EventKind::Enabled, user.id.0, &ClientInfo::default(), now))?;
    Ok(Enabling::Done(user))
}

/// Ends all sessions of a user, and a change of address that one of them may have begun. Returns the user and how many sessions ended;
/// `None` when nobody has this name.
///
/// # Errors
/// When a query fails.
pub fn sign_out(conn: &mut DbConnection, name: &LookupName, now: Moment) -> Result<Option<(User, usize)>, DbError> {
    let Some(user) = find_user(conn, name)? else { return Ok(None) };
    // A sign-in that is being finished comes before this, and is ended, or after it.
    users::lock(conn, user.id)?;
    let ended = sessions::end_all_of_user(conn, user.id, EndReason::SignedOutByAdmin, now)?;
    links::revoke_of_user(conn, &[LinkPurpose::Verify], user.id)?;
    if ended > 0 {
        audit::record(conn, &Event::of_user(EventKind::SignedOutByAdmin, user.id.0, &ClientInfo::default(), now))?;
    }
    Ok(Some((user, ended)))
}

/// Deletes an account: its personal data, roles and sessions go, its name and number stay taken. With `is_forced` even the last
/// admin's.
///
/// # Errors
/// When a query fails.
pub fn delete(conn: &mut DbConnection, name: &LookupName, is_forced: bool, now: Moment) -> Result<Deletion, DbError> {
    users::lock_accounts(conn)?;
    let Some(user) = find_user(conn, name)? else { return Ok(Deletion::NoSuchUser) };
    if !is_forced && is_last_admin(conn, &user)? {
        return Ok(Deletion::LastAdmin(user));
    }
    // Before all else: no sign-in begins a session in between.
    users::lock(conn, user.id)?;
    users::delete(conn, user.id, now)?;
    let ended_sessions = sessions::end_all_of_user(conn, user.id, EndReason::UserDeleted, now)?;
    authentication::forget_devices(conn, user.id)?;
    // Not only dead, but gone: they hold an address.
    links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user.id)?;
    Ok(Deletion::Done { user, ended_sessions })
}

/// Whether nobody could administer the server without this user. Those who make admins and unmake them wait for each other
/// (`users::lock_accounts`), so that two of the last two admins cannot go at once.
pub(super) fn is_last_admin(conn: &mut DbConnection, user: &User) -> Result<bool, DbError> {
    if user.state != UserState::Active || users::has_other_admin(conn, user.id)? {
        return Ok(false);
    }
    Ok(users::list_roles(conn, user.id)?.iter().any(|role| role == ADMIN_ROLE))
}
