//! A database made unavailable for a while.

use std::time::Duration;

use super::TestDatabase;
use super::beside::Direct;

/// The name of the database itself.
fn name(database: &TestDatabase) -> &str {
    database.url.rsplit('/').next().expect("a name")
}

/// Ends all connections to the database, as a restart of its server does.
pub fn cut(admin: &mut Direct, database: &TestDatabase) {
    let name = name(database);
    let pids =
        admin.texts(&format!("SELECT pid::text AS text FROM pg_stat_activity WHERE datname = '{name}'")).join(", ");
    assert!(!pids.is_empty(), "there were connections to cut");
    admin.texts(&format!("SELECT pg_terminate_backend(pid)::text AS text FROM pg_stat_activity WHERE pid IN ({pids})"));
    // Ending takes a moment. Only these are waited for: a server may open others at once.
    while admin.count("pg_stat_activity", &format!("pid IN ({pids})")) > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An unusable database, until this is dropped: Postgres accepts no connection; SQLite is locked by another.
pub struct Away {
    direct: Direct,
    back: String,
}

impl Away {
    /// Makes the database unusable.
    pub fn begin(database: &TestDatabase) -> Self {
        match Direct::admin(database) {
            Some(mut admin) => {
                let name = name(database);
                admin.run(&format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false"));
                cut(&mut admin, database);
                Self { direct: admin, back: format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true") }
            }
            None => {
                let mut direct = Direct::open(database);
                direct.run("BEGIN EXCLUSIVE");
                Self { direct, back: "COMMIT".to_owned() }
            }
        }
    }

    /// As [`Self::begin`], also for readers, which no lock stops on SQLite: there the table of sessions is renamed.
    pub fn begin_for_readers(database: &TestDatabase) -> Self {
        if database.is_postgres() {
            return Self::begin(database);
        }
        let mut direct = Direct::open(database);
        direct.run("ALTER TABLE sessions RENAME TO sessions_away");
        Self { direct, back: "ALTER TABLE sessions_away RENAME TO sessions".to_owned() }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        self.direct.run(&self.back);
    }
}
