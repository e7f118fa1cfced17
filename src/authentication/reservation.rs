//! The sign-in throttle: an attempt is reserved before its hash is computed, then released or counted as failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::buckets::{Bucket, BucketNames};
use super::devices::Known;
use super::throttle::{BucketState, Verdict};
use super::wait_queue::WaitQueue;
use super::{PasswordAttempt, store};
use crate::audit::{self, Event, EventKind};
use crate::clock::{Clock, Moment, seconds_until};
use crate::config::ThrottlingConfig;
use crate::db::{Db, DbConnection, DbError};
use crate::secret::{DerivedKey, KeyPurpose, ServerKey};
use crate::users::{self, User};

/// The most attempts that read and reserve at the same time: fewer than the pool has connections on either database.
const CONCURRENT_RESERVATIONS: usize = 3;
/// The most retries of an attempt because other transactions changed the same rows.
pub(super) const MAX_CONFLICTS: usize = 50;
/// How long an attempt waits for attempts in flight to be decided.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// The interval at which a waiting attempt reads the rows again: other instances send no signal to this one.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The `Retry-After` of an attempt that waited for the maximum time.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The sign-in throttle. Cheap to clone.
#[derive(Clone)]
pub(super) struct Throttle {
    db: Db,
    clock: Clock,
    config: ThrottlingConfig,
    /// The key of the bucket names.
    pub key: DerivedKey,
    wait_queue: WaitQueue,
    reserving: Arc<Semaphore>,
}

/// The state of the database before an attempt is reserved.
struct AttemptContext {
    user: Option<User>,
    known: Known,
    buckets: Vec<(Bucket, Option<BucketState>)>,
}

/// A reserved attempt, with what was read for it.
pub(super) struct Reserved {
    pub user: Option<User>,
    pub known: Known,
    /// The keys of its buckets.
    pub keys: Vec<String>,
    /// The account's own buckets that have a limit, as (key, limit).
    limits: Vec<(String, i64)>,
}

/// Outcome of a reservation.
pub(super) enum Reservation {
    Reserved(Box<Reserved>),
    /// Too many failed attempts; the time to wait.
    Throttled(Duration),
}

impl Throttle {
    pub fn new(config: ThrottlingConfig, server_key: &ServerKey, db: Db, clock: Clock) -> Self {
        Self {
            db,
            clock,
            config,
            key: server_key.derive(KeyPurpose::Throttling),
            wait_queue: WaitQueue::default(),
            reserving: Arc::new(Semaphore::new(CONCURRENT_RESERVATIONS)),
        }
    }

    /// Reserves an attempt, after waiting while only attempts in flight block it. A throttled attempt writes nothing.
    pub async fn reserve(&self, attempt: &PasswordAttempt) -> Result<Reservation, DbError> {
        let deadline = Instant::now() + MAX_WAIT;
        let mut conflicts = 0;
        loop {
            // Queued here, in order and for longer than the pool's own limit: a flood of attempts neither takes all
            // connections from other requests nor fails because none is free.
            let permit = tokio::time::timeout(MAX_WAIT, self.reserving.acquire()).await;
            let Ok(Ok(permit)) = permit else { return Err(DbError::Busy) };
            let now = self.clock.now();
            let context = self.read_context(attempt, now).await?;
            match self.verdict(&context, now) {
                (Verdict::Blocked(until), _) => {
                    // The bucket is blocked, so no attempt need wait longer: all are woken, to be throttled. Waking all
                    // of them at each failure before that would only keep the database busy.
                    context.buckets.iter().for_each(|(bucket, _)| self.wait_queue.signal(&bucket.key, true));
                    let wait = Duration::from_secs(seconds_until(now, until).max(1));
                    return Ok(Reservation::Throttled(wait));
                }
                (Verdict::InFlight, key) => {
                    drop(permit);
                    let may_retry = Instant::now() < deadline && self.wait_queue.wait(key, POLL_INTERVAL).await;
                    if !may_retry {
                        return Ok(Reservation::Throttled(RETRY_AFTER));
                    }
                }
                (Verdict::Free, _) => {
                    if let Some(reserved) = self.try_reserve(context, now).await? {
                        return Ok(Reservation::Reserved(Box::new(reserved)));
                    }
                    conflicts += 1;
                    if conflicts >= MAX_CONFLICTS {
                        return Err(DbError::Busy);
                    }
                }
            }
        }
    }

    async fn read_context(&self, attempt: &PasswordAttempt, now: Moment) -> Result<AttemptContext, DbError> {
        let names = BucketNames::new(&self.key, attempt);
        let username = attempt.username.clone();
        let config = self.config;
        self.db
            .read(move |conn| {
                let user = users::find_by_key(conn, username.key())?;
                let known = Known::find(conn, &names, now)?;
                let states = store::list_bucket_states(conn, names.keys())?;
                let buckets = names.buckets(&config, known.device, known.network);
                let buckets = buckets.into_iter().map(|bucket| {
                    let state = states.iter().find(|(key, _)| *key == bucket.key).map(|(_, state)| state.clone());
                    (bucket, state)
                });
                Ok(AttemptContext { user, known, buckets: buckets.collect() })
            })
            .await
    }

