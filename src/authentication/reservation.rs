//! The sign-in throttle: an attempt is reserved before its hash is computed, then released or counted as failed.
//!
//! Before it is written, it gets a slot for its hash: an attempt that is rejected because there are too many costs no
//! transaction and, from an unknown browser, no query.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::buckets::{Bucket, BucketNames, failures_id};
use super::devices::Known;
use super::throttle::{BucketState, Verdict};
use super::wait_queue::WaitQueue;
use super::{PasswordAttempt, store};
use crate::audit::{self, Event, EventKind, FailureReason};
use crate::clock::{Clock, Moment, seconds_until};
use crate::config::ThrottlingConfig;
use crate::db::{Db, DbConnection, DbError};
use crate::secret::{DerivedKey, KeyPurpose, ServerKey};
use crate::users::hash_pool::{HashPool, HashSlot, Standing};
use crate::users::{self, LookupName, User};

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
    hash_pool: HashPool,
    wait_queue: WaitQueue,
    reserving: Arc<Semaphore>,
}

/// The state of the database before an attempt is reserved. It holds nothing of the user: a throttled attempt takes the
/// same time for a name that exists and one that does not.
struct AttemptContext {
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
    /// It is reserved, with a slot for its hash.
    Reserved(Box<Reserved>, HashSlot),
    /// Too many failed attempts; the time to wait.
    Throttled(Duration),
    /// No slot for its hash is free.
    Overloaded,
}

/// Who an attempt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requester {
    /// A person in a session of the account.
    SignedIn,
    /// Anyone.
    Anyone,
}

impl Throttle {
    pub fn new(config: ThrottlingConfig, server_key: &ServerKey, db: Db, clock: Clock, hash_pool: HashPool) -> Self {
        Self {
            db,
            clock,
            config,
            hash_pool,
            key: server_key.derive(KeyPurpose::Throttling),
            wait_queue: WaitQueue::default(),
            reserving: Arc::new(Semaphore::new(CONCURRENT_RESERVATIONS)),
        }
    }

    /// An HMAC of the name of an attempt, which chooses what is verified if no user has it.
    pub fn decoy_hmac(&self, username: &LookupName) -> [u8; 32] {
        self.key.hmac(&[b"decoy", username.throttling_key().as_bytes()])
    }

