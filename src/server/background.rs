//! The background tasks of the server.

use std::path::PathBuf;

use actix_web::dev::ServerHandle;
use tokio::sync::mpsc;

use super::Services;
use crate::db::Db;
use crate::ops::database_watch;
use crate::ops::housekeeping::{self, HousekeepingConfig};
use crate::supervisor::Supervisor;

/// Reads what other instances change, and deletes what has expired.
pub(super) fn keep_up_to_date(services: &Services, config: HousekeepingConfig, supervisor: &Supervisor) {
    let Services { db, sessions, tokens, readiness, .. } = services.clone();
    let (clean_db, clean_sessions, clean_tokens) = (db.for_background(), sessions.clone(), tokens.clone());
    supervisor.spawn("housekeeping", move || {
        housekeeping::keep_clean(clean_db.clone(), clean_sessions.clone(), clean_tokens.clone(), config)
    });
    let (event_db, clock, rejected) = (db.for_background(), services.clock.clone(), services.rejected.clone());
    supervisor.spawn("recording rejected sign-ins", move || {
        housekeeping::keep_rejections_recorded(event_db.clone(), clock.clone(), rejected.clone())
    });
    let (decoy_db, hash_pool) = (db.for_background(), services.accounts.hash_pool().clone());
    supervisor.spawn("counting kinds of password hashes", move || {
        housekeeping::keep_decoys_current(decoy_db.clone(), hash_pool.clone())
    });
    supervisor.spawn("reading revoked sessions", move || {
        housekeeping::keep_revoked_sessions_fresh(db.clone(), sessions.clone(), tokens.clone(), readiness.clone())
    });
}

/// Watches the database, and stops the server if its file is replaced: it would go on with data that is lost when it stops.
pub(super) fn watch_database(
    services: &Services,
    start_db: Db,
    server: ServerHandle,
    supervisor: &Supervisor,
) -> mpsc::Receiver<PathBuf> {
    let (sender, receiver) = mpsc::channel(1);
    let Services { db, clock, readiness, .. } = services.clone();
    let integrity_readiness = readiness.clone();
    supervisor.spawn("checking the database for damage", move || {
        database_watch::check_integrity(start_db.clone(), integrity_readiness.clone())
    });
    supervisor.spawn("watching the database", move || {
        let watching = database_watch::watch(db.clone(), clock.clone(), readiness.clone());
        let (sender, server) = (sender.clone(), server.clone());
        async move {
            let path = watching.await;
            tracing::error!(path = %path.display(), "the database file was replaced or deleted; stopping");
            // Full or closed: the server stops already.
            let _ = sender.try_send(path);
            // Not graceful: every write fails, and the log must be set aside before another process opens the new file.
            server.stop(false).await;
        }
    });
    receiver
}
