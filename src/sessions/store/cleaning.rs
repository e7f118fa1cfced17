//! SQL that finds the sessions to delete, and deletes them.

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;
use crate::sessions::SessionKind;
use crate::sessions::lifetimes::rejected_if_expired_at;

/// Lists the IDs of at most `limit` ended sessions whose last token every verifier already rejected at `before`.
pub fn list_ended(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<Vec<String>> {
    sessions::table
        .filter(sessions::ended_at.is_not_null().and(sessions::access_until.lt(rejected_if_expired_at(before))))
        .select(sessions::id)
        .limit(limit)
        .load(conn)
}

/// Lists the IDs of at most `limit` sessions that were last used before `last_used_before` and whose tokens every
/// verifier rejects at `now`: until then, a session that has ended must be found by an instance that starts.
pub fn list_expired(
    conn: &mut DbConnection,
    last_used_before: Moment,
    now: Moment,
    limit: i64,
) -> QueryResult<Vec<String>> {
    sessions::table
        .filter(sessions::last_used_at.lt(last_used_before).and(sessions::access_until.lt(rejected_if_expired_at(now))))
        .select(sessions::id)
        .limit(limit)
        .load(conn)
}

/// Lists the IDs of at most `limit` sessions of clients for themselves, ended or not, whose token expired before
/// `before`.
pub fn list_expired_of_clients(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<Vec<String>> {
    sessions::table
        .filter(sessions::user_id.is_null().and(sessions::access_until.lt(before)))
        .filter(sessions::kind.eq(SessionKind::ClientCredentials.as_str()))
        .select(sessions::id)
        .limit(limit)
        .load(conn)
}

/// Deletes sessions. Their refresh tokens are deleted with them: delete those first, in batches, because a session may
/// have very many.
pub fn delete(conn: &mut DbConnection, ids: &[String]) -> QueryResult<usize> {
    diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(conn)
}
