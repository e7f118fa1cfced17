//! The arguments of `vestibule keys …` and their help.
//! What may not live here: what the commands do (`keys.rs`).

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::config::{Config, ConfigError, DatabaseSettings, LifetimeSettings, Settings};

/// The shortest lead: all instances know a new key a second after it was published.
const LEAST_LEAD: Duration = Duration::from_secs(2);
const MOST_LEAD: Duration = Duration::from_hours(7 * 24);

/// Commands on signing keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// List the signing keys: the next, the one that signs, old and retired ones
    List(KeysArgs),
    /// Make the next key; it is published now and signs later, and the old one's tokens stay good
    Rotate(RotateArgs),
    /// End a key at once, with the tokens that it signed
    Retire(RetireArgs),
    /// Seal the signing keys under another server key
    Reseal(ResealArgs),
}

/// Arguments of every command that must know how the server signs.
#[derive(Args)]
pub struct KeysArgs {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// How the server signs; as the server's setting
    #[arg(long, env = "JWT_ALGORITHM", value_name = "NAME")]
    pub jwt_algorithm: Option<String>,
    /// As the server's setting
    #[arg(long, env = "JWT_SECRET_FILE", value_name = "PATH")]
    pub jwt_secret_file: Option<String>,
    /// How long tokens live; as the server's settings.
    #[command(flatten)]
    pub lifetimes: LifetimeSettings,
    /// The settings.
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
    /// How long the key is published before it signs: 2s to 7d. Resource servers may keep the published keys for 5 minutes
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_lead)]
    pub after: Duration,
    /// The settings.
    #[command(flatten)]
    pub keys: KeysArgs,
}

/// Arguments of `keys retire`.
#[derive(Args)]
pub struct RetireArgs {
    /// The key, as "vestibule keys list" shows it
    pub kid: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// The settings.
    #[command(flatten)]
    pub keys: KeysArgs,
}

/// Arguments of `keys reseal`.
#[derive(Args)]
pub struct ResealArgs {
    /// File that holds the new server key; beside a SQLite database one is made when none is named
    #[arg(long, value_name = "PATH")]
    pub new_server_key_file: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

fn parse_lead(text: &str) -> Result<Duration, String> {
    let lead = humantime::parse_duration(text).ok().filter(|lead| (LEAST_LEAD..=MOST_LEAD).contains(lead));
    lead.ok_or_else(|| "write a duration such as 10m or 1h, from 2s to 7d".to_owned())
}
