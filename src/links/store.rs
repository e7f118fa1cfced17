//! All SQL on one-time links. What may not live here: purposes and lifetimes.

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::links;
use crate::secret::SecretHash;
use crate::users::UserId;

/// A link's row as it is made.
#[derive(Insertable)]
#[diesel(table_name = links)]
pub(super) struct NewLink<'a> {
    pub id: &'a str,
    pub purpose: &'a str,
    pub secret_hash: &'a str,
    pub user_id: Option<i64>,
    pub created_at: Moment,
    pub expires_at: Moment,
}

pub(super) fn insert(conn: &mut DbConnection, link: &NewLink<'_>) -> QueryResult<()> {
    diesel::insert_into(links::table).values(link).execute(conn).map(drop)
}

pub(super) fn delete_of(conn: &mut DbConnection, purpose: &str, user_id: Option<UserId>) -> QueryResult<()> {
    let of_purpose = links::table.filter(links::purpose.eq(purpose));
    match user_id {
        Some(UserId(id)) => diesel::delete(of_purpose.filter(links::user_id.eq(id))).execute(conn),
        None => diesel::delete(of_purpose.filter(links::user_id.is_null())).execute(conn),
    }
    .map(drop)
}

pub(super) fn find_usable(
    conn: &mut DbConnection,
    hash: &SecretHash,
    now: Moment,
) -> QueryResult<Option<(String, String, Option<i64>)>> {
    links::table
        .filter(links::secret_hash.eq(hash.as_str()))
        .filter(links::used_at.is_null().and(links::expires_at.gt(now)))
        .select((links::id, links::purpose, links::user_id))
        .first(conn)
        .optional()
}

pub(super) fn set_used(conn: &mut DbConnection, id: &str, now: Moment) -> QueryResult<bool> {
    let count = diesel::update(links::table.find(id).filter(links::used_at.is_null()))
        .set(links::used_at.eq(now))
        .execute(conn)?;
    Ok(count == 1)
}

/// Deletes links that have expired, at most `limit`.
///
/// # Errors
/// When the query fails.
pub fn delete_expired(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> = links::table.filter(links::expires_at.lt(now)).select(links::id).limit(limit).load(conn)?;
    diesel::delete(links::table.filter(links::id.eq_any(ids))).execute(conn)
}
