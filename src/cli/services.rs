//! What a command that works on the database starts from: its settings checked, the database there and up to date, the services
//! built. The server may run meanwhile.
//! What may not live here: what a command does.

use anyhow::Context as _;

use super::output::refused;
use crate::admin::AdminServices;
use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl};
use crate::db::Db;
use crate::db::migrations::{self, MigrationError, MigrationState};
use crate::mail::Outbox;
use crate::ops::server_key;
use crate::users::argon2id::Cost;
use crate::users::hash_pool::HashPool;
use crate::users::password::PasswordPolicy;

/// How often the database is asked again while another process keeps it locked; each try waits ten seconds by itself.
const TRIES: u32 = 3;

/// Builds the services, after making sure that the database is there and that every migration has run.
///
/// # Errors
/// When it is not there, cannot be opened, is newer than this release, or a migration has not run.
pub fn open(config: &Config) -> anyhow::Result<AdminServices> {
    let pending = migration_states(&config.database)?.iter().filter(|state| !state.is_applied).count();
    if pending > 0 {
        return Err(refused(format!(
            "the database {} lacks {pending} of this release's migrations: run \"vestibule migrate run\"",
            config.database
        )));
    }
    let hash_pool = HashPool::start(config.passwords.hash_threads, Cost::from(config.passwords))
        .context("the threads that hash passwords cannot be started: lower HASH_THREADS")?;
    Ok(AdminServices {
        db: Db::new(&config.database),
        clock: Clock::system(),
        hash_pool,
        password_policy: PasswordPolicy::new(config),
        mail: outbox(config)?,
    })
}

/// Mails that a command leaves are sent by the server, which opens them with the same key.
fn outbox(config: &Config) -> anyhow::Result<Outbox> {
    if config.mail.is_none() {
        return Ok(Outbox::off());
    }
    Ok(server_key::find(config)?.map_or_else(Outbox::off, |(key, _)| Outbox::new(config, &key)))
}

/// All migrations and whether each has run, on a database that exists.
///
/// # Errors
/// When there is no SQLite file (asking about one would make it), or the database cannot be asked.
pub fn migration_states(url: &DatabaseUrl) -> anyhow::Result<Vec<MigrationState>> {
    require_file(url)?;
    Ok(patiently(|| migrations::status(url))?)
}

/// Does something with migrations, again while another process keeps a SQLite file locked: nothing has begun then.
///
/// # Errors
/// What `work` returned at last.
pub fn patiently<T>(work: impl Fn() -> Result<T, MigrationError>) -> Result<T, MigrationError> {
    for _ in 1..TRIES {
        match work() {
            Err(MigrationError::Open { reason, .. }) if reason.contains("locked") => {}
            decided => return decided,
        }
    }
    work()
}

/// Refuses a SQLite file that is not there: opening it would make an empty database under a mistyped name.
///
/// # Errors
/// When it is not there.
pub fn require_file(url: &DatabaseUrl) -> anyhow::Result<()> {
    match url {
        DatabaseUrl::Sqlite(path) if !path.exists() => Err(refused(format!(
            "there is no database at {url}: run \"vestibule migrate run\" to make it, or set DATABASE_URL to the one you mean"
        ))),
        _ => Ok(()),
    }
}
