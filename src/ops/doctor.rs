//! The checks of `vestibule doctor`: what works, what does not, and what to do.

mod database;
mod public_url;
mod settings;

use std::time::{Duration, Instant};

use serde::Serialize;

use super::server_key::{self, ServerKeySource};
use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl, Signing, duration_text};
use crate::db::Db;
use crate::mail;
use crate::secret::ServerKey;
use crate::tokens;
use crate::users::argon2id::Cost;
use crate::users::hash_pool::HashPool;
use crate::users::password::Password;

/// The time limit of each check that uses the network or a lock.
const DEADLINE: Duration = Duration::from_secs(15);
/// A faster hash is cheap to guess: OWASP's parameters take about 20 ms on a server.
const MIN_HASH: Duration = Duration::from_millis(5);
/// A slower one makes people wait, and fills the queue of hashes.
const MAX_HASH: Duration = Duration::from_millis(500);
/// A signing key that is older should be rotated, if that is not automatic.
const OLD_KEY_DAYS: i64 = 365;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It works.
    Ok,
    /// It works, but should be changed.
    Warning,
    /// It does not work.
    Error,
}

impl Level {
    /// The word in the output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was checked, in one or two words.
    pub check: &'static str,
    /// How serious it is.
    pub level: Level,
    /// What was found and, unless it is `ok`, what to do.
    pub text: String,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, text: text.into() }
    }

    fn warning(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, text: text.into() }
    }

    /// A finding that something does not work.
    pub fn error(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Error, text: text.into() }
    }
}

/// Runs all checks. Nothing is changed, and no mail is sent unless `send_test` has an address.
pub async fn examine(config: &Config, send_test: Option<&str>) -> Vec<Finding> {
    let mut findings = settings::check(config);
    let (database, is_usable) = database::check(config).await;
    findings.extend(database);
    let (key, key_findings) = check_server_key(config, is_usable).await;
    findings.extend(key_findings);
    findings.push(check_hash_time(config).await);
    findings.push(check_mail(config, send_test).await);
    findings.extend(public_url::check(config, key.as_ref()).await);
    findings
}

async fn check_server_key(config: &Config, is_database_usable: bool) -> (Option<ServerKey>, Vec<Finding>) {
    const CHECK: &str = "server key";
    let (key, source) = match server_key::find(config) {
        Ok(Some(found)) => found,
        Ok(None) => {
            let finding = match config.database {
                DatabaseUrl::Sqlite(_) => {
                    Finding::warning(CHECK, "there is none yet: the first start of the server creates it")
                }
                DatabaseUrl::Postgres(_) => Finding::error(
                    CHECK,
                    "SERVER_KEY is not set, and Postgres requires it: set it to the same value for all instances, such as the output of `openssl rand -base64 32`",
                ),
            };
            return (None, vec![finding]);
        }
        Err(error) => return (None, vec![Finding::error(CHECK, error.to_string())]),
    };
    let place = match &source {
        ServerKeySource::Setting => "from the settings".to_owned(),
        ServerKeySource::File(path) | ServerKeySource::Created(path) => path.display().to_string(),
    };
    let mut findings = Vec::new();
    if let ServerKeySource::File(path) = &source
        && server_key::is_readable_by_others(path)
    {
        findings.push(Finding::error(CHECK, format!("other users can read {place}: run chmod 600 on it")));
    }
    if is_database_usable {
        findings.push(check_seals(config, &key, &place).await);
    }
    if let Signing::Hs256(_) = config.signing {
        findings.push(Finding::warning("tokens", "JWT_SECRET is set: every service that verifies tokens has it and could issue them. Unset it to sign with a key pair, unless a service needs HS256"));
    }
    (Some(key), findings)
}

