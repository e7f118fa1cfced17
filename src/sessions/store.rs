//! All SQL on sessions. What may not live here: lifetimes.

use diesel::prelude::*;

use super::{EndReason, Origin, Session, SessionKind};
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;
use crate::secret::SecretHash;
use crate::users::UserId;

/// How a session came to be: the `amr` values of RFC 8176.
const AMR_PASSWORD: &str = "pwd";

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: String,
    kind: String,
    user_id: Option<i64>,
    created_at: Moment,
    authenticated_at: Moment,
    last_used_at: Moment,
    access_until: Moment,
    ended_at: Option<Moment>,
}

impl SessionRow {
    /// `None` for a session without a user, which no door here makes yet.
    fn into_session(self) -> Option<Session> {
        let kind = if self.kind == SessionKind::Browser.as_str() { SessionKind::Browser } else { SessionKind::Program };
        Some(Session {
            id: self.id,
            kind,
            user_id: UserId(self.user_id?),
            created_at: self.created_at,
            authenticated_at: self.authenticated_at,
            last_used_at: self.last_used_at,
            access_until: self.access_until,
            ended_at: self.ended_at,
        })
    }
}

pub(super) fn insert(
    conn: &mut DbConnection,
    session: &Session,
    secret_hash: Option<&SecretHash>,
    origin: &Origin,
) -> QueryResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(&session.id),
            sessions::kind.eq(session.kind.as_str()),
            sessions::user_id.eq(session.user_id.0),
            sessions::secret_hash.eq(secret_hash.map(SecretHash::as_str)),
            sessions::amr.eq(AMR_PASSWORD),
            sessions::created_at.eq(session.created_at),
            sessions::authenticated_at.eq(session.authenticated_at),
            sessions::last_used_at.eq(session.last_used_at),
            sessions::access_until.eq(session.access_until),
            sessions::network_address.eq(&origin.network_address),
            sessions::user_agent.eq(&origin.user_agent),
        ))
        .execute(conn)
        .map(drop)
}

/// Finds a session by its id, ended ones too.
///
/// # Errors
/// When the query fails.
pub fn find(conn: &mut DbConnection, id: &str) -> QueryResult<Option<Session>> {
    let row = sessions::table.find(id).select(SessionRow::as_select()).first(conn).optional()?;
    Ok(row.and_then(SessionRow::into_session))
}

/// Finds a browser's session by the hash of its secret, ended ones too.
///
/// # Errors
/// When the query fails.
pub fn find_by_secret(conn: &mut DbConnection, hash: &SecretHash) -> QueryResult<Option<Session>> {
    let row = sessions::table
        .filter(sessions::secret_hash.eq(hash.as_str()))
        .select(SessionRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.and_then(SessionRow::into_session))
}

/// Ends a session; returns whether this call ended it.
///
/// # Errors
/// When the query fails.
pub fn end(conn: &mut DbConnection, id: &str, reason: EndReason, now: Moment) -> QueryResult<bool> {
    let count = diesel::update(sessions::table.find(id).filter(sessions::ended_at.is_null()))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?;
    Ok(count == 1)
}

/// Ends all sessions of a user; returns how many that were.
///
/// # Errors
/// When the query fails.
pub fn end_all_of_user(conn: &mut DbConnection, user_id: UserId, reason: EndReason, now: Moment) -> QueryResult<usize> {
    diesel::update(sessions::table.filter(sessions::user_id.eq(user_id.0)).filter(sessions::ended_at.is_null()))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)
}

/// The sessions ended early whose access tokens have not all expired, as (id, when the last of them expires).
///
/// # Errors
/// When the query fails.
pub fn list_ended(conn: &mut DbConnection, now: Moment) -> QueryResult<Vec<(String, Moment)>> {
    sessions::table
        .filter(sessions::ended_at.is_not_null().and(sessions::access_until.gt(now)))
        .select((sessions::id, sessions::access_until))
        .load(conn)
}

/// The sessions of a user that were not ended, newest use first; some may have run out.
///
/// # Errors
/// When the query fails.
pub fn list_live_of_user(conn: &mut DbConnection, user_id: UserId, limit: i64) -> QueryResult<Vec<Session>> {
    let rows: Vec<SessionRow> = sessions::table
        .filter(sessions::user_id.eq(user_id.0).and(sessions::ended_at.is_null()))
        .order(sessions::last_used_at.desc())
        .limit(limit)
        .select(SessionRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().filter_map(SessionRow::into_session).collect())
}

/// Writes down that a session was used. Returns whether it was still there to use.
///
/// # Errors
/// When the query fails.
pub fn set_used(conn: &mut DbConnection, id: &str, now: Moment) -> QueryResult<bool> {
    let count = diesel::update(sessions::table.find(id).filter(sessions::ended_at.is_null()))
        .set(sessions::last_used_at.eq(now))
        .execute(conn)?;
    Ok(count == 1)
}

/// Writes down until when access tokens of a session are valid. Returns whether it was still there: an ended session gets no
/// new token.
///
/// # Errors
/// When the query fails.
pub fn set_access_until(conn: &mut DbConnection, id: &str, until: Moment) -> QueryResult<bool> {
    let count = diesel::update(sessions::table.find(id).filter(sessions::ended_at.is_null()))
        .set(sessions::access_until.eq(until))
        .execute(conn)?;
    Ok(count == 1)
}

/// Deletes sessions that were last used before `dead_before` and whose tokens have expired, at most `limit`.
///
/// # Errors
/// When the query fails.
pub fn delete_dead(conn: &mut DbConnection, dead_before: Moment, now: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> = sessions::table
        .filter(sessions::last_used_at.lt(dead_before).and(sessions::access_until.lt(now)))
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(conn)
}
