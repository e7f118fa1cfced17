//! The command-line interface, one file per command group.

pub mod audit;
pub mod backup;
pub mod clients;
mod clients_args;
pub mod command_tree;
mod core_dumps;
pub mod db;
pub mod doctor;
mod each_name;
mod examples;
pub mod export;
pub mod import;
mod import_progress;
pub mod invites;
pub mod keys;
mod keys_args;
pub mod log;
pub mod migrate;
pub mod output;
mod prompt;
pub mod roles;
pub mod seed;
pub mod serve;
pub mod services;
pub mod sessions;
pub mod setup_link;
mod signals;
pub mod token;
pub mod users;
mod users_args;
mod users_list;
mod users_roles;
mod users_show;
mod users_state;
mod when;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A login and token server in one binary.
#[derive(Parser)]
#[command(name = "vestibule", version, about, long_about = None)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
    /// Print no confirmations and notes, only errors, warnings and what was asked for; of users, only their names
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The commands; `serve` is the default.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server (default)
    Serve(serve::Serve),
    /// Add, list, change and delete users
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Create, list and revoke invitations
    #[command(subcommand)]
    Invites(invites::InvitesCommand),
    /// Register, list, change and delete clients
    #[command(subcommand)]
    Clients(clients::ClientsCommand),
    /// List roles and set the scopes they allow
    #[command(subcommand)]
    Roles(roles::RolesCommand),
    /// List and end sessions
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Issue, decode and verify access tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// List, rotate, retire and reseal signing keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Create or update users, roles and clients from a TOML file (idempotent)
    Seed(seed::SeedArgs),
    /// Print recorded security events, such as failed sign-ins and what administrators did
    Audit(audit::AuditArgs),
    /// Check the settings, the database, the server key, mail and the public URL
    Doctor(doctor::DoctorArgs),
    /// Copy a database
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Back up a SQLite database while the server runs
    Backup(backup::BackupArgs),
    /// Import users from CSV, JSON Lines or Keycloak, with their password hashes (idempotent)
    Import(import::ImportArgs),
    /// Export users as CSV or JSON Lines, as import takes them
    Export(export::ExportArgs),
    /// Run, list and revert database migrations
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Print a one-time link to create the first admin or recover a locked-out one
    SetupLink(setup_link::SetupLinkArgs),
    /// Print completions for a shell
    Completions(command_tree::CompletionsArgs),
    /// Write man pages into a folder
    Man(command_tree::ManArgs),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// Any failure; [`output::report`] prints it and returns the exit code.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(serve) => serve::run(serve).await,
            Self::Users(command) => users::run(command).await,
            Self::Invites(command) => invites::run(command).await,
            Self::Clients(command) => clients::run(command).await,
            Self::Roles(command) => roles::run(command).await,
            Self::Sessions(command) => sessions::run(command).await,
            Self::Token(command) => token::run(command).await,
            Self::Keys(command) => keys::run(command).await,
            Self::Seed(args) => seed::run(args).await,
            Self::Audit(args) => audit::run(args).await,
            Self::Doctor(args) => doctor::run(args).await,
            Self::Db(command) => db::run(command).await,
            Self::Backup(args) => backup::run(&args),
            Self::Import(args) => import::run(args).await,
            Self::Export(args) => export::run(args).await,
            Self::Migrate(command) => migrate::run(command),
            Self::SetupLink(args) => setup_link::run(args).await,
            Self::Completions(args) => command_tree::print_completions(&args),
            Self::Man(args) => command_tree::write_man_pages(&args),
        }
    }
}
