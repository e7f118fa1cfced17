//! The `vestibule import` command.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::import_progress::ProgressDisplay;
use super::output::{failure, misused, write_out};
use super::services;
use super::users_roles::warn_of_new_roles;
use crate::accounts::roles::find_unknown;
use crate::config::{AdminCommand, SettingArgs};
use crate::private_file;
use crate::user_files::{
    self, CheckOptions, ColumnMap, FileFormat, Finding, HashOptions, ImportOptions, ImportReport, RejectedRows, Source,
    UnknownColumns,
};
use crate::users::imported_hash::{FirebaseParameters, HashFormat};
use crate::users::is_role;

/// Findings of each kind that are printed; the rest are counted.
const MAX_SHOWN: usize = 20;
/// Why writing to a `String` can be expected to succeed.
const TO_STRING: &str = "writing to a String never fails";

/// Arguments of `vestibule import`.
#[derive(Args)]
pub struct ImportArgs {
    /// CSV, JSON Lines or realm export of Keycloak; - for standard input. Columns: id, username (required), `password_hash`,
    /// `display_name`, email, `email_verified`, language, state, roles, `created_at`
    file: PathBuf,
    /// Write nothing to the database; report what would be imported
    #[arg(long)]
    check: bool,
    /// Write rejected rows with their reasons to this file, which can be corrected and imported
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// How the file is read.
#[derive(Args)]
struct ReadingArgs {
    /// Name that the file has for a column, such as username=login; can be repeated
    #[arg(long = "column", value_name = "COLUMN=NAME")]
    columns: Vec<String>,
    /// Skip columns with unknown names
    #[arg(long)]
    skip_unknown: bool,
    /// Give the users no roles, whatever the file says
    #[arg(long)]
    without_roles: bool,
    /// Import users who have a second factor, without it: their password alone signs in
    #[arg(long)]
    drop_second_factor: bool,
    /// Format of the password hashes, where they have no prefix: `better-auth`, …
    #[arg(long, value_name = "NAME", value_parser = hash_format, conflicts_with = "firebase_parameters")]
    hash_format: Option<HashFormat>,
    /// File with the password hash parameters of a Firebase project, as its console shows them; the hashes are `salt:hash`
    #[arg(long, value_name = "FILE")]
    firebase_parameters: Option<PathBuf>,
    /// Format of the file [default: by its name or its beginning]
    #[arg(long, value_enum)]
    format: Option<ImportFormat>,
}

fn hash_format(name: &str) -> Result<HashFormat, String> {
    HashFormat::parse_name(name)
        .ok_or_else(|| format!("must be one of {}", HashFormat::ALL.map(HashFormat::name).join(", ")))
}

/// A format of an imported file, by the name of the option.
#[derive(Clone, Copy, ValueEnum)]
enum ImportFormat {
    /// Comma-separated values, also with semicolons or tabs
    Csv,
    /// One JSON object for each line
    Jsonl,
    /// Realm export of Keycloak
    Keycloak,
}

impl From<ImportFormat> for FileFormat {
    fn from(name: ImportFormat) -> Self {
        match name {
            ImportFormat::Csv => Self::Csv,
            ImportFormat::Jsonl => Self::JsonLines,
            ImportFormat::Keycloak => Self::Keycloak,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The file cannot be read, or rows were rejected; the other rows are imported then.
pub async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let ReadingArgs {
        columns,
        skip_unknown,
        without_roles,
        drop_second_factor,
        hash_format,
        firebase_parameters,
        format,
    } = args.reading;
    let hashes = match firebase_parameters {
        None => HashOptions { format: hash_format, firebase: None },
        Some(file) => {
            HashOptions { format: Some(HashFormat::Firebase), firebase: Some(read_firebase_parameters(&file)?) }
        }
    };
    let unknown = if skip_unknown { UnknownColumns::Skipped } else { UnknownColumns::Rejected };
    let columns = ColumnMap::parse(&columns, unknown).map_err(misused)?;
    let path = (args.file != Path::new("-")).then_some(args.file.as_path());
    let shown = path.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
    let (file, length) = open(path).with_context(|| format!("cannot read {shown}"))?;
    let accounts = services::accounts(&config)?;
    let source = Source::new(file).map_err(|error| failure(format!("{shown}: {error}")))?;
    let format = match format {
        Some(format) => format.into(),
        None => FileFormat::recognize(path, &source).map_err(|error| failure(format!("{shown}: {error}")))?,
    };
    if format == FileFormat::Keycloak && !columns.is_default() {
        return Err(misused("--column is for CSV and JSON Lines: a realm export of Keycloak has fixed names"));
    }
    let mut rejected = match &args.rejected {
        None => RejectedRows::discarded(),
        Some(target) => create_rejected(target, path)
            .and_then(|file| Ok(RejectedRows::new(file, format)?))
            .with_context(|| format!("cannot write {}", target.display()))?,
    };
    let options = ImportOptions {
        format,
        columns,
        check: CheckOptions { without_roles, drop_second_factor, hashes },
        is_check_only: args.check,
    };
    let mut display = ProgressDisplay::new(length);
    let known_roles = accounts.list_role_names().await?;
    let (report, result) =
        user_files::import(&accounts, source, options, &mut rejected, &mut |progress| display.show(progress)).await;
    display.finish();
    let roles: Vec<String> = report.roles.keys().filter(|role| is_role(role)).cloned().collect();
    warn_of_new_roles(&find_unknown(&roles, &known_roles));
    write_out(|out| {
        if args.json {
            let mut value = serde_json::to_value(&report)?;
            value["check"] = json!(args.check);
            value["is_complete"] = json!(result.is_ok());
            return writeln!(out, "{value}");
        }
        out.write_all(report_text(&report, args.check, format).as_bytes())
    })?;
    if let Err(error) = result {
        let hint =
            if args.check { "" } else { "; what was imported stays: correct that and run the same command again" };
        return Err(anyhow::Error::new(error).context(format!("{shown} was read to row {} only{hint}", report.rows)));
    }
    match report.rejected {
        0 => Ok(ExitCode::SUCCESS),
        count => Err(failure(rejection_text(count, args.rejected.as_deref(), args.check))),
    }
}

fn read_firebase_parameters(file: &Path) -> anyhow::Result<FirebaseParameters> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    FirebaseParameters::parse(&text).map_err(|name| {
        misused(format!("{shown}: {name} is missing or malformed: copy the parameters from Firebase's console"))
    })
}

fn open(path: Option<&Path>) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    match path {
        None => Ok((Box::new(io::stdin()), None)),
        Some(path) => {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
        }
    }
}

/// Creates the file of rejected rows, or empties that of an earlier run.
fn create_rejected(target: &Path, imported: Option<&Path>) -> anyhow::Result<Box<dyn Write + Send>> {
    match private_file::create_or_empty(target, imported)? {
        Some(file) => Ok(Box::new(BufWriter::new(file))),
        None => Err(misused("--rejected names the imported file itself: name another one")),
    }
}

fn rejection_text(count: u64, target: Option<&Path>, is_check: bool) -> String {
    match target {
        Some(target) => format!("{count} rows rejected: correct them in {} and import that file", target.display()),
        None => {
            let all = if is_check { "" } else { ", the others are imported" };
            format!("{count} rows rejected{all}: run again with --rejected FILE to get them with their reasons")
        }
    }
}

fn report_text(report: &ImportReport, is_check: bool, format: FileFormat) -> String {
    let mut text = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| writeln!(text, "{arguments}").expect(TO_STRING);
    let unit = format.unit();
    let mut list = |title: &str, count: u64, findings: &[Finding]| {
        if count > 0 {
            line(format_args!("{title}: {count}"));
        }
        for Finding { at, text } in findings.iter().take(MAX_SHOWN) {
            line(format_args!("  {unit} {at}: {text}"));
        }
        let shown = u64::try_from(findings.len().min(MAX_SHOWN)).unwrap_or(u64::MAX);
        if let Some(more @ 1..) = count.checked_sub(shown).filter(|_| count > 0) {
            line(format_args!("  … and {more} more"));
        }
    };
    list("rejected", report.rejected, &report.first_rejected);
    list("duplicates, not changed", report.duplicates, &report.first_duplicates);
    list("names that their users could not have chosen", report.conspicuous_names, &report.first_conspicuous);
    if report.rejected > MAX_SHOWN as u64 {
        line(format_args!("reasons:"));
        for (reason, count) in &report.reasons {
            line(format_args!("  {count} × {reason}"));
        }
    }
    for (name, hashes) in &report.formats {
        let user_files::FormatReport { hashes, min_work_kib, max_work_kib } = hashes;
        line(format_args!("hashes {name}: {hashes}, cost {min_work_kib} to {max_work_kib} KiB of Argon2"));
    }
    if report.without_password > 0 {
        line(format_args!("without a password: {}", report.without_password));
    }
    if report.unknown_languages > 0 {
        line(format_args!("with a language that this server does not have: {}", report.unknown_languages));
    }
    for (role, count) in &report.roles {
        line(format_args!("role {role}: {count}"));
    }
    let ImportReport { rows, imported, duplicates, rejected, .. } = report;
    let verb = if is_check { "to import" } else { "imported" };
    line(format_args!("{rows} rows: {imported} {verb}, {duplicates} duplicates, {rejected} rejected"));
    line(format_args!("{}", if is_check { "check: nothing was written" } else { "done" }));
    text
}
