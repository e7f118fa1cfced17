//! The work beside the requests: reading ended sessions and signing keys each half second, and, each minute on one instance at a
//! time, tending the keys and deleting what is over, in batches. What may not live here: any SQL on what is deleted.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::QueryResult;

use super::health::Readiness;
use super::store;
use crate::clock::unix_seconds;
use crate::credentials::{self, Lock};
use crate::db::{DbConnection, DbError};
use crate::{audit, links, mail, sessions, tokens};

/// Twice within the second in which an ended session or a new key must be known everywhere.
const READ_ENDED_EVERY: Duration = Duration::from_millis(450);
const CLEAN_EVERY: Duration = Duration::from_mins(1);
const CLEAN_EVERY_SECONDS: i64 = 60;
/// How long the row of an ended session is kept after its last token died, so that an admin can ask why.
const KEPT_ENDED: TimeDelta = TimeDelta::days(1);
/// How long an admin can look back.
const KEPT_EVENTS: TimeDelta = TimeDelta::days(365);
const BATCH: i64 = 1_000;
/// So many batches at the most in one turn: what is left waits for the next.
const MAX_BATCHES: usize = 100;

/// Reads ended sessions and signing keys for as long as it is polled.
pub async fn keep_ended_sessions_fresh(lock: Lock, readiness: Readiness) {
    let mut is_known_lost = false;
    loop {
        match refresh(&lock).await {
            Ok(()) => {
                readiness.heard();
                is_known_lost = false;
            }
            Err(error) if !is_known_lost => {
                // Once, not twice a second for as long as the database is away.
                tracing::error!(%error, "ended sessions and signing keys cannot be read; the last known ones are kept");
                is_known_lost = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(READ_ENDED_EVERY).await;
    }
}

async fn refresh(lock: &Lock) -> Result<(), DbError> {
    lock.tokens.ended().refresh(&lock.db, lock.clock.now()).await?;
    lock.tokens.keys().refresh(&lock.db).await
}

/// Cleans for as long as it is polled. A signing key is replaced when it is older than `key_rotation`.
pub async fn keep_clean(lock: Lock, key_rotation: Option<Duration>) {
    let key_rotation = key_rotation.and_then(|age| TimeDelta::from_std(age).ok());
    loop {
        tokio::time::sleep(CLEAN_EVERY).await;
        if let Err(error) = clean(&lock, key_rotation).await {
            tracing::warn!(%error, "housekeeping failed; the next turn comes in a minute");
        }
    }
}

async fn clean(lock: &Lock, key_rotation: Option<TimeDelta>) -> Result<(), DbError> {
    let now = lock.clock.now();
    let seconds = unix_seconds(now);
    let is_ours = lock
        .db
        .write(move |conn| -> Result<_, DbError> {
            Ok(store::take_turn(conn, seconds, seconds - CLEAN_EVERY_SECONDS / 2)?)
        })
        .await?;
    if !is_ours {
        return Ok(());
    }
    let token_life = lock.lifetimes.one_access_token(now) - now;
    if let Err(error) = lock.tokens.keys().tend(&lock.db, key_rotation, token_life, now).await {
        // What else is to be cleaned does not wait for it.
        tracing::warn!(%error, "signing keys could not be tended; the next turn comes in a minute");
    }
    let dead_before = lock.lifetimes.dead_before(now);
    let (seals, refresh) = (tokens::seals_dead_before(now), lock.lifetimes.refresh_dead_before(now));
    delete(lock, move |conn| tokens::erase_seals(conn, seals, BATCH)).await?;
    delete(lock, move |conn| tokens::delete_old_tokens(conn, refresh, BATCH)).await?;
    delete(lock, move |conn| audit::delete_old(conn, now - KEPT_EVENTS, BATCH)).await?;
    delete(lock, move |conn| sessions::delete_ended(conn, now - KEPT_ENDED, BATCH)).await?;
    delete(lock, move |conn| sessions::delete_dead(conn, dead_before, now, BATCH)).await?;
    delete(lock, move |conn| credentials::delete_stale_attempts(conn, now, BATCH)).await?;
    delete(lock, move |conn| credentials::delete_stale_devices(conn, now, BATCH)).await?;
    delete(lock, move |conn| mail::delete_expired(conn, now, BATCH)).await?;
    delete(lock, move |conn| links::delete_expired(conn, now, BATCH)).await
}

/// A transaction a batch, so that a million old rows never hold the write lock for long.
async fn delete(
    lock: &Lock,
    step: impl Fn(&mut DbConnection) -> QueryResult<usize> + Clone + Send + 'static,
) -> Result<(), DbError> {
    for _ in 0..MAX_BATCHES {
        let step = step.clone();
        let count = lock.db.write(move |conn| -> Result<_, DbError> { Ok(step(conn)?) }).await?;
        if i64::try_from(count).unwrap_or(i64::MAX) < BATCH {
            return Ok(());
        }
    }
    Ok(())
}
