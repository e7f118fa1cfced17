//! Arguments of `vestibule users` and their help.

use clap::{Args, Subcommand, ValueEnum};

use super::prompt::PasswordSource;
use super::when::When;
use crate::config::{AdminCommand, SessionCommand, SettingArgs};
use crate::users::{ListedState, UserSort};

/// Commands on users.
#[derive(Subcommand)]
pub enum UsersCommand {
    /// Add a user; prompts for the password by default
    Add(AddArgs),
    /// List users
    List(ListArgs),
    /// Show a user with roles, live sessions, failed sign-ins and recent events
    Show(ShowArgs),
    /// Change a user's display name, email address or language
    Set(SetArgs),
    /// Set a user's password and end all their sessions
    SetPassword(SetPasswordArgs),
    /// Print a one-time password reset link for a user
    ResetLink(NameArgs),
    /// Email a one-time link, valid for 7 days, with which a new user chooses a password
    SendInvite(EachNameArgs),
    /// Disable an account and end its sessions
    Disable(ForcedArgs),
    /// Enable a disabled account
    Enable(EachNameArgs),
    /// Grant roles to a user
    Grant(RolesArgs),
    /// Revoke roles from a user
    Revoke(ForcedRolesArgs),
    /// End all sessions of a user, on all devices and in all clients
    SignOut(EachNameArgs),
    /// Require a new password, which the user sets by a link, and end all their sessions
    RequireNewPassword(RequireArgs),
    /// Delete a user; the username and ID are never reused
    Delete(DeleteArgs),
    /// Clear a user's failed sign-ins
    Unlock(EachNameArgs),
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
    /// Set no password, and email a link with which the user chooses one within 7 days
    #[arg(long, requires = "email", conflicts_with_all = ["password_stdin", "password_file", "no_password"])]
    pub send_invite: bool,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of `users list`.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command")]
pub struct ListArgs {
    /// Only users with this text in their username, display name or email address, or with this user ID
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only users with this role
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Only accounts in this state [default: all but deleted ones]
    #[arg(long, value_enum, value_name = "STATE")]
    pub state: Option<StateName>,
    /// Only users who have never signed in
    #[arg(long, conflicts_with = "signed_in_since")]
    pub never_signed_in: bool,
    /// Only users who signed in since then: 2h, 7d, today, a date or an RFC 3339 moment
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    pub signed_in_since: Option<When>,
    /// Only users without a password
    #[arg(long)]
    pub without_password: bool,
    /// Only users who must set a new password
    #[arg(long)]
    pub new_password_required: bool,
    /// Only accounts that reject sign-ins at the moment, after too many wrong passwords
    #[arg(long)]
    pub locked: bool,
    /// Order of the list
    #[arg(long, value_enum, value_name = "FIELD", default_value = "id")]
    pub sort: SortName,
    /// Reverse the order
    #[arg(long)]
    pub reverse: bool,
    /// The most users [default: all]
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
    /// Users to skip
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub offset: usize,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<SessionCommand>,
}

/// A state, by the name of the option.
#[derive(Clone, Copy, ValueEnum)]
pub enum StateName {
    /// Can sign in
    Active,
    /// Disabled
    Disabled,
    /// Deleted; only the username and the ID are left
    Deleted,
}

impl From<StateName> for ListedState {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Active => Self::Active,
            StateName::Disabled => Self::Disabled,
            StateName::Deleted => Self::Deleted,
        }
    }
}

/// An order, by the name of the option.
#[derive(Clone, Copy, ValueEnum)]
pub enum SortName {
    /// By user ID
    Id,
    /// By username
    Username,
    /// By last sign-in, never first
    LastSignIn,
}

impl From<SortName> for UserSort {
    fn from(name: SortName) -> Self {
        match name {
            SortName::Id => Self::Id,
            SortName::Username => Self::Username,
            SortName::LastSignIn => Self::LastSignIn,
        }
    }
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

/// Arguments of a command on one user, or on many.
#[derive(Args)]
pub struct EachNameArgs {
    /// Username, or - to read usernames from standard input, one on each line
    pub name: String,
    /// Output JSON: one object, or with - one on each line
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
    pub on: EachNameArgs,
    /// Proceed even if this leaves no administrator
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `users delete`.
#[derive(Args)]
pub struct DeleteArgs {
    /// The user.
    #[command(flatten)]
    pub on: ForcedArgs,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `users require-new-password`.
#[derive(Args)]
pub struct RequireArgs {
    /// Username, or - to read usernames from standard input, one on each line
    #[arg(required_unless_present = "all")]
    pub name: Option<String>,
    /// All users who have a password, administrators included
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
    /// Skip the confirmation prompt of --all
    #[arg(long)]
    pub yes: bool,
    /// Output JSON: one object, or with - one on each line
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of `users set`.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
#[expect(clippy::struct_excessive_bools, reason = "options of a command")]
pub struct SetArgs {
    /// Username
    pub name: String,
    /// New display name
    #[arg(long, value_name = "TEXT", group = "change")]
    pub display_name: Option<String>,
    /// Remove the display name
    #[arg(long, conflicts_with = "display_name", group = "change")]
    pub no_display_name: bool,
    /// New email address, which counts as not confirmed; the old address is notified
    #[arg(long, value_name = "ADDRESS", group = "change")]
    pub email: Option<String>,
    /// Remove the email address
    #[arg(long, conflicts_with = "email", group = "change")]
    pub no_email: bool,
    /// Language of pages and emails, such as en or ko
    #[arg(long, value_name = "TAG", group = "change")]
    pub language: Option<String>,
    /// Use the language of the browser
    #[arg(long, conflicts_with = "language", group = "change")]
    pub no_language: bool,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
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
    /// Username, or - to read usernames from standard input, one on each line
    pub name: String,
    /// Roles, such as editor
    #[arg(required = true, value_name = "ROLE")]
    pub roles: Vec<String>,
    /// Output JSON: one object, or with - one on each line
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
