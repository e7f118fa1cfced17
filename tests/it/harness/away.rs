//! A database that goes away and comes back. What may not live here: what a server does meanwhile.

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
    let count = admin.texts(&format!(
        "SELECT COUNT(pg_terminate_backend(pid))::text AS text FROM pg_stat_activity WHERE datname = '{name}'"
    ));
    assert_ne!(count, ["0"], "there were connections to cut");
    // Ending takes a moment.
    while admin.count("pg_stat_activity", &format!("datname = '{name}'")) > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes the database unusable until it is dropped: on Postgres it takes no connection; on SQLite another holds its lock.
pub struct Away {
    direct: Direct,
    back: String,
}

impl Away {
    /// Begins.
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
}

impl Away {
    /// As [`Self::begin`], also for readers, whom another's lock does not stop on SQLite: there the sessions are gone.
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
