//! SQL that ends sessions and records them for the set of revoked sessions.

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;
use crate::sessions::{EndReason, EndedSessions, SessionKind};
use crate::users::UserId;

/// Ends a session. Returns whether this call ended it.
pub fn end(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    id: &str,
    reason: EndReason,
    now: Moment,
) -> QueryResult<bool> {
    let count = diesel::update(sessions::table.find(id).filter(sessions::ended_at.is_null()))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?;
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
    let access_until = sessions::table.find(id).select(sessions::access_until).first(conn)?;
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
        let rows: Vec<(String, Moment)> = sessions::table
            .filter(own)
            .filter(sessions::ended_at.eq(now).and(sessions::end_reason.eq(reason.as_str())))
            .select((sessions::id, sessions::access_until))
            .load(conn)?;
        ended.record_all_of_client(client_id, rows);
    }
    Ok(count)
}

/// Ends the oldest sessions of one kind that a user has outside registered clients, until at most `kept_count` are
/// left.
pub fn end_oldest(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    user_id: UserId,
    kind: SessionKind,
    kept_count: i64,
    now: Moment,
) -> QueryResult<()> {
    let live = sessions::table
        .filter(sessions::user_id.eq(user_id.0).and(sessions::kind.eq(kind.as_str())))
        .filter(sessions::client_id.is_null().and(sessions::ended_at.is_null()));
    // SQLite allows no OFFSET without a LIMIT.
    let rows: Vec<(String, Moment)> = live
        .order(sessions::created_at.desc())
        .limit(1_000)
        .offset(kept_count)
        .select((sessions::id, sessions::access_until))
        .load(conn)?;
    if !rows.is_empty() {
        let ids = rows.iter().map(|(id, _)| id);
        diesel::update(sessions::table.filter(sessions::id.eq_any(ids)))
            .set((sessions::ended_at.eq(now), sessions::end_reason.eq(EndReason::TooMany.as_str())))
            .execute(conn)?;
        ended.record(rows);
    }
    Ok(())
}
