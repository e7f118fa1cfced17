//! Periodic work: reading revoked sessions and signing keys, key maintenance, and deletion of expired rows.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::QueryResult;

use super::health::Readiness;
use super::store;
use crate::audit::RejectedSignIns;
use crate::clock::{Clock, latest_past, unix_seconds};
use crate::config::Config;
use crate::db::server_time::{self, ClockDifference, ClockReports};
use crate::db::{Db, DbConnection, DbError};
use crate::sessions::SessionService;
use crate::tokens::TokenService;
use crate::users::UserId;
use crate::users::decoys::DecoyMix;
use crate::users::hash_pool::HashPool;
use crate::{audit, authentication, links, mail, memory, sessions, tokens, users};

/// Twice a second: every instance must know of a revoked session or a new key within one second.
const REFRESH_INTERVAL: Duration = Duration::from_millis(450);
/// How long one of these reads may take. After that, the database counts as unavailable.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon unknown names cost what a finished import added.
const DECOY_INTERVAL: Duration = Duration::from_mins(10);
const CLEANUP_INTERVAL: Duration = Duration::from_mins(1);
const CLEANUP_INTERVAL_SECONDS: i64 = 60;
/// How long an ended session is kept after the last verifier rejects its tokens, so an administrator can find out why it ended.
const ENDED_SESSION_RETENTION: TimeDelta = TimeDelta::days(1);
/// How long the session of a client for itself is kept after its token expired: longer than any verifier accepts the
/// token, because an ended session is listed as revoked until it is deleted.
const CLIENT_SESSION_RETENTION: TimeDelta = TimeDelta::minutes(10);
/// Rows deleted in one transaction.
const BATCH: i64 = 1_000;
/// The most batches of one table in one cleanup. The next cleanup deletes the rest.
const MAX_BATCHES: usize = 100;

/// Reads the database server's time, revoked sessions and signing keys twice a second, until it is dropped.
pub async fn keep_revoked_sessions_fresh(db: Db, sessions: SessionService, tokens: TokenService, readiness: Readiness) {
    let (mut is_failing, mut clock_reports) = (false, ClockReports::default());
    loop {
        match refresh(&db, &sessions, &tokens).await {
            Ok(difference) => {
                if let Some(difference) = difference {
                    clock_reports.report(difference);
                }
                readiness.record_success();
                is_failing = false;
            }
            Err(error) if !is_failing => {
                // Logged once, not twice a second for as long as the database is unreachable.
                let reason = error.reason();
                tracing::error!(reason, "cannot read revoked sessions and signing keys; keeping the last known ones");
                is_failing = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(REFRESH_INTERVAL).await;
    }
}

async fn refresh(
    db: &Db,
    sessions: &SessionService,
    tokens: &TokenService,
) -> Result<Option<ClockDifference>, DbError> {
    let refreshed = tokio::time::timeout(REFRESH_TIMEOUT, async {
        let difference = server_time::follow(db, tokens.clock()).await?;
        sessions.read_changes(db).await?;
        tokens.keys().refresh(db).await?;
        Ok(difference)
    });
    let result = refreshed.await.unwrap_or_else(|elapsed| Err(DbError::Unreachable(Box::new(elapsed))));
    // After any other error, the database responds, and does not say which sessions have ended.
    if matches!(result, Err(DbError::Busy | DbError::TimedOut | DbError::Unreachable(_))) {
        sessions.revoked().record_outage();
    }
    result
}

/// What housekeeping needs of the settings.
#[derive(Clone, Copy, Debug)]
pub struct HousekeepingConfig {
    /// The age at which a signing key is replaced.
    pub key_rotation: Option<TimeDelta>,
    /// How long a counter of failed sign-ins is kept after its last attempt.
    pub attempts_kept: TimeDelta,
    /// How long audit events are kept.
    pub audit_retention: TimeDelta,
}

impl HousekeepingConfig {
    /// Derives it from the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            key_rotation: config.key_rotation.and_then(|age| TimeDelta::from_std(age).ok()),
            attempts_kept: authentication::attempts_kept(&config.throttling),
            audit_retention: TimeDelta::from_std(config.audit_retention).unwrap_or(TimeDelta::MAX),
        }
    }
}

