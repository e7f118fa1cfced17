//! Start of the server: builds the services, mounts the routes and listens.

mod background;
mod error;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use actix_server::ServerBuilder;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use tokio::sync::mpsc;

use crate::accounts::{self, AccountService, SetupLink};
use crate::audit::RejectedSignIns;
use crate::authentication::{AccountLocks, AuthService, RequestLimiter};
use crate::clock::{Clock, Moment};
use crate::config::{Config, Signing};
use crate::connections::{self, ConnectionLimits, Connections};
use crate::db::{Db, DbError, server_time};
use crate::mail::{self, Outbox, Sending};
use crate::oauth::revoked::RevocationList;
use crate::ops::database_start::{self, retry_while_unavailable};
use crate::ops::doctor_endpoint::DoctorKey;
use crate::ops::health::Readiness;
use crate::ops::housekeeping::HousekeepingConfig;
use crate::ops::server_key::{self, ServerKeySource};
use crate::ops::{doctor_endpoint, health, metrics_endpoint};
use crate::registration::RegistrationLinks;
use crate::secret::{PlainSecret, ServerKey};
use crate::sessions::{Lifetimes, RevokedSessions, STALE_AFTER, SessionService};
use crate::supervisor::{FailedTasks, Supervisor};
use crate::tokens::{Keys, TokenService};
use crate::users::argon2id::Cost;
use crate::users::hash_pool::HashPool;
use crate::web::{WebConfig, assets, error_page, headers, language_switch, pages, panics, request_cookies};
use crate::{account_pages, admin_pages, forward_auth, login, oauth, openapi, recovery, registration};
pub use error::StartError;

/// How long a stopping server waits for running requests.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 10;

/// How long a starting server waits for the connections of its pool. It starts without them, too.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Limits that are the same on every installation; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The age of the set of revoked sessions from which on no token is accepted, although the database responds.
    pub revocations_stale_after: Duration,
    /// Limits of connections.
    pub connections: ConnectionLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { revocations_stale_after: STALE_AFTER, connections: ConnectionLimits::default() }
    }
}

/// A server that accepts connections.
pub struct Running {
    /// A future that completes when the server has stopped.
    pub server: Server,
    /// The addresses it listens on.
    pub addresses: Vec<SocketAddr>,
    /// What the start-up banner shows.
    pub report: StartupReport,
    /// The services behind the routes, for tests.
    pub services: Services,
    /// Contains a path if the server stopped because its database file was replaced.
    pub database_lost: mpsc::Receiver<PathBuf>,
    /// The task that sends emails, if a mail server is configured. Stop it after the server.
    pub sending: Option<Sending>,
    /// Background tasks that were given up; stop the server when there is one.
    pub failed_tasks: FailedTasks,
}

/// Contents of the start-up banner.
pub struct StartupReport {
    /// The source of the server key.
    pub server_key: ServerKeySource,
    /// How tokens are signed, as text.
    pub signing: String,
    /// The secret of the link that creates the first admin; `None` once there is one.
    pub setup_link: Option<PlainSecret>,
    /// The versions of the migrations that this start ran.
    pub migrated: Vec<String>,
    /// The address of `/metrics`, if it is enabled.
    pub metrics: Option<SocketAddr>,
}

/// The services of a server. Each is registered as its own `web::Data`.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// Sessions and the set of revoked ones.
    pub sessions: SessionService,
    /// Access tokens.
    pub tokens: TokenService,
    /// Authentication.
    pub auth: AuthService,
    /// Use cases on accounts.
    pub accounts: AccountService,
    /// Sign-ins that were rejected in the last minute.
    pub rejected: RejectedSignIns,
    /// Failed sign-ins of accounts, for administrators.
    pub locks: AccountLocks,
    /// Rate limits of requests.
    pub limiter: RequestLimiter,
    /// Registration links.
    pub registration_links: RegistrationLinks,
    /// The body of `GET /revoked`.
    pub revocation_list: RevocationList,
    /// Readiness of this instance.
    pub readiness: Readiness,
    /// The key of requests of `vestibule doctor`.
    pub doctor_key: DoctorKey,
}

