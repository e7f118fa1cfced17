//! All SQL on one-time links.

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::links;
use crate::secret::SecretHash;
use crate::users::UserId;

/// A new link as it is stored.
#[derive(Insertable)]
#[diesel(table_name = links)]
pub(super) struct NewLinkRow<'a> {
    pub id: &'a str,
    pub purpose: &'a str,
    pub secret_hash: &'a str,
    pub user_id: Option<i64>,
    pub email: Option<&'a str>,
    pub roles: Option<String>,
    pub created_at: Moment,
    pub expires_at: Moment,
}

/// A link as it is stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = links)]
pub(super) struct LinkRow {
    pub id: String,
    pub purpose: String,
    pub user_id: Option<i64>,
    pub email: Option<String>,
    pub roles: Option<String>,
    pub created_at: Moment,
    pub expires_at: Moment,
}

pub(super) fn insert(conn: &mut DbConnection, link: &NewLinkRow<'_>) -> QueryResult<()> {
    diesel::insert_into(links::table).values(link).execute(conn).map(drop)
}

/// Records that a link that is not stored was used, until it expires; `false` if it was used already.
pub fn use_unstored_once(
    conn: &mut DbConnection,
    purpose: &str,
    id: &str,
    expires_at: Moment,
    now: Moment,
) -> QueryResult<bool> {
    if links::table.find(id).count().get_result::<i64>(conn)? > 0 {
        return Ok(false);
    }
    let used = (
        links::id.eq(id),
        links::purpose.eq(purpose),
        // Not 43 characters of base64url, so it is the hash of no secret.
        links::secret_hash.eq(format!("used {id}")),
        links::created_at.eq(now),
        links::expires_at.eq(expires_at),
        links::used_at.eq(now),
    );
    diesel::insert_into(links::table).values(used).execute(conn).map(|_| true)
}

pub(super) fn delete_of_user(conn: &mut DbConnection, purpose: &str, user_id: Option<UserId>) -> QueryResult<()> {
    let of_purpose = links::table.filter(links::purpose.eq(purpose));
    match user_id {
        Some(UserId(id)) => diesel::delete(of_purpose.filter(links::user_id.eq(id))).execute(conn),
        None => diesel::delete(of_purpose.filter(links::user_id.is_null())).execute(conn),
    }
    .map(drop)
}

/// Deletes the links of one purpose to an address, for accounts that do not exist yet.
pub(super) fn delete_of_email(conn: &mut DbConnection, purpose: &str, email: &str) -> QueryResult<()> {
    let rows =
        links::table.filter(links::purpose.eq(purpose).and(links::email.eq(email)).and(links::user_id.is_null()));
    diesel::delete(rows).execute(conn).map(drop)
}

pub(super) fn find_usable(conn: &mut DbConnection, hash: &SecretHash, now: Moment) -> QueryResult<Option<LinkRow>> {
    links::table
        .filter(links::secret_hash.eq(hash.as_str()))
        .filter(links::used_at.is_null().and(links::expires_at.gt(now)))
        .select(LinkRow::as_select())
        .first(conn)
        .optional()
}

pub(super) fn find_usable_of_user(
    conn: &mut DbConnection,
    purpose: &str,
    UserId(user_id): UserId,
    now: Moment,
) -> QueryResult<Option<LinkRow>> {
    links::table
        .filter(links::purpose.eq(purpose).and(links::user_id.eq(user_id)))
        .filter(links::used_at.is_null().and(links::expires_at.gt(now)))
        .select(LinkRow::as_select())
        .first(conn)
        .optional()
}

pub(super) fn list_usable(
    conn: &mut DbConnection,
    purpose: &str,
    now: Moment,
    limit: i64,
) -> QueryResult<Vec<LinkRow>> {
    links::table
        .filter(links::purpose.eq(purpose))
        .filter(links::used_at.is_null().and(links::expires_at.gt(now)))
        .order((links::created_at, links::id))
        .limit(limit)
        .select(LinkRow::as_select())
        .load(conn)
}

pub(super) fn count_usable(conn: &mut DbConnection, purpose: &str, now: Moment) -> QueryResult<i64> {
    links::table
        .filter(links::purpose.eq(purpose))
        .filter(links::used_at.is_null().and(links::expires_at.gt(now)))
        .count()
        .get_result(conn)
}

pub(super) fn delete_usable(conn: &mut DbConnection, purpose: &str, id: &str, now: Moment) -> QueryResult<bool> {
    let usable = links::table.find(id).filter(links::purpose.eq(purpose));
    let usable = usable.filter(links::used_at.is_null().and(links::expires_at.gt(now)));
    diesel::delete(usable).execute(conn).map(|count| count == 1)
}

pub(super) fn set_used(conn: &mut DbConnection, id: &str, now: Moment) -> QueryResult<bool> {
    let count = diesel::update(links::table.find(id).filter(links::used_at.is_null()))
        .set(links::used_at.eq(now))
        .execute(conn)?;
    Ok(count == 1)
}

/// Deletes at most `limit` expired links.
pub fn delete_expired(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> = links::table.filter(links::expires_at.lt(now)).select(links::id).limit(limit).load(conn)?;
    diesel::delete(links::table.filter(links::id.eq_any(ids))).execute(conn)
}
