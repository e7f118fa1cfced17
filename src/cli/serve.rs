//! The `vestibule serve` command and its start-up banner.

use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::log::{self, Stream};
use super::output::failure;
use super::{core_dumps, signals};
use crate::clock::{Clock, unix_seconds};
use crate::config::{self, Config, RegistrationMode, ServerCommand, SettingArgs};
use crate::ops::server_key::ServerKeySource;
use crate::server::{self, Running, StartError, StartupReport};
use crate::{connections, db, memory};

/// Arguments of `vestibule serve`.
#[derive(Args)]
#[command(after_help = config::secrets_help())]
pub struct Serve {
    /// The settings.
    #[command(flatten)]
    pub settings: SettingArgs<ServerCommand>,
}

/// Runs the server until it receives a stop signal.
///
/// # Errors
/// The server cannot start, or stops on an error.
pub async fn run(serve: Serve) -> anyhow::Result<ExitCode> {
    let config = serve.settings.check()?;
    log::start(config.log_level, config.log_format).context("cannot start the log")?;
    connections::raise_descriptor_limit();
    signals::ignore_meaningless().context("cannot set signal handlers")?;
    for warning in config::environment_warnings() {
        tracing::warn!("{warning}");
    }
    core_dumps::disable();
    for warning in db::warnings(&config.database) {
        tracing::warn!("{warning}");
    }
    let banner = StartupBanner::new(&config);
    if let Some(warning) = server::signing_warning(&config.signing) {
        tracing::info!("{warning}");
    }
    let Running { server, report, addresses, sending, services, mut failed_tasks, mut database_lost } =
        server::start(config, Clock::system()).await?;
    log::print(Stream::Out, &banner.text(&report, &addresses));
    memory::release_code();
    let (handle, mut server) = (server.handle(), pin!(server));
    signals::stop_at_hangup(handle.clone()).context("cannot set signal handlers")?;
    let failed_task = tokio::select! {
        stopped = &mut server => stopped.map(|()| None),
        name = failed_tasks.next() => {
            drop(handle.stop(true));
            server.await.map(|()| Some(name))
        }
    }
    .context("the server stopped unexpectedly")?;
    if let Some(sending) = sending {
        sending.stop().await;
    }
    services.db.close_idle();
    if let Ok(path) = database_lost.try_recv() {
        return Err(StartError::DatabaseReplaced { log: set_log_aside(&path), path }.into());
    }
    match failed_task {
        Some(name) => {
            Err(failure(format!("{name} panicked too often; the log has the reason. Start the server again")))
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Renames the write-ahead log of a replaced database file, and says what was done or has to be done.
fn set_log_aside(path: &Path) -> String {
    let file = path.display();
    match db::set_log_aside(path, unix_seconds(Clock::system().now())) {
        Ok(renamed) if renamed.is_empty() => "The old file has no write-ahead log".to_owned(),
        Ok(renamed) => {
            let names: Vec<String> = renamed.iter().map(|name| name.display().to_string()).collect();
            format!(
                "The write-ahead log of the old file was renamed to {}: it has the last changes of that file only",
                names.join(" and ")
            )
        }
        Err(error) => format!(
            "The write-ahead log of the old file cannot be renamed ({error}): delete {file}-wal and {file}-shm, which would undo a restore"
        ),
    }
}

/// The banner printed once the server listens: where it is and what to do next.
struct StartupBanner {
    database: String,
    public_url: String,
    mail: String,
    registration: &'static str,
}

impl StartupBanner {
    fn new(config: &Config) -> Self {
        Self {
            database: config.database.to_string(),
            public_url: config.public_url.to_string(),
            mail: match &config.mail {
                Some(mail) => format!("from {} by {}:{}", mail.from_address, mail.host, mail.port),
                None => "off: no password resets and no confirmation of addresses (SMTP_URL, MAIL_FROM)".to_owned(),
            },
            registration: match config.registration {
                RegistrationMode::Closed => "off: an administrator creates every account (REGISTRATION)",
                RegistrationMode::Invite => "by invitation",
                RegistrationMode::Open => "open to everyone",
            },
        }
    }

    fn text(&self, report: &StartupReport, addresses: &[std::net::SocketAddr]) -> String {
        let Self { database, public_url, mail, registration } = self;
        let key = match &report.server_key {
            ServerKeySource::Setting => "from the settings".to_owned(),
            ServerKeySource::File(path) => path.display().to_string(),
            ServerKeySource::Created(path) => {
                format!("{} (newly created; back it up with the database)", path.display())
            }
        };
        let listening: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let migrated = if report.migrated.is_empty() {
            String::new()
        } else {
            format!(" (migrations applied: {})", report.migrated.len())
        };
        let mut text = format!(
            "Vestibule {version}\n  database    {database}{migrated}\n  server key  {key}\n  tokens      {signing}\n  mail        {mail}\n  sign-up     {registration}\n  listening   {listening}\n",
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
                    "\nNo administrator yet. Open this link within an hour to create the first one:\n  {public_url}/setup?link={link}\n(Run `vestibule setup-link` for a new link.)\n"
                )
            }
            None => text + &format!("\nSign in at {public_url}/login\n"),
        }
    }
}