impl Services {
    fn new(
        config: &Config,
        server_key: &ServerKey,
        db: Db,
        keys: Keys,
        clock: Clock,
        limits: Limits,
    ) -> Result<Self, StartError> {
        let hash_pool = HashPool::start(config.passwords.hash_threads, Cost::from(config.passwords))?;
        let revoked = RevokedSessions::new(limits.revocations_stale_after);
        let lifetimes = Lifetimes::new(config.lifetimes);
        let sessions = SessionService::with_revoked(db.clone(), clock.clone(), lifetimes, revoked);
        let tokens = TokenService::new(keys, server_key, config, clock.clone(), db.clone(), &sessions);
        let accounts = AccountService::new(
            config,
            db.clone(),
            clock.clone(),
            hash_pool.clone(),
            Outbox::new(config, server_key),
            sessions.clone(),
        );
        let rejected = RejectedSignIns::default();
        Ok(Self {
            auth: AuthService::new(
                config,
                server_key,
                db.clone(),
                hash_pool,
                sessions.clone(),
                tokens.clone(),
                rejected.clone(),
            ),
            rejected,
            locks: AccountLocks::new(server_key, config.throttling),
            limiter: RequestLimiter::new(server_key, db.clone(), clock.clone()),
            registration_links: RegistrationLinks::new(server_key),
            revocation_list: RevocationList::default(),
            readiness: Readiness::new(),
            doctor_key: DoctorKey::new(server_key),
            db,
            clock,
            sessions,
            tokens,
            accounts,
        })
    }

    fn register(self, app: &mut web::ServiceConfig) {
        app.app_data(web::Data::new(self.db))
            .app_data(web::Data::new(self.clock))
            .app_data(web::Data::new(self.sessions))
            .app_data(web::Data::new(self.tokens))
            .app_data(web::Data::new(self.auth))
            .app_data(web::Data::new(self.accounts))
            .app_data(web::Data::new(self.rejected))
            .app_data(web::Data::new(self.locks))
            .app_data(web::Data::new(self.limiter))
            .app_data(web::Data::new(self.registration_links))
            .app_data(web::Data::new(self.revocation_list))
            .app_data(web::Data::new(self.readiness))
            .app_data(web::Data::new(self.doctor_key));
    }
}

/// Prepares the database and the keys, and starts listening. Revoked sessions are read before the first request.
pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
    start_with(config, clock, Limits::default()).await
}

/// As [`start`], with other limits.
pub async fn start_with(config: Config, clock: Clock, limits: Limits) -> Result<Running, StartError> {
    let (supervisor, failed_tasks) = Supervisor::new();
    let prepare = async || Prepared::new(&config, &clock).await;
    let prepared = retry_while_unavailable(config.database_start_wait, StartError::is_temporary, prepare).await?;
    let Prepared { migrated, start_db, server_key, source, keys } = prepared;
    let db = Db::new(&config.database);
    let signing = keys.describe(clock.now());
    let services = Services::new(&config, &server_key, db.clone(), keys, clock.clone(), limits)?;
    services.sessions.read_changes(&start_db).await?;
    services.db.open_connections(WARM_UP_TIMEOUT).await;
    let sender = mail::Sender::new(&config, &server_key, db.for_background(), clock)?;
    let metrics = listen_for_metrics(&config, limits.connections, &supervisor)?;
    let listeners = bind_all(&config.bind)?;
    // After binding: a second server that cannot bind must not revoke the link that the first one printed.
    let setup_link = create_setup_link(&start_db, services.clock.now()).await?;
    let web_config = WebConfig::new(&config, &server_key);
    pages::load();
    background::keep_up_to_date(&services, HousekeepingConfig::new(&config), &supervisor);
    let (server, addresses) = listen(listeners, config, web_config, services.clone(), limits.connections)?;
    let database_lost = background::watch_database(&services, start_db, server.handle(), &supervisor);
    Ok(Running {
        server,
        addresses,
        report: StartupReport { server_key: source, signing, setup_link, migrated, metrics },
        services,
        sending: sender.map(|sender| sender.start(&supervisor)),
        failed_tasks,
        database_lost,
    })
}

/// What a server needs from the database before it can build its services.
struct Prepared {
    migrated: Vec<String>,
    start_db: Db,
    server_key: ServerKey,
    source: ServerKeySource,
    keys: Keys,
}

