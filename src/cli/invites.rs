//! `vestibule invites …`: links by which people make accounts of their own.
//! What may not live here: what an invitation gives (`admin`), and the page it opens.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{self, Table, answer, refused};
use super::services;
use crate::admin::{Invited, fields};
use crate::config::{Config, DatabaseSettings, Registration};
use crate::links::Link;

/// Commands on invitations.
#[derive(Subcommand)]
pub enum InvitesCommand {
    /// Invite somebody: prints a one-time link, or mails it
    Add(AddArgs),
    /// List the invitations that can still be answered
    List(ListArgs),
    /// Take an invitation back
    Revoke(RevokeArgs),
}

/// Arguments of `invites add`.
#[derive(Args)]
pub struct AddArgs {
    /// Mail the link to this address, which is the account's then; needs `SMTP_URL`
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// A role that the account gets, such as editor; can be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// Arguments of `invites list`.
#[derive(Args)]
pub struct ListArgs {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// Arguments of `invites revoke`.
#[derive(Args)]
pub struct RevokeArgs {
    /// The invitation's id, as `invites list` shows it
    id: String,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// Runs a command on invitations.
///
/// # Errors
/// When it is refused or meets a fault; see [`output::report`].
pub async fn run(command: InvitesCommand) -> anyhow::Result<ExitCode> {
    match command {
        InvitesCommand::Add(args) => add(args).await,
        InvitesCommand::List(args) => list(args).await,
        InvitesCommand::Revoke(args) => revoke(args).await,
    }
}

async fn add(args: AddArgs) -> anyhow::Result<ExitCode> {
    let config = args.database.check()?;
    let admin = services::open(&config)?;
    require_open(&config)?;
    let faults = |fault: fields::FieldFault| refused(format!("{}: {fault}", fault.field()));
    let email = args.email.map(fields::check_email).transpose().map_err(faults)?;
    let roles = fields::check_roles(args.roles).map_err(faults)?;
    match admin.invite(email.clone(), roles.clone()).await? {
        Invited::Made(secret) => {
            let url = format!("{}/invite?link={}", config.public_url, secret.reveal());
            if !args.json {
                // Beside the link, not in it: standard output can be handed on as it is.
                let _ = writeln!(
                    std::io::stderr(),
                    "Whoever opens this link within 7 days makes an account. It works once."
                );
            }
            answer(args.json, &json!({ "email": null, "roles": roles, "url": url }), &url)
        }
        Invited::Mailed => {
            let email = email.unwrap_or_default();
            let text = format!("the link for {email} waits for the server to mail it; it works once, for 7 days");
            answer(args.json, &json!({ "email": email, "roles": roles, "url": null }), &text)
        }
        Invited::NoMail => Err(refused(
            "there is no mail server: set SMTP_URL, MAIL_FROM and the server's key as the server has them, or leave --email out and hand the link over yourself",
        )),
        Invited::TooMany => Err(refused("too many invitations are open: revoke some first")),
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    const HEADINGS: [&str; 4] = ["ID", "UNTIL", "ROLES", "EMAIL"];
    let links = services::open(&args.database.check()?)?.list_invites().await?;
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let row = |link: &Link| {
        let until = output::rfc3339_seconds(link.expires_at);
        [link.id.clone(), until, or_dash(link.roles.join(",")), or_dash(link.email.clone().unwrap_or_default())]
    };
    if args.json {
        let views: Vec<_> = links.iter().map(|link| json!({ "id": link.id, "email": link.email, "roles": link.roles, "created_at": output::rfc3339_seconds(link.created_at), "expires_at": output::rfc3339_seconds(link.expires_at) })).collect();
        return answer(true, &views, "");
    }
    let rows: Vec<[String; 4]> = std::iter::once(HEADINGS.map(str::to_owned)).chain(links.iter().map(row)).collect();
    output::write_out(|out| Table::new(HEADINGS).write_rows(out, &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: RevokeArgs) -> anyhow::Result<ExitCode> {
    let admin = services::open(&args.database.check()?)?;
    let is_changed = admin.revoke_invite(&args.id).await?;
    // Safe to run twice: what is asked for holds either way.
    let text =
        if is_changed { "revoked the invitation" } else { "no invitation that can still be answered has this id" };
    answer(args.json, &json!({ "id": args.id, "revoked": true, "changed": is_changed }), text)
}

fn require_open(config: &Config) -> anyhow::Result<()> {
    if config.registration == Registration::Closed {
        return Err(refused(
            "invitations cannot be answered here: set REGISTRATION=invite for the server and for this command",
        ));
    }
    Ok(())
}
