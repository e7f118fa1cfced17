//! `vestibule migrate run|status|revert`.
//! What may not live here: SQL and locking (`db::migrations`).

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{answer, refused};
use super::prompt;
use super::services::{self, patiently};
use crate::config::DatabaseSettings;
use crate::db::migrations::{self, MigrationState};

/// Commands on migrations.
#[derive(Subcommand)]
pub enum MigrateCommand {
    /// Run all migrations that have not run, in one transaction
    Run(MigrateArgs),
    /// Show which migrations have run
    Status(MigrateArgs),
    /// Revert the newest migration, with the rows in the tables it made
    Revert(RevertArgs),
}

/// Arguments of every command on migrations.
#[derive(Args)]
pub struct MigrateArgs {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// Arguments of `migrate revert`.
#[derive(Args)]
pub struct RevertArgs {
    #[command(flatten)]
    on: MigrateArgs,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Runs a command on migrations.
///
/// # Errors
/// When the database cannot be opened, is newer, or a migration fails; it is then as it was.
pub fn run(command: MigrateCommand) -> anyhow::Result<ExitCode> {
    match command {
        MigrateCommand::Run(args) => run_pending(&args),
        MigrateCommand::Status(args) => status(&args),
        MigrateCommand::Revert(args) => revert(&args),
    }
}

fn run_pending(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.database.check()?;
    let versions = patiently(|| migrations::run_pending(&config.database))?;
    let states = services::migration_states(&config.database)?;
    let ran: Vec<&str> = states
        .iter()
        .filter(|state| versions.contains(&version(&state.name)))
        .map(|state| state.name.as_str())
        .collect();
    let text = match ran.as_slice() {
        [] => "nothing to do: all migrations have run".to_owned(),
        names => names.iter().map(|name| format!("ran {name}")).collect::<Vec<_>>().join("\n"),
    };
    answer(args.json, &json!({ "ran": ran }), &text)
}

fn status(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.database.check()?;
    let states = services::migration_states(&config.database)?;
    let lines =
        states.iter().map(|state| format!("{:<9}{}", if state.is_applied { "has run" } else { "pending" }, state.name));
    let text = lines.collect::<Vec<_>>().join("\n");
    let pending = states.iter().filter(|state| !state.is_applied).count();
    answer(args.json, &json!({ "migrations": states, "pending": pending }), &text)
}

fn revert(args: &RevertArgs) -> anyhow::Result<ExitCode> {
    let config = args.on.database.check()?;
    let url = &config.database;
    let Some(newest) = newest(&services::migration_states(url)?) else {
        return answer(args.on.json, &json!({ "reverted": null }), "nothing to revert: no migration has run");
    };
    if !args.yes {
        let tables = patiently(|| migrations::tables_dropped_by(url, &newest))?;
        let tables: Vec<String> = tables.iter().map(|(table, rows)| format!("  {table} ({rows} rows)")).collect();
        let dropped = if tables.is_empty() {
            "It drops no table.".to_owned()
        } else {
            format!("It drops, with everything in them, the tables\n{}", tables.join("\n"))
        };
        let question = format!("This reverts {newest} on {url}. {dropped}");
        if !prompt::is_confirmed(&question, "--yes")? {
            return Err(refused("not confirmed, and nothing was changed"));
        }
        // Somebody may have run or reverted migrations while the question stood.
        if self::newest(&services::migration_states(url)?).as_deref() != Some(newest.as_str()) {
            return Err(refused(
                "the migrations have changed meanwhile, and nothing was reverted: run the command again",
            ));
        }
    }
    patiently(|| migrations::revert_last(url))?;
    answer(args.on.json, &json!({ "reverted": newest }), &format!("reverted {newest}"))
}

fn newest(states: &[MigrationState]) -> Option<String> {
    states.iter().filter(|state| state.is_applied).map(|state| state.name.clone()).max()
}

/// The version in a migration's name, as Diesel writes it: what stands before the first `_`, without dashes.
fn version(name: &str) -> String {
    name.split('_').next().unwrap_or(name).replace('-', "")
}
