//! Commands on one user, or on all users whose names come on standard input.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::Value;

use super::output::{self, failure, print_result};

/// Stands for standard input.
pub const STANDARD_INPUT: &str = "-";
/// The longest line.
const MAX_LINE_BYTES: u64 = 1_024;

/// What a command did for one user, as JSON and as text.
pub type Outcome = (Value, String);

/// Whether the argument stands for names on standard input.
#[must_use]
pub fn is_standard_input(name: &str) -> bool {
    name == STANDARD_INPUT
}

/// Runs `step` for the user `name` or, for `-`, for each name on standard input, one on each line. A name that fails does
/// not stop the others; an error of the database does.
///
/// # Errors
/// That of the only name; for names on standard input, how many failed.
pub async fn for_each(
    name: &str,
    is_json: bool,
    step: impl AsyncFn(String) -> anyhow::Result<Outcome>,
) -> anyhow::Result<ExitCode> {
    if !is_standard_input(name) {
        let (value, text) = step(name.to_owned()).await?;
        return print_result(is_json, &value, &text);
    }
    let mut input = BufReader::new(io::stdin());
    let (mut all, mut failed) = (0_usize, 0_usize);
    while let Some(name) = next_line(&mut input)? {
        all += 1;
        match step(name).await {
            Ok((value, text)) => drop(print_result(is_json, &value, &text)?),
            Err(error) if output::is_refusal(&error) => {
                failed += 1;
                output::eprint_error(&error);
            }
            Err(error) => return Err(error.context(format!("stopped at line {all} of standard input"))),
        }
    }
    match (all, failed) {
        (0, _) => Err(failure("no names on standard input: write one on each line")),
        (_, 0) => Ok(ExitCode::SUCCESS),
        _ => Err(failure(format!("{failed} of {all} names failed; the others are done"))),
    }
}

/// The next line that is not empty, without spaces at its ends.
fn next_line(input: &mut BufReader<io::Stdin>) -> anyhow::Result<Option<String>> {
    loop {
        let mut line = String::new();
        let count = input.by_ref().take(MAX_LINE_BYTES).read_line(&mut line).context("cannot read standard input")?;
        if count == 0 {
            return Ok(None);
        }
        if !line.ends_with('\n') && line.len() as u64 == MAX_LINE_BYTES {
            return Err(failure("a line on standard input is too long: write one username on each line"));
        }
        let name = line.trim();
        if !name.is_empty() {
            return Ok(Some(name.to_owned()));
        }
    }
}
