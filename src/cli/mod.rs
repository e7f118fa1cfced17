//! The admin's commands, a file per noun. What may not live here: SQL, HTML, and rules: they call use cases.

pub mod serve;

use clap::{Parser, Subcommand};

/// A login and token server in one binary.
#[derive(Parser)]
#[command(name = "vestibule", version, about, long_about = None, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do; `serve` when nothing is said.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server (the default)
    Serve(serve::Serve),
}
