//! Parses the command line, starts the log, runs the command, gives the exit code. What may not live here: any command.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use vestibule::cli::{Cli, Command, serve};
use vestibule::config::{self, Config, ConfigError, LogFormat};

fn main() -> ExitCode {
    if let Err(error) = config::load_dotenv() {
        return settings_fault(&error);
    }
    let cli = Cli::parse_from(with_default_command(std::env::args_os()));
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let config = match &cli.command {
        Command::Serve(serve) => serve.settings.check(),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return Ok(settings_fault(&error)),
    };
    start_log(&config);
    for (name, ours) in config::tutorial_names_in_use() {
        tracing::warn!("{name} is set, and nothing here reads it: the setting is called {ours}");
    }
    actix_web::rt::System::new().block_on(async {
        match &cli.command {
            Command::Serve(_) => serve::run(config).await,
        }
    })
}

fn settings_fault(error: &ConfigError) -> ExitCode {
    for fault in &error.0 {
        eprintln!("error: {fault}");
    }
    eprintln!("`vestibule serve --help` lists all settings.");
    ExitCode::from(2)
}

/// `vestibule --bind …` means `vestibule serve --bind …`.
fn with_default_command(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let first = arguments.get(1).map(|first| first.to_string_lossy().into_owned());
    let asks_for_all = matches!(first.as_deref(), Some("-h" | "--help" | "-V" | "--version"));
    if first.is_none_or(|first| first.starts_with('-')) && !asks_for_all {
        arguments.insert(1.min(arguments.len()), "serve".into());
    }
    arguments
}

/// To standard error, so that a command's output can be piped.
fn start_log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .parse_lossy("info,actix_server=warn,mio=warn");
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}
