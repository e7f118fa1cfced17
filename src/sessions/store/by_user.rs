//! SQL that lists a user's own sessions, with where they were started.

use diesel::prelude::*;

use super::SessionRow;
use crate::db::DbConnection;
use crate::db::schema::sessions;
use crate::sessions::{Session, SessionKind, SessionOrigin};
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

/// Lists what [`list_unended_of_user`] does, with where each session was started.
pub fn list_with_origin(conn: &mut DbConnection, user_id: UserId, limit: i64) -> QueryResult<Vec<SessionWithOrigin>> {
    let rows: Vec<(SessionRow, Option<String>, Option<String>)> = sessions::table
        .filter(sessions::user_id.eq(user_id.0).and(sessions::ended_at.is_null()))
        .order((sessions::last_used_at.desc(), sessions::id))
        .limit(limit)
        .select((SessionRow::as_select(), sessions::network_address, sessions::user_agent))
        .load(conn)?;
    let with_origin = |(row, network_address, user_agent): (SessionRow, _, _)| {
        Some(SessionWithOrigin { session: row.into_session()?, network_address, user_agent })
    };
    Ok(rows.into_iter().filter_map(with_origin).collect())
}
