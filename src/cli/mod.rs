//! The admin's commands, a file per noun. Each checks its settings, calls one use case and tells the outcome.
//! Exit codes: 0 done, 1 refused or not found, 2 wrong usage or settings. What may not live here: SQL, HTML, rules.

pub mod clients;
mod clients_args;
pub mod invites;
pub mod keys;
mod keys_args;
mod log;
pub mod migrate;
pub mod output;
mod prompt;
pub mod roles;
pub mod seed;
pub mod serve;
pub mod services;
pub mod setup_link;
pub mod token;
pub mod users;
mod users_args;
mod users_roles;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A login and token server in one binary.
#[derive(Parser)]
#[command(name = "vestibule", version, about, long_about = None, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can be told to do; `serve` when nothing is said.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server (the default)
    Serve(Box<serve::Serve>),
    /// Add, list, change and delete users
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Invite people to make accounts of their own
    #[command(subcommand)]
    Invites(invites::InvitesCommand),
    /// Register, list, change and delete programs
    #[command(subcommand)]
    Clients(clients::ClientsCommand),
    /// List the roles, and set which scopes each allows
    #[command(subcommand)]
    Roles(roles::RolesCommand),
    /// Make, read and check access tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// List, rotate and retire signing keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Make users as a TOML file wants them; safe to run again
    Seed(seed::SeedArgs),
    /// Bring the database up to date, show or revert its migrations
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Print a one-time link: for the first admin, or for one who is locked out
    SetupLink(setup_link::SetupLinkArgs),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// What [`output::report`] prints and turns into the exit code.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(serve) => serve::run(*serve).await,
            Self::Users(command) => users::run(command).await,
            Self::Invites(command) => invites::run(command).await,
            Self::Clients(command) => clients::run(command).await,
            Self::Roles(command) => roles::run(command).await,
            Self::Token(command) => token::run(command).await,
            Self::Keys(command) => keys::run(command).await,
            Self::Seed(args) => seed::run(args).await,
            Self::Migrate(command) => migrate::run(command),
            Self::SetupLink(args) => setup_link::run(args).await,
        }
    }
}
