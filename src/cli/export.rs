//! The `vestibule export` command.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::output::{eprint_note, write_out};
use super::services;
use crate::config::{AdminCommand, SettingArgs};
use crate::private_file;
use crate::user_files::{ExportFormat, UserWriter};

/// Arguments of `vestibule export`.
#[derive(Args)]
pub struct ExportArgs {
    /// Format of the file
    #[arg(long, value_enum, default_value = "jsonl")]
    format: FormatName,
    /// Include the password hashes, with which passwords can be guessed
    #[arg(long)]
    with_hashes: bool,
    /// Write to this file, which only its owner can read, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// A format, by the name of the option.
#[derive(Clone, Copy, ValueEnum)]
enum FormatName {
    /// Comma-separated values
    Csv,
    /// One JSON object for each line
    Jsonl,
}

impl From<FormatName> for ExportFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Csv => Self::Csv,
            FormatName::Jsonl => Self::JsonLines,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The users cannot be read, or the file cannot be written; what was written before that stays.
pub async fn run(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    let mut writer = UserWriter::new(accounts, args.format.into(), args.with_hashes);
    let Some(path) = args.output else {
        loop {
            let (text, count) = writer.next().await?;
            let is_read = write_out(|out| out.write_all(&text))?;
            if count == 0 || !is_read {
                return Ok(ExitCode::SUCCESS);
            }
        }
    };
    let total = write_file(&mut writer, &path).await.with_context(|| format!("cannot export to {}", path.display()))?;
    eprint_note(&format!("exported {total} users to {}", path.display()));
    Ok(ExitCode::SUCCESS)
}

async fn write_file(writer: &mut UserWriter, path: &Path) -> anyhow::Result<usize> {
    let (mut text, mut count) = writer.next().await?;
    // Emptied only after the database has responded: a failed export leaves the file of an earlier one.
    let mut file = private_file::create_or_empty(path, None)?.context("it cannot be opened")?;
    let mut total = 0;
    loop {
        file.write_all(&text)?;
        total += count;
        if count == 0 {
            file.sync_all().or_else(ignore_unsupported)?;
            return Ok(total);
        }
        (text, count) = writer.next().await?;
    }
}

/// A pipe or a terminal cannot be synchronized.
fn ignore_unsupported(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) }
}
