//! The queries that elect the one instance that cleans up.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::schema::counters;

/// Claims the cleanup at `now`; `false` when an instance has claimed one after `last_before`. A claim after `latest` was
/// stored while a clock was ahead, and does not count. All are Unix timestamps in seconds.
pub(super) fn claim_cleanup(conn: &mut DbConnection, now: i64, last_before: i64, latest: i64) -> QueryResult<bool> {
    let is_due = counters::value.le(last_before).or(counters::value.gt(latest));
    let row = counters::table.find("housekeeping_at").filter(is_due);
    diesel::update(row).set(counters::value.eq(now)).execute(conn).map(|count| count == 1)
}
