//! The arguments of `vestibule users …` and their help.
//! What may not live here: what the commands do (`users.rs`).

use clap::{Args, Subcommand};

use super::prompt::PasswordSource;
use crate::config::{DatabaseSettings, LifetimeSettings};

/// Commands on users.
#[derive(Subcommand)]
pub enum UsersCommand {
    /// Add a user; asks for the password on the terminal unless told otherwise
    Add(Box<AddArgs>),
    /// List all users
    List(ListArgs),
    /// Show one user
    Show(Box<ShowArgs>),
    /// Set a user's password; all their sessions end
    SetPassword(SetPasswordArgs),
    /// Print a one-time link by which a user chooses a new password
    ResetLink(NameArgs),
    /// Turn an account off; its sessions end
    Disable(ForcedArgs),
    /// Turn an account on again
    Enable(NameArgs),
    /// Give a user roles
    Grant(RolesArgs),
    /// Take roles from a user
    Revoke(ForcedRolesArgs),
    /// End all sessions of a user, on all devices and in all programs
    SignOut(NameArgs),
    /// Delete a user; the name and number are never given again
    Delete(ForcedArgs),
    /// Forget the failed sign-ins counted against a user
    Unlock(NameArgs),
}

/// Arguments of `users add`.
#[derive(Args)]
pub struct AddArgs {
    /// The username
    pub name: String,
    /// The user's number [default: the next free one]
    #[arg(long, value_name = "NUMBER")]
    pub id: Option<i64>,
    /// What the person is called
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// Where mail reaches them
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// A role, such as admin; can be given several times
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordSource,
    /// Set no password: nobody can sign in until one is set
    #[arg(long, conflicts_with_all = ["password_stdin", "password_file"])]
    pub no_password: bool,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// Arguments of `users list`.
#[derive(Args)]
pub struct ListArgs {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// Arguments of a command on one user.
#[derive(Args)]
pub struct NameArgs {
    /// The username
    pub name: String,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// Arguments of a command that could leave the server without an admin.
#[derive(Args)]
pub struct ForcedArgs {
    /// On whom.
    #[command(flatten)]
    pub on: NameArgs,
    /// Do so even when nobody could administer the server any more
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `users set-password`.
#[derive(Args)]
pub struct SetPasswordArgs {
    /// On whom.
    #[command(flatten)]
    pub on: NameArgs,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordSource,
}

/// Arguments of `users show`: with the server's lifetimes, by which it is known whether a session is live.
#[derive(Args)]
pub struct ShowArgs {
    /// On whom.
    #[command(flatten)]
    pub on: NameArgs,
    /// How long sessions live.
    #[command(flatten)]
    pub lifetimes: LifetimeSettings,
}

/// Arguments of `users grant`.
#[derive(Args)]
pub struct RolesArgs {
    /// The username
    pub name: String,
    /// Roles, such as editor
    #[arg(required = true, value_name = "ROLE")]
    pub roles: Vec<String>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// Arguments of `users revoke`.
#[derive(Args)]
pub struct ForcedRolesArgs {
    /// Which roles, on whom.
    #[command(flatten)]
    pub on: RolesArgs,
    /// Do so even when nobody could administer the server any more
    #[arg(long)]
    pub force: bool,
}
