//! Deleting sessions that nobody needs any more, in batches. What may not live here: when that is (`sessions::lifetimes`).

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;

/// Deletes sessions that were ended and whose tokens expired before `before`, at most `limit`.
///
/// # Errors
/// When the query fails.
pub fn delete_ended(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> = sessions::table
        .filter(sessions::ended_at.is_not_null().and(sessions::access_until.lt(before)))
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(conn)
}

/// Deletes sessions that were last used before `last_used_before` and whose tokens have expired, at most `limit`.
///
/// # Errors
/// When the query fails.
pub fn delete_expired(
    conn: &mut DbConnection,
    last_used_before: Moment,
    now: Moment,
    limit: i64,
) -> QueryResult<usize> {
    let ids: Vec<String> = sessions::table
        .filter(sessions::last_used_at.lt(last_used_before).and(sessions::access_until.lt(now)))
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(conn)
}
