//! Watches the database of a running server: whether it can be written to, and whether its file is still the same.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::health::Readiness;
use super::store;
use crate::clock::{Clock, unix_seconds};
use crate::db::{Db, DbConnection, DbError};

const INTERVAL: Duration = Duration::from_secs(1);
/// How often an idle database is written to. A failed write, of a request too, is checked within a second.
const WRITE_INTERVAL: Duration = Duration::from_secs(10);
/// How many checks in a row must find the database locked before an instance is not ready. On SQLite, each waits 1.5
/// seconds: a transaction of another process may take about six seconds.
const MAX_BUSY: u32 = 3;
/// How often a failure that lasts is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Checks the database until its file was replaced or deleted, and returns the path then. What the server would
/// acknowledge after that would be lost.
pub async fn watch(db: Db, clock: Clock, readiness: Readiness) -> PathBuf {
    let mut writes = WriteCheck { last: None, busy: 0, failing_since: None, logged: None };
    loop {
        if let Some(path) = db.replaced_file() {
            readiness.set_writable(false);
            return path;
        }
        if writes.is_due(&db) {
            let now = unix_seconds(clock.now());
            let result = db.write(move |conn: &mut DbConnection| -> Result<(), DbError> {
                store::read_main_tables(conn)?;
                Ok(store::record_write_check(conn, now)?)
            });
            let result = result.await.and_then(|()| db.check_space());
            writes.record(&result);
            readiness.set_writable(writes.failing_since.is_none());
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

struct WriteCheck {
    last: Option<Instant>,
    busy: u32,
    failing_since: Option<Instant>,
    logged: Option<Instant>,
}

impl WriteCheck {
    fn is_due(&self, db: &Db) -> bool {
        let has_failed = db.take_failure() || self.busy > 0 || self.failing_since.is_some();
        has_failed || self.last.is_none_or(|last| last.elapsed() >= WRITE_INTERVAL)
    }

    fn record(&mut self, result: &Result<(), DbError>) {
        self.last = Some(Instant::now());
        match result {
            Ok(()) => {
                self.busy = 0;
                self.logged = None;
                if let Some(since) = self.failing_since.take() {
                    let seconds = since.elapsed().as_secs();
                    tracing::info!(seconds, "the database can be written to again");
                }
            }
            Err(DbError::Busy) if self.failing_since.is_none() && self.busy + 1 < MAX_BUSY => self.busy += 1,
            // Another instance has inserted the row first.
            Err(error) if error.is_unique_violation() => {}
            Err(error) => {
                self.failing_since.get_or_insert_with(Instant::now);
                if self.logged.is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL) {
                    let reason = error.reason();
                    tracing::error!(reason, "cannot write to the database; not ready until it can be written to");
                    self.logged = Some(Instant::now());
                }
            }
        }
    }
}

/// Reads a whole SQLite file in the background, and reports damage before a request or a backup meets it.
pub async fn check_integrity(db: Db, readiness: Readiness) {
    match db.find_damage().await {
        Ok(None) => {}
        Ok(Some(damage)) => {
            readiness.set_damaged();
            tracing::error!(
                damage,
                "the database file is damaged; stop the server and restore a backup (see docs/back-up-and-restore.md)"
            );
        }
        Err(error) => tracing::warn!(reason = error.reason(), "cannot check the database file for damage"),
    }
}
