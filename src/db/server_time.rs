//! The clock of the PostgreSQL server, which every instance follows. A SQLite file has one machine and needs no other clock.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::sql_types::Timestamp;
use diesel::{QueryResult, RunQueryDsl as _};

use super::connection::{DbConnection, START_WAIT};
use super::{Db, DbError};
use crate::clock::{Clock, Moment};
use crate::config::DatabaseUrl;

/// Beyond this difference, a clock is reported as wrong.
const REPORTED_DIFFERENCE: TimeDelta = TimeDelta::seconds(2);
/// How often a wrong clock is reported.
const REPORT_INTERVAL: Duration = Duration::from_mins(10);

/// How far the database server's clock is ahead of this machine's; negative if it is behind.
#[derive(Clone, Copy, Debug)]
pub struct ClockDifference {
    /// The measured difference.
    pub ahead: TimeDelta,
    /// The largest error of the measurement: half the time that the query took.
    pub uncertainty: TimeDelta,
}

impl ClockDifference {
    /// The difference, if it is certainly large enough to report.
    #[must_use]
    pub fn reportable(self) -> Option<TimeDelta> {
        (self.ahead.abs() - self.uncertainty > REPORTED_DIFFERENCE).then_some(self.ahead)
    }
}

/// Measures the difference and corrects `clock` by it. `None` on SQLite.
///
/// # Errors
/// If the query fails; the clock is unchanged.
pub async fn follow(db: &Db, clock: &Clock) -> Result<Option<ClockDifference>, DbError> {
    if !db.pool.has_own_clock {
        return Ok(None);
    }
    let measured = clock.clone();
    let difference = db.read(move |conn| -> Result<_, DbError> { Ok(measure(conn, &measured)?) }).await?;
    Ok(difference.inspect(|difference| clock.correct(difference.ahead, difference.uncertainty)))
}

/// As [`follow`], on a connection of its own and on this thread, for commands.
///
/// # Errors
/// If the database cannot be reached, or the query fails.
pub fn follow_blocking(url: &DatabaseUrl, clock: &Clock) -> Result<Option<ClockDifference>, DbError> {
    if matches!(url, DatabaseUrl::Sqlite(_)) {
        return Ok(None);
    }
    let mut conn = DbConnection::open(url, START_WAIT, "").map_err(|error| DbError::Unreachable(Box::new(error)))?;
    Ok(measure(&mut conn, clock)?.inspect(|difference| clock.correct(difference.ahead, difference.uncertainty)))
}

/// The server read its clock at some time during the query; the middle is off by at most half of the query's duration.
fn measure(conn: &mut DbConnection, clock: &Clock) -> QueryResult<Option<ClockDifference>> {
    let DbConnection::Postgres(connection) = conn else { return Ok(None) };
    let stopwatch = clock.measure();
    // Not now(), which is when the transaction began.
    let server_time = diesel::dsl::sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'");
    let server_time: Moment = diesel::select(server_time).get_result(connection)?;
    let (middle, uncertainty) = stopwatch.middle();
    Ok(Some(ClockDifference { ahead: server_time - middle, uncertainty }))
}

/// Limits the reports of a wrong clock, which would otherwise come twice a second.
#[derive(Default)]
pub struct ClockReports {
    last: Option<std::time::Instant>,
}

impl ClockReports {
    /// Logs a difference that is large enough, at most once in ten minutes.
    pub fn report(&mut self, difference: ClockDifference) {
        let Some(ahead) = difference.reportable() else { return };
        if self.last.is_some_and(|last| last.elapsed() < REPORT_INTERVAL) {
            return;
        }
        self.last = Some(std::time::Instant::now());
        tracing::warn!("{}", warning(ahead));
    }
}

/// The warning about a wrong clock.
#[must_use]
pub fn warning(ahead: TimeDelta) -> String {
    let seconds = ahead.num_milliseconds().abs() / 1_000;
    let direction = if ahead > TimeDelta::zero() { "behind" } else { "ahead of" };
    format!(
        "this machine's clock is {seconds} s {direction} the database server's, which is used instead: synchronize both machines with NTP"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_is_reported_only_if_it_certainly_exceeds_two_seconds() {
        let seconds = TimeDelta::milliseconds;
        for (ahead, uncertainty, is_reported) in [
            (1_900, 0, false),
            (2_100, 0, true),
            (-2_100, 0, true),
            (2_100, 200, false),
            (120_000, 1_000, true),
            (-120_000, 119_000, false),
        ] {
            let difference = ClockDifference { ahead: seconds(ahead), uncertainty: seconds(uncertainty) };
            assert_eq!(difference.reportable().is_some(), is_reported, "{difference:?}");
        }
        assert!(warning(TimeDelta::seconds(120)).contains("120 s behind"));
        assert!(warning(TimeDelta::seconds(-120)).contains("120 s ahead of"));
    }
}
