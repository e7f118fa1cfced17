//! Direct access to the database, without a server: SQL, accounts and settings.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query, sql_types,
};
use vestibule::clock::Clock;
use vestibule::config::{Config, DatabaseUrl, Settings};
use vestibule::db::{Db, DbError};
use vestibule::mail::Outbox;
use vestibule::secret::ServerKey;
use vestibule::users::argon2id::Cost;
use vestibule::users::hash_pool::HashPool;
use vestibule::users::password::Password;
use vestibule::users::{self, NewUser, UserCreation, UserId, Username};

use super::{PASSWORD, SERVER_KEY, TestDatabase};

/// A test's own connection, without the server's connection settings.
pub enum DirectConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    text: String,
}

impl DirectConnection {
    pub fn open(database: &TestDatabase) -> Self {
        match database.sqlite_file() {
            Some(file) => {
                std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
                let mut connection = SqliteConnection::establish(&file.to_string_lossy()).expect("the file opens");
                connection.batch_execute("PRAGMA busy_timeout = 10000").expect("SQLite responds");
                Self::Sqlite(connection)
            }
            None => Self::Postgres(PgConnection::establish(&database.url).expect("the database responds")),
        }
    }

    /// A connection to a SQLite file.
    pub fn open_file(file: &std::path::Path) -> Self {
        Self::Sqlite(SqliteConnection::establish(&file.to_string_lossy()).expect("the file opens"))
    }

    /// A connection to the server's own database; `None` on SQLite.
    pub fn admin(database: &TestDatabase) -> Option<Self> {
        let url = database.postgres_admin_url()?;
        Some(Self::Postgres(PgConnection::establish(url).expect("the test server responds")))
    }

    /// Runs statements that may fail.
    pub fn try_run(&mut self, sql: &str) -> diesel::QueryResult<()> {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql),
            Self::Postgres(connection) => connection.batch_execute(sql),
        }
    }

    /// Runs statements that must succeed.
    pub fn run(&mut self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The column `text` of all rows.
    pub fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows: diesel::QueryResult<Vec<Row>> = match self {
            Self::Sqlite(connection) => sql_query(sql).load(connection),
            Self::Postgres(connection) => sql_query(sql).load(connection),
        };
        rows.unwrap_or_else(|error| panic!("{sql}: {error}")).into_iter().map(|row| row.text).collect()
    }

    /// The number of rows of a table that match `condition`.
    pub fn count(&mut self, table: &str, condition: &str) -> i64 {
        let count = self.texts(&format!("SELECT CAST(COUNT(*) AS TEXT) AS text FROM {table} WHERE {condition}"));
        count[0].parse().expect("a number")
    }
}

/// Waits until a sign-in attempt is in flight, which `request` causes.
pub async fn wait_until_in_flight<T>(direct: &mut DirectConnection, request: &tokio::task::JoinHandle<T>) {
    while direct.count("login_attempts", "in_flight > 0") == 0 {
        assert!(!request.is_finished(), "the request ended before its attempt was seen in flight");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The settings of a server on this database, with cheap hashes.
pub fn config(database: &TestDatabase) -> Config {
    config_of(&database.url)
}

/// Like [`config`], for a URL.
pub fn config_of(url: &str) -> Config {
    let mut config = settings_of(url).check().expect("valid settings");
    config.server_key = ServerKey::parse(SERVER_KEY);
    config
}

fn settings_of(url: &str) -> Settings {
    let mut settings = Settings::default();
    settings.set("DATABASE_URL", url);
    settings.set("ARGON2_MEMORY_KIB", "64");
    settings.set("ARGON2_ITERATIONS", "1");
    settings
}

/// The mail queue of servers on this database.
pub fn outbox(database: &TestDatabase) -> Outbox {
    let mut settings = settings_of(&database.url);
    settings.set("SMTP_URL", "smtp://127.0.0.1:1");
    settings.set("MAIL_FROM", "login@example.com");
    let config = settings.check().expect("valid settings");
    Outbox::new(&config, &ServerKey::parse(SERVER_KEY).expect("a key"))
}

/// The URL of the database, in the library's type.
pub fn url(database: &TestDatabase) -> DatabaseUrl {
    config(database).database
}

/// Creates an account with the password [`PASSWORD`] and these roles.
pub async fn add_user(database: &TestDatabase, name: &str, roles: &[&str]) -> UserId {
    let config = config(database);
    let hash_pool = HashPool::start(1, Cost::from(config.passwords)).expect("a thread");
    let hash = hash_pool.hash(Password::parse(PASSWORD).expect("a valid password")).await.expect("room in the queue");
    let new = NewUser {
        id: None,
        username: Username::parse(name, None).expect("a name"),
        display_name: None,
        email: None,
        password_hash: Some(hash.into()),
    };
    let now = Clock::system().now();
    let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
    let db = Db::for_start(&config.database);
    let creation = db.write(move |conn| -> Result<_, DbError> {
        let creation = users::create(conn, new, now)?;
        if let UserCreation::Created(user) = &creation {
            for role in &roles {
                users::grant_role(conn, user.id, role, now)?;
            }
        }
        Ok(creation)
    });
    match creation.await.expect("the database responds") {
        UserCreation::Created(user) => user.id,
        other => panic!("{other:?}"),
    }
}
