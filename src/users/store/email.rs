//! All SQL on users' addresses. The canonical form goes with the address, so that the two never differ. What may not live here:
//! decisions.

use diesel::prelude::*;

use super::{UserRow, email_key};
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::users;
use crate::users::{User, UserId};

/// The users with this canonical address, by number, but deleted ones, at most `limit`.
///
/// # Errors
/// When the query fails.
pub fn list_by_email_key(conn: &mut DbConnection, key: &str, limit: i64) -> QueryResult<Vec<User>> {
    let rows: Vec<UserRow> = users::table
        .filter(users::email_key.eq(key).and(users::deleted_at.is_null()))
        .order(users::id)
        .limit(limit)
        .select(UserRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Sets or clears where mail reaches the person, on somebody else's word: nothing is proved.
///
/// # Errors
/// When the query fails.
pub fn set_email(conn: &mut DbConnection, id: UserId, email: Option<&str>) -> QueryResult<()> {
    let unproved = users::email_verified_at.eq(None::<Moment>);
    diesel::update(users::table.find(id.0))
        .set((users::email.eq(email), users::email_key.eq(email.and_then(email_key)), unproved))
        .execute(conn)
        .map(drop)
}

/// Sets where mail reaches the person, who has proved it.
///
/// # Errors
/// When the query fails.
pub fn set_verified_email(conn: &mut DbConnection, id: UserId, email: &str, now: Moment) -> QueryResult<()> {
    diesel::update(users::table.find(id.0))
        .set((users::email.eq(email), users::email_key.eq(email_key(email)), users::email_verified_at.eq(now)))
        .execute(conn)
        .map(drop)
}
