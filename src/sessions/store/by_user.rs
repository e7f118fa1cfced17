//! What a person does with their own sessions: see where they are signed in, end one or all others, give this one a new secret.
//! What may not live here: lifetimes, and sessions that are not one person's.

use diesel::prelude::*;

use super::SessionRow;
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;
use crate::secret::PlainSecret;
use crate::sessions::{EndReason, Session, proxy_secret};
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

/// Ends one session of this user; returns when the last of its tokens dies, and `None` when it is not theirs or had ended.
///
/// # Errors
/// When a query fails.
pub fn end_of_user(
    conn: &mut DbConnection,
    user_id: UserId,
    id: &str,
    reason: EndReason,
    now: Moment,
) -> QueryResult<Option<Moment>> {
    let theirs = sessions::user_id.eq(user_id.0).and(sessions::ended_at.is_null());
    let count = diesel::update(sessions::table.find(id).filter(theirs))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?;
    if count == 0 {
        return Ok(None);
    }
    sessions::table.find(id).select(sessions::access_until).first(conn).optional()
}

/// Ends all sessions of a user but `kept`; returns those that ended, as (id, when the last of their tokens dies).
///
/// # Errors
/// When a query fails.
pub fn end_others_of_user(
    conn: &mut DbConnection,
    user_id: UserId,
    kept: &str,
    reason: EndReason,
    now: Moment,
) -> QueryResult<Vec<(String, Moment)>> {
    let others = || {
        sessions::table
            .filter(sessions::user_id.eq(user_id.0).and(sessions::ended_at.is_null()))
            .filter(sessions::id.ne(kept))
    };
    diesel::update(others())
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?;
    // Those that ended at this very moment: in this transaction nobody else's.
    sessions::table
        .filter(sessions::user_id.eq(user_id.0).and(sessions::ended_at.eq(now)))
        .filter(sessions::end_reason.eq(reason.as_str()).and(sessions::id.ne(kept)))
        .select((sessions::id, sessions::access_until))
        .load(conn)
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
