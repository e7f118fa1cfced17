//! All SQL on users' email addresses, which are always stored with their canonical form.

use diesel::prelude::*;

use super::{UserRow, email_key};
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::users;
use crate::users::{User, UserId};

/// Lists at most `limit` users with this canonical address by ID, without deleted ones.
pub fn list_by_email_key(conn: &mut DbConnection, key: &str, limit: i64) -> QueryResult<Vec<User>> {
    let rows: Vec<UserRow> = users::table
        .filter(users::email_key.eq(key).and(users::deleted_at.is_null()))
        .order(users::id)
        .limit(limit)
        .select(UserRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Sets or clears an email address that the user has not confirmed.
pub fn set_email(conn: &mut DbConnection, id: UserId, email: Option<&str>) -> QueryResult<()> {
    let unverified = users::email_verified_at.eq(None::<Moment>);
    diesel::update(users::table.find(id.0))
        .set((users::email.eq(email), users::email_key.eq(email.and_then(email_key)), unverified))
        .execute(conn)
        .map(drop)
}

/// Sets an email address that the user has confirmed.
pub fn set_verified_email(conn: &mut DbConnection, id: UserId, email: &str, now: Moment) -> QueryResult<()> {
    diesel::update(users::table.find(id.0))
        .set((users::email.eq(email), users::email_key.eq(email_key(email)), users::email_verified_at.eq(now)))
        .execute(conn)
        .map(drop)
}
