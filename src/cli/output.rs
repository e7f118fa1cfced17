//! How commands answer: lines, tables and JSON on standard output, errors on standard error, exit codes.
//! What may not live here: what is said (each command's file).

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use chrono::SecondsFormat;
use serde::Serialize;

use crate::admin::{Account, AdminError};
use crate::clock::Moment;
use crate::config::ConfigError;
use crate::db::DbError;
use crate::users::{UserId, UserState};

/// Exit code of a command that was refused, or met a fault.
const REFUSED: u8 = 1;
/// Exit code of wrong usage or settings; clap's too.
const MISUSED: u8 = 2;

/// An answer of no, in words that say what to do next.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Misused(String),
}

/// The error of a command that is refused: exit code 1.
#[must_use]
pub fn refused(text: impl Into<String>) -> anyhow::Error {
    Failure::Refused(text.into()).into()
}

/// The error of a command that was called wrongly: exit code 2.
#[must_use]
pub fn misused(text: impl Into<String>) -> anyhow::Error {
    Failure::Misused(text.into()).into()
}

/// The error for a name that no user has.
#[must_use]
pub fn no_such_user(name: &str) -> anyhow::Error {
    refused(format!("no such user: {name}. \"vestibule users list\" shows all of them"))
}

/// Prints an error with its causes and returns the command's exit code.
#[must_use]
pub fn report(error: &anyhow::Error) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    let mend = if is_busy(error) { ": nothing was changed, try again in a moment" } else { "" };
    let _ = writeln!(io::stderr(), "error: {error:#}{mend}");
    let is_misuse = error.is::<ConfigError>() || matches!(error.downcast_ref(), Some(Failure::Misused(_)));
    ExitCode::from(if is_misuse { MISUSED } else { REFUSED })
}

fn is_busy(error: &anyhow::Error) -> bool {
    let database = error.downcast_ref::<DbError>();
    matches!(database, Some(DbError::Busy)) || matches!(error.downcast_ref(), Some(AdminError::Database(DbError::Busy)))
}

/// Writes to standard output. Returns `false` when its reader has gone, as `| head` does: no error, but no more is wanted.
///
/// # Errors
/// When the output cannot be written otherwise, such as to a full disk.
pub fn write_out(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<bool> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            // What is still in the buffer would be written once more when it is dropped.
            let (_, _) = out.into_parts();
            Ok(false)
        }
        Err(error) => Err(anyhow::Error::new(error).context("standard output cannot be written")),
    }
}

/// Answers with a JSON object on one line, or with text.
///
/// # Errors
/// As [`write_out`].
pub fn answer(is_json: bool, value: &impl Serialize, text: &str) -> anyhow::Result<ExitCode> {
    let line = if is_json { serde_json::to_string(value)? } else { text.to_owned() };
    write_out(|out| writeln!(out, "{line}"))?;
    Ok(ExitCode::SUCCESS)
}

/// A moment in RFC 3339 with `Z`, to the second when it has no more.
#[must_use]
pub fn rfc3339(moment: Moment) -> String {
    moment.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A moment in RFC 3339 with `Z`, for people: to the second.
#[must_use]
pub fn rfc3339_seconds(moment: Moment) -> String {
    moment.and_utc().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A user as `--json` shows them.
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
    /// Only where it was asked for: sessions that are neither ended nor run out.
    #[serde(skip_serializing_if = "Option::is_none")]
    live_sessions: Option<usize>,
}

impl<'a> UserView<'a> {
    /// The view of an account.
    #[must_use]
    pub fn new(account: &'a Account, live_sessions: Option<usize>) -> Self {
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
            live_sessions,
        }
    }
}

/// The word for a state.
#[must_use]
pub fn state_word(state: UserState) -> &'static str {
    match state {
        UserState::Active => "active",
        UserState::Disabled(_) => "disabled",
        UserState::Deleted(_) => "deleted",
    }
}

/// A table whose columns only grow, so that it can be printed batch by batch.
pub struct Table<const N: usize> {
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    /// A table with these headings, which are its first row.
    #[must_use]
    pub fn new(headings: [&str; N]) -> Self {
        Self { widths: headings.map(width) }
    }

    /// Writes rows; the last column is not padded.
    ///
    /// # Errors
    /// When `out` cannot be written.
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

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_the_last_has_no_spaces_behind_it() {
        let mut table = Table::new(["ID", "NAME"]);
        let mut out = Vec::new();
        let rows = [["ID", "NAME"], ["1", "alice"], ["1000", "bob"]].map(|row| row.map(str::to_owned));
        table.write_rows(&mut out, &rows).expect("a vector can be written");
        assert_eq!(String::from_utf8(out).expect("text"), "ID    NAME\n1     alice\n1000  bob\n");
    }
}
