//! The settings, checked and parsed into [`Config`] before anything starts.

mod accent;
mod arguments;
mod brand;
mod check;
mod cookie_domain;
#[cfg(test)]
mod docs;
mod dotenv;
mod errors;
mod libpq;
mod mail;
mod postgres;
mod raw_settings;
mod reader;
mod setting_row;
mod table;
#[cfg(test)]
mod tests;
mod values;
mod warnings;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::secret::ServerKey;
pub use accent::{Accent, Shades};
pub use arguments::{AdminCommand, KeyCommand, ServerCommand, SessionCommand, SettingArgs, secrets_help};
pub use brand::{BrandConfig, Logo, LogoKind};
pub use cookie_domain::CookieDomain;
pub use dotenv::load as load_dotenv;
pub use libpq::libpq_version;
pub use mail::{MailConfig, SmtpTls};
pub use postgres::PostgresUrl;
pub use raw_settings::Settings;
pub use table::DEFAULT_PRODUCT_NAME;
pub use values::{WebOrigin, duration_text};
pub use warnings::environment_warnings;

/// The checked settings of the server and of every command: parsed, in range and consistent.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database.
    pub database: DatabaseUrl,
    /// How long a starting server waits for an unavailable database.
    pub database_start_wait: Duration,
    /// `SERVER_KEY`, if it is set.
    pub server_key: Option<ServerKey>,
    /// Hashing and minimum length of passwords.
    pub passwords: PasswordConfig,
    /// Throttling of failed sign-ins.
    pub throttling: ThrottlingConfig,
    /// Addresses to listen on.
    pub bind: Vec<SocketAddr>,
    /// Public base URL of the server.
    pub public_url: WebOrigin,
    /// Name of the service in pages and emails: 1 to 40 characters on one line.
    pub product_name: String,
    /// The time zone of mails, and of pages without scripts.
    pub time_zone: chrono_tz::Tz,
    /// Branding of pages and emails.
    pub brand: BrandConfig,
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim, if tokens have one.
    pub audience: Option<String>,
    /// Signing of access tokens.
    pub signing: Signing,
    /// Interval of automatic key rotation; `None` if keys are only rotated manually.
    pub key_rotation: Option<Duration>,
    /// Who may send a username and password to `/token`.
    pub password_grant: PasswordGrant,
    /// Lifetimes of tokens and sessions.
    pub lifetimes: LifetimeConfig,
    /// Usernames that people may not choose, besides those that are always reserved.
    pub reserved_usernames: Vec<String>,
    /// The role of people who help users, without the rights of administrators.
    pub support_role: Option<String>,
    /// Whether users can delete their own accounts.
    pub account_deletion: bool,
    /// Reverse proxies whose forwarded headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The domain whose applications receive the shared cookies, if any.
    pub cookie_domain: Option<CookieDomain>,
    /// Origins of the web pages that may call the client endpoints.
    pub allowed_origins: Vec<WebOrigin>,
    /// Whether `/docs` and `/openapi.json` exist.
    pub has_docs: bool,
    /// Address of the Prometheus metrics, if they are served.
    pub metrics_bind: Option<SocketAddr>,
    /// How long security events are kept.
    pub audit_retention: Duration,
    /// The least important lines of the log.
    pub log_level: LogLevel,
    /// Format of the log.
    pub log_format: LogFormat,
    /// SMTP server and sender; `None` if no email is sent.
    pub mail: Option<MailConfig>,
    /// Who can create an account.
    pub registration: RegistrationMode,
}

