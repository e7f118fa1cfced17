//! All SQL on users' email addresses, which are always stored with their canonical form.

use diesel::prelude::*;

use super::{UserRow, email_key, find_by_key};
use crate::clock::Moment;
use crate::db::schema::users;
use crate::db::{DbConnection, note_rights_change, prepared};
use crate::users::{LookupName, User, UserId, UserState};

/// Lists at most `limit` active users with this canonical address: first the one who has confirmed it, then by ID.
pub fn list_active_by_email_key(conn: &mut DbConnection, key: &str, limit: i64) -> QueryResult<Vec<User>> {
    let is_active = users::deleted_at.is_null().and(users::disabled_at.is_null());
    let rows: Vec<UserRow> = users::table
        .filter(users::email_key.eq(key).and(is_active))
        .order((users::email_verified_at.is_null(), users::id))
        .limit(limit)
        .select(UserRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Finds the user who has confirmed this canonical address. A unique index allows one at most.
pub fn find_by_verified_email_key(conn: &mut DbConnection, key: &str) -> QueryResult<Option<User>> {
    let confirmed = users::table.filter(users::email_key.eq(key).and(users::email_verified_at.is_not_null()));
    let row = prepared!(conn, confirmed.select(UserRow::as_select()), get_result);
    Ok(row.optional()?.map(User::from))
}

/// Finds the user who signs in with this name: the one with the username, otherwise the one who has confirmed the
/// address, otherwise the only one for whom an administrator has set it.
///
/// Which queries run depends on what was typed alone: the time tells nothing about who has an account.
pub fn find_for_sign_in(conn: &mut DbConnection, name: &LookupName) -> QueryResult<Option<User>> {
    let by_username = find_by_key(conn, name.key())?;
    let Some(email_key) = name.email_key() else { return Ok(by_username) };
    let confirmed = find_by_verified_email_key(conn, email_key)?;
    let unconfirmed = users::table.filter(users::email_key.eq(email_key).and(users::email_verified_at.is_null()));
    let mut unconfirmed: Vec<UserRow> = prepared!(conn, unconfirmed.limit(2).select(UserRow::as_select()), load)?;
    let only = (unconfirmed.len() == 1).then(|| unconfirmed.remove(0).into());
    // The name of a deleted account stays taken, and must not hide the account that has its address now.
    let by_username = by_username.filter(|user| !matches!(user.state, UserState::Deleted(_)));
    Ok(by_username.or(confirmed).or(only))
}

/// Whether a user has this canonical address, confirmed or not; disabled ones count, deleted ones have none.
pub fn has_email_key(conn: &mut DbConnection, key: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(users::table.filter(users::email_key.eq(key)))).get_result(conn)
}

/// Sets or clears an email address that the user has not confirmed.
pub fn set_email(conn: &mut DbConnection, id: UserId, email: Option<&str>) -> QueryResult<()> {
    note_rights_change(conn);
    let unverified = users::email_verified_at.eq(None::<Moment>);
    diesel::update(users::table.find(id.0))
        .set((users::email.eq(email), users::email_key.eq(email.and_then(email_key)), unverified))
        .execute(conn)
        .map(drop)
}

/// Sets an email address that the user has confirmed.
pub fn set_verified_email(conn: &mut DbConnection, id: UserId, email: &str, now: Moment) -> QueryResult<()> {
    note_rights_change(conn);
    diesel::update(users::table.find(id.0))
        .set((users::email.eq(email), users::email_key.eq(email_key(email)), users::email_verified_at.eq(now)))
        .execute(conn)
        .map(drop)
}
