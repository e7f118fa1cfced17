//! `vestibule serve`: starts the server and says in one short block where it is and what to do next.
//! What may not live here: what starting takes (`server`).

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::log;
use crate::clock::Clock;
use crate::config::{self, Config, Settings};
use crate::memory;
use crate::ops::server_key::Source;
use crate::server::{self, Report, Running};

const SECRETS_HELP: &str = "\
Secrets are read from the environment or a file only, never from an argument:
  SERVER_KEY   the server's own secret, 32 bytes or more in base64 or hex; the same for all instances
  JWT_SECRET   the secret for HS256, at least 32 bytes of text
  SMTP_PASSWORD   the password for the mail server

A .env file in the working directory is read too; the environment goes before it.";

/// Arguments of `vestibule serve`.
#[derive(Args)]
#[command(after_help = SECRETS_HELP)]
pub struct Serve {
    /// All of them.
    #[command(flatten)]
    pub settings: Settings,
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub async fn run(serve: Serve) -> anyhow::Result<ExitCode> {
    let config = serve.settings.check()?;
    log::start(config.log_format);
    for (name, ours) in config::tutorial_names_in_use() {
        tracing::warn!("{name} is set, and nothing here reads it: the setting is called {ours}");
    }
    let block = Block::of(&config);
    if let Some(warning) = server::warning_of(&config.signing) {
        tracing::info!("{warning}");
    }
    let Running { server, report, addresses, sending, .. } = server::start(config, Clock::system()).await?;
    print!("{}", block.text(&report, &addresses));
    memory::give_back_code();
    server.await.context("the server stopped")?;
    if let Some(sending) = sending {
        sending.stop().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the first lines need of the settings.
struct Block {
    database: String,
    public_url: String,
}

impl Block {
    fn of(config: &Config) -> Self {
        Self { database: config.database.to_string(), public_url: config.public_url.to_string() }
    }

    fn text(&self, report: &Report, addresses: &[std::net::SocketAddr]) -> String {
        let Self { database, public_url } = self;
        let key = match &report.server_key {
            Source::Setting => "from the settings".to_owned(),
            Source::File(path) => path.display().to_string(),
            Source::Made(path) => format!("{} (made just now: back it up with the database)", path.display()),
        };
        let listening: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let migrated = if report.migrated.is_empty() {
            String::new()
        } else {
            format!(" ({} migrations run)", report.migrated.len())
        };
        let mut text = format!(
            "Vestibule {version}\n  database    {database}{migrated}\n  server key  {key}\n  tokens      {signing}\n  listening   {listening}\n",
            version = env!("CARGO_PKG_VERSION"),
            signing = report.signing,
            listening = listening.join(", "),
        );
        if let Some(address) = report.metrics {
            text = format!("{text}  metrics     {address}\n");
        }
        match &report.setup_link {
            Some(secret) => {
                let link = secret.reveal();
                text + &format!(
                    "\nNobody can sign in yet. Make the first administrator within an hour:\n  {public_url}/setup?link={link}\n(`vestibule setup-link` prints a fresh link.)\n"
                )
            }
            None => text + &format!("\nSign in at {public_url}/login\n"),
        }
    }
}
