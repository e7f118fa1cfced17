//! The `vestibule sessions` commands.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{Table, eprint_note, failure, no_such_user, print_result, print_value, rfc3339_seconds, write_out};
use super::prompt::is_confirmed;
use super::services;
use super::users::{ended, lookup};
use super::users_show::{session_name, session_view};
use crate::config::{AdminCommand, SessionCommand, SettingArgs};
use crate::sessions::SessionWithOrigin;

/// Commands on sessions.
#[derive(Subcommand)]
pub enum SessionsCommand {
    /// List the live sessions of a user
    List(ListArgs),
    /// End one session, or all sessions of all users and clients
    Revoke(RevokeArgs),
}

/// Arguments of `sessions list`; the lifetimes decide which sessions are live.
#[derive(Args)]
pub struct ListArgs {
    /// Username
    name: String,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<SessionCommand>,
}

/// Arguments of `sessions revoke`.
#[derive(Args)]
pub struct RevokeArgs {
    /// Session ID, as shown by "vestibule sessions list"
    #[arg(allow_hyphen_values = true, required_unless_present = "all")]
    id: Option<String>,
    /// All sessions of all users and clients
    #[arg(long, conflicts_with = "id")]
    all: bool,
    /// Skip the confirmation prompt of --all
    #[arg(long)]
    yes: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Runs a command on sessions.
///
/// # Errors
/// Any failure; see [`super::output::report`].
pub async fn run(command: SessionsCommand) -> anyhow::Result<ExitCode> {
    match command {
        SessionsCommand::List(args) => list(args).await,
        SessionsCommand::Revoke(args) => revoke(args).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    const HEADINGS: [&str; 5] = ["ID", "NAME", "ADDRESS", "STARTED", "LAST USED"];
    let found = services::admin(&args.settings.check()?)?.list_sessions(&lookup(&args.name)?).await?;
    let Some(sessions) = found else { return Err(no_such_user(&args.name)) };
    if args.json {
        let views: Vec<_> = sessions.iter().map(session_view).collect();
        return print_value(true, &views, "");
    }
    let row = |listed: &SessionWithOrigin| {
        let session = &listed.session;
        [
            session.id.clone(),
            session_name(listed),
            listed.network_address.clone().unwrap_or_else(|| "-".to_owned()),
            rfc3339_seconds(session.created_at),
            rfc3339_seconds(session.last_used_at),
        ]
    };
    let headings = std::iter::once(HEADINGS.map(str::to_owned));
    let rows: Vec<[String; 5]> = headings.chain(sessions.iter().map(row)).collect();
    write_out(|out| Table::new(HEADINGS).write_rows(out, &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: RevokeArgs) -> anyhow::Result<ExitCode> {
    let admin = services::admin(&args.settings.check()?)?;
    if let Some(id) = args.id {
        let Some((session, is_changed)) = admin.end_session(&id).await? else {
            return Err(failure(format!("no such session: {id}. Run \"vestibule sessions list NAME\" to see them")));
        };
        let value = json!({ "id": id, "user_id": session.user_id, "revoked": true, "changed": is_changed });
        let text = if is_changed { "ended the session" } else { "nothing was changed: the session has ended already" };
        return print_result(args.json, &value, text);
    }
    let question = "End all sessions of all users and clients? Everyone must sign in again, and every client must request new tokens.";
    if !args.yes && !is_confirmed(question, "--yes")? {
        return Err(failure("not confirmed; nothing was changed"));
    }
    let count = admin.end_all_sessions(|count| eprint_note(&format!("{count} sessions so far"))).await?;
    let value = json!({ "ended_sessions": count, "changed": count > 0 });
    print_result(args.json, &value, &ended(count))
}
