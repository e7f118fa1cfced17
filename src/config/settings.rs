//! The flags, their environment twins and their help. `vestibule serve --help` is the reference for all of them.
//! What may not live here: checks (`parse.rs`).

#![expect(clippy::doc_markdown, rustdoc::bare_urls, reason = "these comments are the help that a terminal shows")]

use clap::Args;

/// Settings of every command that works on the database.
///
/// Each is text here and checked in one place, so that a fault in a flag, in the environment and in `.env` reads alike.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Settings")]
pub struct DatabaseSettings {
    /// Where the database is: sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME (add ?prepared_statements=off for a PgBouncer older than 1.21) [default: sqlite://data/vestibule.db]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// File that holds the server's own secret; the secret itself can be given as `SERVER_KEY`, in the environment only [default: data/server.key beside a SQLite database, made at the first start]
    #[arg(long, env = "SERVER_KEY_FILE", value_name = "PATH")]
    pub server_key_file: Option<String>,
    /// Fewest characters in a new password, 8 to 128 [default: 12]
    #[arg(long, env = "PASSWORD_MIN_LENGTH", value_name = "NUMBER")]
    pub password_min_length: Option<String>,
    /// Memory for each password hash in KiB [default: 19456]
    #[arg(long, env = "ARGON2_MEMORY_KIB", value_name = "KIB")]
    pub argon2_memory_kib: Option<String>,
    /// Passes of each password hash over its memory [default: 2]
    #[arg(long, env = "ARGON2_ITERATIONS", value_name = "NUMBER")]
    pub argon2_iterations: Option<String>,
    /// Lanes of each password hash [default: 1]
    #[arg(long, env = "ARGON2_PARALLELISM", value_name = "NUMBER")]
    pub argon2_parallelism: Option<String>,
    /// Threads that hash passwords [default: one for each processor]
    #[arg(long, env = "HASH_THREADS", value_name = "NUMBER")]
    pub hash_threads: Option<String>,
    /// The origin under which people reach the server, without a path [default: http://localhost:8080]
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// What pages and mails call the service, at most 40 characters [default: Vestibule]
    #[arg(long, env = "PRODUCT_NAME", value_name = "TEXT")]
    pub product_name: Option<String>,
    /// How the log is written: text or json [default: text]
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// How mails go out.
    #[command(flatten)]
    pub mail: MailSettings,
    /// Who can make an account: closed (nobody), invite (whom an admin invites) or open (whoever proves an address; needs `SMTP_URL`) [default: closed]
    #[arg(long, env = "REGISTRATION", value_name = "WORD")]
    pub registration: Option<String>,
}

/// How mails go out: for the server, which sends them, and for commands that leave some to be sent.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Settings")]
pub struct MailSettings {
    /// The mail server: smtp://USER@HOST:PORT (STARTTLS, but on this machine only with ?tls=required) or smtps://USER@HOST:PORT [default: none: no mail is sent]
    #[arg(long, env = "SMTP_URL", hide_env_values = true, value_name = "URL")]
    pub smtp_url: Option<String>,
    /// File that holds the password for the mail server; the password itself can be given as `SMTP_PASSWORD`, in the environment only [default: the one in the URL]
    #[arg(long, env = "SMTP_PASSWORD_FILE", value_name = "PATH")]
    pub smtp_password_file: Option<String>,
    /// File with certificates, in PEM, that vouch for the mail server beside the public ones [default: none]
    #[arg(long, env = "SMTP_CA_FILE", value_name = "PATH")]
    pub smtp_ca_file: Option<String>,
    /// Who mails come from: ADDRESS or NAME <ADDRESS>; needed with `SMTP_URL` [default: none]
    #[arg(long, env = "MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
}

/// How long tokens and sessions live: for the server, and for commands that tell whether a session is live.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Settings")]
pub struct LifetimeSettings {
    /// Life of an access token, such as 20m; 1 minute to 24 hours [default: 20m]
    #[arg(long, env = "ACCESS_TOKEN_TTL", value_name = "DURATION")]
    pub access_token_ttl: Option<String>,
    /// Life of a browser's session without use [default: 12h]
    #[arg(long, env = "SESSION_IDLE", value_name = "DURATION")]
    pub session_idle: Option<String>,
    /// Life of a browser's session altogether [default: 30d]
    #[arg(long, env = "SESSION_MAX", value_name = "DURATION")]
    pub session_max: Option<String>,
    /// Life of the session of a browser that was asked to remember the person, without use [default: 30d]
    #[arg(long, env = "REMEMBER_IDLE", value_name = "DURATION")]
    pub remember_idle: Option<String>,
    /// Life of such a session altogether [default: 90d]
    #[arg(long, env = "REMEMBER_MAX", value_name = "DURATION")]
    pub remember_max: Option<String>,
    /// Life of a program's session without a refresh [default: 30d]
    #[arg(long, env = "REFRESH_IDLE", value_name = "DURATION")]
    pub refresh_idle: Option<String>,
    /// Life of a program's session altogether [default: 90d]
    #[arg(long, env = "REFRESH_MAX", value_name = "DURATION")]
    pub refresh_max: Option<String>,
}

