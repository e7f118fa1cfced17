//! The `vestibule backup` command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{failure, print_result};
use super::services;
use crate::config::{AdminCommand, DatabaseUrl, SettingArgs};
use crate::db::backup::{self, BackupError};
use crate::ops::server_key;

/// Arguments of `vestibule backup`.
#[derive(Args)]
pub struct BackupArgs {
    /// The file to write, on another disk if possible
    file: PathBuf,
    /// Replace an earlier backup in FILE
    #[arg(long)]
    overwrite: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Runs the command.
///
/// # Errors
/// The database is not SQLite or cannot be read, or the file exists or cannot be written.
pub fn run(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let url = &config.database;
    if let DatabaseUrl::Postgres(_) = url {
        return Err(failure(format!(
            "this command backs up SQLite databases: back up {url} with \"pg_dump --format=custom --file={} '{url}'\", and keep the value of SERVER_KEY with it",
            args.file.display()
        )));
    }
    services::require_file(url)?;
    let size = backup::back_up(url, &args.file, args.overwrite).map_err(|error| match error {
        BackupError::Exists(_) => failure(format!("{error}: choose another name, or use --overwrite to replace it")),
        BackupError::NotABackup { .. } => failure(format!("{error}. Choose another name")),
        error => error.into(),
    })?;
    let key = server_key::key_file(url).filter(|key| config.server_key.is_none() && key.exists());
    let keep = match &key {
        Some(key) => format!("the server key {}", key.display()),
        None if config.server_key.is_some() => "the value of SERVER_KEY".to_owned(),
        None => "the value of the server's SERVER_KEY".to_owned(),
    };
    let file = args.file.display().to_string();
    let view = json!({
        "file": file,
        "bytes": size,
        "server_key_file": key.as_ref().map(|key| key.display().to_string()),
    });
    let text = format!(
        "backed up {url} to {file} ({size} bytes)\nkeep {keep} with it: without the key, the signing keys in the backup cannot be decrypted"
    );
    print_result(args.json, &view, &text)
}
