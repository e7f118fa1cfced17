//! The `vestibule migrate` commands.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{failure, print_result};
use super::prompt;
use super::services::{self, retry_while_locked};
use crate::config::{AdminCommand, SettingArgs};
use crate::db::migrations::{self, MigrationState};
use crate::ops::server_key;

/// Commands on migrations.
#[derive(Subcommand)]
pub enum MigrateCommand {
    /// Run all pending migrations in one transaction
    Run(MigrateArgs),
    /// Show applied and pending migrations
    Status(MigrateArgs),
    /// Revert the latest migration, dropping the tables it created
    Revert(RevertArgs),
}

/// Arguments of every command on migrations.
#[derive(Args)]
pub struct MigrateArgs {
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Arguments of `migrate revert`.
#[derive(Args)]
pub struct RevertArgs {
    #[command(flatten)]
    on: MigrateArgs,
    /// Skip the confirmation prompt
    #[arg(long)]
    yes: bool,
}

/// Runs a command on migrations.
///
/// # Errors
/// The database cannot be opened or is newer than this release, or a migration fails; nothing is changed then.
pub fn run(command: MigrateCommand) -> anyhow::Result<ExitCode> {
    match command {
        MigrateCommand::Run(args) => run_pending(&args),
        MigrateCommand::Status(args) => status(&args),
        MigrateCommand::Revert(args) => revert(&args),
    }
}

fn run_pending(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    server_key::reject_lost_database(&config)?;
    let run = retry_while_locked(|| migrations::run_pending(&config.database))?;
    let states = services::migration_states(&config.database)?;
    let ran: Vec<&str> = states
        .iter()
        .filter(|state| run.versions.contains(&migrations::version_of(&state.name)))
        .map(|state| state.name.as_str())
        .collect();
    let text = match ran.as_slice() {
        [] => "nothing to do: all migrations are applied".to_owned(),
        names => {
            let applied = names.iter().map(|name| format!("applied {name}"));
            applied.chain(run.changes.iter().cloned()).collect::<Vec<_>>().join("\n")
        }
    };
    print_result(args.json, &json!({ "ran": ran, "changes": run.changes }), &text)
}

fn status(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let states = services::migration_states(&config.database)?;
    let lines =
        states.iter().map(|state| format!("{:<9}{}", if state.is_applied { "applied" } else { "pending" }, state.name));
    let text = lines.collect::<Vec<_>>().join("\n");
    let pending = states.iter().filter(|state| !state.is_applied).count();
    print_result(args.json, &json!({ "migrations": states, "pending": pending }), &text)
}

fn revert(args: &RevertArgs) -> anyhow::Result<ExitCode> {
    let config = args.on.settings.check()?;
    let url = &config.database;
    let Some(newest) = newest(&services::migration_states(url)?) else {
        return print_result(args.on.json, &json!({ "reverted": null }), "nothing to revert: no migration is applied");
    };
    if !args.yes {
        let tables = retry_while_locked(|| migrations::tables_dropped_by(url, &newest))?;
        let tables: Vec<String> = tables.iter().map(|(table, rows)| format!("  {table} ({rows} rows)")).collect();
        let dropped = if tables.is_empty() {
            "This drops no tables.".to_owned()
        } else {
            format!("This drops these tables and all their rows:\n{}", tables.join("\n"))
        };
        let question = format!("Revert {newest} on {url}? {dropped}");
        if !prompt::is_confirmed(&question, "--yes")? {
            return Err(failure("not confirmed; nothing was changed"));
        }
        // Another process may have changed the migrations during the prompt.
        if self::newest(&services::migration_states(url)?).as_deref() != Some(newest.as_str()) {
            return Err(failure("the migrations changed in the meantime; nothing was reverted: run the command again"));
        }
    }
    retry_while_locked(|| migrations::revert_last(url))?;
    print_result(args.on.json, &json!({ "reverted": newest }), &format!("reverted {newest}"))
}

fn newest(states: &[MigrationState]) -> Option<String> {
    states.iter().filter(|state| state.is_applied).map(|state| state.name.clone()).max()
}
