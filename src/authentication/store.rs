//! Queries on counted attempts and requests, and on known browsers and networks.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::buckets::{Bucket, MAX_BUCKETS};
use super::throttle::BucketState;
use crate::clock::{Moment, latest_past, past};
use crate::db::schema::{known_devices, login_attempts};
use crate::db::{DbConnection, prepared, update_where};
use crate::users::UserId;

/// How long an unused browser or network stays known.
const KNOWN_FOR: TimeDelta = TimeDelta::days(90);
/// A use is recorded unless the last recorded one is more recent than this.
const USE_RECORDED_EVERY: TimeDelta = TimeDelta::days(1);

/// Lists the existing rows of the first [`MAX_BUCKETS`] of `keys`, with their keys. Equalities instead of a list, because
/// SQLite parses a query with a list again each time.
pub(super) fn list_bucket_states(conn: &mut DbConnection, keys: &[&String]) -> QueryResult<Vec<(String, BucketState)>> {
    let Some(any) = keys.first() else { return Ok(Vec::new()) };
    let is = |at: usize| login_attempts::bucket.eq(*keys.get(at).unwrap_or(any));
    let [first, second, third, fourth, fifth, sixth]: [_; MAX_BUCKETS] = [is(0), is(1), is(2), is(3), is(4), is(5)];
    let listed = login_attempts::table
        .filter(first.or(second).or(third).or(fourth).or(fifth).or(sixth))
        .select((login_attempts::bucket, STATE_COLUMNS));
    let rows: Vec<(String, StateRow)> = prepared!(conn, listed, load)?;
    Ok(rows.into_iter().map(|(key, state)| (key, to_state(state))).collect())
}

type StateRow = (i64, i64, Moment, Moment, Moment);

const STATE_COLUMNS: (
    login_attempts::failures,
    login_attempts::in_flight,
    login_attempts::window_started_at,
    login_attempts::last_tried_at,
    login_attempts::last_failed_at,
) = (
    login_attempts::failures,
    login_attempts::in_flight,
    login_attempts::window_started_at,
    login_attempts::last_tried_at,
    login_attempts::last_failed_at,
);

fn to_state((failures, in_flight, window_started_at, last_tried_at, last_failed_at): StateRow) -> BucketState {
    BucketState { failures, in_flight, window_started_at, last_tried_at, last_failed_at }
}

/// Updates a row from the state `seen` to the state `renewed`, unless another instance has changed it in the meantime.
pub(super) fn set_bucket_state(
    conn: &mut DbConnection,
    key: &str,
    seen: &BucketState,
    renewed: &BucketState,
) -> QueryResult<()> {
    let row = login_attempts::bucket.eq(key);
    let is_unchanged = login_attempts::failures
        .eq(seen.failures)
        .and(login_attempts::in_flight.eq(seen.in_flight))
        .and(login_attempts::last_tried_at.eq(seen.last_tried_at));
    let state = (
        login_attempts::failures.eq(renewed.failures),
        login_attempts::in_flight.eq(renewed.in_flight),
        login_attempts::window_started_at.eq(renewed.window_started_at),
        login_attempts::last_failed_at.eq(renewed.last_failed_at),
    );
    prepared!(conn, update_where(state, row.and(is_unchanged)), execute).map(drop)
}

/// Reserves an attempt in an existing row, if it is still possible: below the limit including attempts in flight or,
/// beyond the limit and after its wait, as the only attempt and without a failure since the row was read. Returns
/// whether it was reserved.
pub(super) fn reserve(conn: &mut DbConnection, bucket: &Bucket, failures_seen: i64, now: Moment) -> QueryResult<bool> {
    let row = login_attempts::bucket.eq(&bucket.key);
    let taken = login_attempts::in_flight.eq(login_attempts::in_flight + 1);
    let set = (taken, login_attempts::last_tried_at.eq(now));
    let count = match bucket.limit {
        None => prepared!(conn, update_where(set, row), execute)?,
        Some(limit) if failures_seen < limit => {
            let is_below = (login_attempts::failures + login_attempts::in_flight).lt(limit);
            prepared!(conn, update_where(set, row.and(is_below)), execute)?
        }
        Some(_) => {
            let is_alone = login_attempts::failures.eq(failures_seen).and(login_attempts::in_flight.eq(0));
            prepared!(conn, update_where(set, row.and(is_alone)), execute)?
        }
    };
    Ok(count == 1)
}

/// Inserts a row with one reserved attempt.
pub(super) fn insert_reserved(conn: &mut DbConnection, bucket: &Bucket, now: Moment) -> QueryResult<()> {
    let values = (
        login_attempts::bucket.eq(&bucket.key),
        login_attempts::account.eq(&bucket.account),
        login_attempts::failures.eq(0),
        login_attempts::in_flight.eq(1),
        login_attempts::window_started_at.eq(now),
        login_attempts::last_tried_at.eq(now),
        login_attempts::last_failed_at.eq(now),
    );
    prepared!(conn, diesel::insert_into(login_attempts::table).values(values), execute).map(drop)
}

