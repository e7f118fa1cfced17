//! Puts the services together, mounts every capability's routes, binds, and stops gracefully.
//! What may not live here: a route, a setting, or anything that a request does.

use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};

use crate::authentication::Lock;
use crate::clock::{Clock, Moment};
use crate::config::{Config, Signing};
use crate::db::migrations::{self, MigrationError};
use crate::db::{Db, DbError};
use crate::links::{self, LinkPurpose};
use crate::mail::{self, Sending, SmtpError};
use crate::ops::health::Readiness;
use crate::ops::server_key::{self, ServerKeyError, ServerKeySource};
use crate::ops::{health, housekeeping, metrics};
use crate::secret::PlainSecret;
use crate::tokens::{KeyError, Keys, TokenService};
use crate::users::argon2id::Cost;
use crate::users::hash_pool::HashPool;
use crate::web::{WebConfig, assets, error_page, headers, language, pages};
use crate::{account_pages, forward_auth, login, oauth, openapi, recovery, registration, users};

/// How long requests may go on after the server was told to stop, in seconds.
const STOP_WITHIN_SECONDS: u64 = 10;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Migrations.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// There is no server key.
    #[error(transparent)]
    ServerKey(#[from] ServerKeyError),
    /// There is no signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address} ({reason}): stop the process that uses it, or set {setting} to another address"
    )]
    Bind {
        /// Which setting names it.
        setting: &'static str,
        /// Which one.
        address: SocketAddr,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The way to the mail server cannot be prepared.
    #[error(transparent)]
    Smtp(#[from] SmtpError),
    /// The operating system gives no thread.
    #[error("cannot start the server threads")]
    Threads(#[from] io::Error),
}

/// A server that listens.
pub struct Running {
    /// To be awaited: ends when the server has stopped.
    pub server: Server,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// What it told about itself.
    pub report: Report,
    /// The services behind the routes, for tests that look behind them.
    pub lock: Lock,
    /// The loop that sends mails, when a mail server is configured; to be stopped after the server has.
    pub sending: Option<Sending>,
}

/// What the first lines say.
pub struct Report {
    /// Where the server's own secret came from.
    pub server_key: ServerKeySource,
    /// How tokens are signed.
    pub signing: String,
    /// The link that makes the first administrator, while there is none.
    pub setup_link: Option<PlainSecret>,
    /// Migrations that ran just now.
    pub migrated: Vec<String>,
    /// Where counters are served, when they are.
    pub metrics: Option<SocketAddr>,
}

/// Prepares the database and the keys, and binds. Nothing is served before ended sessions are known.
///
/// # Errors
/// [`StartError`], before anything is served.
pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
    let migrated = migrate(&config).await?;
    let (db, start_db) = (Db::new(&config.database), Db::for_start(&config.database));
    let (server_key, source) = server_key::find_or_make(&config, &start_db).await?;
    let keys = Keys::load(&start_db, &config.signing, &server_key, clock.now()).await?;
    let signing = keys.describe(clock.now());
    let tokens = TokenService::new(keys, &config, clock.clone(), db.clone());
    tokens.revoked().refresh(&start_db, clock.now()).await?;
    let hash_pool = HashPool::start(config.passwords.hash_threads, Cost::from(config.passwords))?;
    let sender = mail::Sender::new(&config, &server_key, db.clone(), clock)?;
    let lock = Lock::new(&config, &server_key, hash_pool, tokens, db);
    let metrics = listen_for_metrics(&config)?;
    let listeners = bind_all(&config.bind)?;
    // After the addresses are ours: a second server that cannot have them must not end the link that the first one printed.
    let setup_link = make_setup_link(&start_db, lock.clock.now()).await?;
    let web_config = WebConfig::new(&config, &server_key);
    pages::load();
    let (server, addresses) = listen(listeners, config, web_config, lock.clone())?;
    Ok(Running {
        server,
        addresses,
        report: Report { server_key: source, signing, setup_link, migrated, metrics },
        lock,
        sending: sender.map(mail::Sender::start),
    })
}

async fn migrate(config: &Config) -> Result<Vec<String>, StartError> {
    let url = config.database.clone();
    let work = tokio::task::spawn_blocking(move || migrations::run_pending(&url));
    Ok(work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
}

async fn make_setup_link(db: &Db, now: Moment) -> Result<Option<PlainSecret>, DbError> {
    db.write(move |conn| {
        // Of servers that start at once on Postgres, each would else not see the other's new link, and both would work.
        users::lock_accounts(conn)?;
        if users::has_admin(conn)? {
            return Ok(None);
        }
        Ok(Some(links::create(conn, LinkPurpose::Setup, None, now)?))
    })
    .await
}

fn listen_for_metrics(config: &Config) -> Result<Option<SocketAddr>, StartError> {
    let Some(listener) = config.metrics_bind.map(|address| bind("METRICS_BIND", address)).transpose()? else {
        return Ok(None);
    };
    let address = listener.local_addr()?;
    let server =
        HttpServer::new(|| App::new().configure(metrics::routes)).workers(1).disable_signals().listen(listener)?.run();
    actix_web::rt::spawn(server);
    Ok(Some(address))
}

fn listen(
    listeners: Vec<TcpListener>,
    config: Config,
    web_config: WebConfig,
    lock: Lock,
) -> Result<(Server, Vec<SocketAddr>), StartError> {
    let readiness = Readiness::new();
    actix_web::rt::spawn(housekeeping::keep_revoked_sessions_fresh(lock.clone(), readiness.clone()));
    actix_web::rt::spawn(housekeeping::keep_clean(lock.clone(), config.key_rotation));
    let data = (web::Data::new(config), web::Data::new(web_config), web::Data::new(lock), web::Data::new(readiness));
    let mut server = HttpServer::new(move || {
        let (config, web_config, lock, readiness) = data.clone();
        App::new()
            .wrap(headers::defaults(&web_config))
            .configure(|services| mount(services, &config, &web_config))
            .app_data(config)
            .app_data(web_config.clone())
            .app_data(lock)
            .app_data(readiness)
            .default_service(web::to(error_page::not_found))
    })
    .shutdown_timeout(STOP_WITHIN_SECONDS);
    let mut addresses = Vec::new();
    for listener in listeners {
        addresses.push(listener.local_addr()?);
        server = server.listen(listener)?;
    }
    Ok((server.run(), addresses))
}

fn mount(services: &mut web::ServiceConfig, config: &Config, web_config: &WebConfig) {
    oauth::routes(services, &config.allowed_origins);
    login::routes(services, web_config);
    recovery::routes(services, web_config);
    registration::routes(services, web_config);
    forward_auth::routes(services);
    account_pages::routes(services, web_config);
    openapi::routes(services);
    health::routes(services);
    assets::routes(services);
    language::routes(services);
}

/// All of them but those that this machine does not have, when there are others: the default names IPv6 too.
fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::new();
    for address in addresses {
        match bind("BIND", *address) {
            Err(StartError::Bind { reason, .. })
                if addresses.len() > 1 && reason.kind() == io::ErrorKind::AddrNotAvailable =>
            {
                tracing::warn!(%address, "address not available on this host; skipping");
            }
            bound => listeners.push(bound?),
        }
    }
    Ok(listeners)
}

fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|reason| StartError::Bind { setting, address, reason })
}

/// A word on signing keys that several parties share, for the log.
#[must_use]
pub fn warning_of(signing: &Signing) -> Option<&'static str> {
    match signing {
        Signing::Hs256(_) => Some(
            "HS256: every service that verifies tokens has JWT_SECRET and could issue them; ES256 needs no shared secret",
        ),
        Signing::KeyPair(_) => None,
    }
}
