//! Queries on queued emails.

use chrono::TimeDelta;
use diesel::prelude::*;

use crate::clock::{Moment, latest_past};
use crate::db::DbConnection;
use crate::db::schema::outbox;

/// The longest wait before the next attempt to send an email.
pub(super) const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);
/// How long an email is claimed: longer than sending takes, so no other instance sends one that is still being sent.
pub(super) const CLAIM_DURATION: TimeDelta = TimeDelta::minutes(3);

/// A new row.
#[derive(Insertable)]
#[diesel(table_name = outbox)]
pub(super) struct NewMail<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub user_id: Option<i64>,
    pub message_sealed: &'a str,
    pub created_at: Moment,
    pub expires_at: Moment,
    pub next_try_at: Moment,
}

/// An email that this instance has claimed.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub(super) struct ClaimedMail {
    pub id: String,
    pub kind: String,
    pub message_sealed: String,
    pub created_at: Moment,
    pub tries: i64,
    /// The end of the claim, which also identifies it.
    pub claimed_until: Option<Moment>,
}

/// The encrypted content of a queued email.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub(super) struct SealedMail {
    pub id: String,
    pub kind: String,
    pub message_sealed: String,
}

pub(super) fn insert(conn: &mut DbConnection, row: &NewMail<'_>) -> QueryResult<()> {
    diesel::insert_into(outbox::table).values(row).execute(conn).map(drop)
}

pub(super) fn count_queued(conn: &mut DbConnection) -> QueryResult<i64> {
    outbox::table.count().get_result(conn)
}

pub(super) fn count_queued_of_user(conn: &mut DbConnection, user_id: i64) -> QueryResult<i64> {
    outbox::table.filter(outbox::user_id.eq(user_id)).count().get_result(conn)
}

/// The latest end of a claim, and the latest time of a next attempt, that can be stored at `now`. A later one was stored
/// while a clock was ahead, and does not count.
fn latest_plans(now: Moment) -> (Moment, Moment) {
    (latest_past(now) + CLAIM_DURATION, latest_past(now) + LONGEST_WAIT)
}

/// Deletes the queued emails of a kind to an account, except those that are being sent.
pub(super) fn delete_queued_of_kind(conn: &mut DbConnection, user_id: i64, kind: &str, now: Moment) -> QueryResult<()> {
    let (latest_claim, _) = latest_plans(now);
    let of_kind = outbox::table.filter(outbox::user_id.eq(user_id).and(outbox::kind.eq(kind)));
    let is_over = outbox::claimed_until.le(now).or(outbox::claimed_until.gt(latest_claim));
    diesel::delete(of_kind.filter(outbox::claimed_until.is_null().or(is_over))).execute(conn).map(drop)
}

/// Returns the IDs of emails that are due: those of accounts first, then the longest overdue. A flood of registration
/// requests delays no email to a user.
pub(super) fn list_due(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<Vec<String>> {
    let (latest_claim, latest_try) = latest_plans(now);
    outbox::table
        .filter(outbox::next_try_at.le(now).or(outbox::next_try_at.gt(latest_try)))
        .filter(
            outbox::claimed_until
                .is_null()
                .or(outbox::claimed_until.le(now))
                .or(outbox::claimed_until.gt(latest_claim)),
        )
        .filter(outbox::expires_at.gt(now))
        .order((outbox::user_id.is_null(), outbox::next_try_at))
        .limit(limit)
        .select(outbox::id)
        .load(conn)
}

/// Claims an email until `until`; `None` if it was deleted or another instance has claimed it. The claim of a crashed
/// instance expires.
pub(super) fn claim(conn: &mut DbConnection, id: &str, now: Moment, until: Moment) -> QueryResult<Option<ClaimedMail>> {
    let (latest_claim, latest_try) = latest_plans(now);
    let free =
        outbox::table.find(id).filter(outbox::next_try_at.le(now).or(outbox::next_try_at.gt(latest_try))).filter(
            outbox::claimed_until
                .is_null()
                .or(outbox::claimed_until.le(now))
                .or(outbox::claimed_until.gt(latest_claim)),
        );
    if diesel::update(free).set(outbox::claimed_until.eq(until)).execute(conn)? == 0 {
        return Ok(None);
    }
    outbox::table.find(id).select(ClaimedMail::as_select()).first(conn).optional()
}

/// Returns queued emails with IDs after `id`, in the order of their IDs.
pub(super) fn list_after(conn: &mut DbConnection, id: &str, limit: i64) -> QueryResult<Vec<SealedMail>> {
    outbox::table.filter(outbox::id.gt(id)).order(outbox::id).limit(limit).select(SealedMail::as_select()).load(conn)
}

/// Replaces the encrypted content of an email.
pub(super) fn set_message(conn: &mut DbConnection, id: &str, message_sealed: &str) -> QueryResult<()> {
    diesel::update(outbox::table.find(id)).set(outbox::message_sealed.eq(message_sealed)).execute(conn).map(drop)
}

/// Deletes an email if the claim is still valid.
pub(super) fn delete(conn: &mut DbConnection, mail: &ClaimedMail) -> QueryResult<()> {
    let claimed = outbox::table.find(&mail.id).filter(outbox::claimed_until.eq(mail.claimed_until));
    diesel::delete(claimed).execute(conn).map(drop)
}

/// Ends the claim on an email and schedules the next attempt.
pub(super) fn set_failed(
    conn: &mut DbConnection,
    mail: &ClaimedMail,
    next_try_at: Moment,
    error: &str,
) -> QueryResult<()> {
    let claimed = outbox::table.find(&mail.id).filter(outbox::claimed_until.eq(mail.claimed_until));
    diesel::update(claimed)
        .set((
            outbox::claimed_until.eq(None::<Moment>),
            outbox::next_try_at.eq(next_try_at),
            outbox::tries.eq(mail.tries + 1),
            outbox::last_error.eq(error),
        ))
        .execute(conn)
        .map(drop)
}

/// Deletes expired emails, at most `limit`.
pub fn delete_expired(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> =
        outbox::table.filter(outbox::expires_at.le(now)).select(outbox::id).limit(limit).load(conn)?;
    let count = diesel::delete(outbox::table.filter(outbox::id.eq_any(ids))).execute(conn)?;
    if count > 0 {
        tracing::warn!(count, "emails expired before the SMTP server accepted them; removed from the queue");
    }
    Ok(count)
}
