//! SQL that lists a user's own sessions, with where they were started.

use diesel::prelude::*;

use super::SessionRow;
use crate::db::DbConnection;
use crate::db::schema::{clients, sessions};
use crate::sessions::{Session, SessionKind, SessionOrigin, device_label};
use crate::users::UserId;

/// Finds where a session was started.
pub fn find_origin(conn: &mut DbConnection, id: &str) -> QueryResult<Option<SessionOrigin>> {
    let row: Option<(String, Option<String>, Option<String>)> = sessions::table
        .find(id)
        .select((sessions::kind, sessions::network_address, sessions::user_agent))
        .first(conn)
        .optional()?;
    Ok(row.and_then(|(kind, network_address, user_agent)| {
        Some(SessionOrigin { kind: SessionKind::from_str(&kind)?, network_address, user_agent })
    }))
}

/// A session with where it was started.
#[derive(Clone, Debug)]
pub struct SessionWithOrigin {
    /// The session.
    pub session: Session,
    /// The network address.
    pub network_address: Option<String>,
    /// The `User-Agent` header, at most 256 characters.
    pub user_agent: Option<String>,
    /// The name of the client that holds it.
    pub client_name: Option<String>,
}

impl SessionWithOrigin {
    /// The name of its client or, of a browser, a label such as "Firefox, Windows"; `None` when unknown.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.client_name.clone().or_else(|| self.user_agent.as_deref().and_then(device_label))
    }
}

/// Lists a user's sessions that have not ended, last used first; some may have expired.
pub fn list_unended_of_user(conn: &mut DbConnection, user_id: UserId, limit: i64) -> QueryResult<Vec<Session>> {
    let rows: Vec<SessionRow> = sessions::table
        .filter(sessions::user_id.eq(user_id.0).and(sessions::ended_at.is_null()))
        .order(sessions::last_used_at.desc())
        .limit(limit)
        .select(SessionRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().filter_map(SessionRow::into_session).collect())
}

/// Lists what [`list_unended_of_user`] does, with where each session was started and the name of its client.
pub fn list_with_origin(conn: &mut DbConnection, user_id: UserId, limit: i64) -> QueryResult<Vec<SessionWithOrigin>> {
    type Row = (SessionRow, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Row> = sessions::table
        .left_join(clients::table.on(sessions::client_id.eq(clients::id.nullable())))
        .filter(sessions::user_id.eq(user_id.0).and(sessions::ended_at.is_null()))
        .order((sessions::last_used_at.desc(), sessions::id))
        .limit(limit)
        .select((SessionRow::as_select(), sessions::network_address, sessions::user_agent, clients::name.nullable()))
        .load(conn)?;
    let with_origin = |(row, network_address, user_agent, client_name): Row| {
        Some(SessionWithOrigin { session: row.into_session()?, network_address, user_agent, client_name })
    };
    Ok(rows.into_iter().filter_map(with_origin).collect())
}

/// Lists users with sessions that have not ended, in the order of their IDs, after `after`.
pub fn list_users_with_sessions(conn: &mut DbConnection, after: UserId, limit: i64) -> QueryResult<Vec<UserId>> {
    let ids: Vec<Option<i64>> = sessions::table
        .filter(sessions::ended_at.is_null().and(sessions::user_id.gt(after.0)))
        .select(sessions::user_id)
        .distinct()
        .order(sessions::user_id)
        .limit(limit)
        .load(conn)?;
    Ok(ids.into_iter().flatten().map(UserId).collect())
}

/// Lists clients with sessions for themselves that have not ended.
pub fn list_clients_with_sessions(conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<String>> {
    let ids: Vec<Option<String>> = sessions::table
        .filter(sessions::ended_at.is_null().and(sessions::user_id.is_null()))
        .filter(sessions::client_id.is_not_null())
        .select(sessions::client_id)
        .distinct()
        .limit(limit)
        .load(conn)?;
    Ok(ids.into_iter().flatten().collect())
}
