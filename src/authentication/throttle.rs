//! The rule on too many tries, as a pure function of a bucket's row and the time.
//! What may not live here: rows and waiting.

use chrono::TimeDelta;

use super::buckets::Bucket;
use crate::clock::Moment;
use crate::config::ThrottlingConfig;

/// After this long a try in flight is taken for one whose server died, and counts as failed.
const IN_FLIGHT_FOR: TimeDelta = TimeDelta::seconds(60);

/// A bucket's row.
#[derive(Clone, Debug)]
pub(super) struct BucketState {
    pub failures: i64,
    pub in_flight: i64,
    pub window_started_at: Moment,
    pub last_tried_at: Moment,
    pub last_failed_at: Moment,
}

/// What the rule says of one more try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may go on.
    Free,
    /// Only tries in flight stand in its way: wait until they are decided.
    InFlight,
    /// Not before this moment.
    Blocked(Moment),
}

impl BucketState {
    /// The row as it stands at `now`: lost tries counted as failures, and begun anew when its window is over.
    pub fn at(&self, bucket: &Bucket, config: &ThrottlingConfig, now: Moment) -> Self {
        let mut count = self.clone();
        if count.in_flight > 0 && now >= count.last_tried_at + IN_FLIGHT_FOR {
            count.failures += count.in_flight;
            count.in_flight = 0;
            count.last_failed_at = count.last_tried_at;
        }
        let is_over_limit = bucket.limit.is_some_and(|limit| count.failures >= limit);
        let has_waited_out = !is_over_limit || now >= count.last_failed_at + delta(config.longest_wait);
        if now >= count.window_started_at + bucket.window && count.in_flight == 0 && has_waited_out {
            count.failures = 0;
            count.window_started_at = now;
        }
        count
    }

    /// Whether one more try may go on; `self` as [`Self::at`] gave it.
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
        account_failures: 50,
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
    fn the_wait_doubles_from_30_seconds_to_15_minutes() {
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
    fn tries_in_flight_are_waited_for_not_refused() {
        let now = Clock::system().now();
        assert_eq!(count(0, 9, now).verdict(&bucket(), &CONFIG, now), Verdict::Free);
        assert_eq!(count(0, 10, now).verdict(&bucket(), &CONFIG, now), Verdict::InFlight);
        assert_eq!(count(9, 1, now).verdict(&bucket(), &CONFIG, now), Verdict::InFlight);
        let later = now + TimeDelta::seconds(30);
        assert_eq!(count(10, 1, now).verdict(&bucket(), &CONFIG, later), Verdict::InFlight);
    }

    #[test]
    fn a_try_whose_server_died_counts_as_failed() {
        let now = Clock::system().now();
        let later = now + TimeDelta::seconds(60);
        let stood = count(3, 2, now).at(&bucket(), &CONFIG, later);
        assert_eq!((stood.failures, stood.in_flight), (5, 0));
    }

    #[test]
    fn a_window_begins_anew_only_after_the_longest_wait_once_the_limit_was_reached() {
        let now = Clock::system().now();
        let over = now + TimeDelta::minutes(15);
        assert_eq!(count(9, 0, now).at(&bucket(), &CONFIG, over).failures, 0);
        assert_eq!(count(9, 0, now).at(&bucket(), &CONFIG, over - TimeDelta::seconds(1)).failures, 9);
        let mut blocked = count(12, 0, now);
        blocked.last_failed_at = now + TimeDelta::minutes(10);
        assert_eq!(blocked.at(&bucket(), &CONFIG, over).failures, 12);
        assert_eq!(blocked.at(&bucket(), &CONFIG, now + TimeDelta::minutes(25)).failures, 0);
    }
}
