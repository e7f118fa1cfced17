//! The `vestibule db` commands.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{eprint_note, failure, misused, print_result};
use super::services;
use crate::config::{AdminCommand, Config, DatabaseUrl, SettingArgs};
use crate::db::Db;
use crate::db::copy::{self, CopyError};
use crate::ops::server_key::{self, ServerKeySource};
use crate::secret::{ServerKey, constant_time_eq};
use crate::tokens::{self, SealCheck};

/// Commands on whole databases.
#[derive(Subcommand)]
pub enum DbCommand {
    /// Copy everything into an empty database: from SQLite to Postgres, or back
    Copy(CopyArgs),
}

/// Arguments of `db copy`. A password in a URL would be visible to every user of the machine.
#[derive(Args)]
pub struct CopyArgs {
    /// The database to copy, without a password [default: `DATABASE_URL`]
    #[arg(long, value_name = "URL", conflicts_with = "from_file")]
    from: Option<String>,
    /// A file with the URL of the database to copy, with or without a password
    #[arg(long, value_name = "PATH")]
    from_file: Option<PathBuf>,
    /// The empty database, without a password: libpq reads that from `PGPASSWORD` or ~/.pgpass
    #[arg(long, value_name = "URL", conflicts_with = "to_file", required_unless_present = "to_file")]
    to: Option<String>,
    /// A file with the URL of the empty database, with or without a password
    #[arg(long, value_name = "PATH")]
    to_file: Option<PathBuf>,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Runs a command on whole databases.
///
/// # Errors
/// Any failure; see [`super::output::report`].
pub async fn run(command: DbCommand) -> anyhow::Result<ExitCode> {
    match command {
        DbCommand::Copy(args) => copy(args).await,
    }
}

async fn copy(args: CopyArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let source = match url("from", args.from.as_deref(), args.from_file.as_ref())? {
        Some(source) => source,
        None => config.database.clone(),
    };
    let target = url("to", args.to.as_deref(), args.to_file.as_ref())?.expect("clap requires one of the two");
    if source == target {
        return Err(misused(format!("the source and the target are both {source}")));
    }
    let pending = services::migration_states(&source)?.iter().filter(|state| !state.is_applied).count();
    if pending > 0 {
        return Err(failure(format!(
            "the source {source} is out of date (pending migrations: {pending}): run \"vestibule migrate run\" on it first"
        )));
    }
    let key_note = check_server_key(&config, &source, &target).await?;
    eprint_note(&format!("copying {source} to {target}; until it is done, the source accepts no writes"));
    let work = {
        let (source, target) = (source.clone(), target.clone());
        tokio::task::spawn_blocking(move || {
            copy::copy(&source, &target, |table, rows| eprint_note(&format!("  {table}: {rows} rows")))
        })
    };
    let tables = work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())).map_err(explain)?;
    let rows: u64 = tables.iter().map(|table| table.rows).sum();
    let view = json!({ "from": source.to_string(), "to": target.to_string(), "rows": rows, "tables": tables });
    let text = format!(
        "copied {rows} rows of {} tables to {target}; counts and checksums are the same\nWhat is written to {source} from now on is not in the copy: stop its servers.\n{key_note}",
        tables.len()
    );
    print_result(args.json, &view, &text)
}

fn explain(error: CopyError) -> anyhow::Error {
    match error {
        CopyError::NotEmpty { .. } | CopyError::OtherRelease(_) => failure(error.to_string()),
        error => error.into(),
    }
}

/// The URL of `--NAME` or `--NAME-file`. Errors do not show it: there may be a password in it.
fn url(name: &str, argument: Option<&str>, file: Option<&PathBuf>) -> anyhow::Result<Option<DatabaseUrl>> {
    let url = match (argument, file) {
        (Some(text), _) => DatabaseUrl::parse_argument(text).map_err(|hint| misused(format!("--{name}: {hint}")))?,
        (None, Some(file)) => {
            DatabaseUrl::read_file(file).map_err(|hint| misused(format!("--{name}-file {}: {hint}", file.display())))?
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(url))
}

/// Checks that the server key opens the signing keys of the source, and that the target has no other one. Returns what to
/// do so that a server on the target uses the same key.
async fn check_server_key(config: &Config, source: &DatabaseUrl, target: &DatabaseUrl) -> anyhow::Result<String> {
    let of_source = Config { database: source.clone(), ..config.clone() };
    let found = server_key::find(&of_source)?;
    let SealCheck { opened, others, .. } = match &found {
        Some((key, _)) => check_seals(source, key).await?,
        // Any key shows whether there is something sealed.
        None => check_seals(source, &ServerKey::generate()).await?,
    };
    let Some((key, origin)) = found else {
        if others.is_empty() {
            return Ok("The source has no signing keys; keep the server key that it was used with.".to_owned());
        }
        return Err(misused(
            "the server key is required, because the copy is of use with the same key only: set SERVER_KEY or SERVER_KEY_FILE to the value of the source's server",
        ));
    };
    if let Some(kid) = others.first() {
        return Err(failure(format!(
            "the server key does not decrypt the signing key {kid} of the source: use the server key that the source is used with. Nothing was copied"
        )));
    }
    let beside_target = server_key::key_file(target).filter(|file| config.server_key.is_none() && file.exists());
    if let Some(file) = beside_target {
        let of_target = Config { database: target.clone(), ..config.clone() };
        let is_same = server_key::find(&of_target)?
            .is_some_and(|(other, _)| constant_time_eq(other.reveal().as_bytes(), key.reveal().as_bytes()));
        if !is_same {
            return Err(failure(format!(
                "the server key {} beside the target is another one, and would not decrypt the copy: move it away. Nothing was copied",
                file.display()
            )));
        }
        return Ok(format!("The server key {} belongs to it.", file.display()));
    }
    let checked = if opened > 0 { "It decrypts the signing keys. " } else { "" };
    Ok(match (origin, server_key::key_file(target)) {
        (ServerKeySource::Setting, _) => {
            format!("Start the server with the same SERVER_KEY. {checked}").trim_end().to_owned()
        }
        (ServerKeySource::File(file) | ServerKeySource::Created(file), Some(beside)) => {
            format!("Before its first start, copy the server key: cp -p {} {}", file.display(), beside.display())
        }
        (ServerKeySource::File(file) | ServerKeySource::Created(file), None) => {
            format!("Start the server with the same server key: set SERVER_KEY_FILE={}", file.display())
        }
    })
}

async fn check_seals(url: &DatabaseUrl, key: &ServerKey) -> anyhow::Result<SealCheck> {
    let key = key.clone();
    Ok(Db::for_command(url).read(move |conn| tokens::check_seals(conn, &key)).await?)
}