async fn check_seals(config: &Config, key: &ServerKey, place: &str) -> Finding {
    const CHECK: &str = "server key";
    let (db, key) = (Db::for_command(&config.database), key.clone());
    let checked = within(DEADLINE, db.read(move |conn| tokens::check_seals(conn, &key))).await;
    let seals = match checked {
        Ok(Ok(seals)) => seals,
        Ok(Err(error)) => return Finding::error(CHECK, format!("the signing keys cannot be read: {}", error.reason())),
        Err(late) => return Finding::error(CHECK, late),
    };
    if let Some(kid) = seals.others.first() {
        return Finding::error(
            CHECK,
            format!(
                "the key ({place}) does not decrypt the signing key {kid}: use the server key that this database was last used with, or run \"vestibule keys reseal\" again if it was interrupted"
            ),
        );
    }
    let Some(created_at) = seals.newest_created_at else {
        return Finding::ok(CHECK, format!("{place}; there is no signing key yet"));
    };
    let days = (Clock::system().now() - created_at).num_days();
    let text = format!("{place}; it decrypts all signing keys ({}), the newest is {days} days old", seals.opened);
    if days > OLD_KEY_DAYS && config.key_rotation.is_none() {
        return Finding::warning(CHECK, format!("{text}: run \"vestibule keys rotate\", or set KEY_ROTATION"));
    }
    Finding::ok(CHECK, text)
}

/// Hashes three passwords one after the other and takes the fastest: the others may have waited for a processor.
async fn check_hash_time(config: &Config) -> Finding {
    const CHECK: &str = "password hash";
    let cost = Cost::from(config.passwords);
    let Ok(pool) = HashPool::start(1, cost) else {
        return Finding::error(
            CHECK,
            "the thread that hashes passwords cannot be started: lower the number of processes",
        );
    };
    let password = Password::parse("nine violet tractors hum").expect("a valid password");
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        if pool.hash(password.clone()).await.is_err() {
            return Finding::error(CHECK, "a password cannot be hashed: lower ARGON2_MEMORY_KIB, or add memory");
        }
        fastest = fastest.min(begun.elapsed());
    }
    let threads = config.passwords.hash_threads;
    let rate = f64::from(u32::try_from(threads).unwrap_or(u32::MAX)) / fastest.as_secs_f64();
    let text = format!(
        "{} ms on this machine (ARGON2_MEMORY_KIB={}, ARGON2_ITERATIONS={}), about {rate:.0} sign-ins a second with {threads} threads",
        fastest.as_millis(),
        cost.memory_kib,
        cost.iterations
    );
    if fastest < MIN_HASH || cost.work_kib() < 2 * 19 * 1024 {
        return Finding::warning(
            CHECK,
            format!("{text}. It is cheap to guess: unset ARGON2_MEMORY_KIB and ARGON2_ITERATIONS, or raise them"),
        );
    }
    if fastest > MAX_HASH {
        return Finding::warning(
            CHECK,
            format!(
                "{text}. People wait for it: lower ARGON2_MEMORY_KIB or ARGON2_ITERATIONS, but not below 19456 and 2"
            ),
        );
    }
    Finding::ok(CHECK, text)
}

async fn check_mail(config: &Config, send_test: Option<&str>) -> Finding {
    const CHECK: &str = "mail";
    let Some(mail) = &config.mail else {
        let text = "off: no password resets and no confirmation of addresses. Set SMTP_URL and MAIL_FROM";
        return if send_test.is_some() { Finding::error(CHECK, text) } else { Finding::warning(CHECK, text) };
    };
    let server = format!("{}:{}", mail.host, mail.port);
    let advice = "check SMTP_URL, SMTP_PASSWORD and MAIL_FROM";
    let (done, result) = match send_test {
        Some(to) => (
            format!("{server} accepted a mail to {to}: look whether it arrives"),
            within(DEADLINE, mail::send_test(config, mail, to, Clock::system().now())).await,
        ),
        None => (
            format!(
                "{server} accepts the connection{}",
                if mail.credentials.is_some() { " and the password" } else { "" }
            ),
            within(DEADLINE, mail::check_connection(config, mail)).await,
        ),
    };
    match result {
        Ok(Ok(())) => Finding::ok(CHECK, done),
        Ok(Err(reason)) => Finding::error(CHECK, format!("{server}: {reason}; {advice}")),
        Err(late) => Finding::error(CHECK, format!("{server}: {late}; {advice}")),
    }
}

/// Gives up after `limit`.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(limit, work).await.map_err(|_| format!("no response within {}", duration_text(limit)))
}