/// Maintains signing keys and deletes expired rows every minute, until it is dropped.
pub async fn keep_clean(db: Db, sessions: SessionService, tokens: TokenService, config: HousekeepingConfig) {
    let mut has_all_skeletons = false;
    loop {
        if !has_all_skeletons {
            match fill_skeletons(&db).await {
                Ok(()) => has_all_skeletons = true,
                Err(error) => tracing::warn!(%error, "cannot compare usernames yet; retrying in a minute"),
            }
        }
        tokio::time::sleep(CLEANUP_INTERVAL).await;
        if let Err(error) = clean_up(&db, &sessions, &tokens, config).await {
            tracing::warn!(%error, "cleanup failed; retrying in a minute");
        }
        // After the first cleanup, also the code that only the start has used.
        memory::release_code();
    }
}

/// Maintains signing keys and deletes expired rows once. Returns `false`, and does nothing, if an instance did so within
/// the last half minute.
pub async fn clean_up(
    db: &Db,
    sessions: &SessionService,
    tokens: &TokenService,
    config: HousekeepingConfig,
) -> Result<bool, DbError> {
    let (now, lifetimes) = (tokens.clock().now(), sessions.lifetimes());
    let (seconds, latest) = (unix_seconds(now), unix_seconds(latest_past(now)));
    let is_claimed = db
        .write(move |conn| -> Result<_, DbError> {
            Ok(store::claim_cleanup(conn, seconds, seconds - CLEANUP_INTERVAL_SECONDS / 2, latest)?)
        })
        .await?;
    if !is_claimed {
        return Ok(false);
    }
    let token_life = lifetimes.access_token();
    if let Err(error) = tokens.keys().run_maintenance(db, config.key_rotation, token_life, now).await {
        // The cleanup continues without it.
        tracing::warn!(%error, "signing-key maintenance failed; retrying in a minute");
    }
    let last_used_before = lifetimes.sessions_expired_before(now);
    let refresh = lifetimes.refresh_tokens_expired_before(now);
    delete(db, move |conn| tokens::erase_sealed_successors(conn, now, BATCH)).await?;
    delete(db, move |conn| tokens::delete_old_refresh_tokens(conn, refresh, BATCH)).await?;
    delete(db, move |conn| audit::delete_old(conn, now - config.audit_retention, BATCH)).await?;
    let before = now - CLIENT_SESSION_RETENTION;
    delete_sessions(db, move |conn| sessions::list_expired_of_clients(conn, before, BATCH)).await?;
    let before = now - ENDED_SESSION_RETENTION;
    delete_sessions(db, move |conn| sessions::list_ended(conn, before, BATCH)).await?;
    delete_sessions(db, move |conn| sessions::list_expired(conn, last_used_before, now, BATCH)).await?;
    delete(db, move |conn| sessions::delete_stale_holders(conn, now, BATCH)).await?;
    delete(db, move |conn| authentication::delete_stale_attempts(conn, now - config.attempts_kept, BATCH)).await?;
    delete(db, move |conn| authentication::delete_stale_devices(conn, now, BATCH)).await?;
    delete(db, move |conn| mail::delete_expired(conn, now, BATCH)).await?;
    delete(db, move |conn| links::delete_expired(conn, now, BATCH)).await?;
    Ok(true)
}

/// Records the sign-ins that this instance rejected, once a minute, until it is dropped. Those of the last minute before
/// a stop are not recorded.
pub async fn keep_rejections_recorded(db: Db, clock: Clock, rejected: RejectedSignIns) {
    loop {
        tokio::time::sleep(CLEANUP_INTERVAL).await;
        if let Err(error) = record_rejections(&db, &clock, &rejected).await {
            tracing::warn!(%error, "cannot record the sign-ins that were rejected in the last minute");
        }
    }
}