    /// The strictest verdict of all buckets, and the key of its bucket.
    fn verdict<'a>(&self, context: &'a AttemptContext, now: Moment) -> (Verdict, &'a str) {
        let mut strictest = (Verdict::Free, "");
        for (bucket, state) in &context.buckets {
            let Some(state) = state else { continue };
            let verdict = state.at(bucket, &self.config, now).verdict(bucket, &self.config, now);
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

    /// Reserves the attempt in all its buckets. `None` when a row has changed since it was read.
    async fn try_reserve(&self, context: AttemptContext, now: Moment) -> Result<Option<Reserved>, DbError> {
        let config = self.config;
        let AttemptContext { user, known, buckets } = context;
        let keys = buckets.iter().map(|(bucket, _)| bucket.key.clone()).collect();
        // The bucket of a network belongs to no account; its account column repeats its key.
        let account = buckets.iter().map(|(bucket, _)| bucket).find(|bucket| bucket.account != bucket.key);
        let account = account.map(|bucket| bucket.account.clone()).unwrap_or_default();
        let own = buckets.iter().filter(|(bucket, _)| bucket.account == account);
        let limits = own.filter_map(|(bucket, _)| Some((bucket.key.clone(), bucket.limit?))).collect();
        // Not durable: within seconds the attempt is released or, durably, counted as failed, and no attempt in flight
        // survives a power loss.
        let result = self
            .db
            .write_relaxed(move |conn| -> Result<_, ReserveError> {
                for (bucket, seen) in &buckets {
                    if !reserve_in(conn, bucket, seen.as_ref(), &config, now)? {
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

    /// Releases a reserved attempt without counting it.
    pub async fn release(&self, reserved: &Reserved) -> Result<(), DbError> {
        let (now, keys) = (self.clock.now(), reserved.keys.clone());
        self.db.write(move |conn| release_in(conn, &keys, now)).await?;
        self.signal(&reserved.keys);
        Ok(())
    }

    /// Counts a reserved attempt as failed. The failure that reaches the account's limit is recorded as an event for
    /// its owner. The same statements run for an unknown name, so both take the same time.
    pub async fn count_failure(&self, attempt: &PasswordAttempt, reserved: &Reserved) -> Result<(), DbError> {
        let now = self.clock.now();
        let (keys, limits) = (reserved.keys.clone(), reserved.limits.clone());
        let mut event = Event::new(EventKind::SignInsBlocked, now);
        event.user_id = reserved.user.as_ref().map(|user| user.id.0);
        event.network_address = Some(attempt.origin.network_address());
        self.db
            .write(move |conn| -> Result<(), DbError> {
                let mut counted = Vec::new();
                for key in &keys {
                    if store::decide(conn, key, true, now)? {
                        counted.push(key);
                    }
                }
                // One bucket for a known device, three otherwise.
                let key = |at: usize| keys.get(at).unwrap_or(&keys[0]);
                let states = store::list_bucket_states(conn, [key(0), key(1), key(2), key(0)])?;
                // Each failure adds one under the row's lock, so exactly one failure meets the limit. An attempt that
                // was counted as lost before it was decided adds none.
                let reaches_limit = |(key, limit): &(String, i64)| {
                    let is_met = states.iter().any(|(found, state)| found == key && state.failures == *limit);
                    is_met && counted.contains(&key)
                };
                if limits.iter().any(reaches_limit) {
                    audit::record(conn, &event)?;
                }
                Ok(())
            })
            .await?;
        self.signal(&reserved.keys);
        Ok(())
    }

    /// Wakes an attempt that waits for one of these buckets.
    pub fn signal(&self, keys: &[String]) {
        for key in keys {
            self.wait_queue.signal(key, false);
        }
    }
}

/// Reserves an attempt in one bucket. `false` when the row has changed since it was read.
fn reserve_in(
    conn: &mut DbConnection,
    bucket: &Bucket,
    seen: Option<&BucketState>,
    config: &ThrottlingConfig,
    now: Moment,
) -> Result<bool, DbError> {
    let Some(seen) = seen else {
        store::insert_reserved(conn, bucket, now)?;
        return Ok(true);
    };
    let state = seen.at(bucket, config, now);
    if (state.failures, state.in_flight) != (seen.failures, seen.in_flight)
        || state.window_started_at != seen.window_started_at
    {
        store::set_bucket_state(conn, &bucket.key, seen, &state)?;
    }
    Ok(store::reserve(conn, bucket, state.failures, now)?)
}

/// Releases a reserved attempt, as a step of a transaction.
pub(super) fn release_in(conn: &mut DbConnection, keys: &[String], now: Moment) -> Result<(), DbError> {
    for key in keys {
        store::decide(conn, key, false, now)?;
    }
    Ok(())
}

/// Why a reservation is rolled back.
enum ReserveError {
    /// A row has changed since it was read.
    Conflict,
    Database(DbError),
}

impl From<DbError> for ReserveError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}
