//! A try is reserved before its hash is computed: look, wait for others in flight, reserve. What may not live here: the hash and
//! what comes after it (`sign_in.rs`), and the rule (`throttle.rs`).

use std::time::{Duration, Instant};

use super::buckets::{Bucket, Names};
use super::devices::Known;
use super::sign_in::MAX_CONFLICTS;
use super::throttle::{BucketState, Verdict};
use super::{Attempt, Lock, store};
use crate::clock::{Moment, seconds_until};
use crate::db::DbError;
use crate::users::{self, User};

/// How long a try waits for others in flight to be decided.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(5);
/// How often a waiting try looks by itself: other instances give no signal here.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What a try that waited in vain is told.
const COME_AGAIN: Duration = Duration::from_secs(2);

/// What the database says before a try is reserved.
struct AttemptContext {
    user: Option<User>,
    known: Known,
    buckets: Vec<(Bucket, Option<BucketState>)>,
}

/// A try that was reserved, and what was seen then.
pub(super) struct Reserved {
    pub user: Option<User>,
    pub known: Known,
    pub keys: Vec<String>,
    /// The account's own buckets that can shut, each with its limit.
    pub limits: Vec<(String, i64)>,
}

pub(super) enum Reservation {
    Taken(Box<Reserved>),
    Throttled(Duration),
}

impl Lock {
    /// Looks, waits for others in flight if only they stand in the way, and reserves. A refusal writes nothing.
    pub(super) async fn reserve(&self, attempt: &Attempt) -> Result<Reservation, DbError> {
        let deadline = Instant::now() + WAIT_FOR_OTHERS;
        let mut conflicts = 0;
        loop {
            // Queued here, fairly and for longer than the pool lets anybody wait: a flood of tries neither takes all connections
            // from others nor is turned away for want of one.
            let turn = tokio::time::timeout(WAIT_FOR_OTHERS, self.reserving.acquire()).await;
            let Ok(Ok(turn)) = turn else { return Err(DbError::Busy) };
            let now = self.clock.now();
            let look = self.look(attempt, now).await?;
            match self.verdict(&look, now) {
                (Verdict::Blocked(until), _) => {
                    // Only now is there nothing left to wait for. Waking all at each failure instead would have hundreds ask
                    // the database in vain, and the tries that they wait for would find it busy.
                    look.buckets.iter().for_each(|(bucket, _)| self.waiting.signal(&bucket.key, true));
                    let wait = Duration::from_secs(seconds_until(now, until).max(1));
                    return Ok(Reservation::Throttled(wait));
                }
                (Verdict::InFlight, key) => {
                    drop(turn);
                    let has_place = Instant::now() < deadline && self.waiting.wait(key, LOOK_EVERY).await;
                    if !has_place {
                        return Ok(Reservation::Throttled(COME_AGAIN));
                    }
                }
                (Verdict::Free, _) => {
                    if let Some(reserved) = self.try_reserve(look, now).await? {
                        return Ok(Reservation::Taken(Box::new(reserved)));
                    }
                    conflicts += 1;
                    if conflicts >= MAX_CONFLICTS {
                        return Err(DbError::Busy);
                    }
                }
            }
        }
    }

    async fn look(&self, attempt: &Attempt, now: Moment) -> Result<AttemptContext, DbError> {
        let names = Names::new(&self.names, attempt);
        let username = attempt.username.clone();
        let throttling = self.throttling;
        self.db
            .read(move |conn| {
                let user = users::find_by_key(conn, username.key())?;
                let known = Known::find(conn, &names, now)?;
                let counts = store::list_counts(conn, names.keys())?;
                let buckets = names.buckets(&throttling, known.device, known.network);
                let buckets = buckets.into_iter().map(|bucket| {
                    let count = counts.iter().find(|(key, _)| *key == bucket.key).map(|(_, count)| count.clone());
                    (bucket, count)
                });
                Ok(AttemptContext { user, known, buckets: buckets.collect() })
            })
            .await
    }

    /// The strictest verdict of all buckets, and the key of the one that gave it.
    fn verdict<'a>(&self, look: &'a AttemptContext, now: Moment) -> (Verdict, &'a str) {
        let mut strictest = (Verdict::Free, "");
        for (bucket, count) in &look.buckets {
            let Some(count) = count else { continue };
            let verdict = count.at(bucket, &self.throttling, now).verdict(bucket, &self.throttling, now);
            let is_stricter = match (verdict, strictest.0) {
                (Verdict::Blocked(until), Verdict::Blocked(before)) => until > before,
                (Verdict::Blocked(_), _) | (Verdict::InFlight, Verdict::Free) => true,
                _ => false,
            };
            if is_stricter {
                strictest = (verdict, &bucket.key);
            }
        }
        strictest
    }

    /// `None` when a row is no longer as it was looked at.
    async fn try_reserve(&self, look: AttemptContext, now: Moment) -> Result<Option<Reserved>, DbError> {
        let throttling = self.throttling;
        let AttemptContext { user, known, buckets } = look;
        let keys = buckets.iter().map(|(bucket, _)| bucket.key.clone()).collect();
        // The network's bucket, which is nobody's own, is filed under itself.
        let account = buckets.iter().map(|(bucket, _)| bucket).find(|bucket| bucket.account != bucket.key);
        let account = account.map(|bucket| bucket.account.clone()).unwrap_or_default();
        let own = buckets.iter().filter(|(bucket, _)| bucket.account == account);
        let limits = own.filter_map(|(bucket, _)| Some((bucket.key.clone(), bucket.limit?))).collect();
        // Settled within seconds, durably when it fails: after a power cut there is nobody left who was trying.
        let result = self
            .db
            .write_relaxed(move |conn| -> Result<(), ReserveError> {
                for (bucket, seen) in &buckets {
                    let Some(seen) = seen else {
                        store::insert_reserved(conn, bucket, now).map_err(DbError::from)?;
                        continue;
                    };
                    let count = seen.at(bucket, &throttling, now);
                    if (count.failures, count.in_flight) != (seen.failures, seen.in_flight)
                        || count.window_started_at != seen.window_started_at
                    {
                        store::renew_count(conn, &bucket.key, seen, &count).map_err(DbError::from)?;
                    }
                    if !store::reserve(conn, bucket, count.failures, now).map_err(DbError::from)? {
                        return Err(ReserveError::Conflict);
                    }
                }
                Ok(())
            })
            .await;
        match result {
            Ok(()) => Ok(Some(Reserved { user, known, keys, limits })),
            Err(ReserveError::Conflict) => Ok(None),
            Err(ReserveError::Database(error)) if error.is_unique_violation() => Ok(None),
            Err(ReserveError::Database(error)) => Err(error),
        }
    }
}

enum ReserveError {
    Conflict,
    Database(DbError),
}

impl From<DbError> for ReserveError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}
