//! A temporary outage of a test's database.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use super::direct_database::DirectConnection;
use super::{TestApp, TestDatabase};

/// The name of the database itself.
fn name(database: &TestDatabase) -> &str {
    database.url.rsplit('/').next().expect("a name")
}

/// Ends all connections to the database, as a restart of its server does.
pub fn disconnect_all(admin: &mut DirectConnection, database: &TestDatabase) {
    let name = name(database);
    let pids =
        admin.texts(&format!("SELECT pid::text AS text FROM pg_stat_activity WHERE datname = '{name}'")).join(", ");
    assert!(!pids.is_empty(), "there were connections");
    admin.texts(&format!("SELECT pg_terminate_backend(pid)::text AS text FROM pg_stat_activity WHERE pid IN ({pids})"));
    // Disconnecting takes a moment. Only these connections count: a server may open new ones at once.
    while admin.count("pg_stat_activity", &format!("pid IN ({pids})")) > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An outage that lasts until this is dropped: Postgres accepts no connection; another connection locks SQLite.
pub struct Outage {
    direct: DirectConnection,
    undo: String,
}

impl Outage {
    /// Makes the database unusable.
    pub fn begin(database: &TestDatabase) -> Self {
        match DirectConnection::admin(database) {
            Some(mut admin) => {
                let name = name(database);
                admin.run(&format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false"));
                disconnect_all(&mut admin, database);
                Self { direct: admin, undo: format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true") }
            }
            None => {
                let mut direct = DirectConnection::open(database);
                direct.run("BEGIN EXCLUSIVE");
                Self { direct, undo: "COMMIT".to_owned() }
            }
        }
    }

    /// Like [`Self::begin`], for readers too: no lock stops them on SQLite, so the table of sessions is renamed there.
    pub fn begin_for_readers(database: &TestDatabase) -> Self {
        if database.is_postgres() {
            return Self::begin(database);
        }
        let mut direct = DirectConnection::open(database);
        direct.run("ALTER TABLE sessions RENAME TO sessions_away");
        Self { direct, undo: "ALTER TABLE sessions_away RENAME TO sessions".to_owned() }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        self.direct.run(&self.undo);
    }
}

/// Waits until `/readyz` has this status, at most twenty seconds.
pub async fn wait_for_ready_status(app: &TestApp, status: StatusCode) {
    let begun = Instant::now();
    while app.get("/readyz").send().await.expect("a response").status() != status {
        assert!(begun.elapsed() < Duration::from_secs(20), "/readyz has not become {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
