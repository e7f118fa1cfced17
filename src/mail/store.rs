//! All SQL on mails that wait. What may not live here: when one is tried again.

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::outbox;

/// A mail's row as it is made.
#[derive(Insertable)]
#[diesel(table_name = outbox)]
pub(super) struct NewRow<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub user_id: Option<i64>,
    pub message_sealed: &'a str,
    pub created_at: Moment,
    pub expires_at: Moment,
    pub next_try_at: Moment,
}

/// A mail that this instance has claimed.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub(super) struct Row {
    pub id: String,
    pub kind: String,
    pub message_sealed: String,
    pub created_at: Moment,
    pub tries: i64,
    /// Its claim's end, by which the claim is known again.
    pub claimed_until: Option<Moment>,
}

pub(super) fn insert(conn: &mut DbConnection, row: &NewRow<'_>) -> QueryResult<()> {
    diesel::insert_into(outbox::table).values(row).execute(conn).map(drop)
}

pub(super) fn count_waiting(conn: &mut DbConnection) -> QueryResult<i64> {
    outbox::table.count().get_result(conn)
}

pub(super) fn count_waiting_of(conn: &mut DbConnection, user_id: i64) -> QueryResult<i64> {
    outbox::table.filter(outbox::user_id.eq(user_id)).count().get_result(conn)
}

/// Deletes those of a kind that wait for an account and are not being sent now.
pub(super) fn delete_waiting_of_kind(
    conn: &mut DbConnection,
    user_id: i64,
    kind: &str,
    now: Moment,
) -> QueryResult<()> {
    let of_kind = outbox::table.filter(outbox::user_id.eq(user_id).and(outbox::kind.eq(kind)));
    diesel::delete(of_kind.filter(outbox::claimed_until.is_null().or(outbox::claimed_until.le(now))))
        .execute(conn)
        .map(drop)
}

/// The ids of mails that can be sent now, those that wait longest first.
pub(super) fn list_due(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<Vec<String>> {
    outbox::table
        .filter(outbox::next_try_at.le(now).and(outbox::expires_at.gt(now)))
        .filter(outbox::claimed_until.is_null().or(outbox::claimed_until.le(now)))
        .order(outbox::next_try_at)
        .limit(limit)
        .select(outbox::id)
        .load(conn)
}

/// Claims a mail until `until`, unless it is gone or another instance has it.
pub(super) fn claim(conn: &mut DbConnection, id: &str, now: Moment, until: Moment) -> QueryResult<Option<Row>> {
    let free = outbox::table
        .find(id)
        .filter(outbox::next_try_at.le(now))
        .filter(outbox::claimed_until.is_null().or(outbox::claimed_until.le(now)));
    if diesel::update(free).set(outbox::claimed_until.eq(until)).execute(conn)? == 0 {
        return Ok(None);
    }
    outbox::table.find(id).select(Row::as_select()).first(conn).optional()
}

/// The mails of which the ids come after `id`, as (id, kind, sealed message), in the order of their ids.
pub(super) fn list_after(conn: &mut DbConnection, id: &str, limit: i64) -> QueryResult<Vec<(String, String, String)>> {
    outbox::table
        .filter(outbox::id.gt(id))
        .order(outbox::id)
        .limit(limit)
        .select((outbox::id, outbox::kind, outbox::message_sealed))
        .load(conn)
}

/// Seals a mail anew; it is claimed and tried as before.
pub(super) fn set_message(conn: &mut DbConnection, id: &str, message_sealed: &str) -> QueryResult<()> {
    diesel::update(outbox::table.find(id)).set(outbox::message_sealed.eq(message_sealed)).execute(conn).map(drop)
}

/// Deletes a mail while our claim on it holds.
pub(super) fn delete(conn: &mut DbConnection, row: &Row) -> QueryResult<()> {
    let claimed = outbox::table.find(&row.id).filter(outbox::claimed_until.eq(row.claimed_until));
    diesel::delete(claimed).execute(conn).map(drop)
}

/// Gives a claimed mail back, to be tried at `next_try_at`.
pub(super) fn set_failed(conn: &mut DbConnection, row: &Row, next_try_at: Moment, error: &str) -> QueryResult<()> {
    let claimed = outbox::table.find(&row.id).filter(outbox::claimed_until.eq(row.claimed_until));
    diesel::update(claimed)
        .set((
            outbox::claimed_until.eq(None::<Moment>),
            outbox::next_try_at.eq(next_try_at),
            outbox::tries.eq(row.tries + 1),
            outbox::last_error.eq(error),
        ))
        .execute(conn)
        .map(drop)
}

/// Deletes mails that came too late, at most `limit`.
///
/// # Errors
/// When the query fails.
pub fn delete_expired(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> =
        outbox::table.filter(outbox::expires_at.le(now)).select(outbox::id).limit(limit).load(conn)?;
    let count = diesel::delete(outbox::table.filter(outbox::id.eq_any(ids))).execute(conn)?;
    if count > 0 {
        tracing::warn!(count, "emails expired before the SMTP server accepted them; removed from the queue");
    }
    Ok(count)
}
