//! Command output: text, tables and JSON on standard output, errors on standard error, and exit codes.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

use chrono::SecondsFormat;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::log::{self, Stream};
use crate::accounts::{Account, AccountError};
use crate::clock::Moment;
use crate::config::ConfigError;
use crate::db::DbError;
use crate::db::migrations::MigrationError;
use crate::tokens::KeyError;
use crate::user_files::ImportError;
use crate::users::{UserId, UserState};

/// Exit code of a command that was refused or failed.
const REFUSED: u8 = 1;
/// Exit code for wrong usage or settings, the same as clap's.
const MISUSED: u8 = 2;
/// Exit code when the database cannot be used: it is away, busy for too long, full or read-only.
const DATABASE_AWAY: u8 = 3;

/// Whether confirmations and notes are left out.
static IS_QUIET: OnceLock<()> = OnceLock::new();

/// Leaves out confirmations and notes from now on.
pub fn be_quiet() {
    IS_QUIET.get_or_init(|| ());
}

/// Whether confirmations and notes are left out.
#[must_use]
pub fn is_quiet() -> bool {
    IS_QUIET.get().is_some()
}

/// A command's failure; the text says what to do next.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Misused(String),
}

/// An error with exit code 1.
#[must_use]
pub fn failure(text: impl Into<String>) -> anyhow::Error {
    Failure::Refused(text.into()).into()
}

/// An error with exit code 2, for wrong usage or settings.
#[must_use]
pub fn misused(text: impl Into<String>) -> anyhow::Error {
    Failure::Misused(text.into()).into()
}

/// The error for an unknown username.
#[must_use]
pub fn no_such_user(name: &str) -> anyhow::Error {
    failure(format!("no such user: {name}. Run \"vestibule users list\" to see all users"))
}

/// Prints a note to standard error, which keeps standard output free for scripts; not with `--quiet`.
pub fn eprint_note(text: &str) {
    if !is_quiet() {
        // There is nowhere to report that standard error is closed.
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Prints a warning to standard error.
pub fn eprint_warning(text: &str) {
    let _ = writeln!(io::stderr(), "warning: {text}");
}

/// Prints an error with its causes to standard error.
pub fn eprint_error(error: &anyhow::Error) {
    let hint = if is_busy(error) { "; nothing was changed: try again in a moment" } else { "" };
    log::print(Stream::Err, &format!("error: {error:#}{hint}\n"));
}

/// Prints an error with its causes and returns the exit code.
#[must_use]
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprint_error(error);
    let is_misuse = error.is::<ConfigError>() || matches!(error.downcast_ref(), Some(Failure::Misused(_)));
    ExitCode::from(match () {
        () if is_misuse => MISUSED,
        () if is_database_away(error) => DATABASE_AWAY,
        () => REFUSED,
    })
}

/// Whether a command refused one of several requests, and may go on with the next one.
#[must_use]
pub fn is_refusal(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Failure::Refused(_)))
}

/// Whether the database cannot be used at the moment.
fn is_database_away(error: &anyhow::Error) -> bool {
    let is_away = |cause: &(dyn std::error::Error + 'static)| {
        let database = cause.downcast_ref::<DbError>().is_some_and(DbError::is_temporary);
        let account = matches!(cause.downcast_ref(), Some(AccountError::Database(error)) if error.is_temporary());
        let key = matches!(cause.downcast_ref(), Some(KeyError::Database(error)) if error.is_temporary());
        let import = matches!(cause.downcast_ref(), Some(ImportError::Database(error)) if error.is_temporary());
        database || account || key || import || matches!(cause.downcast_ref(), Some(MigrationError::Open { .. }))
    };
    error.chain().any(is_away)
}

fn is_busy(error: &anyhow::Error) -> bool {
    let database = error.downcast_ref::<DbError>();
    matches!(database, Some(DbError::Busy))
        || matches!(error.downcast_ref(), Some(AccountError::Database(DbError::Busy)))
}

/// Writes to standard output. Returns `false` if the reader closed the pipe, as `| head` does, which is not an error.
///
/// # Errors
/// Any other write error, such as a full disk.
pub fn write_out(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<bool> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            // Dropping the writer would try to flush its buffer again.
            let (_, _) = out.into_parts();
            Ok(false)
        }
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
    }
}

