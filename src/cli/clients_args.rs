//! The arguments of `vestibule clients …` and their help. What may not live here: what the commands do (`clients.rs`).

use clap::{Args, Subcommand};

use crate::config::{DatabaseSettings, LifetimeSettings};

/// Commands on registered programs.
#[derive(Subcommand)]
pub enum ClientsCommand {
    /// Register a program; prints its id and, on the next line, its secret, which is shown only once
    Add(ClientAddArgs),
    /// List all programs
    List(ClientListArgs),
    /// Show one program
    Show(Box<ClientShowArgs>),
    /// Change what a program may ask for
    Set(ClientSetArgs),
    /// Give a program a new secret, and print it once; the old one serves no more
    RotateSecret(RotateSecretArgs),
    /// Delete a program; all its tokens and those of its users through it end
    Delete(ClientDeleteArgs),
}

/// Arguments of `clients add`.
#[derive(Args)]
pub struct ClientAddArgs {
    /// What the program is called
    pub name: String,
    /// What it may ask for: password, `refresh_token` or `client_credentials`; can be given several times
    #[arg(long = "grant", value_name = "GRANT", required = true)]
    pub grants: Vec<String>,
    /// A scope that its tokens may have, such as read; can be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// Arguments of `clients list`.
#[derive(Args)]
pub struct ClientListArgs {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// Arguments of a command on one program.
#[derive(Args)]
pub struct ClientArgs {
    /// The program's name or id
    #[arg(value_name = "NAME_OR_ID")]
    pub which: String,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// Arguments of `clients show`: with the server's lifetimes, by which it is known whether a session is live.
#[derive(Args)]
pub struct ClientShowArgs {
    /// On which.
    #[command(flatten)]
    pub on: ClientArgs,
    /// How long sessions live.
    #[command(flatten)]
    pub lifetimes: LifetimeSettings,
}

/// Arguments of `clients set`.
#[derive(Args)]
pub struct ClientSetArgs {
    /// On which.
    #[command(flatten)]
    pub on: ClientArgs,
    /// What it may ask for from now on, exactly; can be given several times
    #[arg(long = "grant", value_name = "GRANT", required_unless_present_any = ["scopes", "no_scopes"])]
    pub grants: Vec<String>,
    /// A scope that its tokens may have from now on, exactly; can be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Its tokens may have no scope
    #[arg(long, conflicts_with = "scopes")]
    pub no_scopes: bool,
}

/// Arguments of `clients rotate-secret`.
#[derive(Args)]
pub struct RotateSecretArgs {
    /// On which.
    #[command(flatten)]
    pub on: ClientArgs,
    /// End its tokens and those of its users through it, too: for when the old secret fell into wrong hands
    #[arg(long)]
    pub end_tokens: bool,
}

/// Arguments of `clients delete`.
#[derive(Args)]
pub struct ClientDeleteArgs {
    /// On which.
    #[command(flatten)]
    pub on: ClientArgs,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
