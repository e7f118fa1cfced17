//! The start of a server on a database that is not available yet.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::config::{Config, duration_text};
use crate::db::migrations::{self, MigrationError};

const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// After this time, the log says that migrations still wait or run. Most take a fraction of a second.
const SLOW_AFTER: Duration = Duration::from_secs(3);

/// Runs `work`, and again while its error is temporary, until `limit` is over. Logs the first failure and the success.
///
/// # Errors
/// The last error of `work`.
pub async fn retry_while_unavailable<T, E: Error>(
    limit: Duration,
    is_temporary: impl Fn(&E) -> bool,
    work: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
    let begun = Instant::now();
    let mut is_waiting = false;
    loop {
        match work().await {
            Err(error) if is_temporary(&error) && begun.elapsed() < limit => {
                if !is_waiting {
                    let wait = duration_text(limit);
                    let reason = with_causes(&error);
                    tracing::warn!(reason, "the database is not available; retrying for up to {wait}");
                    is_waiting = true;
                }
            }
            result => {
                if is_waiting && result.is_ok() {
                    tracing::info!(seconds = begun.elapsed().as_secs(), "the database is available");
                }
                return result;
            }
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// Backs up a SQLite database if migrations are pending, runs them, and returns their versions. Logs that it waits, which can be for the migrations of another
/// process or for a transaction that uses a table.
///
/// # Errors
/// As [`migrations::back_up_and_run_pending`].
pub async fn migrate(config: &Config, clock: &Clock) -> Result<Vec<String>, MigrationError> {
    let (url, now) = (config.database.clone(), clock.now());
    let mut work = tokio::task::spawn_blocking(move || migrations::back_up_and_run_pending(&url, now));
    let result = match tokio::time::timeout(SLOW_AFTER, &mut work).await {
        Ok(result) => result,
        Err(_) => {
            tracing::warn!("migrations still run: they may wait for a lock that another process or session holds");
            work.await
        }
    };
    let run = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    run.changes.iter().for_each(|change| tracing::warn!("migration: {change}"));
    if let Some(backup) = run.backup {
        tracing::info!(backup = %backup.display(), "the database was backed up before its migrations");
    }
    Ok(run.versions)
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{}: {cause}", text.trim_end());
        source = cause.source();
    }
    text.trim_end().to_owned()
}
