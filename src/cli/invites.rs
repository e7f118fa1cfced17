//! The `vestibule invites` commands.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{self, Table, eprint_note, failure, print_result, print_value};
use super::services;
use super::users_roles::warn_of_unknown_roles;
use crate::accounts::fields;
use crate::audit::Cause;
use crate::config::{AdminCommand, Config, RegistrationMode, SettingArgs};
use crate::links::Link;
use crate::registration::{self, Invitation};
use crate::users;

/// Commands on invitations.
#[derive(Subcommand)]
pub enum InvitesCommand {
    /// Invite someone; prints a one-time link or emails it
    Add(AddArgs),
    /// List open invitations
    List(ListArgs),
    /// Revoke an invitation
    Revoke(RevokeArgs),
}

/// Arguments of `invites add`.
#[derive(Args)]
pub struct AddArgs {
    /// Email the link to this address, which the account then has; needs `SMTP_URL`
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Role the account gets, such as editor; can be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Arguments of `invites list`.
#[derive(Args)]
pub struct ListArgs {
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Arguments of `invites revoke`.
#[derive(Args)]
pub struct RevokeArgs {
    /// Invitation ID, as shown by "vestibule invites list"
    #[arg(allow_hyphen_values = true)]
    id: String,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Runs a command on invitations.
///
/// # Errors
/// Any failure; see [`output::report`].
pub async fn run(command: InvitesCommand) -> anyhow::Result<ExitCode> {
    match command {
        InvitesCommand::Add(args) => add(args).await,
        InvitesCommand::List(args) => list(args).await,
        InvitesCommand::Revoke(args) => revoke(args).await,
    }
}

async fn add(args: AddArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let accounts = services::accounts(&config)?;
    require_open(&config)?;
    let invalid = |error: fields::FieldError| failure(format!("{}: {error}", error.field()));
    let email = args.email.map(fields::check_email).transpose().map_err(invalid)?;
    let roles = fields::check_roles(args.roles).map_err(invalid)?;
    warn_of_unknown_roles(&accounts, &roles).await?;
    // The person chooses the username.
    accounts.check_roles_fit(&"x".repeat(users::MAX_USERNAME_CHARACTERS), None, &roles).map_err(invalid)?;
    match registration::invite(&accounts, email.clone(), roles.clone(), &Cause::command()).await? {
        Invitation::Created(secret) => {
            let url = format!("{}/invite?link={}", config.public_url, secret.reveal());
            if !args.json {
                eprint_note("One person can create an account with this link within 7 days. It works once.");
            }
            print_value(args.json, &json!({ "email": null, "roles": roles, "url": url }), &url)
        }
        Invitation::Mailed => {
            let email = email.unwrap_or_default();
            let text = format!("queued the invitation for {email}; the link in it works once, within 7 days");
            print_result(args.json, &json!({ "email": email, "roles": roles, "url": null }), &text)
        }
        Invitation::NoMail => Err(failure(
            "no mail server is configured: set SMTP_URL, MAIL_FROM and SERVER_KEY to the server's values, or omit --email and send the link yourself",
        )),
        Invitation::TooMany => {
            Err(failure("too many invitations are open: revoke some with \"vestibule invites revoke ID\" first"))
        }
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    const HEADINGS: [&str; 4] = ["ID", "EXPIRES", "ROLES", "EMAIL"];
    let links = registration::list_invitations(&services::accounts(&args.settings.check()?)?).await?;
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let row = |link: &Link| {
        let expires_at = output::rfc3339_seconds(link.expires_at);
        [link.id.clone(), expires_at, or_dash(link.roles.join(",")), or_dash(link.email.clone().unwrap_or_default())]
    };
    if args.json {
        let views: Vec<_> = links.iter().map(|link| json!({ "id": link.id, "email": link.email, "roles": link.roles, "created_at": output::rfc3339_seconds(link.created_at), "expires_at": output::rfc3339_seconds(link.expires_at) })).collect();
        return print_value(true, &views, "");
    }
    let rows: Vec<[String; 4]> = std::iter::once(HEADINGS.map(str::to_owned)).chain(links.iter().map(row)).collect();
    output::write_out(|out| Table::new(HEADINGS).write_rows(out, &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: RevokeArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    let is_changed = registration::revoke_invitation(&accounts, &args.id, &Cause::command()).await?;
    // Idempotent: either way the invitation is no longer open.
    let text =
        if is_changed { "revoked the invitation" } else { "nothing was changed: no open invitation has this ID" };
    print_result(args.json, &json!({ "id": args.id, "revoked": true, "changed": is_changed }), text)
}

fn require_open(config: &Config) -> anyhow::Result<()> {
    if config.registration == RegistrationMode::Closed {
        return Err(failure(
            "invitations cannot be accepted while registration is closed: set REGISTRATION=invite for the server and for this command",
        ));
    }
    Ok(())
}
