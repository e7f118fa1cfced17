//! All SQL on what happened. What may not live here: what is worth recording.

use diesel::prelude::*;

use super::Event;
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::audit_events;
use crate::secret::random_id;

/// Writes an event down.
///
/// # Errors
/// When the query fails.
pub fn record(conn: &mut DbConnection, event: &Event) -> QueryResult<()> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(random_id()),
            audit_events::kind.eq(event.kind.as_str()),
            audit_events::happened_at.eq(event.happened_at),
            audit_events::user_id.eq(event.user_id),
            audit_events::client_id.eq(&event.client_id),
            audit_events::session_id.eq(&event.session_id),
            audit_events::network_address.eq(&event.network_address),
            audit_events::detail.eq(&event.detail),
        ))
        .execute(conn)
        .map(drop)
}

/// Deletes events from before `before`, at most `limit`.
///
/// # Errors
/// When the query fails.
pub fn delete_old(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> = audit_events::table
        .filter(audit_events::happened_at.lt(before))
        .select(audit_events::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(audit_events::table.filter(audit_events::id.eq_any(ids))).execute(conn)
}