    /// Reserves an attempt, after waiting while only attempts in flight block it. A throttled attempt, and one without a
    /// slot for its hash, writes nothing.
    pub async fn reserve(&self, attempt: &PasswordAttempt, requester: Requester) -> Result<Reservation, DbError> {
        let names = BucketNames::new(&self.key, &attempt.username, &attempt.origin);
        let may_be_known = requester == Requester::SignedIn || names.is_device_genuine;
        let names = Arc::new(names);
        let deadline = Instant::now() + MAX_WAIT;
        let mut conflicts = 0;
        loop {
            // A flood from unknown browsers, with made-up cookies or none, ends here: its reads would delay the others.
            if !may_be_known && !self.hash_pool.has_room() {
                return Ok(Reservation::Overloaded);
            }
            // Queued here, in order and for longer than the pool's own limit: a flood of attempts neither takes all
            // connections from other requests nor fails because none is free.
            let permit = tokio::time::timeout(MAX_WAIT, self.reserving.acquire()).await;
            let Ok(Ok(permit)) = permit else { return Err(DbError::Busy) };
            let now = self.clock.now();
            let context = self.read_context(&names, now).await?;
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
                    // A cookie that the account has forgotten, after a new password for example, is not known. A known
                    // network does not count: full queues would reveal which networks an account signs in from.
                    let is_known =
                        requester == Requester::SignedIn || (names.is_device_genuine && context.known.device);
                    let standing = if is_known { Standing::Known(&names.account) } else { Standing::Unknown };
                    let Ok(slot) = self.hash_pool.reserve(standing) else { return Ok(Reservation::Overloaded) };
                    // On SQLite, the writes wait in a queue of their own, for one commit.
                    let _permit = Some(permit).filter(|_| !self.db.has_one_writer());
                    if let Some(reserved) = self.try_reserve(attempt, context, now).await? {
                        return Ok(Reservation::Reserved(Box::new(reserved), slot));
                    }
                    conflicts += 1;
                    if conflicts >= MAX_CONFLICTS {
                        return Err(DbError::Busy);
                    }
                }
            }
        }
    }

    async fn read_context(&self, names: &Arc<BucketNames>, now: Moment) -> Result<AttemptContext, DbError> {
        let (names, config) = (Arc::clone(names), self.config);
        self.db
            .read(move |conn| {
                let known = Known::find(conn, &names, now)?;
                let states = store::list_bucket_states(conn, &names.keys())?;
                let buckets = names.buckets(&config, known.device, known.network);
                let buckets = buckets.into_iter().map(|bucket| {
                    let state = states.iter().find(|(key, _)| *key == bucket.key).map(|(_, state)| state.clone());
                    (bucket, state)
                });
                Ok(AttemptContext { known, buckets: buckets.collect() })
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

    /// Reserves the attempt in all its buckets and reads the user. `None` when a row has changed since it was read.
    async fn try_reserve(
        &self,
        attempt: &PasswordAttempt,
        context: AttemptContext,
        now: Moment,
    ) -> Result<Option<Reserved>, DbError> {
        let (config, username) = (self.config, attempt.username.clone());
        let AttemptContext { known, buckets } = context;
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
                Ok(users::find_for_sign_in(conn, &username).map_err(DbError::from)?)
            })
            .await;
        match result {
            Ok(user) => Ok(Some(Reserved { user, known, keys, limits })),
            Err(ReserveError::Conflict) => Ok(None),
            Err(ReserveError::Database(error)) if error.is_unique_violation() => Ok(None),
            Err(ReserveError::Database(error)) => Err(error),
        }
    }

    /// Releases a reserved attempt without counting it.
    pub async fn release(&self, reserved: &Reserved) -> Result<(), DbError> {
        let keys = reserved.keys.clone();
        self.db.write(move |conn| release_in(conn, &keys)).await?;
        self.signal(&reserved.keys);
        Ok(())
    }

    /// Counts a reserved attempt as failed, in its buckets and in the events of the account. The failure that reaches the
    /// account's limit is an event of its own. The same statements run for an unknown name, so both take the same time.
    pub async fn count_failure(
        &self,
        attempt: &PasswordAttempt,
        reserved: &Reserved,
        reason: FailureReason,
        client_id: Option<&str>,
    ) -> Result<(), DbError> {
        let now = self.clock.now();
        let user_id = reserved.user.as_ref().map(|user| user.id);
        let failures_id = failures_id(&self.key, user_id, attempt, now);
        let mut event = Event::new(EventKind::SignInFailed, now);
        event.user_id = user_id.map(|id| id.0);
        event.network_address = Some(attempt.origin.network_address());
        event.client_id = client_id.map(str::to_owned);
        event.reason = Some(reason.as_str().to_owned());
        let failure = Failure { keys: reserved.keys.clone(), limits: reserved.limits.clone(), failures_id, event };
        let mut conflicts = 0;
        loop {
            let failure = failure.clone();
            match self.db.write(move |conn| failure.count(conn)).await {
                Err(error) if error.is_unique_violation() && conflicts < MAX_CONFLICTS => conflicts += 1,
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
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

/// A failed attempt.
#[derive(Clone)]
struct Failure {
    /// The keys of its buckets.
    keys: Vec<String>,
    /// The account's own buckets that have a limit, as (key, limit).
    limits: Vec<(String, i64)>,
    /// The ID of the event that counts it.
    failures_id: String,
    event: Event,
}

impl Failure {
    /// Counts it, as a transaction.
    fn count(&self, conn: &mut DbConnection) -> Result<(), DbError> {
        let now = self.event.happened_at;
        let mut counted = Vec::new();
        for key in &self.keys {
            if store::fail(conn, key, now)? {
                counted.push(key);
            }
        }
        let own: Vec<&String> = self.limits.iter().map(|(key, _)| key).collect();
        let states = store::list_bucket_states(conn, &own)?;
        // Each failure adds one under the row's lock, so exactly one failure meets the limit. An attempt that was counted
        // as lost before it was decided adds none.
        let reaches_limit = |(key, limit): &(String, i64)| {
            let is_met = states.iter().any(|(found, state)| found == key && state.failures == *limit);
            is_met && counted.contains(&key)
        };
        audit::record_in(conn, &self.failures_id, &self.event)?;
        if self.limits.iter().any(reaches_limit) {
            audit::record(conn, &Event { kind: EventKind::SignInsBlocked, reason: None, ..self.event.clone() })?;
        }
        Ok(())
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
pub(super) fn release_in(conn: &mut DbConnection, keys: &[String]) -> Result<(), DbError> {
    for key in keys {
        store::release(conn, key)?;
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