/// Ends a reservation and counts a failure. Returns `false`, and changes nothing, when an admin deleted the row or the
/// attempt was counted as lost.
pub(super) fn fail(conn: &mut DbConnection, key: &str, now: Moment) -> QueryResult<bool> {
    let row = login_attempts::bucket.eq(key).and(login_attempts::in_flight.gt(0));
    let decided = (
        login_attempts::in_flight.eq(login_attempts::in_flight - 1),
        login_attempts::failures.eq(login_attempts::failures + 1),
        login_attempts::last_failed_at.eq(now),
    );
    prepared!(conn, update_where(decided, row), execute).map(|count| count == 1)
}

/// Ends a reservation without a failure. Deletes the row if nothing is counted in it: the table holds failures and
/// attempts in flight, not everyone who signs in.
pub(super) fn release(conn: &mut DbConnection, key: &str) -> QueryResult<()> {
    let row = login_attempts::bucket.eq(key);
    let without_failures = login_attempts::table.filter(row.and(login_attempts::failures.eq(0)));
    // Most often, it is the only attempt, and one statement is enough.
    let only_one = without_failures.filter(login_attempts::in_flight.eq(1));
    if prepared!(conn, diesel::delete(only_one), execute)? == 1 {
        return Ok(());
    }
    let one_less = login_attempts::in_flight.eq(login_attempts::in_flight - 1);
    let is_reserved = row.and(login_attempts::in_flight.gt(0));
    prepared!(conn, update_where(one_less, is_reserved), execute)?;
    // The last of several attempts may have been released between the two statements.
    let none_left = without_failures.filter(login_attempts::in_flight.eq(0));
    prepared!(conn, diesel::delete(none_left), execute).map(drop)
}

/// A counter of failures with its names.
pub(super) struct AttemptRow {
    pub bucket: String,
    pub account: String,
    pub state: BucketState,
}

/// Lists at most `limit` counters of an account.
pub(super) fn list_attempts_of(conn: &mut DbConnection, account: &str, limit: i64) -> QueryResult<Vec<AttemptRow>> {
    load_attempts(
        conn,
        login_attempts::table.filter(login_attempts::account.eq(account.to_owned())).into_boxed(),
        limit,
    )
}

/// Lists at most `limit` counters with `fewest` failures or more.
pub(super) fn list_attempts_with(conn: &mut DbConnection, fewest: i64, limit: i64) -> QueryResult<Vec<AttemptRow>> {
    load_attempts(conn, login_attempts::table.filter(login_attempts::failures.ge(fewest)).into_boxed(), limit)
}

fn load_attempts(
    conn: &mut DbConnection,
    rows: login_attempts::BoxedQuery<'_, <DbConnection as Connection>::Backend>,
    limit: i64,
) -> QueryResult<Vec<AttemptRow>> {
    let rows: Vec<(String, String, StateRow)> =
        rows.limit(limit).select((login_attempts::bucket, login_attempts::account, STATE_COLUMNS)).load(conn)?;
    let row = |(bucket, account, state)| AttemptRow { bucket, account, state: to_state(state) };
    Ok(rows.into_iter().map(row).collect())
}

pub(super) fn delete_attempts_of(conn: &mut DbConnection, account: &str) -> QueryResult<usize> {
    diesel::delete(login_attempts::table.filter(login_attempts::account.eq(account))).execute(conn)
}