/// Records them once.
pub async fn record_rejections(db: &Db, clock: &Clock, rejected: &RejectedSignIns) -> Result<(), DbError> {
    let events = rejected.take(clock.now());
    if events.is_empty() {
        return Ok(());
    }
    db.write(move |conn| -> Result<_, DbError> {
        for event in &events {
            audit::record(conn, event)?;
        }
        Ok(())
    })
    .await
}

/// Counts the stored hashes that cost more than a new one, at the start and every ten minutes, until it is dropped.
pub async fn keep_decoys_current(db: Db, hash_pool: HashPool) {
    loop {
        if let Err(error) = refresh_decoys(&db, &hash_pool).await {
            tracing::warn!(%error, "cannot count the kinds of password hashes; keeping the last counts");
        }
        tokio::time::sleep(DECOY_INTERVAL).await;
    }
}

/// Counts them once.
pub async fn refresh_decoys(db: &Db, hash_pool: &HashPool) -> Result<(), DbError> {
    let today = hash_pool.cost();
    let total = db.read(|conn| -> Result<_, DbError> { Ok(users::count_password_hashes(conn)?) }).await?;
    let mut mix = DecoyMix::new(u64::try_from(total).unwrap_or_default());
    let mut after = UserId(0);
    loop {
        let batch = db
            .read(move |conn| -> Result<_, DbError> {
                Ok(users::list_password_hashes_unlike(conn, today, after, BATCH)?)
            })
            .await?;
        let Some((last, _)) = batch.last() else { break };
        after = *last;
        mix.add(batch.into_iter().filter_map(|(_, hash)| hash), today);
    }
    hash_pool.decoys().set(mix);
    Ok(())
}

/// Stores what existing usernames look like: those from before this was stored, and after a change of the Unicode data.
async fn fill_skeletons(db: &Db) -> Result<(), DbError> {
    let step = |conn: &mut DbConnection| -> Result<usize, DbError> {
        users::lock_accounts(conn)?;
        Ok(users::fill_skeletons(conn, BATCH)?)
    };
    while db.write(step).await? > 0 {}
    Ok(())
}

/// Deletes the sessions that `list` returns, with their refresh tokens.
async fn delete_sessions(
    db: &Db,
    list: impl Fn(&mut DbConnection) -> QueryResult<Vec<String>> + Clone + Send + 'static,
) -> Result<(), DbError> {
    delete(db, move |conn| {
        let ids = list(conn)?;
        delete_session_batch(conn, &ids, BATCH)
    })
    .await
}

/// Deletes at most `limit` refresh tokens of these sessions. When none is left, deletes the sessions. Returns `limit` if
/// there is more to do.
///
/// One statement that deletes a session with all its tokens could hold the write lock of SQLite for a minute.
pub fn delete_session_batch(conn: &mut DbConnection, ids: &[String], limit: i64) -> QueryResult<usize> {
    let token_count = tokens::delete_of_families(conn, ids, limit)?;
    if i64::try_from(token_count).is_ok_and(|count| count < limit) {
        return sessions::delete(conn, ids);
    }
    Ok(token_count)
}

/// Deletes in one transaction per batch, so a large backlog does not hold the write lock for long.
async fn delete(
    db: &Db,
    step: impl Fn(&mut DbConnection) -> QueryResult<usize> + Clone + Send + 'static,
) -> Result<(), DbError> {
    for _ in 0..MAX_BATCHES {
        let step = step.clone();
        let count = db.write(move |conn| -> Result<_, DbError> { Ok(step(conn)?) }).await?;
        if i64::try_from(count).unwrap_or(i64::MAX) < BATCH {
            return Ok(());
        }
    }
    Ok(())
}
