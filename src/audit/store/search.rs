//! Lists of events for administrators.

use diesel::prelude::*;

use crate::audit::{Actor, Event, EventKind};
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::audit_events;

/// Which events are listed. Each field that is set narrows the list.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// The affected account.
    pub user_id: Option<i64>,
    /// The user who caused it.
    pub actor_user_id: Option<i64>,
    /// One of these kinds.
    pub kinds: Vec<EventKind>,
    /// At this moment or later.
    pub since: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
    /// Older than the event with this time and ID, which was the last one on the page before.
    pub after: Option<(Moment, String)>,
}

/// An event with its ID.
#[derive(Clone, Debug)]
pub struct ListedEvent {
    /// The ID; with the time, it says where the next page begins.
    pub id: String,
    /// The event.
    pub event: Event,
}

/// Lists at most `limit` events, newest first, without kinds that only a newer release knows.
pub fn list(conn: &mut DbConnection, filter: &EventFilter, limit: i64) -> QueryResult<Vec<ListedEvent>> {
    let mut query = audit_events::table.into_boxed();
    if let Some(id) = filter.user_id {
        query = query.filter(audit_events::user_id.eq(id));
    }
    if let Some(id) = filter.actor_user_id {
        query = query.filter(audit_events::actor_user_id.eq(id));
    }
    let kinds = if filter.kinds.is_empty() { EventKind::ALL } else { &filter.kinds };
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    query = query.filter(audit_events::kind.eq_any(kinds));
    if let Some(since) = filter.since {
        query = query.filter(audit_events::happened_at.ge(since));
    }
    if let Some(until) = filter.until {
        query = query.filter(audit_events::happened_at.lt(until));
    }
    if let Some((at, id)) = &filter.after {
        let same_moment = audit_events::happened_at.eq(*at).and(audit_events::id.lt(id.clone()));
        query = query.filter(audit_events::happened_at.lt(*at).or(same_moment));
    }
    let rows: Vec<EventRow> = query
        .order((audit_events::happened_at.desc(), audit_events::id.desc()))
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().filter_map(EventRow::into_listed).collect())
}

/// An event as it is stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub(super) struct EventRow {
    id: String,
    kind: String,
    happened_at: Moment,
    actor: Option<String>,
    actor_user_id: Option<i64>,
    user_id: Option<i64>,
    client_id: Option<String>,
    session_id: Option<String>,
    network_address: Option<String>,
    detail: Option<String>,
    reason: Option<String>,
    occurrences: i64,
}

impl EventRow {
    /// `None` for a kind that only a newer release knows.
    pub(super) fn into_listed(self) -> Option<ListedEvent> {
        let event = Event {
            kind: EventKind::from_name(&self.kind)?,
            happened_at: self.happened_at,
            actor: Actor::from_columns(self.actor.as_deref(), self.actor_user_id),
            user_id: self.user_id,
            client_id: self.client_id,
            session_id: self.session_id,
            network_address: self.network_address,
            detail: self.detail,
            reason: self.reason,
            occurrences: self.occurrences,
        };
        Some(ListedEvent { id: self.id, event })
    }
}
