//! All SQL on recorded events.

mod search;

use std::sync::atomic::{AtomicU64, Ordering};

use diesel::prelude::*;

use super::{Event, EventKind};
use crate::clock::{Moment, latest_past};
use crate::db::schema::audit_events;
use crate::db::{DbConnection, prepared};
use crate::secret::random_id;
use search::EventRow;
pub use search::{EventFilter, ListedEvent, list};

/// Records an event that happens now, and deletes the oldest ones beyond the limit of its kind: first those that were
/// recorded while the clock was ahead.
pub fn record(conn: &mut DbConnection, event: &Event) -> QueryResult<()> {
    insert(conn, &next_id(), event, event.occurrences)?;
    let surplus = list_surplus(conn, event)?;
    if !surplus.is_empty() {
        delete(conn, &surplus)?;
    }
    Ok(())
}

/// A new ID. Those of one process sort in the order of their creation, which is the order of events that one transaction
/// records at the same moment.
fn next_id() -> String {
    static CREATED: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}{}", CREATED.fetch_add(1, Ordering::Relaxed), random_id())
}

/// Adds an event to those that the row `id` counts, as [`record`] limits them: failed sign-ins have a row for each
/// account, network and day, and an import one in all. The same statements run for the first event and for later ones,
/// and for known and unknown names: their time does not reveal which names exist. For the same reason, one call in 16
/// looks for events beyond the limit: among those of all unknown names, that takes a tenth of a millisecond longer.
///
/// # Errors
/// A unique violation when another transaction counts in the same row; a retry counts both.
pub fn record_in(conn: &mut DbConnection, id: &str, event: &Event) -> QueryResult<()> {
    let row = audit_events::table.filter(audit_events::id.eq(id));
    let earlier: Option<i64> = row.select(audit_events::occurrences).first(conn).optional()?;
    diesel::delete(row).execute(conn)?;
    insert(conn, id, event, earlier.unwrap_or(0).saturating_add(event.occurrences))?;
    // A random ID has 64 possible first characters.
    if random_id().starts_with(['A', 'B', 'C', 'D']) {
        let surplus = list_surplus(conn, event)?;
        delete(conn, &surplus)?;
    }
    Ok(())
}

fn insert(conn: &mut DbConnection, id: &str, event: &Event, occurrences: i64) -> QueryResult<()> {
    let (actor, actor_user_id) = event.actor.columns();
    let values = (
        audit_events::id.eq(id),
        audit_events::kind.eq(event.kind.as_str()),
        audit_events::happened_at.eq(event.happened_at),
        audit_events::actor.eq(actor),
        audit_events::actor_user_id.eq(actor_user_id),
        audit_events::user_id.eq(event.user_id),
        audit_events::client_id.eq(&event.client_id),
        audit_events::session_id.eq(&event.session_id),
        audit_events::network_address.eq(&event.network_address),
        audit_events::detail.eq(&event.detail),
        audit_events::reason.eq(&event.reason),
        audit_events::occurrences.eq(occurrences),
    );
    prepared!(conn, diesel::insert_into(audit_events::table).values(values), execute).map(drop)
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
        .offset(event.kind.max_kept(event.user_id.is_some()))
        .limit(100)
        .select(audit_events::id)
        .load(conn)
}

fn delete(conn: &mut DbConnection, ids: &[String]) -> QueryResult<()> {
    diesel::delete(audit_events::table.filter(audit_events::id.eq_any(ids))).execute(conn)?;
    Ok(())
}

/// Lists the events of a user's account that its owner sees, newest first, without failed sign-ins.
pub fn list_of_user(conn: &mut DbConnection, user_id: i64, limit: i64) -> QueryResult<Vec<Event>> {
    let kinds = EventKind::OF_ACCOUNT.map(EventKind::as_str);
    let events = audit_events::table.filter(audit_events::user_id.eq(user_id)).filter(audit_events::kind.eq_any(kinds));
    load(conn, events.into_boxed(), limit)
}

/// Lists all failed sign-ins that are kept of a user's account, newest first.
pub fn list_failed_sign_ins(conn: &mut DbConnection, user_id: i64) -> QueryResult<Vec<Event>> {
    let kind = EventKind::SignInFailed;
    let events = audit_events::table.filter(audit_events::user_id.eq(user_id));
    load(conn, events.filter(audit_events::kind.eq(kind.as_str())).into_boxed(), kind.max_kept(true))
}

fn load(
    conn: &mut DbConnection,
    events: audit_events::BoxedQuery<'_, <DbConnection as Connection>::Backend>,
    limit: i64,
) -> QueryResult<Vec<Event>> {
    let rows: Vec<EventRow> = events
        .order((audit_events::happened_at.desc(), audit_events::id.desc()))
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().filter_map(EventRow::into_listed).map(|listed| listed.event).collect())
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
