//! The table of settings, from which the command-line arguments, the documentation and the checks are made.

use std::net::SocketAddr;
use std::time::Duration;

use chrono_tz::Tz;
use ipnet::IpNet;
use zeroize::Zeroizing;

use super::accent::Accent;
use super::brand::{self, Logo};
use super::mail::{self, Sender, SmtpServer};
use super::setting_row::DefaultValue::{Described, Text};
use super::setting_row::NeededBy::{Admin, Keys, Server, Sessions};
use super::setting_row::Source::{Environment, Flag, HiddenFlag};
use super::setting_row::{Setting, SettingInfo, settings};
use super::values::{
    claim_text, database_url, duration, jwt_secret, list, listen_address, listen_addresses, network, number, one_of,
    product_name, reserved_username, secret_file, server_key, support_role, time_zone,
};
use super::{
    CookieDomain, DatabaseUrl, LogFormat, LogLevel, PasswordGrant, RegistrationMode, SigningAlgorithm, WebOrigin,
};
use crate::secret::ServerKey;

/// The product name unless it is set.
pub const DEFAULT_PRODUCT_NAME: &str = "Vestibule";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(24 * 365);

settings! {
    "Server" {
        BIND: Vec<SocketAddr> {
            source: Flag, value_name: "ADDRESS:PORT,…", needed_by: Admin,
            default: Text("127.0.0.1:8080,[::1]:8080");
            parse: listen_addresses,
            help: "Comma-separated addresses to listen on",
        }
        PUBLIC_URL: WebOrigin {
            source: Flag, value_name: "URL", needed_by: Admin,
            default: Text("http://localhost:8080");
            parse: WebOrigin::parse,
            help: "Public base URL of the server, without a path; by default with the first port of BIND",
        }
        TRUSTED_PROXIES: Vec<IpNet> {
            source: Flag, value_name: "NETWORK,…", needed_by: Server,
            default: Described("none");
            parse: |text| list(text, network),
            help: "Comma-separated addresses or networks of the reverse proxies whose `X-Forwarded-*` headers are trusted",
        }
        COOKIE_DOMAIN: CookieDomain {
            source: Flag, value_name: "DOMAIN", needed_by: Server,
            default: Described("none: only applications on the server's own host");
            parse: CookieDomain::parse,
            help: "Parent domain of the server and of the applications behind a reverse proxy, which receive the shared cookies and to which sign-in may redirect",
        }
        ALLOWED_ORIGINS: Vec<WebOrigin> {
            source: Flag, value_name: "ORIGIN,…", needed_by: Server,
            default: Described("none");
            parse: |text| list(text, WebOrigin::parse),
            help: "Comma-separated origins of the web pages that may call the client endpoints (CORS)",
        }
        METRICS_BIND: SocketAddr {
            source: Flag, value_name: "ADDRESS:PORT", needed_by: Server,
            default: Described("none");
            parse: listen_address,
            help: "Address that serves Prometheus metrics at `/metrics`",
        }
        DOCS: bool {
            source: Flag, value_name: "WORD", needed_by: Server,
            default: Text("on");
            parse: |text| one_of(text, &[("on", true), ("off", false)]),
            help: "Whether `/docs` and `/openapi.json` exist: on or off",
        }
        LOG_LEVEL: LogLevel {
            source: Flag, value_name: "LEVEL", needed_by: Server,
            default: Text("info");
            parse: |text| one_of(text, &[LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug].map(|level| (level.as_str(), level))),
            help: "The least important lines in the log: error, warn, info or debug. `RUST_LOG` takes precedence, with the directives of the crate tracing-subscriber",
        }
        AUDIT_RETENTION: Duration {
            source: Flag, value_name: "DURATION", needed_by: Server,
            default: Text("365d");
            parse: |text| duration(text, DAY..=YEAR * 10),
            help: "How long security events are kept for `vestibule audit` and the account pages, 1 day to 10 years",
        }
        LOG_FORMAT: LogFormat {
            source: Flag, value_name: "FORMAT", needed_by: Admin,
            default: Text("text");
            parse: |text| one_of(text, &[("text", LogFormat::Text), ("json", LogFormat::Json)]),
            help: "Log format: text or json",
        }
    }
    "Database and server key" {
        DATABASE_URL: DatabaseUrl {
            source: HiddenFlag("the file that PGPASSFILE names"), value_name: "URL", needed_by: Admin,
            default: Text("sqlite://data/vestibule.db");
            parse: database_url,
            help: "Database: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME` (add `?prepared_statements=off` for a PgBouncer older than 1.21)",
        }
        DATABASE_START_WAIT: Duration {
            source: Flag, value_name: "DURATION", needed_by: Server,
            default: Text("1m");
            parse: |text| duration(text, Duration::ZERO..=HOUR),
            help: "How long a starting server waits for an unavailable database before it exits, 0s to 1h",
        }
        SERVER_KEY: ServerKey {
            source: Environment, value_name: "", needed_by: Admin,
            default: Described("created at the first start with SQLite; required with Postgres");
            parse: server_key,
            help: "Server key: at least 32 bytes in base64 or hex, the same for all instances",
        }
        SERVER_KEY_FILE: Zeroizing<String> {
            source: Flag, value_name: "PATH", needed_by: Admin,
            default: Described("`server.key` next to a SQLite database");
            parse: secret_file,
            help: "File that contains the server key, instead of `SERVER_KEY` in the environment",
        }
    }
    "Passwords" {
        PASSWORD_MIN_LENGTH: usize {
            source: Flag, value_name: "NUMBER", needed_by: Admin,
            default: Text("12");
            parse: |text| number(text, 8..=128),
            help: "Minimum length of a new password in characters, 8 to 128",
        }
        ARGON2_MEMORY_KIB: u32 {
            source: Flag, value_name: "KIB", needed_by: Admin,
            default: Text("19456");
            parse: |text| number(text, 8..=4_194_304),
            help: "Memory of a password hash in KiB",
        }
        ARGON2_ITERATIONS: u32 {
            source: Flag, value_name: "NUMBER", needed_by: Admin,
            default: Text("2");
            parse: |text| number(text, 1..=1_000),
            help: "Passes of a password hash over its memory",
        }
        ARGON2_PARALLELISM: u32 {
            source: Flag, value_name: "NUMBER", needed_by: Admin,
            default: Text("1");
            parse: |text| number(text, 1..=64),
            help: "Lanes of a password hash",
        }
        HASH_THREADS: usize {
            source: Flag, value_name: "NUMBER", needed_by: Admin,
            default: Described("one per processor");
            parse: |text| number(text, 1..=1_024),
            help: "Threads that hash passwords",
        }
    }
    "Sign-in throttling" {
        THROTTLE_ACCOUNT_NETWORK: i64 {
            source: Flag, value_name: "NUMBER", needed_by: Sessions,
            default: Text("10");
            parse: |text| number(text, 1..=100_000),
            help: "Failed sign-ins to one account from one network in 15 minutes before a wait is required",
        }
        THROTTLE_NETWORK: i64 {
            source: Flag, value_name: "NUMBER", needed_by: Server,
            default: Text("100");
            parse: |text| number(text, 1..=1_000_000),
            help: "Failed sign-ins from one network (IPv4 /24 or IPv6 /64) in an hour",
        }
        THROTTLE_NETWORK_56: i64 {
            source: Flag, value_name: "NUMBER", needed_by: Server,
            default: Text("200");
            parse: |text| number(text, 1..=1_000_000),
            help: "Failed sign-ins from one IPv6 /56 in an hour",
        }
        THROTTLE_NETWORK_48: i64 {
            source: Flag, value_name: "NUMBER", needed_by: Server,
            default: Text("400");
            parse: |text| number(text, 1..=1_000_000),
            help: "Failed sign-ins from one IPv6 /48 in an hour",
        }
        THROTTLE_ACCOUNT: i64 {
            source: Flag, value_name: "NUMBER", needed_by: Sessions,
            default: Text("50");
            parse: |text| number(text, 1..=1_000_000),
            help: "Failed sign-ins to one account from all networks in an hour",
        }
        THROTTLE_SIGN_INS: i32 {
            source: Flag, value_name: "NUMBER", needed_by: Server,
            default: Text("100");
            parse: |text| number(text, 1..=1_000_000),
            help: "Successful sign-ins to one account in quick succession; after them, one every two seconds",
        }
        THROTTLE_WAIT: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("30s");
            parse: |text| duration(text, SECOND..=DAY),
            help: "First wait after too many failed sign-ins; it doubles with each further failure",
        }
        THROTTLE_WAIT_MAX: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("15m");
            parse: |text| duration(text, SECOND..=DAY),
            help: "Longest wait after too many failed sign-ins",
        }
    }
    "Accounts" {
        REGISTRATION: RegistrationMode {
            source: Flag, value_name: "WORD", needed_by: Admin,
            default: Text("closed");
            parse: |text| one_of(text, &[
                ("closed", RegistrationMode::Closed),
                ("invite", RegistrationMode::Invite),
                ("open", RegistrationMode::Open),
            ]),
            help: "Who can create an account: closed (no one), invite (people whom an admin invites) or open (anyone with an email address; requires `SMTP_URL`)",
        }
        RESERVED_USERNAMES: Vec<String> {
            source: Flag, value_name: "NAME,…", needed_by: Admin,
            default: Described("none");
            parse: |text| list(text, reserved_username),
            help: "Comma-separated usernames that people may not choose, in addition to `admin`, `root`, `support` and the like",
        }
        SUPPORT_ROLE: String {
            source: Flag, value_name: "ROLE", needed_by: Server,
            default: Described("none");
            parse: support_role,
            help: "Role whose users may help other users on the pages under `/admin`, without the rights of administrators",
        }
        ACCOUNT_DELETION: bool {
            source: Flag, value_name: "WORD", needed_by: Server,
            default: Text("off");
            parse: |text| one_of(text, &[("on", true), ("off", false)]),
            help: "Whether users can delete their own accounts: on or off",
        }
    }
    "Sessions" {
        SESSION_IDLE: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("12h");
            parse: |text| duration(text, MINUTE..=YEAR),
            help: "Idle timeout of a browser session",
        }
        SESSION_MAX: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("30d");
            parse: |text| duration(text, MINUTE..=YEAR),
            help: "Absolute timeout of a browser session",
        }
        REMEMBER_IDLE: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("30d");
            parse: |text| duration(text, MINUTE..=YEAR),
            help: "Idle timeout of a remembered browser session",
        }
        REMEMBER_MAX: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("90d");
            parse: |text| duration(text, MINUTE..=YEAR),
            help: "Absolute timeout of a remembered browser session",
        }
        REFRESH_IDLE: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("30d");
            parse: |text| duration(text, MINUTE..=YEAR),
            help: "Idle timeout of a client session: the time without a refresh",
        }
        REFRESH_MAX: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("90d");
            parse: |text| duration(text, MINUTE..=YEAR),
            help: "Absolute timeout of a client session",
        }
    }
    "Tokens and signing keys" {
        PASSWORD_GRANT: PasswordGrant {
            source: Flag, value_name: "WORD", needed_by: Server,
            default: Text("open");
            parse: |text| one_of(text, &[
                ("open", PasswordGrant::Open),
                ("clients", PasswordGrant::Clients),
                ("off", PasswordGrant::Off),
            ]),
            help: "Who may send a username and password to `/token`: open (anyone), clients (registered clients) or off (no one)",
        }
        ACCESS_TOKEN_TTL: Duration {
            source: Flag, value_name: "DURATION", needed_by: Sessions,
            default: Text("20m");
            parse: |text| duration(text, MINUTE..=DAY),
            help: "Lifetime of an access token, 1 minute to 24 hours",
        }
        ISSUER: String {
            source: Flag, value_name: "TEXT", needed_by: Server,
            default: Described("the public URL");
            parse: claim_text,
            help: "The `iss` claim of tokens",
        }
        AUDIENCE: String {
            source: Flag, value_name: "TEXT", needed_by: Server,
            default: Described("none");
            parse: claim_text,
            help: "The `aud` claim of tokens",
        }
        JWT_ALGORITHM: SigningAlgorithm {
            source: Flag, value_name: "NAME", needed_by: Keys,
            default: Described("HS256 if `JWT_SECRET` is set, otherwise ES256");
            parse: SigningAlgorithm::parse,
            help: "Signing algorithm of tokens: HS256 (requires `JWT_SECRET`), ES256, EdDSA or RS256",
        }
        JWT_SECRET: Zeroizing<Vec<u8>> {
            source: Environment, value_name: "", needed_by: Admin,
            default: Described("none");
            parse: jwt_secret,
            help: "HS256 secret: at least 32 bytes of text",
        }
        JWT_SECRET_FILE: Zeroizing<String> {
            source: Flag, value_name: "PATH", needed_by: Keys,
            default: Described("none");
            parse: secret_file,
            help: "File that contains the HS256 secret, instead of `JWT_SECRET` in the environment",
        }
        KEY_ROTATION: Duration {
            source: Flag, value_name: "DURATION", needed_by: Server,
            default: Described("manual rotation only");
            parse: |text| duration(text, DAY..=YEAR),
            help: "Rotate the signing key automatically after this interval, 1 day to 1 year",
        }
    }
    "Email" {
        SMTP_URL: SmtpServer {
            source: HiddenFlag("SMTP_PASSWORD or SMTP_PASSWORD_FILE"), value_name: "URL", needed_by: Admin,
            default: Described("none: no email is sent");
            parse: mail::smtp_url,
            help: "SMTP server: `smtp://USER@HOST:PORT` (STARTTLS; on this machine only with `?tls=required`) or `smtps://USER@HOST:PORT`",
        }
        SMTP_PASSWORD: Zeroizing<String> {
            source: Environment, value_name: "", needed_by: Admin,
            default: Described("none");
            parse: |text| Ok(Zeroizing::new(text.to_owned())),
            help: "SMTP password",
        }
        SMTP_PASSWORD_FILE: Zeroizing<String> {
            source: Flag, value_name: "PATH", needed_by: Admin,
            default: Described("the password in `SMTP_URL`");
            parse: secret_file,
            help: "File that contains the SMTP password, instead of `SMTP_PASSWORD` in the environment",
        }
        SMTP_CA_FILE: Vec<u8> {
            source: Flag, value_name: "PATH", needed_by: Admin,
            default: Described("none");
            parse: mail::certificates,
            help: "File with PEM certificates to trust for the SMTP server, in addition to the public certificate authorities",
        }
        MAIL_FROM: Sender {
            source: Flag, value_name: "ADDRESS", needed_by: Admin,
            default: Described("none");
            parse: Sender::parse,
            help: "Sender of emails: `ADDRESS` or `NAME <ADDRESS>`; required with `SMTP_URL`",
        }
    }
    "Branding" {
        PRODUCT_NAME: String {
            source: Flag, value_name: "TEXT", needed_by: Admin,
            default: Text(DEFAULT_PRODUCT_NAME);
            parse: product_name,
            help: "Name of the service in pages and emails, at most 40 characters",
        }
        LOGO_FILE: Logo {
            source: Flag, value_name: "PATH", needed_by: Server,
            default: Described("the arch");
            parse: brand::read_logo,
            help: "Logo at the top of each page: an SVG or PNG file of at most 64 KiB; a logo at least twice as wide as high also replaces the name",
        }
        ACCENT_COLOR: Accent {
            source: Flag, value_name: "COLOR", needed_by: Server,
            default: Described("green");
            parse: Accent::parse,
            help: "Color of buttons and links as `#rrggbb`; darkened on light pages and lightened on dark pages where the contrast is too low (the log says so)",
        }
        HELP_URL: String {
            source: Flag, value_name: "URL", needed_by: Server,
            default: Described("none");
            parse: brand::help_url,
            help: "Link to help on the sign-in page and at the foot of pages and emails: `https://…` or `mailto:ADDRESS`",
        }
        TIME_ZONE: Tz {
            source: Flag, value_name: "NAME", needed_by: Server,
            default: Text("UTC");
            parse: time_zone,
            help: "Time zone of emails, and of pages where the browser runs no scripts: an IANA name such as `Europe/Berlin`",
        }
        PRIVACY_URL: String {
            source: Flag, value_name: "URL", needed_by: Server,
            default: Described("none");
            parse: brand::https_url,
            help: "Link to the privacy policy at the foot of pages: `https://…`",
        }
    }
}
