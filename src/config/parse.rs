//! From the settings as text to [`Config`]: every setting with its default, and all faults at once, each naming the setting, the
//! value and the mend. What may not live here: how one kind of value is written (`values.rs`), and defaults that the help does not state.

use std::net::SocketAddr;
use std::time::Duration;

use zeroize::Zeroizing;

use super::faults::{Faults, read_secret, read_server_key};
use super::values::{claim_text, database_url, duration, list, network, number, product_name};
use super::{
    Config, ConfigError, CookieDomain, DatabaseSettings, KeyAlgorithm, LifetimeConfig, LifetimeSettings, LogFormat,
    Origin, PasswordConfig, PasswordGrant, Registration, Settings, Signing, ThrottlingConfig,
};

/// What the service is called unless the settings say otherwise.
pub const DEFAULT_PRODUCT_NAME: &str = "Vestibule";
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

impl Settings {
    /// Checks every value.
    ///
    /// # Errors
    /// All faults at once, each with the setting's name, its value (never a secret's) and the mend.
    pub fn check(&self) -> Result<Config, ConfigError> {
        let mut faults = Faults::default();
        let config = self.read(&mut faults);
        if faults.0.is_empty() { Ok(config) } else { Err(ConfigError(faults.0)) }
    }

    fn read(&self, faults: &mut Faults) -> Config {
        let database = &self.database;
        let public_url =
            faults.take("PUBLIC_URL", database.public_url.as_deref(), "http://localhost:8080", Origin::parse);
        let lifetimes = self.lifetimes.read(faults);
        let mail = database.mail.read(faults);
        Config {
            database: faults.take(
                "DATABASE_URL",
                database.database_url.as_deref(),
                "sqlite://data/vestibule.db",
                database_url,
            ),
            server_key: read_server_key(database, faults),
            passwords: read_passwords(database, faults),
            throttling: self.read_throttling(faults),
            bind: faults.take("BIND", self.bind.as_deref(), "127.0.0.1:8080,[::1]:8080", addresses),
            product_name: faults.take(
                "PRODUCT_NAME",
                database.product_name.as_deref(),
                DEFAULT_PRODUCT_NAME,
                product_name,
            ),
            brand: self.brand.read(faults),
            issuer: faults.take("ISSUER", self.issuer.as_deref(), public_url.as_str(), claim_text),
            audience: faults.optional("AUDIENCE", self.audience.as_deref(), claim_text),
            signing: self.read_signing(faults),
            key_rotation: faults.optional("KEY_ROTATION", self.key_rotation.as_deref(), duration(DAY, 365 * DAY)),
            password_grant: faults.take("PASSWORD_GRANT", self.password_grant.as_deref(), "open", |text| match text {
                "open" => Ok(PasswordGrant::Open),
                "clients" => Ok(PasswordGrant::Clients),
                "off" => Ok(PasswordGrant::Off),
                _ => Err("write open, clients or off".to_owned()),
            }),
            lifetimes,
            account_deletion: faults.take(
                "ACCOUNT_DELETION",
                self.account_deletion.as_deref(),
                "off",
                |text| match text {
                    "on" => Ok(true),
                    "off" => Ok(false),
                    _ => Err("write on or off".to_owned()),
                },
            ),
            trusted_proxies: faults
                .optional("TRUSTED_PROXIES", self.trusted_proxies.as_deref(), |text| list(text, network))
                .unwrap_or_default(),
            cookie_domain: self.read_cookie_domain(&public_url, faults),
            allowed_origins: faults
                .optional("ALLOWED_ORIGINS", self.allowed_origins.as_deref(), |text| list(text, Origin::parse))
                .unwrap_or_default(),
            metrics_bind: faults.optional("METRICS_BIND", self.metrics_bind.as_deref(), |text| {
                text.parse().map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:9090".to_owned())
            }),
            log_format: faults.take("LOG_FORMAT", database.log_format.as_deref(), "text", |text| match text {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                _ => Err("write text or json".to_owned()),
            }),
            registration: read_registration(database, mail.is_some(), faults),
            mail,
            public_url,
        }
    }

