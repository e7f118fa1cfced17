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
        .execute(conn)?;
    // Unknown usernames share one limit: invented names cannot fill the disk. The same statements run for known and
    // unknown names, so their time does not reveal which names exist.
    let of_kind = audit_events::table.filter(audit_events::kind.eq(event.kind.as_str())).into_boxed();
    let of_kind = match event.user_id {
        Some(id) => of_kind.filter(audit_events::user_id.eq(id)),
        None => of_kind.filter(audit_events::user_id.is_null()),
    };
    let surplus: Vec<String> = of_kind
        .order((audit_events::happened_at.le(latest_past(event.happened_at)).desc(), audit_events::happened_at.desc()))
        .offset(MAX_EVENTS_OF_KIND)
        .limit(100)
        .select(audit_events::id)
        .load(conn)?;
    if !surplus.is_empty() {
        diesel::delete(audit_events::table.filter(audit_events::id.eq_any(surplus))).execute(conn)?;
    }
    Ok(())
}

/// Lists the events of a user's account, newest first, without kinds that only a newer release knows.
pub fn list_of_user(conn: &mut DbConnection, user_id: i64, limit: i64) -> QueryResult<Vec<Event>> {
    type Row = (String, Moment, Option<String>, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Row> = audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .order((audit_events::happened_at.desc(), audit_events::id))
        .limit(limit)
        .select((
            audit_events::kind,
            audit_events::happened_at,
            audit_events::client_id,
            audit_events::session_id,
            audit_events::network_address,
            audit_events::detail,
        ))
        .load(conn)?;
    let event = |(kind, happened_at, client_id, session_id, network_address, detail): Row| {
        let kind = EventKind::from_str(&kind)?;
        Some(Event { kind, happened_at, user_id: Some(user_id), client_id, session_id, network_address, detail })
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
