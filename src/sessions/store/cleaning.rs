//! SQL that deletes ended and expired sessions in batches.

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;
use crate::sessions::lifetimes::rejected_if_expired_at;

/// Deletes at most `limit` ended sessions whose last token every verifier already rejected at `before`.
pub fn delete_ended(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> = sessions::table
        .filter(sessions::ended_at.is_not_null().and(sessions::access_until.lt(rejected_if_expired_at(before))))
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(conn)
}

/// Deletes at most `limit` sessions that were last used before `last_used_before` and whose tokens every verifier
/// rejects at `now`: until then, a session that has ended must be found by an instance that starts.
pub fn delete_expired(
    conn: &mut DbConnection,
    last_used_before: Moment,
    now: Moment,
    limit: i64,
) -> QueryResult<usize> {
    let ids: Vec<String> = sessions::table
        .filter(sessions::last_used_at.lt(last_used_before).and(sessions::access_until.lt(rejected_if_expired_at(now))))
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(conn)
}
