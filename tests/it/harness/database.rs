//! A database for each test, on SQLite or Postgres, dropped with its [`TestDatabase`].

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use vestibule::db::migrations;
use vestibule::secret::random_id;

use super::direct_database;

/// The database of one test, and a folder for its files.
pub struct TestDatabase {
    /// The value of `DATABASE_URL`.
    pub url: String,
    /// The working directory of commands on this database.
    pub folder: tempfile::TempDir,
    postgres: Option<Postgres>,
}

struct Postgres {
    admin_url: String,
    name: String,
}

/// A database with all migrations run and nothing else in it: no key, no link.
enum Template {
    /// The bytes of the file.
    Sqlite(Vec<u8>),
    /// The name of a database, which is deleted with the cluster.
    Postgres(String),
}

static TEMPLATE: OnceLock<Template> = OnceLock::new();

impl TestDatabase {
    /// A database with all migrations run, copied from a template that the first test creates.
    pub fn create() -> Self {
        let template = TEMPLATE.get_or_init(Template::make);
        match template {
            Template::Sqlite(bytes) => {
                let database = Self::empty();
                write_private(&database.sqlite_file().expect("SQLite"), bytes);
                database
            }
            Template::Postgres(name) => Self::on_postgres(&format!(" TEMPLATE \"{name}\"")),
        }
    }

    /// A database without a table; on SQLite without a file.
    ///
    /// `TEST_DATABASE` names the kind: `sqlite` (the default) or `postgres`, on the server at `TEST_POSTGRES_URL`.
    pub fn empty() -> Self {
        match std::env::var("TEST_DATABASE").as_deref() {
            Ok("postgres") => Self::on_postgres(""),
            Ok("sqlite") | Err(_) => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}", folder.path().join("db/vestibule.db").display());
                Self { url, folder, postgres: None }
            }
            Ok(other) => panic!("TEST_DATABASE={other}: sqlite or postgres"),
        }
    }

    fn on_postgres(options: &str) -> Self {
        let admin_url = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL: bin/test sets it");
        let name = format!("t_{}", random_id().replace('-', "_").to_lowercase());
        let mut admin = PgConnection::establish(&admin_url).expect("the test server responds");
        admin.batch_execute(&format!("CREATE DATABASE \"{name}\"{options}")).expect("a new database");
        let (base, _) = admin_url.rsplit_once('/').expect("a URL with a database");
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { url: format!("{base}/{name}"), folder, postgres: Some(Postgres { admin_url, name }) }
    }

    /// The same database for another server, which does not delete it.
    pub fn share(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { url: self.url.clone(), folder, postgres: None }
    }

    /// The SQLite file, or `None` on Postgres.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        (!self.is_postgres()).then(|| self.folder.path().join("db/vestibule.db"))
    }

    /// The URL of the database server's own database, for commands to that server; `None` on SQLite.
    pub fn postgres_admin_url(&self) -> Option<&str> {
        self.postgres.as_ref().map(|postgres| postgres.admin_url.as_str())
    }

    /// Whether this is Postgres.
    pub fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }
}

impl Template {
    fn make() -> Self {
        let mut database = TestDatabase::empty();
        migrations::run_pending(&direct_database::url(&database)).expect("the migrations run");
        match database.postgres.take() {
            // `take` prevents the drop: the template must stay.
            Some(postgres) => Self::Postgres(postgres.name),
            None => {
                let file = database.sqlite_file().expect("SQLite");
                let mut connection = SqliteConnection::establish(&file.to_string_lossy()).expect("the file opens");
                connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").expect("SQLite responds");
                drop(connection);
                Self::Sqlite(std::fs::read(&file).expect("readable"))
            }
        }
    }
}

/// Writes a file and creates its folder, both with the permissions that the server sets.
fn write_private(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

    let folder = path.parent().expect("a folder");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).expect("a folder");
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).expect("a new file");
    file.write_all(bytes).expect("written");
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(Postgres { admin_url, name }) = &self.postgres {
            let Ok(mut admin) = PgConnection::establish(admin_url) else { return };
            // The server under test may still hold connections.
            let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        }
    }
}
