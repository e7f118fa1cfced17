//! The only "now". Nothing else asks the system for the time, so that a test can move it.
//! What may not live here: lifetimes (see `sessions::lifetimes`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

/// A point in time in UTC, cut to whole microseconds: what both databases can keep.
pub type Moment = NaiveDateTime;

/// The source of "now". Clones share one offset from the system's clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// The present moment, cut to whole microseconds (SQLite would keep nanoseconds, Postgres not).
    #[must_use]
    pub fn now(&self) -> Moment {
        let micros = Utc::now().timestamp_micros() + self.offset_micros.load(Ordering::Relaxed);
        moment_from_micros(micros)
    }

    /// Moves this clock and all its clones forward, for tests.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.offset_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Moves this clock and all its clones back, as an operating system that corrects itself does, for tests.
    pub fn step_back(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.offset_micros.fetch_sub(micros, Ordering::Relaxed);
    }
}

/// `moment` as whole seconds since 1970, rounded down: the form of `iat` and `exp` (RFC 7519 §2, `NumericDate`).
#[must_use]
pub fn unix_seconds(moment: Moment) -> i64 {
    moment.and_utc().timestamp()
}

/// `later - earlier` in whole seconds, rounded up, and 0 when `later` has passed: for `Retry-After`.
#[must_use]
pub fn seconds_until(earlier: Moment, later: Moment) -> u64 {
    let micros = (later - earlier).num_microseconds().unwrap_or(i64::MAX).max(0);
    u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000)
}

fn moment_from_micros(micros: i64) -> Moment {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC).naive_utc()
}