/// How pages and mails look: for the server, which shows and sends them.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Settings")]
pub struct BrandSettings {
    /// Picture in the place of the arch above each page: SVG or PNG, at most 64 KiB; one at least twice as wide as high takes the place of the name too [default: none: the arch]
    #[arg(long, env = "LOGO_FILE", value_name = "PATH")]
    pub logo_file: Option<String>,
    /// Colour of buttons, links and marks as #rrggbb; made darker on light pages and lighter on dark ones where words could not be read [default: none: green]
    #[arg(long, env = "ACCENT_COLOR", value_name = "COLOR")]
    pub accent_color: Option<String>,
    /// Where people find help, at the foot of pages and mails: https://… or mailto:ADDRESS [default: none]
    #[arg(long, env = "HELP_URL", value_name = "URL")]
    pub help_url: Option<String>,
    /// What the service does with personal data, at the foot of pages: https://… [default: none]
    #[arg(long, env = "PRIVACY_URL", value_name = "URL")]
    pub privacy_url: Option<String>,
}

/// All settings of `vestibule serve`.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Those that every command has.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// How pages and mails look.
    #[command(flatten)]
    pub brand: BrandSettings,
    /// Addresses to listen on, with commas between [default: 127.0.0.1:8080,[::1]:8080]
    #[arg(long, env = "BIND", value_name = "ADDRESS:PORT,…")]
    pub bind: Option<String>,
    /// The `iss` claim of tokens [default: the public URL]
    #[arg(long, env = "ISSUER", value_name = "TEXT")]
    pub issuer: Option<String>,
    /// The `aud` claim of tokens [default: none]
    #[arg(long, env = "AUDIENCE", value_name = "TEXT")]
    pub audience: Option<String>,
    /// File that holds the secret for HS256; the secret itself, at least 32 bytes of text, can be given as `JWT_SECRET`, in the environment only [default: none: ES256 with a key made here]
    #[arg(long, env = "JWT_SECRET_FILE", value_name = "PATH")]
    pub jwt_secret_file: Option<String>,
    /// How tokens are signed: HS256 (needs `JWT_SECRET`), ES256, EdDSA or RS256 [default: HS256 when `JWT_SECRET` is set, else ES256]
    #[arg(long, env = "JWT_ALGORITHM", value_name = "NAME")]
    pub jwt_algorithm: Option<String>,
    /// After how long a new signing key takes the place of the old one by itself, such as 90d; 1 day to 1 year [default: none: keys rotate does it]
    #[arg(long, env = "KEY_ROTATION", value_name = "DURATION")]
    pub key_rotation: Option<String>,
    /// Whether /token takes a username and password: open, clients (from registered programs only) or off [default: open]
    #[arg(long, env = "PASSWORD_GRANT", value_name = "WORD")]
    pub password_grant: Option<String>,
    /// How long tokens and sessions live.
    #[command(flatten)]
    pub lifetimes: LifetimeSettings,
    /// Whether a person may delete their own account: on or off [default: off]
    #[arg(long, env = "ACCOUNT_DELETION", value_name = "WORD")]
    pub account_deletion: Option<String>,
    /// Proxies whose X-Forwarded-* headers count, as addresses or networks with commas between [default: none]
    #[arg(long, env = "TRUSTED_PROXIES", value_name = "NETWORK,…")]
    pub trusted_proxies: Option<String>,
    /// The domain that the server and the applications behind a reverse proxy have in common; they get the shared cookies, and people return to them after signing in [default: none: applications on the server's own host only]
    #[arg(long, env = "COOKIE_DOMAIN", value_name = "DOMAIN")]
    pub cookie_domain: Option<String>,
    /// Origins whose pages may call the programs' routes (CORS), with commas between [default: none]
    #[arg(long, env = "ALLOWED_ORIGINS", value_name = "ORIGIN,…")]
    pub allowed_origins: Option<String>,
    /// Wrong passwords in 15 minutes for one account from one network, before waiting begins [default: 10]
    #[arg(long, env = "THROTTLE_ACCOUNT_NETWORK", value_name = "NUMBER")]
    pub throttle_account_network: Option<String>,
    /// Wrong passwords in an hour from one network [default: 100]
    #[arg(long, env = "THROTTLE_NETWORK", value_name = "NUMBER")]
    pub throttle_network: Option<String>,
    /// Wrong passwords in an hour for one account from all networks [default: 50]
    #[arg(long, env = "THROTTLE_ACCOUNT", value_name = "NUMBER")]
    pub throttle_account: Option<String>,
    /// The first wait after too many wrong passwords; it doubles each time [default: 30s]
    #[arg(long, env = "THROTTLE_WAIT", value_name = "DURATION")]
    pub throttle_wait: Option<String>,
    /// The longest wait after too many wrong passwords [default: 15m]
    #[arg(long, env = "THROTTLE_WAIT_MAX", value_name = "DURATION")]
    pub throttle_wait_max: Option<String>,
    /// Address that serves Prometheus counters at /metrics [default: none]
    #[arg(long, env = "METRICS_BIND", value_name = "ADDRESS:PORT")]
    pub metrics_bind: Option<String>,
}
