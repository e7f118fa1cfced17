//! Recorded events with the names of the users and clients in them.

use std::collections::{BTreeSet, HashMap};

use crate::audit::{self, Actor, EventFilter, ListedEvent};
use crate::clients;
use crate::db::{DbConnection, DbError};
use crate::users;

/// An event with the names that its IDs stand for; a name is `None` when the row is gone.
#[derive(Clone, Debug)]
pub struct NamedEvent {
    /// The event.
    pub listed: ListedEvent,
    /// The username of the affected account, perhaps of a deleted one.
    pub username: Option<String>,
    /// The username of who caused it.
    pub actor_username: Option<String>,
    /// The name of the client.
    pub client_name: Option<String>,
}

/// Lists at most `limit` events, newest first. Takes a few thousand at most.
pub fn list_events(conn: &mut DbConnection, filter: &EventFilter, limit: i64) -> Result<Vec<NamedEvent>, DbError> {
    let events = audit::list(conn, filter, limit)?;
    let actor_id = |listed: &ListedEvent| match listed.event.actor {
        Actor::User(id) => Some(id),
        Actor::Anyone | Actor::Command | Actor::Server => None,
    };
    let user_ids: BTreeSet<i64> =
        events.iter().flat_map(|listed| [listed.event.user_id, actor_id(listed)]).flatten().collect();
    let client_ids: BTreeSet<String> = events.iter().filter_map(|listed| listed.event.client_id.clone()).collect();
    let usernames: HashMap<i64, String> =
        users::list_usernames(conn, &user_ids.into_iter().collect::<Vec<_>>())?.into_iter().collect();
    let clients: HashMap<String, String> =
        clients::list_names(conn, &client_ids.into_iter().collect::<Vec<_>>())?.into_iter().collect();
    let named = |listed: ListedEvent| NamedEvent {
        username: listed.event.user_id.and_then(|id| usernames.get(&id).cloned()),
        actor_username: actor_id(&listed).and_then(|id| usernames.get(&id).cloned()),
        client_name: listed.event.client_id.as_ref().and_then(|id| clients.get(id).cloned()),
        listed,
    };
    Ok(events.into_iter().map(named).collect())
}