/// Deletes rows in which nothing was counted since `before`, at most `limit`.
pub fn delete_stale_attempts(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<usize> {
    let keys: Vec<String> = login_attempts::table
        .filter(login_attempts::last_tried_at.lt(before))
        .select(login_attempts::bucket)
        .limit(limit)
        .load(conn)?;
    diesel::delete(login_attempts::table.filter(login_attempts::bucket.eq_any(keys))).execute(conn)
}

/// The earliest last use of a browser or network that is known at `now`.
pub(super) fn known_since(now: Moment) -> Moment {
    now - KNOWN_FOR
}

/// Lists which of a network and, if there is one, a browser are known.
pub(super) fn list_known(
    conn: &mut DbConnection,
    network_id: &str,
    device_id: Option<&str>,
    since: Moment,
) -> QueryResult<Vec<String>> {
    let known = known_devices::table.filter(known_devices::last_used_at.ge(since)).select(known_devices::id);
    let is_network = known_devices::id.eq(network_id);
    match device_id {
        None => prepared!(conn, known.filter(is_network), load),
        // Two equalities, as in `list_bucket_states`.
        Some(id) => prepared!(conn, known.filter(is_network.or(known_devices::id.eq(id))), load),
    }
}

pub(super) fn insert_known(
    conn: &mut DbConnection,
    id: &str,
    user_id: UserId,
    kind: &str,
    now: Moment,
) -> QueryResult<()> {
    // Replaces an expired row, or the row of a simultaneous sign-in.
    diesel::delete(known_devices::table.find(id)).execute(conn)?;
    diesel::insert_into(known_devices::table)
        .values((
            known_devices::id.eq(id),
            known_devices::user_id.eq(user_id.0),
            known_devices::kind.eq(kind),
            known_devices::created_at.eq(now),
            known_devices::last_used_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_known_used(conn: &mut DbConnection, id: &str, now: Moment) -> QueryResult<()> {
    let is_due = known_devices::last_used_at.lt(now - USE_RECORDED_EVERY);
    let row = known_devices::id.eq(id).and(is_due.or(known_devices::last_used_at.gt(latest_past(now))));
    prepared!(conn, update_where(known_devices::last_used_at.eq(now), row), execute).map(drop)
}

/// Keeps the `keep` browsers or networks that were used last. Those that were stored while the clock was ahead go first:
/// a use has not corrected their time since.
pub(super) fn delete_known_beyond(
    conn: &mut DbConnection,
    user_id: UserId,
    kind: &str,
    keep: i64,
    now: Moment,
) -> QueryResult<()> {
    let surplus: Vec<String> = known_devices::table
        .filter(known_devices::user_id.eq(user_id.0).and(known_devices::kind.eq(kind)))
        .order((known_devices::last_used_at.le(latest_past(now)).desc(), known_devices::last_used_at.desc()))
        .select(known_devices::id)
        .offset(keep)
        .limit(1_000)
        .load(conn)?;
    if !surplus.is_empty() {
        diesel::delete(known_devices::table.filter(known_devices::id.eq_any(surplus))).execute(conn)?;
    }
    Ok(())
}

pub(super) fn delete_known_of_but(conn: &mut DbConnection, user_id: UserId, kept: &[String]) -> QueryResult<usize> {
    let others = known_devices::user_id.eq(user_id.0).and(known_devices::id.ne_all(kept));
    diesel::delete(known_devices::table.filter(others)).execute(conn)
}

pub(super) fn delete_known_of(conn: &mut DbConnection, user_id: UserId) -> QueryResult<usize> {
    diesel::delete(known_devices::table.filter(known_devices::user_id.eq(user_id.0))).execute(conn)
}

/// Deletes browsers and networks that are no longer known, at most `limit`.
pub fn delete_stale_devices(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<usize> {
    let ids: Vec<String> = known_devices::table
        .filter(known_devices::last_used_at.lt(known_since(now)))
        .select(known_devices::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(known_devices::table.filter(known_devices::id.eq_any(ids))).execute(conn)
}

/// A bucket in which requests are counted.
pub(super) struct RequestBucket {
    pub key: String,
    pub limit: i64,
    pub window: TimeDelta,
}

/// Counts one request. When the bucket's window is full, the request is not counted and the end of the window is
/// returned.
pub(super) fn count_request(
    conn: &mut DbConnection,
    bucket: &RequestBucket,
    now: Moment,
) -> QueryResult<Option<Moment>> {
    let row = login_attempts::table.find(&bucket.key);
    let stored: Option<Moment> = row.select(login_attempts::window_started_at).first(conn).optional()?;
    let Some(stored) = stored else {
        let first = (
            login_attempts::bucket.eq(&bucket.key),
            login_attempts::account.eq(&bucket.key),
            login_attempts::failures.eq(1),
            login_attempts::in_flight.eq(0),
            login_attempts::window_started_at.eq(now),
            login_attempts::last_tried_at.eq(now),
            login_attempts::last_failed_at.eq(now),
        );
        return diesel::insert_into(login_attempts::table).values(first).execute(conn).map(|_| None);
    };
    let started = past(stored, now);
    if started != stored {
        // Stored even if the window is full: it would otherwise start again at each request.
        let row = row.filter(login_attempts::window_started_at.eq(stored));
        diesel::update(row).set(login_attempts::window_started_at.eq(started)).execute(conn)?;
    }
    if now >= started + bucket.window {
        let first_in_window = (
            login_attempts::failures.eq(1),
            login_attempts::window_started_at.eq(now),
            login_attempts::last_tried_at.eq(now),
        );
        let row = row.filter(login_attempts::window_started_at.eq(started));
        if diesel::update(row).set(first_in_window).execute(conn)? == 1 {
            return Ok(None);
        }
    }
    let one_more = (login_attempts::failures.eq(login_attempts::failures + 1), login_attempts::last_tried_at.eq(now));
    let count = diesel::update(row.filter(login_attempts::failures.lt(bucket.limit))).set(one_more).execute(conn)?;
    Ok((count == 0).then_some(started + bucket.window))
}
