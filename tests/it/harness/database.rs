//! A database of its own for each test, on SQLite or Postgres, gone when the test is.
//! What may not live here: tables.

use std::path::PathBuf;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use vestibule::secret::random_id;

/// An empty database.
pub struct TestDatabase {
    /// What `DATABASE_URL` is to be.
    pub url: String,
    kind: Kind,
}

enum Kind {
    Sqlite(tempfile::TempDir),
    Postgres { admin_url: String, name: String },
}

impl TestDatabase {
    /// Makes one of the kind that `TEST_DATABASE` names: `sqlite` (the default) or `postgres`, on the server at `TEST_POSTGRES_URL`.
    pub fn create() -> Self {
        match std::env::var("TEST_DATABASE").as_deref() {
            Ok("postgres") => {
                let admin_url = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL: bin/test sets it");
                let name = format!("t_{}", random_id().replace('-', "_").to_lowercase());
                let mut admin = PgConnection::establish(&admin_url).expect("the test server answers");
                admin.batch_execute(&format!("CREATE DATABASE \"{name}\"")).expect("a database of our own");
                let (base, _) = admin_url.rsplit_once('/').expect("a URL with a database");
                Self { url: format!("{base}/{name}"), kind: Kind::Postgres { admin_url, name } }
            }
            Ok("sqlite") | Err(_) => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                Self {
                    url: format!("sqlite://{}", folder.path().join("vestibule.db").display()),
                    kind: Kind::Sqlite(folder),
                }
            }
            Ok(other) => panic!("TEST_DATABASE={other}: sqlite or postgres"),
        }
    }

    /// The SQLite file, or `None` on Postgres.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        match &self.kind {
            Kind::Sqlite(folder) => Some(folder.path().join("vestibule.db")),
            Kind::Postgres { .. } => None,
        }
    }

    /// The URL of the server's own database, for what a test does to the server; `None` on SQLite.
    pub fn postgres_admin_url(&self) -> Option<&str> {
        match &self.kind {
            Kind::Sqlite(_) => None,
            Kind::Postgres { admin_url, .. } => Some(admin_url),
        }
    }

    /// Whether this is Postgres.
    pub fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres { .. })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Kind::Postgres { admin_url, name } = &self.kind {
            let Ok(mut admin) = PgConnection::establish(admin_url) else { return };
            // The server under test may still hold connections.
            let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        }
    }
}
