//! Parses the command line and runs the command. Temporary: main's own takes its place.

use std::process::ExitCode;

use clap::Parser;
use vestibule::cli::{Command, output};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    if let Err(error) = vestibule::config::load_dotenv() {
        return output::report(&error.into());
    }
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let result = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(cli.command.run()));
    result.unwrap_or_else(|error| output::report(&error))
}
