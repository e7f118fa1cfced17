//! Set-up for commands that use the database: existence and migration checks, and the services.

use anyhow::Context as _;

use super::output::{eprint_warning, failure, misused};
use crate::accounts::AccountService;
use crate::admin::AdminService;
use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl};
use crate::db::Db;
use crate::db::migrations::{self, MigrationError, MigrationState};
use crate::db::server_time::{self, ClockDifference};
use crate::mail::Outbox;
use crate::ops::server_key;
use crate::secret::ServerKey;
use crate::sessions::{Lifetimes, SessionService};
use crate::users::argon2id::Cost;
use crate::users::hash_pool::HashPool;

/// Attempts while another process keeps the database locked; each waits ten seconds.
const ATTEMPTS: u32 = 3;

/// The services of a command, on a database that was checked.
pub struct CommandServices {
    /// The database.
    pub db: Db,
    /// The clock, corrected by the database server's.
    pub clock: Clock,
    /// The session service.
    pub sessions: SessionService,
}

impl CommandServices {
    /// Opens the database after checking that it exists and is up to date.
    ///
    /// # Errors
    /// The database does not exist, cannot be opened, is newer than this release, or has pending migrations.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let pending = migration_states(&config.database)?.iter().filter(|state| !state.is_applied).count();
        if pending > 0 {
            return Err(failure(format!(
                "the database {} is out of date (pending migrations: {pending}): run \"vestibule migrate run\"",
                config.database
            )));
        }
        let (db, clock) = (Db::for_command(&config.database), Clock::system());
        let difference = server_time::follow_blocking(&config.database, &clock)?;
        if let Some(ahead) = difference.and_then(ClockDifference::reportable) {
            eprint_warning(&server_time::warning(ahead));
        }
        let sessions = SessionService::new(db.clone(), clock.clone(), Lifetimes::new(config.lifetimes));
        Ok(Self { db, clock, sessions })
    }

    /// The use cases on clients, signing keys and script tokens.
    #[must_use]
    pub fn admin(&self) -> AdminService {
        AdminService::new(self.db.clone(), self.clock.clone(), self.sessions.clone())
    }
}

/// Opens the database, as [`CommandServices::open`], for use cases on accounts.
///
/// # Errors
/// As [`CommandServices::open`].
pub fn accounts(config: &Config) -> anyhow::Result<AccountService> {
    let CommandServices { db, clock, sessions } = CommandServices::open(config)?;
    let hash_pool = HashPool::start(config.passwords.hash_threads, Cost::from(config.passwords))
        .context("cannot start the password hashing threads (try a lower HASH_THREADS)")?;
    Ok(AccountService::new(config, db, clock, hash_pool, outbox(config)?, sessions).for_commands())
}

/// Opens the database, as [`CommandServices::open`], for the use cases of [`AdminService`].
///
/// # Errors
/// As [`CommandServices::open`].
pub fn admin(config: &Config) -> anyhow::Result<AdminService> {
    Ok(CommandServices::open(config)?.admin())
}

/// The server key, for names that are derived from it.
///
/// # Errors
/// It is neither set nor next to the database.
pub fn require_server_key(config: &Config) -> anyhow::Result<ServerKey> {
    let found = server_key::find(config)?.map(|(key, _)| key);
    found.ok_or_else(|| {
        misused(
            "the server key is required because failed sign-ins are stored under names derived from it: set SERVER_KEY or SERVER_KEY_FILE to the server's value",
        )
    })
}

/// The queue of emails, which the server decrypts with the same key and sends.
fn outbox(config: &Config) -> anyhow::Result<Outbox> {
    if config.mail.is_none() {
        return Ok(Outbox::disabled());
    }
    Ok(server_key::find(config)?.map_or_else(Outbox::disabled, |(key, _)| Outbox::new(config, &key)))
}

/// All migrations and whether each is applied.
///
/// # Errors
/// The SQLite file does not exist, or the database cannot be queried.
pub fn migration_states(url: &DatabaseUrl) -> anyhow::Result<Vec<MigrationState>> {
    require_file(url)?;
    Ok(retry_while_locked(|| migrations::status(url))?)
}

/// Runs `work` again while another process keeps the SQLite file locked; a locked attempt has changed nothing.
///
/// # Errors
/// The error of the last attempt.
pub fn retry_while_locked<T>(work: impl Fn() -> Result<T, MigrationError>) -> Result<T, MigrationError> {
    for _ in 1..ATTEMPTS {
        match work() {
            Err(MigrationError::Open { reason, .. }) if reason.contains("locked") => {}
            result => return result,
        }
    }
    work()
}

/// Checks that a SQLite file exists: opening a mistyped name would create an empty database.
///
/// # Errors
/// The file does not exist.
pub fn require_file(url: &DatabaseUrl) -> anyhow::Result<()> {
    match url {
        DatabaseUrl::Sqlite(path) if !path.exists() => Err(failure(format!(
            "no database at {url}: run \"vestibule migrate run\" to create it, or correct DATABASE_URL (\"vestibule seed --migrate FILE\" creates and fills it)"
        ))),
        _ => Ok(()),
    }
}
