//! SQL for a user's own sessions: listing them, and replacing the secret of one.

use diesel::prelude::*;

use super::SessionRow;
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;
use crate::secret::PlainSecret;
use crate::sessions::{Session, proxy_secret};
use crate::users::UserId;

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

/// Replaces a session's secret after the user has authenticated again, which invalidates a stolen one. Returns `false`
/// if the session has ended.
pub fn rotate_secret(conn: &mut DbConnection, id: &str, secret: &PlainSecret, now: Moment) -> QueryResult<bool> {
    let count = diesel::update(sessions::table.find(id).filter(sessions::ended_at.is_null()))
        .set((
            sessions::secret_hash.eq(secret.hash().as_str()),
            sessions::proxy_secret_hash.eq(proxy_secret(secret).hash().as_str()),
            sessions::authenticated_at.eq(now),
            sessions::last_used_at.eq(now),
        ))
        .execute(conn)?;
    Ok(count == 1)
}
