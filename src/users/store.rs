//! All SQL on users and their IDs.

mod bulk;
mod email;
mod hashes;
mod roles;
mod search;
mod skeletons;

use diesel::prelude::*;

use super::argon2id::PasswordHash;
use super::stored_hash::StoredHash;
use super::{User, UserId, UserState, email_key};
use crate::clock::Moment;
use crate::db::schema::{counters, user_roles, users};
use crate::db::{DbConnection, note_rights_change, prepared, update_where};
pub use bulk::{ExportedUser, insert_imported, list_for_export, list_taken_ids, list_verified_email_keys};
pub use email::{
    find_by_verified_email_key, find_for_sign_in, has_email_key, list_active_by_email_key, set_email,
    set_verified_email,
};
pub use hashes::{count_password_hashes, list_password_hashes_unlike};
pub use roles::{
    count_by_role, delete_role, grant_role, has_admin, has_other_admin, list_role_names, list_role_scopes, list_roles,
    list_roles_of, list_roles_with_scopes, list_scopes_by_role, merge_roles, revoke_role, set_role_scopes,
};
pub use search::{ListedPart, ListedState, UserFilter, UserSort, list_by_ids, list_ids};
pub(super) use skeletons::insert_skeletons;
pub use skeletons::{fill_skeletons, list_similar};

const LAST_ID: &str = "last_user_id";

/// A row of the table.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct UserRow {
    id: i64,
    username: String,
    display_name: Option<String>,
    email: Option<String>,
    email_verified_at: Option<Moment>,
    language: Option<String>,
    password_hash: Option<String>,
    created_at: Moment,
    last_signed_in_at: Option<Moment>,
    new_password_required_at: Option<Moment>,
    disabled_at: Option<Moment>,
    deleted_at: Option<Moment>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let state = match (row.deleted_at, row.disabled_at) {
            (Some(at), _) => UserState::Deleted(at),
            (None, Some(at)) => UserState::Disabled(at),
            (None, None) => UserState::Active,
        };
        Self {
            id: UserId(row.id),
            username: row.username,
            display_name: row.display_name,
            email: row.email,
            email_verified_at: row.email_verified_at,
            language: row.language,
            password_hash: row.password_hash.as_deref().and_then(StoredHash::parse),
            created_at: row.created_at,
            last_signed_in_at: row.last_signed_in_at,
            new_password_required_at: row.new_password_required_at,
            state,
        }
    }
}

/// Finds a user by the canonical form of their username, even if they are deleted.
pub fn find_by_key(conn: &mut DbConnection, username_key: &str) -> QueryResult<Option<User>> {
    let named = users::table.filter(users::username_key.eq(username_key));
    let row = prepared!(conn, named.select(UserRow::as_select()), get_result);
    Ok(row.optional()?.map(User::from))
}

/// Finds a user by ID, even if they are deleted.
pub fn find_by_id(conn: &mut DbConnection, id: UserId) -> QueryResult<Option<User>> {
    let row = prepared!(conn, users::table.find(id.0).select(UserRow::as_select()), get_result);
    Ok(row.optional()?.map(User::from))
}