    fn read_cookie_domain(&self, public_url: &Origin, faults: &mut Faults) -> Option<CookieDomain> {
        let domain = faults.optional("COOKIE_DOMAIN", self.cookie_domain.as_deref(), CookieDomain::parse)?;
        if !domain.covers(public_url) {
            faults.say(
                "COOKIE_DOMAIN",
                domain.as_str(),
                &format!("does not contain the host of PUBLIC_URL ({public_url}), so that browsers would drop the cookies: change one of the two"),
            );
        }
        Some(domain)
    }

    fn read_throttling(&self, faults: &mut Faults) -> ThrottlingConfig {
        let throttling = ThrottlingConfig {
            account_network_failures: faults.take(
                "THROTTLE_ACCOUNT_NETWORK",
                self.throttle_account_network.as_deref(),
                "10",
                number(1..=100_000),
            ),
            network_failures: faults.take(
                "THROTTLE_NETWORK",
                self.throttle_network.as_deref(),
                "100",
                number(1..=1_000_000),
            ),
            account_failures: faults.take(
                "THROTTLE_ACCOUNT",
                self.throttle_account.as_deref(),
                "50",
                number(1..=1_000_000),
            ),
            first_wait: faults.take(
                "THROTTLE_WAIT",
                self.throttle_wait.as_deref(),
                "30s",
                duration(Duration::from_secs(1), DAY),
            ),
            longest_wait: faults.take(
                "THROTTLE_WAIT_MAX",
                self.throttle_wait_max.as_deref(),
                "15m",
                duration(Duration::from_secs(1), DAY),
            ),
        };
        if throttling.first_wait > throttling.longest_wait {
            faults.say(
                "THROTTLE_WAIT",
                self.throttle_wait.as_deref().unwrap_or("30s"),
                "make it no longer than THROTTLE_WAIT_MAX",
            );
        }
        throttling
    }

    fn read_signing(&self, faults: &mut Faults) -> Signing {
        let secret = read_secret("JWT_SECRET", self.jwt_secret_file.as_deref(), faults);
        let algorithm = self.jwt_algorithm.as_deref().filter(|text| !text.is_empty());
        let pair = algorithm.and_then(KeyAlgorithm::from_name);
        let fallback = Signing::KeyPair(KeyAlgorithm::Es256);
        match (algorithm, secret) {
            (None | Some("HS256"), Some(secret)) if secret.len() < 32 => {
                faults.say_hidden(
                    "JWT_SECRET",
                    &format!(
                        "has {} bytes: give it at least 32, such as the output of `openssl rand -base64 48`",
                        secret.len()
                    ),
                );
                fallback
            }
            (None | Some("HS256"), Some(secret)) => Signing::Hs256(Zeroizing::new(secret.as_bytes().to_vec())),
            (Some("HS256"), None) => {
                faults.say("JWT_ALGORITHM", "HS256", "set JWT_SECRET too, at least 32 bytes");
                fallback
            }
            (Some(name), Some(_)) if pair.is_some() => {
                // Silence here would leave an admin believing that the secret is in use.
                faults.say("JWT_ALGORITHM", name, "unset JWT_SECRET, or write HS256");
                fallback
            }
            (Some(name), _) if pair.is_none() => {
                faults.say("JWT_ALGORITHM", name, "write HS256, ES256, EdDSA or RS256");
                fallback
            }
            _ => pair.map_or(fallback, Signing::KeyPair),
        }
    }
}

