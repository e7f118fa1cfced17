//! The queries that elect the one instance that cleans up, and that check whether the database can be used.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::schema::{counters, login_attempts, refresh_tokens, sessions, users};

/// Claims the cleanup at `now`; `false` when an instance has claimed one after `last_before`. A claim after `latest` was
/// stored while a clock was ahead, and does not count. All are Unix timestamps in seconds.
pub(super) fn claim_cleanup(conn: &mut DbConnection, now: i64, last_before: i64, latest: i64) -> QueryResult<bool> {
    let is_due = counters::value.le(last_before).or(counters::value.gt(latest));
    let row = counters::table.find("housekeeping_at").filter(is_due);
    diesel::update(row).set(counters::value.eq(now)).execute(conn).map(|count| count == 1)
}

/// Reads one row of each table that a request needs: a lock on one of them stops the requests, and not the writing of a
/// counter.
pub(super) fn read_main_tables(conn: &mut DbConnection) -> QueryResult<()> {
    users::table.select(users::id).first::<i64>(conn).optional()?;
    sessions::table.select(sessions::id).first::<String>(conn).optional()?;
    refresh_tokens::table.select(refresh_tokens::family_id).first::<String>(conn).optional()?;
    login_attempts::table.select(login_attempts::failures).first::<i64>(conn).optional()?;
    Ok(())
}

/// Writes the time of a check, a Unix timestamp in seconds.
pub(super) fn record_write_check(conn: &mut DbConnection, now: i64) -> QueryResult<()> {
    let row = counters::table.find("write_checked_at");
    if diesel::update(row).set(counters::value.eq(now)).execute(conn)? == 0 {
        let row = (counters::name.eq("write_checked_at"), counters::value.eq(now));
        diesel::insert_into(counters::table).values(row).execute(conn)?;
    }
    Ok(())
}