/// Lists at most `limit` users by ID, starting after the ID `after`, without deleted ones.
pub fn list(conn: &mut DbConnection, after: UserId, limit: i64) -> QueryResult<Vec<User>> {
    let rows: Vec<UserRow> = users::table
        .filter(users::deleted_at.is_null().and(users::id.gt(after.0)))
        .order(users::id)
        .limit(limit)
        .select(UserRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Lists the usernames of the users with these IDs, also of deleted ones, in no order. Takes a few thousand at most.
pub fn list_usernames(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<(i64, String)>> {
    users::table.filter(users::id.eq_any(ids)).select((users::id, users::username)).load(conn)
}

/// Lists the users with these canonical usernames as (canonical username, user), with deleted ones. Takes a few
/// thousand names at most.
pub fn list_by_keys(conn: &mut DbConnection, keys: &[&str]) -> QueryResult<Vec<(String, User)>> {
    let rows: Vec<(String, UserRow)> = users::table
        .filter(users::username_key.eq_any(keys))
        .select((users::username_key, UserRow::as_select()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, row)| (key, User::from(row))).collect())
}

/// Locks the creation of users and changes of administrators until this transaction ends: what it reads about them
/// stays true. Call it before taking any other lock, otherwise two transactions could deadlock.
pub fn lock_accounts(conn: &mut DbConnection) -> QueryResult<()> {
    diesel::update(counters::table.find(LAST_ID)).set(counters::value.eq(counters::value)).execute(conn).map(drop)
}

/// Locks a user's row, as `SELECT … FOR UPDATE` would, which SQLite does not have. Returns `false` if the user does not
/// exist or is deleted.
pub fn lock(conn: &mut DbConnection, id: UserId) -> QueryResult<bool> {
    let row = users::table.find(id.0).filter(users::deleted_at.is_null());
    let count = diesel::update(row).set(users::created_at.eq(users::created_at)).execute(conn)?;
    Ok(count == 1)
}

/// Reserves `count` consecutive user IDs above `above` and returns the first.
///
/// For many users in one transaction: PostgreSQL keeps each version of the counter's row until the transaction ends, so
/// allocating IDs one by one takes quadratic time.
pub fn reserve_ids(conn: &mut DbConnection, count: i64, above: Option<UserId>) -> QueryResult<UserId> {
    let last_id = counters::table.find(LAST_ID);
    if let Some(UserId(above)) = above {
        diesel::update(last_id.filter(counters::value.lt(above))).set(counters::value.eq(above)).execute(conn)?;
    }
    diesel::update(last_id).set(counters::value.eq(counters::value + count)).execute(conn)?;
    let last: i64 = last_id.select(counters::value).first(conn)?;
    Ok(UserId(last - count + 1))
}

/// Allocates the requested user ID, or the next one; `None` if the requested one is or was taken.
pub(super) fn allocate_id(conn: &mut DbConnection, requested: Option<UserId>) -> QueryResult<Option<UserId>> {
    let last_id = counters::table.find(LAST_ID);
    if let Some(UserId(id)) = requested {
        // An ID up to the last one may have been allocated before. It is free only if no row has it.
        if users::table.find(id).count().get_result::<i64>(conn)? > 0 {
            return Ok(None);
        }
        diesel::update(last_id.filter(counters::value.lt(id))).set(counters::value.eq(id)).execute(conn)?;
        return Ok(requested);
    }
    // The update locks the row, so no other transaction reads the same ID before the commit.
    diesel::update(last_id).set(counters::value.eq(counters::value + 1)).execute(conn)?;
    last_id.select(counters::value).first(conn).map(|id| Some(UserId(id)))
}

pub(super) fn insert(conn: &mut DbConnection, user: &User, username_key: &str, public_id: &str) -> QueryResult<()> {
    let hash = user.password_hash.as_ref().map(ToString::to_string);
    diesel::insert_into(users::table)
        .values((
            users::id.eq(user.id.0),
            users::public_id.eq(public_id),
            users::username.eq(&user.username),
            users::username_key.eq(username_key),
            users::display_name.eq(&user.display_name),
            users::email.eq(&user.email),
            users::email_key.eq(user.email.as_deref().and_then(email_key)),
            users::password_changed_at.eq(hash.as_ref().map(|_| user.created_at)),
            users::password_hash.eq(hash),
            users::created_at.eq(user.created_at),
        ))
        .execute(conn)
        .map(drop)
}

/// Requires a new password. Returns `false` if it was required already.
pub fn set_new_password_required(conn: &mut DbConnection, id: UserId, now: Moment) -> QueryResult<bool> {
    note_rights_change(conn);
    let row = users::table.find(id.0).filter(users::deleted_at.is_null());
    let count = diesel::update(row.filter(users::new_password_required_at.is_null()))
        .set(users::new_password_required_at.eq(now))
        .execute(conn)?;
    Ok(count == 1)
}

/// Sets the password hash, and with it meets the requirement of a new one. With `only_if`, it replaces only that hash:
/// the rehash after a sign-in must not undo a password change in the meantime. Returns whether it was set.
pub fn set_password_hash(
    conn: &mut DbConnection,
    id: UserId,
    hash: &PasswordHash,
    only_if: Option<&StoredHash>,
    now: Moment,
) -> QueryResult<bool> {
    let row = users::table.find(id.0).filter(users::deleted_at.is_null());
    let count = match only_if {
        None => diesel::update(row)
            .set((
                users::password_hash.eq(hash.to_string()),
                users::password_changed_at.eq(now),
                users::new_password_required_at.eq(None::<Moment>),
            ))
            .execute(conn)?,
        Some(old) => diesel::update(row.filter(users::password_hash.eq(old.to_string())))
            .set(users::password_hash.eq(hash.to_string()))
            .execute(conn)?,
    };
    Ok(count == 1)
}

/// Replaces the password hash that was verified with that of a new password, and locks the row. Returns `false` if the
/// password was changed or the account deleted in the meantime.
pub fn change_password_hash(
    conn: &mut DbConnection,
    id: UserId,
    hash: &PasswordHash,
    checked: &StoredHash,
    now: Moment,
) -> QueryResult<bool> {
    let row = users::table.find(id.0).filter(users::deleted_at.is_null());
    let count = diesel::update(row.filter(users::password_hash.eq(checked.to_string())))
        .set((users::password_hash.eq(hash.to_string()), users::password_changed_at.eq(now)))
        .execute(conn)?;
    Ok(count == 1)
}

/// Records a sign-in if the account is still active and has the password hash that was verified. Returns whether it
/// has.
///
/// This locks the row: disabling the account or changing its password happens either before, and is seen here, or
/// after, and ends the session that this transaction starts.
pub fn set_signed_in(conn: &mut DbConnection, id: UserId, checked: &StoredHash, now: Moment) -> QueryResult<bool> {
    let is_active = users::deleted_at.is_null().and(users::disabled_at.is_null());
    let is_unchanged = users::new_password_required_at.is_null().and(users::password_hash.eq(checked.to_string()));
    let row = users::id.eq(id.0).and(is_active).and(is_unchanged);
    Ok(prepared!(conn, update_where(users::last_signed_in_at.eq(now), row), execute)? == 1)
}

/// Sets or clears the display name.
pub fn set_display_name(conn: &mut DbConnection, id: UserId, display_name: Option<&str>) -> QueryResult<()> {
    note_rights_change(conn);
    diesel::update(users::table.find(id.0)).set(users::display_name.eq(display_name)).execute(conn).map(drop)
}

/// Sets the chosen language; `None` for the browser's.
pub fn set_language(conn: &mut DbConnection, id: UserId, language: Option<&str>) -> QueryResult<()> {
    note_rights_change(conn);
    diesel::update(users::table.find(id.0)).set(users::language.eq(language)).execute(conn).map(drop)
}

/// Disables or enables an account. Returns whether that changed it.
pub fn set_disabled(conn: &mut DbConnection, id: UserId, disabled_at: Option<Moment>) -> QueryResult<bool> {
    note_rights_change(conn);
    let row = users::table.find(id.0).filter(users::deleted_at.is_null());
    let count = match disabled_at {
        Some(now) => {
            diesel::update(row.filter(users::disabled_at.is_null())).set(users::disabled_at.eq(now)).execute(conn)?
        }
        None => diesel::update(row.filter(users::disabled_at.is_not_null()))
            .set(users::disabled_at.eq(None::<Moment>))
            .execute(conn)?,
    };
    Ok(count == 1)
}

/// Deletes an account's personal data and roles; its username and user ID stay taken. Returns whether it existed.
pub fn delete(conn: &mut DbConnection, id: UserId, now: Moment) -> QueryResult<bool> {
    note_rights_change(conn);
    diesel::delete(user_roles::table.filter(user_roles::user_id.eq(id.0))).execute(conn)?;
    let count = diesel::update(users::table.find(id.0).filter(users::deleted_at.is_null()))
        .set((
            users::deleted_at.eq(now),
            users::password_hash.eq(None::<String>),
            users::display_name.eq(None::<String>),
            users::email.eq(None::<String>),
            users::email_key.eq(None::<String>),
            users::email_verified_at.eq(None::<Moment>),
            users::language.eq(None::<String>),
        ))
        .execute(conn)?;
    Ok(count == 1)
}