/// The location of the database. `Debug` and `Display` omit the password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// Parses a URL from an argument, which must contain no password: every user of the machine can read arguments.
    ///
    /// # Errors
    /// What is wrong, without the URL if it contains a password.
    pub fn parse_argument(text: &str) -> Result<Self, String> {
        if values::url_has_password(text) {
            return Err("must contain no password, which every user of this machine could read: use PGPASSWORD or ~/.pgpass, or a file with the URL".to_owned());
        }
        values::database_url(text)
    }

    /// Reads a URL from a file.
    ///
    /// # Errors
    /// The file cannot be read, or contains no URL.
    pub fn read_file(path: &std::path::Path) -> Result<Self, String> {
        let text = values::secret_file(&path.to_string_lossy())?;
        values::database_url(&text)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(postgres) => postgres.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The cost of a password hash (RFC 9106 §3.1) and the minimum length of a password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordConfig {
    /// Minimum number of code points in a new password.
    pub min_length: usize,
    /// Memory of a hash in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// Threads that hash passwords; by default one per processor.
    pub hash_threads: usize,
}

/// Limits on failed sign-ins (docs/security.md, "Rate limiting").
#[derive(Clone, Copy, Debug)]
pub struct ThrottlingConfig {
    /// Failures in 15 minutes for one account from one network or one known device.
    pub account_network_failures: i64,
    /// Failures in an hour from one network (IPv4 /24, IPv6 /64) for all accounts.
    pub network_failures: i64,
    /// The same for an IPv6 /56.
    pub network_56_failures: i64,
    /// The same for an IPv6 /48.
    pub network_48_failures: i64,
    /// Failures in an hour for one account from all networks.
    pub account_failures: i64,
    /// Successful sign-ins to one account in quick succession.
    pub sign_in_burst: i32,
    /// First wait; it doubles with each further failure.
    pub first_wait: Duration,
    /// Longest wait.
    pub longest_wait: Duration,
}

/// The signing of access tokens. `Debug` omits the secret.
#[derive(Clone)]
pub enum Signing {
    /// HS256 with `JWT_SECRET`: any holder of the secret can verify and also forge tokens.
    Hs256(Zeroizing<Vec<u8>>),
    /// A generated key pair, whose public key is published as JWKS.
    KeyPair(KeyAlgorithm),
}

/// The algorithm of a key pair.
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
    /// All algorithms.
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

    /// The default algorithm.
    const DEFAULT: Self = Self::Es256;

    /// The algorithm with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// A value of `JWT_ALGORITHM`.
#[derive(Clone, Copy)]
enum SigningAlgorithm {
    Hs256,
    KeyPair(KeyAlgorithm),
}

impl SigningAlgorithm {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "HS256" => Ok(Self::Hs256),
            name => KeyAlgorithm::from_name(name)
                .map(Self::KeyPair)
                .ok_or_else(|| "must be HS256, ES256, EdDSA or RS256".to_owned()),
        }
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

/// Who may send a username and password to `/token` (RFC 6749 §4.3), which RFC 9700 §2.4 advises against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordGrant {
    /// Any client.
    Open,
    /// Registered clients.
    Clients,
    /// No client.
    Off,
}

/// Who can create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationMode {
    /// No one; only admins create accounts.
    Closed,
    /// People whom an admin invites.
    Invite,
    /// Anyone who verifies an email address.
    Open,
}

/// The lifetimes of tokens and sessions.
#[derive(Clone, Copy, Debug)]
pub struct LifetimeConfig {
    /// Lifetime of an access token.
    pub access_token: Duration,
    /// Idle timeout of a browser session.
    pub session_idle: Duration,
    /// Absolute timeout of a browser session.
    pub session_max: Duration,
    /// Idle timeout of a remembered browser session.
    pub remember_idle: Duration,
    /// Absolute timeout of a remembered browser session.
    pub remember_max: Duration,
    /// Idle timeout of a client session: the time without a refresh.
    pub refresh_idle: Duration,
    /// Absolute timeout of a client session.
    pub refresh_max: Duration,
}

/// The least important lines of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What an administrator must look at.
    Error,
    /// What may become an error.
    Warn,
    /// What the server does.
    Info,
    /// Why a request is rejected.
    Debug,
}

impl LogLevel {
    /// The word in the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// The directives of `RUST_LOG`, unless it is unset or empty. They take precedence over the level.
#[must_use]
pub fn rust_log() -> Option<String> {
    std::env::var_os("RUST_LOG").filter(|value| !value.is_empty()).map(|value| value.to_string_lossy().into_owned())
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for a terminal.
    Text,
    /// One JSON object per line.
    Json,
}

/// Every error in the settings, each with the name of the setting, its value (never a secret) and a hint.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);
