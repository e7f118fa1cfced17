//! The `vestibule doctor` command.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::write_out;
use crate::config::{ServerCommand, SettingArgs};
use crate::ops::doctor::{self, Finding, Level};

/// Arguments of `vestibule doctor`.
#[derive(Args)]
pub struct DoctorArgs {
    /// Send a test mail to this address
    #[arg(long, value_name = "ADDRESS")]
    send_test: Option<String>,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<ServerCommand>,
}

/// Runs the command. The exit code is 1 if there is an error.
///
/// # Errors
/// The report cannot be written.
pub async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let findings = match args.settings.check() {
        Ok(config) => doctor::examine(&config, args.send_test.as_deref()).await,
        Err(errors) => errors.0.into_iter().map(|error| Finding::error("settings", error)).collect(),
    };
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    write_out(|out| {
        if args.json {
            let view = json!({ "errors": errors, "warnings": warnings, "findings": findings });
            return writeln!(out, "{view}");
        }
        for Finding { check, level, text } in &findings {
            writeln!(out, "{:<7}  {check}: {text}", level.as_str())?;
        }
        writeln!(out, "errors: {errors}, warnings: {warnings}")
    })?;
    Ok(if errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
