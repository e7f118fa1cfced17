//! The `vestibule migrate` commands.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{eprint_note, failure, print_result, print_value};
use super::prompt;
use super::services::{self, retry_while_locked};
use crate::clock::Clock;
use crate::config::{AdminCommand, Config, SettingArgs};
use crate::db::migrations::{self, MigrationRun, MigrationState};
use crate::ops::server_key;

/// Commands on migrations.
#[derive(Subcommand)]
pub enum MigrateCommand {
    /// Back up a SQLite database if migrations are pending, and run them in one transaction
    Run(RunArgs),
    /// Print the SQL of the pending migrations, and change nothing
    Plan(MigrateArgs),
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

/// Arguments of `migrate run`.
#[derive(Args)]
pub struct RunArgs {
    #[command(flatten)]
    on: MigrateArgs,
    /// Do not back up a SQLite database into the folder `backups` beside it
    #[arg(long)]
    no_backup: bool,
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
        MigrateCommand::Plan(args) => plan(&args),
        MigrateCommand::Status(args) => status(&args),
        MigrateCommand::Revert(args) => revert(&args),
    }
}

/// Creates the database if there is none, and runs pending migrations after a backup. Says on standard error what it did.
///
/// # Errors
/// As [`run`].
pub fn prepare_database(config: &Config) -> anyhow::Result<()> {
    let run = back_up_and_run(config, true)?;
    if let Some(backup) = run.backup {
        eprint_note(&format!("backed up {} to {}", config.database, backup.display()));
    }
    if !run.versions.is_empty() {
        eprint_note(&format!("migrations applied to {}: {}", config.database, run.versions.len()));
    }
    Ok(())
}

fn back_up_and_run(config: &Config, has_backup: bool) -> anyhow::Result<MigrationRun> {
    server_key::reject_lost_database(config)?;
    let url = &config.database;
    Ok(retry_while_locked(|| {
        if has_backup {
            migrations::back_up_and_run_pending(url, Clock::system().now())
        } else {
            migrations::run_pending(url)
        }
    })?)
}

fn run_pending(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let config = args.on.settings.check()?;
    let url = &config.database;
    let run = back_up_and_run(&config, !args.no_backup)?;
    let states = services::migration_states(url)?;
    let ran: Vec<&str> = states
        .iter()
        .filter(|state| run.versions.contains(&migrations::version_of(&state.name)))
        .map(|state| state.name.as_str())
        .collect();
    let backup = run.backup.as_ref().map(|backup| backup.display().to_string());
    let text = match ran.as_slice() {
        [] => "nothing to do: all migrations are applied".to_owned(),
        names => {
            let backed_up = backup.iter().map(|backup| format!("backed up {url} to {backup}"));
            let applied = names.iter().map(|name| format!("applied {name}"));
            backed_up.chain(applied).chain(run.changes.iter().cloned()).collect::<Vec<_>>().join("\n")
        }
    };
    print_result(args.on.json, &json!({ "ran": ran, "changes": run.changes, "backup": backup }), &text)
}

/// Prints SQL that `sqlite3` and `psql` accept: the names are comments.
fn plan(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let is_missing = services::require_file(&config.database).is_err();
    let pending: Vec<String> = if is_missing {
        migrations::names()?
    } else {
        let states = services::migration_states(&config.database)?;
        states.into_iter().filter(|state| !state.is_applied).map(|state| state.name).collect()
    };
    let sql = |name: &String| (name.clone(), migrations::up_sql(name));
    let plan: Vec<(String, String)> = pending.iter().map(sql).collect();
    let view: Vec<_> = plan.iter().map(|(name, sql)| json!({ "name": name, "sql": sql })).collect();
    let text = match plan.as_slice() {
        [] => "-- nothing to do: all migrations are applied".to_owned(),
        plan => {
            let parts = plan.iter().map(|(name, sql)| format!("-- {name}\n{}", sql.trim_end()));
            let head = "-- \"vestibule migrate run\" runs this in one transaction and records each name".to_owned();
            std::iter::once(head).chain(parts).collect::<Vec<_>>().join("\n\n")
        }
    };
    print_value(args.json, &json!({ "pending": view }), &text)
}

fn status(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let states = services::migration_states(&config.database)?;
    let lines =
        states.iter().map(|state| format!("{:<9}{}", if state.is_applied { "applied" } else { "pending" }, state.name));
    let text = lines.collect::<Vec<_>>().join("\n");
    let pending = states.iter().filter(|state| !state.is_applied).count();
    print_value(args.json, &json!({ "migrations": states, "pending": pending }), &text)
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
