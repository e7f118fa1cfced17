//! The `vestibule roles` commands.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{Table, eprint_warning, failure, print_result, print_value, write_out};
use super::prompt::is_confirmed;
use super::services;
use crate::accounts::roles::{RoleDeletion, RoleReport, RoleSetting};
use crate::audit::Cause;
use crate::config::{AdminCommand, SettingArgs};
use crate::registration;
use crate::scope::Scopes;

/// Commands on roles.
#[derive(Subcommand)]
pub enum RolesCommand {
    /// List roles in use
    List(RolesListArgs),
    /// Replace the scopes a role allows
    Set(RoleSetArgs),
    /// Delete a role: revoke it from all users, and let it allow no scopes
    Delete(RoleDeleteArgs),
}

/// Arguments of `roles list`.
#[derive(Args)]
pub struct RolesListArgs {
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Arguments of `roles set`.
#[derive(Args)]
pub struct RoleSetArgs {
    /// Role name
    role: String,
    /// Allowed scope, such as read; can be repeated
    #[arg(long = "scope", value_name = "SCOPE", required_unless_present = "no_scopes")]
    scopes: Vec<String>,
    /// Allow no scopes
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Arguments of `roles delete`.
#[derive(Args)]
pub struct RoleDeleteArgs {
    /// Role name
    role: String,
    /// Skip the confirmation prompt
    #[arg(long)]
    yes: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Runs a command on roles.
///
/// # Errors
/// Any failure; see [`super::output::report`].
pub async fn run(command: RolesCommand) -> anyhow::Result<ExitCode> {
    match command {
        RolesCommand::List(args) => list(args).await,
        RolesCommand::Set(args) => set(args).await,
        RolesCommand::Delete(args) => delete(args).await,
    }
}

async fn list(args: RolesListArgs) -> anyhow::Result<ExitCode> {
    const HEADINGS: [&str; 3] = ["ROLE", "USERS", "SCOPES"];
    let roles = services::accounts(&args.settings.check()?)?.list_roles().await?;
    if args.json {
        return print_value(true, &roles.iter().map(view).collect::<Vec<_>>(), "");
    }
    let row = |role: &RoleReport| [role.name.clone(), role.users.to_string(), or_dash(&role.scopes)];
    let rows: Vec<[String; 3]> = std::iter::once(HEADINGS.map(str::to_owned)).chain(roles.iter().map(row)).collect();
    write_out(|out| Table::new(HEADINGS).write_rows(out, &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn set(args: RoleSetArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    match accounts.set_role(&args.role, &args.scopes, &Cause::command()).await? {
        RoleSetting::Invalid(error) => Err(failure(format!("{} of role {}: {error}", error.field(), args.role))),
        RoleSetting::Done { role, before } => {
            let is_changed = role.scopes != before;
            let text = format!(
                "{} {}allows {}; {}",
                role.name,
                if is_changed { "now " } else { "already " },
                if role.scopes.is_empty() { "no scopes".to_owned() } else { role.scopes.to_string() },
                match role.users {
                    0 => "no users have it".to_owned(),
                    1 => "1 user has it".to_owned(),
                    count => format!("{count} users have it"),
                }
            );
            let mut value = view(&role);
            value["changed"] = json!(is_changed);
            print_result(args.json, &value, &text)
        }
    }
}

async fn delete(args: RoleDeleteArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    let no_such_role =
        || failure(format!("no such role: {}. Run \"vestibule roles list\" to see all roles", args.role));
    if !args.yes {
        let roles = accounts.list_roles().await?;
        let role = roles.iter().find(|role| role.name == args.role).ok_or_else(no_such_role)?;
        let question = format!("Delete the role {}? This revokes it from its users ({}).", role.name, role.users);
        if !is_confirmed(&question, "--yes")? {
            return Err(failure("not confirmed; nothing was deleted"));
        }
    }
    match accounts.delete_role(&args.role, &Cause::command()).await? {
        RoleDeletion::Done { users, scopes } => {
            let invitations = registration::list_invitations(&accounts).await?;
            let granting = invitations.iter().filter(|link| link.roles.contains(&args.role)).count();
            if granting > 0 {
                eprint_warning(&format!(
                    "open invitations that grant the role {}: {granting}; revoke them with \"vestibule invites revoke ID\"",
                    args.role
                ));
            }
            let value = json!({ "role": args.role, "deleted": true, "changed": true, "users": users, "scopes": scopes, "open_invitations": granting });
            let text = match users {
                1 => format!("deleted the role {}; 1 user had it", args.role),
                count => format!("deleted the role {}; {count} users had it", args.role),
            };
            print_result(args.json, &value, &text)
        }
        RoleDeletion::IsAdmin => Err(failure("the role admin cannot be deleted")),
        RoleDeletion::NoSuchRole => Err(no_such_role()),
    }
}

fn view(role: &RoleReport) -> Value {
    json!({ "role": role.name, "scopes": role.scopes.iter().collect::<Vec<_>>(), "users": role.users })
}

fn or_dash(scopes: &Scopes) -> String {
    if scopes.is_empty() { "-".to_owned() } else { scopes.to_string() }
}
