//! The throttling rule: a pure function of a bucket's row and the time.

use chrono::TimeDelta;

use super::buckets::Bucket;
use crate::clock::{Moment, has_passed, past};
use crate::config::ThrottlingConfig;

/// An attempt in flight for longer counts as failed: its server is taken to have crashed.
const IN_FLIGHT_FOR: TimeDelta = TimeDelta::seconds(60);
/// The longest window of a bucket, of requests included.
pub(super) const LONGEST_WINDOW: TimeDelta = TimeDelta::hours(1);

/// How long a row is needed after its last attempt: the longest window of a bucket or, beyond a limit, the longest wait.
/// An attempt in flight is decided or taken for lost before either starts.
#[must_use]
pub fn attempts_kept(config: &ThrottlingConfig) -> TimeDelta {
    IN_FLIGHT_FOR + delta(config.longest_wait).max(LONGEST_WINDOW)
}

/// A bucket's row.
#[derive(Clone, Debug)]
pub(super) struct BucketState {
    pub failures: i64,
    pub in_flight: i64,
    pub window_started_at: Moment,
    pub last_tried_at: Moment,
    pub last_failed_at: Moment,
}

/// The rule's decision on one more attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The attempt may proceed.
    Free,
    /// Only attempts in flight block it: wait until they are decided.
    InFlight,
    /// No attempt before this moment.
    Blocked(Moment),
}

impl BucketState {
    /// The row's state at `now`: lost attempts count as failures, and an expired window starts again. After a failure
    /// that was stored while the clock was ahead, the wait is over, not one from now: a rejected attempt stores nothing,
    /// and the wait would start again with each.
    pub fn at(&self, bucket: &Bucket, config: &ThrottlingConfig, now: Moment) -> Self {
        let mut state = self.clone();
        if state.in_flight > 0 && has_passed(IN_FLIGHT_FOR, state.last_tried_at, now) {
            state.failures += state.in_flight;
            state.in_flight = 0;
            state.last_failed_at = state.last_tried_at;
        }
        state.window_started_at = past(state.window_started_at, now);
        let longest_wait = delta(config.longest_wait);
        let has_waited = has_passed(longest_wait, state.last_failed_at, now);
        if has_waited {
            state.last_failed_at = state.last_failed_at.min(now - longest_wait);
        }
        let is_over_limit = bucket.limit.is_some_and(|limit| state.failures >= limit);
        let is_window_over = has_passed(bucket.window, state.window_started_at, now);
        if is_window_over && state.in_flight == 0 && (has_waited || !is_over_limit) {
            state.failures = 0;
            state.window_started_at = now;
        }
        state
    }

    /// The decision on one more attempt. `self` is a state that [`Self::at`] returned.
    pub fn verdict(&self, bucket: &Bucket, config: &ThrottlingConfig, now: Moment) -> Verdict {
        let Some(limit) = bucket.limit else { return Verdict::Free };
        if self.failures >= limit {
            let until = self.last_failed_at + wait_after(self.failures - limit, config);
            return match (now < until, self.in_flight) {
                (true, _) => Verdict::Blocked(until),
                (false, 0) => Verdict::Free,
                (false, _) => Verdict::InFlight,
            };
        }
        if self.failures + self.in_flight >= limit { Verdict::InFlight } else { Verdict::Free }
    }
}

/// The wait doubles with each failure beyond the limit, up to the longest.
fn wait_after(beyond: i64, config: &ThrottlingConfig) -> TimeDelta {
    let doublings = u32::try_from(beyond).unwrap_or(u32::MAX).min(20);
    delta(config.first_wait.saturating_mul(2_u32.pow(doublings)).min(config.longest_wait))
}

