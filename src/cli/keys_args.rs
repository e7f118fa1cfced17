//! Arguments of `vestibule keys` and their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::config::{Config, ConfigError, DatabaseSettings, LifetimeSettings, Settings};

/// All instances know a new key one second after it is published.
const MIN_LEAD: Duration = Duration::from_secs(2);
const MAX_LEAD: Duration = Duration::from_hours(7 * 24);

/// Commands on signing keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// List signing keys and their states: next, signing, old or retired
    List(KeysArgs),
    /// Create the next signing key; it is published now and signs later, and existing tokens stay valid
    Rotate(RotateArgs),
    /// Retire a key immediately, invalidating tokens signed with it
    Retire(RetireArgs),
    /// Re-encrypt the signing keys with a new server key
    Reseal(ResealArgs),
}

/// Arguments of every command that needs to know how the server signs.
#[derive(Args)]
pub struct KeysArgs {
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Signing algorithm; use the server's value
    #[arg(long, env = "JWT_ALGORITHM", value_name = "NAME")]
    pub jwt_algorithm: Option<String>,
    /// File that contains the HS256 secret; use the server's value
    #[arg(long, env = "JWT_SECRET_FILE", value_name = "PATH")]
    pub jwt_secret_file: Option<String>,
    /// Token lifetimes; use the server's values.
    #[command(flatten)]
    pub lifetimes: LifetimeSettings,
    /// Database settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

impl KeysArgs {
    /// Checks the settings.
    ///
    /// # Errors
    /// As [`Settings::check`].
    pub fn check(&self) -> Result<Config, ConfigError> {
        let Self { jwt_algorithm, jwt_secret_file, lifetimes, database, .. } = self;
        Settings {
            database: database.clone(),
            jwt_algorithm: jwt_algorithm.clone(),
            jwt_secret_file: jwt_secret_file.clone(),
            lifetimes: lifetimes.clone(),
            ..Settings::default()
        }
        .check()
    }
}

/// Arguments of `keys rotate`.
#[derive(Args)]
pub struct RotateArgs {
    /// How long the key is published before it signs (2s to 7d); resource servers may cache keys for 5 minutes
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_lead)]
    pub after: Duration,
    /// Key settings.
    #[command(flatten)]
    pub keys: KeysArgs,
}

/// Arguments of `keys retire`.
#[derive(Args)]
pub struct RetireArgs {
    /// Key ID, as shown by "vestibule keys list"
    pub kid: String,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub yes: bool,
    /// Key settings.
    #[command(flatten)]
    pub keys: KeysArgs,
}

/// Arguments of `keys reseal`.
#[derive(Args)]
pub struct ResealArgs {
    /// File that contains the new server key; generated next to a SQLite database if omitted
    #[arg(long, value_name = "PATH")]
    pub new_server_key_file: Option<PathBuf>,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Database settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

fn parse_lead(text: &str) -> Result<Duration, String> {
    let lead = humantime::parse_duration(text).ok().filter(|lead| (MIN_LEAD..=MAX_LEAD).contains(lead));
    lead.ok_or_else(|| "use a duration from 2s to 7d, such as 10m or 1h".to_owned())
}