/// Prints what a command did: a JSON value on one line, or text, which `--quiet` leaves out.
///
/// # Errors
/// As [`write_out`].
pub fn print_result(is_json: bool, value: &impl Serialize, text: &str) -> anyhow::Result<ExitCode> {
    if is_quiet() && !is_json {
        return Ok(ExitCode::SUCCESS);
    }
    print_value(is_json, value, text)
}

/// Prints what a command was asked for, also with `--quiet`: a JSON value on one line, or text.
///
/// # Errors
/// As [`write_out`].
pub fn print_value(is_json: bool, value: &impl Serialize, text: &str) -> anyhow::Result<ExitCode> {
    let line = if is_json { serde_json::to_string(value)? } else { text.to_owned() };
    write_out(|out| writeln!(out, "{line}"))?;
    Ok(ExitCode::SUCCESS)
}

/// A moment in RFC 3339 with `Z`, with fractional seconds only if there are any.
#[must_use]
pub fn rfc3339(moment: Moment) -> String {
    moment.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A moment in RFC 3339 with `Z`, in whole seconds.
#[must_use]
pub fn rfc3339_seconds(moment: Moment) -> String {
    moment.and_utc().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A user in `--json` output.
#[derive(Serialize)]
pub struct UserView<'a> {
    id: UserId,
    username: &'a str,
    display_name: Option<&'a str>,
    email: Option<&'a str>,
    roles: &'a [String],
    state: &'static str,
    has_password: bool,
    created_at: String,
    last_signed_in_at: Option<String>,
    disabled_at: Option<String>,
    email_verified_at: Option<String>,
    language: Option<&'a str>,
    new_password_required_at: Option<String>,
}

impl<'a> UserView<'a> {
    /// The view of an account.
    #[must_use]
    pub fn new(account: &'a Account) -> Self {
        let user = &account.user;
        let disabled_at = match user.state {
            UserState::Disabled(at) => Some(rfc3339(at)),
            UserState::Active | UserState::Deleted(_) => None,
        };
        Self {
            id: user.id,
            username: &user.username,
            display_name: user.display_name.as_deref(),
            email: user.email.as_deref(),
            roles: &account.roles,
            state: state_word(user.state),
            has_password: user.password_hash.is_some(),
            created_at: rfc3339(user.created_at),
            last_signed_in_at: user.last_signed_in_at.map(rfc3339),
            disabled_at,
            email_verified_at: user.email_verified_at.map(rfc3339),
            language: user.language.as_deref(),
            new_password_required_at: user.new_password_required_at.map(rfc3339),
        }
    }
}

/// The name of a state.
#[must_use]
pub fn state_word(state: UserState) -> &'static str {
    match state {
        UserState::Active => "active",
        UserState::Disabled(_) => "disabled",
        UserState::Deleted(_) => "deleted",
    }
}

/// A table that is printed in batches; its columns only get wider.
pub struct Table<const N: usize> {
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    /// A table with these headings; the caller passes them again as the first row.
    #[must_use]
    pub fn new(headings: [&str; N]) -> Self {
        Self { widths: headings.map(width) }
    }

    /// Writes rows; the last column is not padded.
    ///
    /// # Errors
    /// Write errors of `out`.
    pub fn write_rows(&mut self, out: &mut dyn Write, rows: &[[String; N]]) -> io::Result<()> {
        for row in rows {
            for (widest, cell) in self.widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        for row in rows {
            for (at, (cell, widest)) in row.iter().zip(self.widths).enumerate() {
                let padding = if at + 1 == N { 0 } else { widest - width(cell) + 2 };
                write!(out, "{cell}{:padding$}", "")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// The columns of a terminal that a text takes: a Chinese or Korean character takes two.
fn width(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_last_has_no_trailing_spaces() {
        let mut table = Table::new(["ID", "NAME"]);
        let mut out = Vec::new();
        let rows = [["ID", "NAME"], ["1", "alice"], ["1000", "bob"]].map(|row| row.map(str::to_owned));
        table.write_rows(&mut out, &rows).expect("a vector can be written");
        assert_eq!(String::from_utf8(out).expect("text"), "ID    NAME\n1     alice\n1000  bob\n");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut out = Vec::new();
        let rows = [["NAME", "X"], ["김철수", "1"], ["e\u{301}", "2"]].map(|row| row.map(str::to_owned));
        Table::new(["NAME", "X"]).write_rows(&mut out, &rows).expect("a vector can be written");
        assert_eq!(String::from_utf8(out).expect("text"), "NAME    X\n김철수  1\ne\u{301}       2\n");
    }
}