fn delta(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;

    const CONFIG: ThrottlingConfig = ThrottlingConfig {
        account_network_failures: 10,
        network_failures: 100,
        network_56_failures: 200,
        network_48_failures: 400,
        account_failures: 50,
        sign_in_burst: 100,
        first_wait: Duration::from_secs(30),
        longest_wait: Duration::from_mins(15),
    };

    fn bucket() -> Bucket {
        Bucket { key: "k".to_owned(), account: "a".to_owned(), limit: Some(10), window: TimeDelta::minutes(15) }
    }

    fn count(failures: i64, in_flight: i64, now: Moment) -> BucketState {
        BucketState { failures, in_flight, window_started_at: now, last_tried_at: now, last_failed_at: now }
    }

    #[test]
    fn wait_doubles_from_30_seconds_to_15_minutes() {
        let now = Clock::system().now();
        for (failures, seconds) in
            [(10, 30), (11, 60), (12, 120), (13, 240), (14, 480), (15, 900), (16, 900), (1_000, 900)]
        {
            let count = count(failures, 0, now);
            assert_eq!(
                count.verdict(&bucket(), &CONFIG, now),
                Verdict::Blocked(now + TimeDelta::seconds(seconds)),
                "{failures}"
            );
            assert_eq!(
                count.verdict(&bucket(), &CONFIG, now + TimeDelta::seconds(seconds)),
                Verdict::Free,
                "{failures}"
            );
        }
    }

    #[test]
    fn attempts_in_flight_are_waited_for_instead_of_rejected() {
        let now = Clock::system().now();
        assert_eq!(count(0, 9, now).verdict(&bucket(), &CONFIG, now), Verdict::Free);
        assert_eq!(count(0, 10, now).verdict(&bucket(), &CONFIG, now), Verdict::InFlight);
        assert_eq!(count(9, 1, now).verdict(&bucket(), &CONFIG, now), Verdict::InFlight);
        let later = now + TimeDelta::seconds(30);
        assert_eq!(count(10, 1, now).verdict(&bucket(), &CONFIG, later), Verdict::InFlight);
    }

    #[test]
    fn attempt_of_a_crashed_server_counts_as_failed() {
        let now = Clock::system().now();
        let later = now + TimeDelta::seconds(60);
        let state = count(3, 2, now).at(&bucket(), &CONFIG, later);
        assert_eq!((state.failures, state.in_flight), (5, 0));
    }

    #[test]
    fn window_restarts_only_after_the_longest_wait_once_the_limit_was_reached() {
        let now = Clock::system().now();
        let window_end = now + TimeDelta::minutes(15);
        assert_eq!(count(9, 0, now).at(&bucket(), &CONFIG, window_end).failures, 0);
        assert_eq!(count(9, 0, now).at(&bucket(), &CONFIG, window_end - TimeDelta::seconds(1)).failures, 9);
        let mut blocked = count(12, 0, now);
        blocked.last_failed_at = now + TimeDelta::minutes(10);
        assert_eq!(blocked.at(&bucket(), &CONFIG, window_end).failures, 12);
        assert_eq!(blocked.at(&bucket(), &CONFIG, now + TimeDelta::minutes(25)).failures, 0);
    }

    #[test]
    fn times_stored_ahead_neither_block_nor_stay() {
        let now = Clock::system().now();
        let ahead = now + TimeDelta::days(1);
        let state = count(12, 0, ahead).at(&bucket(), &CONFIG, now);
        assert_eq!(state.verdict(&bucket(), &CONFIG, now), Verdict::Free);
        assert_eq!((state.failures, state.window_started_at), (12, now));
        // The attempt in flight is lost, and its server's clock was wrong: no wait follows from it.
        let state = count(9, 1, ahead).at(&bucket(), &CONFIG, now);
        assert_eq!((state.failures, state.in_flight), (10, 0));
        assert_eq!(state.verdict(&bucket(), &CONFIG, now), Verdict::Free);
        // A clock that is a minute behind another instance's changes nothing.
        let state = count(12, 0, now + TimeDelta::minutes(1)).at(&bucket(), &CONFIG, now);
        assert!(matches!(state.verdict(&bucket(), &CONFIG, now), Verdict::Blocked(_)));
    }
}
