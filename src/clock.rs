//! The clock: the only code that reads the system time, so tests can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// A point in time in UTC, in whole microseconds, which both databases can store.
pub type Moment = NaiveDateTime;

/// The system clock with an offset. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The system clock without an offset.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// The current time, truncated to microseconds (SQLite would store nanoseconds, PostgreSQL would not).
    #[must_use]
    pub fn now(&self) -> Moment {
        let micros = Utc::now().timestamp_micros() + self.offset_micros.load(Ordering::Relaxed);
        moment_from_micros(micros)
    }

    /// Moves this clock and its clones forward, for tests.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.offset_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Moves this clock and its clones back, as a time correction of the operating system does, for tests.
    pub fn step_back(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.offset_micros.fetch_sub(micros, Ordering::Relaxed);
    }
}

/// How far the stored time of a past event may lie ahead: instances' clocks differ a little.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(2);

/// The latest time that a past event can have at `now`. A later one was stored while a clock was wrong: it says that
/// the event has happened, and not when. What such an event limits counts from now ([`past`]), and what waits for time to
/// pass since then waits no longer ([`has_passed`]). An expiry is no past event and is always taken as it is.
#[must_use]
pub fn latest_past(now: Moment) -> Moment {
    now + MAX_AHEAD
}

/// The stored time of a past event, or `now` if it is later than [`latest_past`].
#[must_use]
pub fn past(stored: Moment, now: Moment) -> Moment {
    if stored > latest_past(now) { now } else { stored }
}

/// Whether `span` has passed since the stored time of a past event, or that time is later than [`latest_past`].
#[must_use]
pub fn has_passed(span: TimeDelta, stored: Moment, now: Moment) -> bool {
    stored > latest_past(now) || now >= stored + span
}

/// `moment` in whole seconds since 1970, rounded down: a `NumericDate` (RFC 7519 §2), as in `iat` and `exp`.
#[must_use]
pub fn unix_seconds(moment: Moment) -> i64 {
    moment.and_utc().timestamp()
}

/// The moment at whole seconds since 1970; `None` beyond the years that can be represented.
#[must_use]
pub fn moment_from_unix_seconds(seconds: i64) -> Option<Moment> {
    DateTime::from_timestamp(seconds, 0).map(|moment| moment.naive_utc())
}

/// `later - earlier` in whole seconds, rounded up, and 0 if that is negative: the form of `Retry-After`.
#[must_use]
pub fn seconds_until(earlier: Moment, later: Moment) -> u64 {
    let micros = (later - earlier).num_microseconds().unwrap_or(i64::MAX).max(0);
    u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000)
}

fn moment_from_micros(micros: i64) -> Moment {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC).naive_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_event_beyond_two_minutes_ahead_counts_as_now_and_as_over() {
        let now = Clock::system().now();
        let (span, second) = (TimeDelta::minutes(10), TimeDelta::seconds(1));
        for (stored, counted, is_over) in [
            (now - span, now - span, true),
            (now - span + second, now - span + second, false),
            (now, now, false),
            (now + MAX_AHEAD, now + MAX_AHEAD, false),
            (now + MAX_AHEAD + second, now, true),
            (now + TimeDelta::days(1), now, true),
        ] {
            assert_eq!((past(stored, now), has_passed(span, stored, now)), (counted, is_over), "{}", stored - now);
        }
    }
}