impl Prepared {
    async fn new(config: &Config, clock: &Clock) -> Result<Self, StartError> {
        server_key::reject_lost_database(config)?;
        let migrated = database_start::migrate(config, clock).await?;
        let start_db = Db::for_start(&config.database);
        server_time::follow(&start_db, clock).await?;
        let (server_key, source) = server_key::find_or_create(config, &start_db).await?;
        let keys = Keys::load(&start_db, &config.signing, &server_key, clock.now()).await?;
        Ok(Self { migrated, start_db, server_key, source, keys })
    }
}

/// Creates the link for the first admin; `None` once there is one.
async fn create_setup_link(db: &Db, now: Moment) -> Result<Option<PlainSecret>, DbError> {
    db.write(move |conn| {
        Ok(match accounts::create_setup_link(conn, None, now)? {
            SetupLink::Setup(secret) => Some(secret),
            _ => None,
        })
    })
    .await
}

fn listen_for_metrics(
    config: &Config,
    limits: ConnectionLimits,
    supervisor: &Supervisor,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(listener) = config.metrics_bind.map(|address| bind("METRICS_BIND", address, false)).transpose()? else {
        return Ok(None);
    };
    let address = listener.local_addr()?;
    supervisor.spawn("the metrics server", move || {
        let listener = listener.try_clone();
        async move {
            let server = Connections::new(1, limits, Vec::new()).configure(ServerBuilder::disable_signals);
            let application = || App::new().configure(metrics_endpoint::routes);
            let stopped = async { server.listen(listener?, application)?.run().await };
            stopped.await.expect("the metrics server runs until the process ends");
        }
    });
    Ok(Some(address))
}

fn listen(
    listeners: Vec<TcpListener>,
    config: Config,
    web_config: WebConfig,
    services: Services,
    limits: ConnectionLimits,
) -> Result<(Server, Vec<SocketAddr>), StartError> {
    let trusted_proxies = config.trusted_proxies.clone();
    let (config, web_config) = (web::Data::new(config), web::Data::new(web_config));
    let application = move || {
        let (config, web_config, services) = (config.clone(), web_config.clone(), services.clone());
        App::new()
            .wrap(headers::defaults(&web_config))
            .wrap(from_fn(request_cookies::middleware))
            .wrap(from_fn(panics::middleware))
            .configure(|app| services.register(app))
            .configure(|app| mount(app, &config, &web_config))
            .app_data(config)
            .app_data(web_config.clone())
            .default_service(web::to(error_page::not_found))
    };
    let workers = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
    let mut server = Connections::new(workers, limits, trusted_proxies)
        .configure(|server| server.shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS));
    let mut addresses = Vec::new();
    for listener in listeners {
        addresses.push(listener.local_addr()?);
        server = server.listen(listener, application.clone())?;
    }
    Ok((server.run(), addresses))
}

fn mount(app: &mut web::ServiceConfig, config: &Config, web_config: &WebConfig) {
    oauth::routes(app, &config.allowed_origins);
    login::routes(app, web_config);
    recovery::routes(app, web_config);
    registration::routes(app, web_config);
    forward_auth::routes(app);
    account_pages::routes(app, web_config);
    admin_pages::routes(app, web_config);
    if config.has_docs {
        openapi::routes(app);
    }
    health::routes(app);
    doctor_endpoint::routes(app);
    assets::routes(app);
    language_switch::routes(app);
}

/// Binds all addresses. Of several, skips those that this host does not have: the default includes IPv6.
fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let shares_port = addresses.iter().any(|other| other.is_ipv4() && other.port() == address.port());
        match bind("BIND", *address, shares_port) {
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

fn bind(setting: &'static str, address: SocketAddr, only_ipv6: bool) -> Result<TcpListener, StartError> {
    connections::bind(address, only_ipv6).map_err(|reason| StartError::Bind { setting, address, reason })
}

/// Returns a warning if signing uses a shared secret.
#[must_use]
pub fn signing_warning(signing: &Signing) -> Option<&'static str> {
    match signing {
        Signing::Hs256(_) => Some(
            "HS256: every service that verifies tokens has JWT_SECRET and could issue them; ES256 needs no shared secret",
        ),
        Signing::KeyPair(_) => None,
    }
}