impl LifetimeSettings {
    fn read(&self, faults: &mut Faults) -> LifetimeConfig {
        let lifetimes = LifetimeConfig {
            access_token: faults.take(
                "ACCESS_TOKEN_TTL",
                self.access_token_ttl.as_deref(),
                "20m",
                duration(MINUTE, DAY),
            ),
            session_idle: faults.take("SESSION_IDLE", self.session_idle.as_deref(), "12h", duration(MINUTE, 365 * DAY)),
            session_max: faults.take("SESSION_MAX", self.session_max.as_deref(), "30d", duration(MINUTE, 365 * DAY)),
            remember_idle: faults.take(
                "REMEMBER_IDLE",
                self.remember_idle.as_deref(),
                "30d",
                duration(MINUTE, 365 * DAY),
            ),
            remember_max: faults.take("REMEMBER_MAX", self.remember_max.as_deref(), "90d", duration(MINUTE, 365 * DAY)),
            refresh_idle: faults.take("REFRESH_IDLE", self.refresh_idle.as_deref(), "30d", duration(MINUTE, 365 * DAY)),
            refresh_max: faults.take("REFRESH_MAX", self.refresh_max.as_deref(), "90d", duration(MINUTE, 365 * DAY)),
        };
        for (name, given, default, idle, max_name, max) in [
            ("SESSION_IDLE", &self.session_idle, "12h", lifetimes.session_idle, "SESSION_MAX", lifetimes.session_max),
            (
                "REMEMBER_IDLE",
                &self.remember_idle,
                "30d",
                lifetimes.remember_idle,
                "REMEMBER_MAX",
                lifetimes.remember_max,
            ),
            ("REFRESH_IDLE", &self.refresh_idle, "30d", lifetimes.refresh_idle, "REFRESH_MAX", lifetimes.refresh_max),
        ] {
            if idle > max {
                faults.say(name, given.as_deref().unwrap_or(default), &format!("make it no longer than {max_name}"));
            }
        }
        lifetimes
    }
}

impl DatabaseSettings {
    /// Checks the values for a command that serves nobody.
    ///
    /// # Errors
    /// As [`Settings::check`].
    pub fn check(&self) -> Result<Config, ConfigError> {
        Settings { database: self.clone(), ..Settings::default() }.check()
    }
}

fn read_passwords(settings: &DatabaseSettings, faults: &mut Faults) -> PasswordConfig {
    let processors = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let parallelism = faults.take("ARGON2_PARALLELISM", settings.argon2_parallelism.as_deref(), "1", number(1..=64));
    let memory_kib =
        faults.take("ARGON2_MEMORY_KIB", settings.argon2_memory_kib.as_deref(), "19456", number(8..=4_194_304));
    if memory_kib < 8 * parallelism {
        faults.say(
            "ARGON2_MEMORY_KIB",
            &memory_kib.to_string(),
            "give at least 8 KiB for each lane (ARGON2_PARALLELISM)",
        );
    }
    PasswordConfig {
        min_length: faults.take("PASSWORD_MIN_LENGTH", settings.password_min_length.as_deref(), "12", number(8..=128)),
        memory_kib,
        iterations: faults.take("ARGON2_ITERATIONS", settings.argon2_iterations.as_deref(), "2", number(1..=1_000)),
        parallelism,
        hash_threads: faults.take("HASH_THREADS", settings.hash_threads.as_deref(), &processors, number(1..=1_024)),
    }
}

fn read_registration(settings: &DatabaseSettings, has_mail: bool, faults: &mut Faults) -> Registration {
    let registration = faults.take("REGISTRATION", settings.registration.as_deref(), "closed", |text| match text {
        "closed" => Ok(Registration::Closed),
        "invite" => Ok(Registration::Invite),
        "open" => Ok(Registration::Open),
        _ => Err("write closed, invite or open".to_owned()),
    });
    if registration == Registration::Open && !has_mail {
        faults.say("REGISTRATION", "open", "set SMTP_URL and MAIL_FROM too: an account is made by a link in a mail");
    }
    registration
}

/// One address at the least: a server that listens nowhere would seem to run.
fn addresses(text: &str) -> Result<Vec<SocketAddr>, String> {
    let mend = || "write ADDRESS:PORT, such as 0.0.0.0:8080 or [::]:8080".to_owned();
    let addresses = list(text, |item| item.parse().map_err(|_| mend()))?;
    if addresses.is_empty() { Err(mend()) } else { Ok(addresses) }
}
