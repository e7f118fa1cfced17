//! Arguments of `vestibule users` and their help.

use clap::{Args, Subcommand};

use super::prompt::PasswordSource;
use crate::config::{AdminCommand, SessionCommand, SettingArgs};

/// Commands on users.
#[derive(Subcommand)]
pub enum UsersCommand {
    /// Add a user; prompts for the password by default
    Add(AddArgs),
    /// List users
    List(ListArgs),
    /// Show a user
    Show(ShowArgs),
    /// Set a user's password and end all their sessions
    SetPassword(SetPasswordArgs),
    /// Print a one-time password reset link for a user
    ResetLink(NameArgs),
    /// Disable an account and end its sessions
    Disable(ForcedArgs),
    /// Enable a disabled account
    Enable(NameArgs),
    /// Grant roles to a user
    Grant(RolesArgs),
    /// Revoke roles from a user
    Revoke(ForcedRolesArgs),
    /// End all sessions of a user, on all devices and in all clients
    SignOut(NameArgs),
    /// Delete a user; the username and ID are never reused
    Delete(ForcedArgs),
    /// Clear a user's failed sign-ins
    Unlock(NameArgs),
}

/// Arguments of `users add`.
#[derive(Args)]
pub struct AddArgs {
    /// Username
    pub name: String,
    /// User ID [default: the next free one]
    #[arg(long, value_name = "ID")]
    pub id: Option<i64>,
    /// Display name
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// Email address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Role to grant, such as admin; can be repeated
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// The source of the password.
    #[command(flatten)]
    pub password: PasswordSource,
    /// Set no password; the user cannot sign in until one is set
    #[arg(long, conflicts_with_all = ["password_stdin", "password_file"])]
    pub no_password: bool,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of `users list`.
#[derive(Args)]
pub struct ListArgs {
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of a command on one user.
#[derive(Args)]
pub struct NameArgs {
    /// Username
    pub name: String,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of a command that could leave the server without an admin.
#[derive(Args)]
pub struct ForcedArgs {
    /// The user.
    #[command(flatten)]
    pub on: NameArgs,
    /// Proceed even if this leaves no administrator
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `users set-password`.
#[derive(Args)]
pub struct SetPasswordArgs {
    /// The user.
    #[command(flatten)]
    pub on: NameArgs,
    /// The source of the password.
    #[command(flatten)]
    pub password: PasswordSource,
}

/// Arguments of `users show`; the lifetimes decide which sessions are live.
#[derive(Args)]
pub struct ShowArgs {
    /// Username
    pub name: String,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<SessionCommand>,
}

/// Arguments of `users grant`.
#[derive(Args)]
pub struct RolesArgs {
    /// Username
    pub name: String,
    /// Roles, such as editor
    #[arg(required = true, value_name = "ROLE")]
    pub roles: Vec<String>,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of `users revoke`.
#[derive(Args)]
pub struct ForcedRolesArgs {
    /// The user and the roles.
    #[command(flatten)]
    pub on: RolesArgs,
    /// Proceed even if this leaves no administrator
    #[arg(long)]
    pub force: bool,
}
