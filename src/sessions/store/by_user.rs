//! What a person does with their own sessions: see where they are signed in, end one or all others, give this one a new secret.
//! What may not live here: lifetimes, and sessions that are not one person's.

use diesel::prelude::*;

use super::SessionRow;
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;
use crate::secret::PlainSecret;
use crate::sessions::{Session, proxy_secret};
use crate::users::UserId;

/// A session and where it began.
#[derive(Clone, Debug)]
pub struct SessionWithOrigin {
    /// The session.
    pub session: Session,
    /// The client's network address when it began.
    pub network_address: Option<String>,
    /// What the client said it is, at most 256 bytes.
    pub user_agent: Option<String>,
}

/// The sessions of a user that were not ended, newest use first, with where they began; some may have run out.
///
/// # Errors
/// When the query fails.
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

/// Gives a session another secret, after its person has proved anew who they are: whoever holds the old one holds nothing. Returns
/// `false` when it ended meanwhile.
///
/// # Errors
/// When the query fails.
pub fn renew_secret(conn: &mut DbConnection, id: &str, secret: &PlainSecret, now: Moment) -> QueryResult<bool> {
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
