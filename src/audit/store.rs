//! All SQL on recorded events.

use diesel::prelude::*;

use super::{Event, EventKind};
use crate::clock::{Moment, latest_past};
use crate::db::DbConnection;
use crate::db::schema::audit_events;
use crate::secret::random_id;

/// The most events of one kind that an account keeps, because a client may sign in all the time.
const MAX_EVENTS_OF_KIND: i64 = 100;

/// Records an event that happens now, and deletes the oldest ones beyond the limit of its kind: first those that were
/// recorded while the clock was ahead.
pub fn record(conn: &mut DbConnection, event: &Event) -> QueryResult<()> {
    insert(conn, &random_id(), event, 1)?;
    let surplus = list_surplus(conn, event)?;
    if !surplus.is_empty() {
        delete(conn, &surplus)?;
    }
    Ok(())
}

/// Counts a failed sign-in in the row `id` of its account, network and day, as [`record`] limits them. The same
/// statements run for the first failure and for later ones, and for known and unknown names: their time does not reveal
/// which names exist.
///
/// # Errors
/// A unique violation when another transaction counts in the same row; a retry counts both.
pub fn count_failed_sign_in(conn: &mut DbConnection, id: &str, event: &Event) -> QueryResult<()> {
    let row = audit_events::table.filter(audit_events::id.eq(id));
    let earlier: Option<i64> = row.select(audit_events::occurrences).first(conn).optional()?;
    diesel::delete(row).execute(conn)?;
    insert(conn, id, event, earlier.unwrap_or(0).saturating_add(1))?;
    let surplus = list_surplus(conn, event)?;
    delete(conn, &surplus)
}

fn insert(conn: &mut DbConnection, id: &str, event: &Event, occurrences: i64) -> QueryResult<()> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(id),
            audit_events::kind.eq(event.kind.as_str()),
            audit_events::happened_at.eq(event.happened_at),
            audit_events::user_id.eq(event.user_id),
            audit_events::client_id.eq(&event.client_id),
            audit_events::session_id.eq(&event.session_id),
            audit_events::network_address.eq(&event.network_address),
            audit_events::detail.eq(&event.detail),
            audit_events::occurrences.eq(occurrences),
        ))
        .execute(conn)?;
    Ok(())
}

/// The IDs of the events beyond the limit of this event's kind. Unknown usernames share one limit: invented names cannot
/// fill the disk.
fn list_surplus(conn: &mut DbConnection, event: &Event) -> QueryResult<Vec<String>> {
    let of_kind = audit_events::table.filter(audit_events::kind.eq(event.kind.as_str())).into_boxed();
    let of_kind = match event.user_id {
        Some(id) => of_kind.filter(audit_events::user_id.eq(id)),
        None => of_kind.filter(audit_events::user_id.is_null()),
    };
    of_kind
        .order((audit_events::happened_at.le(latest_past(event.happened_at)).desc(), audit_events::happened_at.desc()))
        .offset(MAX_EVENTS_OF_KIND)
        .limit(100)
        .select(audit_events::id)
        .load(conn)
}

fn delete(conn: &mut DbConnection, ids: &[String]) -> QueryResult<()> {
    diesel::delete(audit_events::table.filter(audit_events::id.eq_any(ids))).execute(conn)?;
    Ok(())
}

/// Lists the events of a user's account, newest first, without failed sign-ins and without kinds that only a newer
/// release knows.
pub fn list_of_user(conn: &mut DbConnection, user_id: i64, limit: i64) -> QueryResult<Vec<Event>> {
    let events = audit_events::table.filter(audit_events::user_id.eq(user_id));
    let others = events.filter(audit_events::kind.ne(EventKind::SignInFailed.as_str()));
    load(conn, user_id, others.into_boxed(), limit)
}

/// Lists all failed sign-ins that are kept of a user's account, newest first.
pub fn list_failed_sign_ins(conn: &mut DbConnection, user_id: i64) -> QueryResult<Vec<Event>> {
    let events = audit_events::table.filter(audit_events::user_id.eq(user_id));
    let failed = events.filter(audit_events::kind.eq(EventKind::SignInFailed.as_str()));
    load(conn, user_id, failed.into_boxed(), MAX_EVENTS_OF_KIND)
}

fn load(
    conn: &mut DbConnection,
    user_id: i64,
    events: audit_events::BoxedQuery<'_, <DbConnection as Connection>::Backend>,
    limit: i64,
) -> QueryResult<Vec<Event>> {
    type Row = (String, Moment, Option<String>, Option<String>, Option<String>, Option<String>, i64);
    let rows: Vec<Row> = events
        .order((audit_events::happened_at.desc(), audit_events::id))
        .limit(limit)
        .select((
            audit_events::kind,
            audit_events::happened_at,
            audit_events::client_id,
            audit_events::session_id,
            audit_events::network_address,
            audit_events::detail,
            audit_events::occurrences,
        ))
        .load(conn)?;
    let event = |(kind, happened_at, client_id, session_id, network_address, detail, occurrences): Row| {
        let kind = EventKind::from_str(&kind)?;
        let user_id = Some(user_id);
        Some(Event { kind, happened_at, user_id, client_id, session_id, network_address, detail, occurrences })
    };
    Ok(rows.into_iter().filter_map(event).collect())
}

/// Deletes at most `limit` events from before `before`.
pub fn delete_old(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> = audit_events::table
        .filter(audit_events::happened_at.lt(before))
        .select(audit_events::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(audit_events::table.filter(audit_events::id.eq_any(ids))).execute(conn)
}
