//! SQL that ends sessions and records them for the set of revoked sessions.

use diesel::prelude::*;

use crate::clock::{Moment, latest_past};
use crate::db::schema::sessions;
use crate::db::{DbConnection, note_session_end, prepared, update_where};
use crate::sessions::{EndReason, EndedSessions, StartedSession, get_holders};
use crate::users::UserId;

/// The most sessions that one sign-in ends. There are more only if an earlier release stored them.
const MAX_SURPLUS: i64 = 1_000;

/// Ends a session. Returns whether this call ended it.
pub fn end(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    id: &str,
    reason: EndReason,
    now: Moment,
) -> QueryResult<bool> {
    let live = sessions::id.eq(id).and(sessions::ended_at.is_null());
    let changes = (sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str()));
    let count = prepared!(conn, update_where(changes, live), execute)?;
    record(conn, ended, id, count)
}

/// Ends a session if it belongs to this user. Returns whether this call ended it.
pub fn end_of_user(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    user_id: UserId,
    id: &str,
    reason: EndReason,
    now: Moment,
) -> QueryResult<bool> {
    let own = sessions::user_id.eq(user_id.0).and(sessions::ended_at.is_null());
    let count = diesel::update(sessions::table.find(id).filter(own))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?;
    record(conn, ended, id, count)
}

fn record(conn: &mut DbConnection, ended: &mut EndedSessions, id: &str, count: usize) -> QueryResult<bool> {
    if count == 0 {
        return Ok(false);
    }
    note_session_end(conn);
    let access_until = prepared!(conn, sessions::table.find(id).select(sessions::access_until), get_result)?;
    ended.record([(id.to_owned(), access_until)]);
    Ok(true)
}

/// Ends all sessions of a user. Returns their count.
pub fn end_all_of_user(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    user_id: UserId,
    reason: EndReason,
    now: Moment,
) -> QueryResult<usize> {
    // No session has an empty ID.
    end_others_of_user(conn, ended, user_id, "", reason, now)
}

/// Ends all sessions of a user but the one with the ID `kept`. Returns their count.
pub fn end_others_of_user(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    user_id: UserId,
    kept: &str,
    reason: EndReason,
    now: Moment,
) -> QueryResult<usize> {
    let others = sessions::user_id.eq(user_id.0).and(sessions::id.ne(kept));
    let count = diesel::update(sessions::table.filter(others).filter(sessions::ended_at.is_null()))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?;
    if count > 0 {
        note_session_end(conn);
        let rows: Vec<(String, Moment)> = sessions::table
            .filter(others)
            .filter(sessions::ended_at.eq(now).and(sessions::end_reason.eq(reason.as_str())))
            .select((sessions::id, sessions::access_until))
            .load(conn)?;
        ended.record(rows);
    }
    Ok(count)
}

/// Ends all sessions of a client, those of its users included. Returns their count.
pub fn end_all_of_client(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    client_id: &str,
    reason: EndReason,
    now: Moment,
) -> QueryResult<usize> {
    let own = sessions::client_id.eq(client_id);
    let count = diesel::update(sessions::table.filter(own).filter(sessions::ended_at.is_null()))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?;
    if count > 0 {
        note_session_end(conn);
        let rows: Vec<(String, Moment)> = sessions::table
            .filter(own)
            .filter(sessions::ended_at.eq(now).and(sessions::end_reason.eq(reason.as_str())))
            .select((sessions::id, sessions::access_until))
            .load(conn)?;
        ended.record_all_of_client(client_id, rows);
    }
    Ok(count)
}

/// Ends sessions of the kind, user and client of `started`, the one used longest ago first, until at most `limit` are
/// left. `started` itself stays, whatever the times of the others. Call it when the transaction ends no other session after
/// it: the holders of `started` are then those of a valid token.
pub fn end_surplus(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    started: &mut StartedSession,
    limit: i64,
    now: Moment,
) -> QueryResult<()> {
    let session = &started.session;
    let others = sessions::table
        .filter(sessions::kind.eq(session.kind.as_str()).and(sessions::ended_at.is_null()))
        .filter(sessions::id.ne(&session.id));
    // A session whose last use was recorded while the clock was ahead has not been used since, and ends first. A use is
    // recorded once a minute, so several sessions can have the same time.
    let is_past = sessions::last_used_at.le(latest_past(now));
    let surplus = others
        .order((is_past.desc(), sessions::last_used_at.desc(), sessions::created_at.desc(), sessions::id))
        .offset(limit - 1)
        .limit(MAX_SURPLUS)
        .select((sessions::id, sessions::access_until));
    // Four queries, of which each is prepared once. PostgreSQL uses no index for IS NOT DISTINCT FROM.
    let rows: Vec<(String, Moment)> = match (session.user_id, &session.client_id) {
        (Some(UserId(user)), None) => {
            let surplus = surplus.filter(sessions::user_id.eq(user)).filter(sessions::client_id.is_null());
            prepared!(conn, surplus, load)
        }
        (Some(UserId(user)), Some(client)) => {
            let surplus = surplus.filter(sessions::user_id.eq(user)).filter(sessions::client_id.eq(client));
            prepared!(conn, surplus, load)
        }
        (None, Some(client)) => {
            let surplus = surplus.filter(sessions::user_id.is_null()).filter(sessions::client_id.eq(client));
            prepared!(conn, surplus, load)
        }
        // Each session has an owner.
        (None, None) => Ok(Vec::new()),
    }?;
    if !rows.is_empty() {
        let ids = rows.iter().map(|(id, _)| id);
        diesel::update(sessions::table.filter(sessions::id.eq_any(ids).and(sessions::ended_at.is_null())))
            .set((sessions::ended_at.eq(now), sessions::end_reason.eq(EndReason::TooMany.as_str())))
            .execute(conn)?;
        note_session_end(conn);
        ended.record(rows);
    }
    if ended.settle(conn, now)? {
        started.holders = get_holders(conn, &started.session)?;
    }
    Ok(())
}
