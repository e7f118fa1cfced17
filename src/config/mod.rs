//! Every setting, checked before anything is bound. The only reader of the environment.
//! `settings.rs` holds the flags and their help, `parse.rs` turns their text into values, `faults.rs` gathers what is wrong, `values.rs` says how each kind is written; the
//! result is [`Config`]; `cookie_domain.rs` and `accent.rs` are kinds of values with rules of their own, `mail.rs` has all that mails need, and `brand.rs` the service's looks.
//! What may not live here: anything that a setting switches on.

mod accent;
mod brand;
mod cookie_domain;
mod faults;
mod mail;
mod parse;
mod settings;
mod values;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::secret::ServerKey;
pub use accent::{Accent, Shades};
pub use brand::{BrandConfig, Logo, LogoKind};
pub use cookie_domain::CookieDomain;
pub use mail::{MailConfig, SmtpTls};
pub use parse::DEFAULT_PRODUCT_NAME;
pub use settings::{BrandSettings, DatabaseSettings, LifetimeSettings, MailSettings, Settings};
pub use values::Origin;

/// What the server and the admin's commands run with: every value parsed, in range and consistent.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database is, and the keys to it.
    pub database: DatabaseUrl,
    /// `SERVER_KEY`, when it was given.
    pub server_key: Option<ServerKey>,
    /// How passwords are hashed and how long they must be.
    pub passwords: PasswordConfig,
    /// How many wrong passwords are taken.
    pub throttling: ThrottlingConfig,
    /// Addresses to listen on.
    pub bind: Vec<SocketAddr>,
    /// The origin under which people reach the server.
    pub public_url: Origin,
    /// What pages and mails call the service: 1 to 40 characters, all on one line.
    pub product_name: String,
    /// How the service looks.
    pub brand: BrandConfig,
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim, when there is one.
    pub audience: Option<String>,
    /// How access tokens are signed.
    pub signing: Signing,
    /// After how long a signing key is replaced by itself; `None` when only an admin does it.
    pub key_rotation: Option<Duration>,
    /// Whether `/token` takes a username and password.
    pub password_grant: PasswordGrant,
    /// How long tokens and sessions live.
    pub lifetimes: LifetimeConfig,
    /// Whether a person may delete their own account.
    pub account_deletion: bool,
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// The domain whose applications get the shared cookies, when there is one.
    pub cookie_domain: Option<CookieDomain>,
    /// Origins whose pages may call the programs' routes.
    pub allowed_origins: Vec<Origin>,
    /// Where Prometheus counters are served, when they are.
    pub metrics_bind: Option<SocketAddr>,
    /// How the log is written.
    pub log_format: LogFormat,
    /// How mails go out; `None` when they do not.
    pub mail: Option<MailConfig>,
    /// Who can make an account of their own.
    pub registration: Registration,
}

/// Where the database is. `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A Postgres server.
    Postgres(PostgresUrl),
}

/// A Postgres URL as libpq takes it, with our own parameters taken out.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The URL with its password, for libpq only.
    pub url: Zeroizing<String>,
    /// The URL without its password, for people.
    pub shown: String,
    /// Whether prepared statements get names; off for a `PgBouncer` older than 1.21.
    pub has_prepared_statements: bool,
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(postgres) => f.write_str(&postgres.shown),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The cost of a password hash (RFC 9106 §3.1) and the rule on length.
#[derive(Clone, Copy, Debug)]
pub struct PasswordConfig {
    /// The fewest code points in a new password.
    pub min_length: usize,
    /// Memory per hash in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// Threads that hash; one for each processor when it was not given.
    pub hash_threads: usize,
}

/// How many failures are taken before waiting begins (docs/security.md, "Rate limiting").
#[derive(Clone, Copy, Debug)]
pub struct ThrottlingConfig {
    /// Failures in 15 minutes for one account from one network, or from one known device.
    pub account_network_failures: i64,
    /// Failures in an hour from one network, over all accounts.
    pub network_failures: i64,
    /// Failures in an hour for one account, over all networks.
    pub account_failures: i64,
    /// The first wait; it doubles with each further failure.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

/// How access tokens are signed.
#[derive(Clone)]
pub enum Signing {
    /// HS256 with `JWT_SECRET`: whoever checks a token could also make one.
    Hs256(Zeroizing<Vec<u8>>),
    /// With a key pair made here, whose public half is published as JWKS.
    KeyPair(KeyAlgorithm),
}

/// How a key pair signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with 3,072 bits.
    Rs256,
}

impl KeyAlgorithm {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// The name in a token's header (RFC 7518 §3.1, RFC 8037 §3.1).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hs256(_) => f.write_str("Hs256(…)"),
            Self::KeyPair(algorithm) => f.write_str(algorithm.as_str()),
        }
    }
}

/// Whether `/token` takes a username and password (RFC 6749 §4.3; RFC 9700 §2.4 advises against it for other people's programs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordGrant {
    /// From any program.
    Open,
    /// From registered programs.
    Clients,
    /// From none.
    Off,
}

/// Who can make an account of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Nobody.
    Closed,
    /// Whom an admin invites.
    Invite,
    /// Whoever proves that an address is theirs.
    Open,
}

/// How long tokens and sessions live.
#[derive(Clone, Copy, Debug)]
pub struct LifetimeConfig {
    /// An access token.
    pub access_token: Duration,
    /// A browser's session without use.
    pub session_idle: Duration,
    /// A browser's session altogether.
    pub session_max: Duration,
    /// The session of a browser that remembers the person, without use.
    pub remember_idle: Duration,
    /// The same altogether.
    pub remember_max: Duration,
    /// A program's session without a refresh.
    pub refresh_idle: Duration,
    /// A program's session altogether.
    pub refresh_max: Duration,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is wrong with the settings: every fault found, each naming the setting, its value and the mend.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Reads `.env` in the working directory, and in no folder above it, into the environment, where a variable is not already set.
///
/// # Errors
/// When the file is there but cannot be read or parsed: going on would start with other settings than the admin wrote.
pub fn load_dotenv() -> Result<(), ConfigError> {
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        Err(dotenvy::Error::LineParse(_, at)) => {
            // The line itself may hold a secret, so that only its place is told.
            Err(ConfigError(vec![format!(
                ".env cannot be read at character {at} of a line: write NAME=value, with quotes around spaces"
            )]))
        }
        Err(error) => Err(ConfigError(vec![format!(".env cannot be read: {error}")])),
    }
}

/// Names of the tutorial's settings that are set although nothing here reads them, each with the name to use instead.
#[must_use]
pub fn tutorial_names_in_use() -> Vec<(&'static str, &'static str)> {
    [("SECRET_KEY", "JWT_SECRET"), ("ALGORITHM", "JWT_ALGORITHM")]
        .into_iter()
        .filter(|(name, _)| std::env::var_os(name).is_some())
        .collect()
}
