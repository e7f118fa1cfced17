//! The entry point: parses the command line, runs the command and returns its exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use vestibule::cli::{Cli, command_tree, log, output};
use vestibule::config;

fn main() -> ExitCode {
    let _flush = FlushLog;
    if let Err(error) = config::load_dotenv() {
        return output::report(&error.into());
    }
    let matches = command_tree::command().get_matches_from(with_default_command(std::env::args_os()));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if cli.quiet {
        output::be_quiet();
    }
    let system = actix_web::rt::System::new();
    let result = system.block_on(cli.command.run());
    // Not dropped: that would wait for threads that wait for a database.
    std::mem::forget(system);
    result.unwrap_or_else(|error| output::report(&error))
}

/// Waits for the log when the process ends, also by a panic.
struct FlushLog;

impl Drop for FlushLog {
    fn drop(&mut self) {
        log::flush();
    }
}

/// `vestibule --bind …` means `vestibule serve --bind …`.
fn with_default_command(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    // `--quiet` may come before a command.
    let is_quiet = |argument: &OsString| argument == "-q" || argument == "--quiet";
    let at = arguments.iter().skip(1).position(|argument| !is_quiet(argument)).map_or(arguments.len(), |at| at + 1);
    let first = arguments.get(at).map(|first| first.to_string_lossy().into_owned());
    let is_top_level = matches!(first.as_deref(), Some("-h" | "--help" | "-V" | "--version"));
    if first.is_none_or(|first| first.starts_with('-')) && !is_top_level {
        arguments.insert(at, "serve".into());
    }
    arguments
}
