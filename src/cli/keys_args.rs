//! Arguments of `vestibule keys` and their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::config::{AdminCommand, KeyCommand, SettingArgs};

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
    /// Settings of the command; use the server's values.
    #[command(flatten)]
    pub settings: SettingArgs<KeyCommand>,
}

/// Arguments of `keys rotate`.
#[derive(Args)]
pub struct RotateArgs {
    /// How long the key is published before it signs (2s to 7d); resource servers may cache keys for 5 minutes
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_lead)]
    pub after: Duration,
    /// Let the new key sign at once, and retire all other keys, also one that waits: their tokens become invalid
    #[arg(long, conflicts_with = "after")]
    pub now: bool,
    /// Skip the confirmation prompt of --now
    #[arg(long)]
    pub yes: bool,
    /// Key settings.
    #[command(flatten)]
    pub keys: KeysArgs,
}

/// Arguments of `keys retire`.
#[derive(Args)]
pub struct RetireArgs {
    /// Key ID, as shown by "vestibule keys list"
    #[arg(allow_hyphen_values = true)]
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
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

fn parse_lead(text: &str) -> Result<Duration, String> {
    let lead = humantime::parse_duration(text).ok().filter(|lead| (MIN_LEAD..=MAX_LEAD).contains(lead));
    lead.ok_or_else(|| "use a duration from 2s to 7d, such as 10m or 1h".to_owned())
}
