//! Arguments of `vestibule clients` and their help.

use clap::{ArgAction, Args, Subcommand};

use crate::config::{AdminCommand, SessionCommand, SettingArgs};

/// Commands on clients.
#[derive(Subcommand)]
pub enum ClientsCommand {
    /// Register a client; prints its ID and, on the next line, its secret, which is shown only once
    Add(ClientAddArgs),
    /// List clients
    List(ClientListArgs),
    /// Show a client
    Show(ClientShowArgs),
    /// Change a client's grants, scopes and other rights
    Set(ClientSetArgs),
    /// Replace a client's secret and print the new one; the old secret stops working immediately
    RotateSecret(RotateSecretArgs),
    /// Delete a client and revoke all tokens issued to it
    Delete(ClientDeleteArgs),
}

/// Arguments of `clients add`.
#[derive(Args)]
pub struct ClientAddArgs {
    /// Client name
    pub name: String,
    /// Allowed grant: password, `refresh_token` or `client_credentials`; can be repeated
    #[arg(long = "grant", value_name = "GRANT", required = true)]
    pub grants: Vec<String>,
    /// Allowed scope, such as read; can be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Whether to believe the header Vestibule-Forwarded-For in the client's requests: on or off
    #[arg(long, value_name = "WORD", default_value = "off", action = ArgAction::Set, value_parser = parse_on_off)]
    pub forwards_client_address: bool,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of `clients list`.
#[derive(Args)]
pub struct ClientListArgs {
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of a command on one client.
#[derive(Args)]
pub struct ClientArgs {
    /// Client name or ID
    #[arg(value_name = "NAME_OR_ID")]
    pub which: String,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
}

/// Arguments of `clients show`; the lifetimes decide which sessions are live.
#[derive(Args)]
pub struct ClientShowArgs {
    /// Client name or ID
    #[arg(value_name = "NAME_OR_ID")]
    pub which: String,
    /// Output JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<SessionCommand>,
}

/// Arguments of `clients set`.
#[derive(Args)]
pub struct ClientSetArgs {
    /// The client.
    #[command(flatten)]
    pub on: ClientArgs,
    /// Allowed grant, replacing the current ones; can be repeated
    #[arg(long = "grant", value_name = "GRANT", required_unless_present_any = ["scopes", "no_scopes", "forwards_client_address"])]
    pub grants: Vec<String>,
    /// Allowed scope, replacing the current ones; can be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Allow no scopes
    #[arg(long, conflicts_with = "scopes")]
    pub no_scopes: bool,
    /// Whether to believe the header Vestibule-Forwarded-For in the client's requests: on or off
    #[arg(long, value_name = "WORD", value_parser = parse_on_off)]
    pub forwards_client_address: Option<bool>,
}

fn parse_on_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("use on or off"),
    }
}

/// Arguments of `clients rotate-secret`.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command")]
pub struct RotateSecretArgs {
    /// Client name or ID
    #[arg(value_name = "NAME_OR_ID", required_unless_present = "all")]
    pub which: Option<String>,
    /// All clients
    #[arg(long, conflicts_with = "which")]
    pub all: bool,
    /// Skip the confirmation prompt of --all
    #[arg(long)]
    pub yes: bool,
    /// Output JSON: one object, or with --all one on each line
    #[arg(long)]
    pub json: bool,
    /// Settings of the command.
    #[command(flatten)]
    pub settings: SettingArgs<AdminCommand>,
    /// Also revoke all tokens issued to it, for example after the old secret leaked
    #[arg(long)]
    pub end_tokens: bool,
}

/// Arguments of `clients delete`.
#[derive(Args)]
pub struct ClientDeleteArgs {
    /// The client.
    #[command(flatten)]
    pub on: ClientArgs,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub yes: bool,
}
