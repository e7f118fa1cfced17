//! The rate limit on successful sign-ins: a token bucket for each account, so that one account cannot fill the database
//! with sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;

use crate::clock::{Moment, seconds_until};
use crate::sessions::SessionKind;
use crate::users::UserId;

/// The time in which a bucket gets one token: a script that signs in every two seconds is never limited. An account adds
/// 43,200 sessions a day at most, and they are deleted a day after they ended.
const REFILL: TimeDelta = TimeDelta::seconds(2);
/// The number of buckets at which those that are full again are first removed.
const MANY_BUCKETS: usize = 1_024;

/// The buckets, in memory: an instance counts for itself, and a sign-in costs no statement more. Clones share them.
///
/// A bucket is the moment at which it is full again (the generic cell rate algorithm), and a full one is absent. There
/// are at most twice as many as passwords can be verified while an empty one fills up.
#[derive(Clone)]
pub(super) struct SignInRate {
    burst: i32,
    buckets: Arc<Mutex<Buckets>>,
}

struct Buckets {
    full_at: HashMap<(UserId, SessionKind), Moment>,
    /// The number at which those that are full again are removed next: twice as many as were left the last time, so that
    /// a sign-in looks at two of them on average.
    remove_at: usize,
}

impl SignInRate {
    /// Buckets with `burst` tokens.
    pub fn new(burst: i32) -> Self {
        let buckets = Buckets { full_at: HashMap::new(), remove_at: MANY_BUCKETS };
        Self { burst, buckets: Arc::new(Mutex::new(buckets)) }
    }

    /// Takes a token of an account. The login page and the password grant have a bucket each: a script that signs in
    /// too often does not lock its owner out of the pages. Returns the time to wait when there is none.
    pub fn take(&self, user_id: UserId, kind: SessionKind, now: Moment) -> Option<Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.full_at.len() >= buckets.remove_at {
            buckets.full_at.retain(|_, full_at| *full_at > now);
            buckets.remove_at = MANY_BUCKETS.max(2 * buckets.full_at.len());
        }
        let full_at = buckets.full_at.entry((user_id, kind)).or_insert(now);
        let latest = now + REFILL * self.burst;
        // It can be later only if the clock was ahead for a while. What was counted then is forgotten.
        let next_full_at = if *full_at > latest { now } else { (*full_at).max(now) } + REFILL;
        if next_full_at > latest {
            return Some(Duration::from_secs(seconds_until(latest, next_full_at).max(1)));
        }
        *full_at = next_full_at;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const ALICE: UserId = UserId(1);
    const KIND: SessionKind = SessionKind::PasswordGrant;

    #[test]
    fn burst_is_followed_by_one_sign_in_for_each_refill() {
        let (rate, now) = (SignInRate::new(3), Clock::system().now());
        for _ in 0..3 {
            assert_eq!(rate.take(ALICE, KIND, now), None);
        }
        assert_eq!(rate.take(ALICE, KIND, now), Some(Duration::from_secs(2)));
        assert_eq!(rate.take(ALICE, KIND, now + TimeDelta::seconds(1)), Some(Duration::from_secs(1)));
        assert_eq!(rate.take(ALICE, KIND, now + REFILL), None, "a rejected sign-in took no token");
        assert_eq!(rate.take(ALICE, KIND, now + REFILL), Some(Duration::from_secs(2)));
        assert_eq!(rate.take(UserId(2), KIND, now), None, "another account");
        assert_eq!(rate.take(ALICE, SessionKind::Browser, now), None, "another kind");
        let later = now + TimeDelta::hours(1);
        for _ in 0..3 {
            assert_eq!(rate.take(ALICE, KIND, later), None, "a bucket holds the burst and no more");
        }
        assert!(rate.take(ALICE, KIND, later).is_some());
    }

    #[test]
    fn clock_that_was_ahead_for_a_while_blocks_nobody() {
        let (rate, now) = (SignInRate::new(3), Clock::system().now());
        assert_eq!(rate.take(ALICE, KIND, now + TimeDelta::days(1)), None);
        for _ in 0..3 {
            assert_eq!(rate.take(ALICE, KIND, now), None);
        }
        assert_eq!(rate.take(ALICE, KIND, now), Some(Duration::from_secs(2)), "it counts again");
    }

    #[test]
    fn full_buckets_are_removed() {
        let (rate, now) = (SignInRate::new(3), Clock::system().now());
        let many = i64::try_from(MANY_BUCKETS).expect("a small number");
        for id in 0..many {
            assert_eq!(rate.take(UserId(id), KIND, now), None);
        }
        assert_eq!(rate.take(UserId(many), KIND, now), None);
        let left = || rate.buckets.lock().expect("not poisoned").full_at.len();
        assert_eq!(left(), MANY_BUCKETS + 1, "none is full again");
        for id in many + 1..2 * many {
            assert_eq!(rate.take(UserId(id), KIND, now), None);
        }
        assert_eq!(left(), 2 * MANY_BUCKETS, "they are not looked at before there are twice as many");
        assert_eq!(rate.take(UserId(2 * many), KIND, now + REFILL), None);
        assert_eq!(left(), 1);
    }
}
