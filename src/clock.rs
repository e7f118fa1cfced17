//! The clock: the only code that reads the system time, so tests can move it, and it can follow the database's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// A point in time in UTC, in whole microseconds, which both databases can store.
pub type Moment = NaiveDateTime;

/// How far this clock may be from the one that it follows before it is corrected. Ordinary differences between machines
/// and delays in the network are below it, and never move the time.
const TOLERANCE: TimeDelta = TimeDelta::seconds(1);

/// The system clock, corrected by the clock that it follows. Clones share the corrections.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Offsets>);

/// In microseconds, added to the system time.
#[derive(Debug, Default)]
struct Offsets {
    /// How wrong the system clock is; set by tests.
    error: AtomicI64,
    /// The correction by the clock that this one follows.
    correction: AtomicI64,
    /// How far tests have moved the time, for the followed clock as well.
    moved: AtomicI64,
}

/// A measurement of how far another clock is ahead, which began when [`Clock::measure`] returned this.
#[derive(Debug)]
pub struct Stopwatch {
    began: Moment,
    elapsed: Instant,
}

impl Stopwatch {
    /// The system time in the middle between the beginning and now, and half of the time between them.
    #[must_use]
    pub fn middle(&self) -> (Moment, TimeDelta) {
        // By a monotonic clock: the system time may jump during the measurement.
        let half = TimeDelta::from_std(self.elapsed.elapsed() / 2).unwrap_or(TimeDelta::MAX);
        (self.began + half, half)
    }
}

impl Clock {
    /// The system clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// The current time, truncated to microseconds (SQLite would store nanoseconds, PostgreSQL would not).
    #[must_use]
    pub fn now(&self) -> Moment {
        let Offsets { correction, moved, .. } = &*self.0;
        let offset = correction.load(Ordering::Relaxed) + moved.load(Ordering::Relaxed);
        moment_from_micros(self.system_micros() + offset)
    }

    /// Begins to measure how far another clock is ahead of the system clock.
    #[must_use]
    pub fn measure(&self) -> Stopwatch {
        Stopwatch { began: moment_from_micros(self.system_micros()), elapsed: Instant::now() }
    }

    /// Corrects this clock and its clones by a clock that was measured to be `ahead` of the system clock, give or take
    /// `uncertainty`. Nothing changes if the current correction is close enough, and the system clock is used as it is
    /// if that is close enough.
    pub fn correct(&self, ahead: TimeDelta, uncertainty: TimeDelta) {
        let is_close = |correction: TimeDelta| (ahead - correction).abs() <= TOLERANCE + uncertainty;
        let current = TimeDelta::microseconds(self.0.correction.load(Ordering::Relaxed));
        if is_close(current) {
            return;
        }
        let correction = if is_close(TimeDelta::zero()) { TimeDelta::zero() } else { ahead };
        self.0.correction.store(correction.num_microseconds().unwrap_or(0), Ordering::Relaxed);
    }

    fn system_micros(&self) -> i64 {
        Utc::now().timestamp_micros() + self.0.error.load(Ordering::Relaxed)
    }

    /// Makes the system clock wrong by this, for tests.
    pub fn set_system_error(&self, error: TimeDelta) {
        self.0.error.store(error.num_microseconds().unwrap_or(0), Ordering::Relaxed);
    }

    /// Moves the time forward for this clock and its clones, for tests.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.moved.fetch_add(micros, Ordering::Relaxed);
    }

    /// Moves the time back for this clock and its clones, for tests.
    pub fn step_back(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.moved.fetch_sub(micros, Ordering::Relaxed);
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
    fn clock_follows_only_beyond_a_second_and_the_uncertainty() {
        let (second, clock) = (TimeDelta::seconds(1), Clock::system());
        clock.set_system_error(second * -120);
        let off = || (Utc::now().naive_utc() - clock.now()).num_milliseconds() + 500;
        let off_seconds = || off().div_euclid(1_000);
        for (ahead, uncertainty, expected, why) in [
            (second, TimeDelta::zero(), 120, "within the tolerance"),
            (second * 120, second * 119, 120, "uncertain"),
            (second * 118, second * 5, 2, "corrected, roughly"),
            (second * 120, TimeDelta::milliseconds(10), 0, "corrected by a better measurement"),
            (second * 121, TimeDelta::milliseconds(10), 0, "a second does not move the time"),
        ] {
            clock.correct(ahead, uncertainty);
            assert_eq!(off_seconds(), expected, "{why}");
        }
        // The operating system has corrected its clock: no correction is left.
        clock.set_system_error(TimeDelta::milliseconds(-400));
        clock.correct(TimeDelta::milliseconds(400), TimeDelta::milliseconds(1));
        assert_eq!(clock.0.correction.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn tests_move_the_time_of_a_corrected_clock() {
        let clock = Clock::system();
        clock.correct(TimeDelta::seconds(120), TimeDelta::zero());
        let before = clock.now();
        clock.advance(Duration::from_hours(1));
        clock.correct(TimeDelta::seconds(120), TimeDelta::zero());
        assert!(clock.now() - before >= TimeDelta::hours(1));
        let (middle, uncertainty) = clock.measure().middle();
        assert!(before - middle - uncertainty > TimeDelta::seconds(119), "it measures the system clock");
    }

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
