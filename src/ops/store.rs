//! The SQL that keeps housekeeping to one instance at a time. What may not live here: what is cleaned.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::schema::counters;

/// Takes the turn to clean at `now`, in seconds since 1970, unless somebody took one since `last_turn_before`.
pub(super) fn take_turn(conn: &mut DbConnection, now: i64, last_turn_before: i64) -> QueryResult<bool> {
    let row = counters::table.find("housekeeping_at").filter(counters::value.le(last_turn_before));
    diesel::update(row).set(counters::value.eq(now)).execute(conn).map(|count| count == 1)
}
