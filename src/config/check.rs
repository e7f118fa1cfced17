//! The check that turns the settings into [`Config`], with the rules between settings.

use std::net::SocketAddr;
use std::thread::available_parallelism;

use super::brand::read_brand;
use super::mail::read_mail;
use super::reader::{Environment, SettingReader};
use super::setting_row::Setting;
use super::table::{
    ACCESS_TOKEN_TTL, ACCOUNT_DELETION, ALLOWED_ORIGINS, ARGON2_ITERATIONS, ARGON2_MEMORY_KIB, ARGON2_PARALLELISM,
    AUDIENCE, AUDIT_RETENTION, BIND, COOKIE_DOMAIN, DATABASE_START_WAIT, DATABASE_URL, DOCS, HASH_THREADS, ISSUER,
    JWT_ALGORITHM, JWT_SECRET, JWT_SECRET_FILE, KEY_ROTATION, LOG_FORMAT, LOG_LEVEL, METRICS_BIND, PASSWORD_GRANT,
    PASSWORD_MIN_LENGTH, PRODUCT_NAME, PUBLIC_URL, REFRESH_IDLE, REFRESH_MAX, REGISTRATION, REMEMBER_IDLE,
    REMEMBER_MAX, RESERVED_USERNAMES, SERVER_KEY, SERVER_KEY_FILE, SESSION_IDLE, SESSION_MAX, SUPPORT_ROLE,
    THROTTLE_ACCOUNT, THROTTLE_ACCOUNT_NETWORK, THROTTLE_NETWORK, THROTTLE_NETWORK_48, THROTTLE_NETWORK_56,
    THROTTLE_SIGN_INS, THROTTLE_WAIT, THROTTLE_WAIT_MAX, TIME_ZONE, TRUSTED_PROXIES,
};
use super::{
    Config, ConfigError, CookieDomain, KeyAlgorithm, LifetimeConfig, PasswordConfig, RegistrationMode, Settings,
    Signing, SigningAlgorithm, ThrottlingConfig, WebOrigin,
};
use crate::secret::ServerKey;

impl Settings {
    /// Checks every value.
    ///
    /// # Errors
    /// All errors at once, each with the name of the setting, its value (never a secret) and a hint.
    pub fn check(&self) -> Result<Config, ConfigError> {
        self.check_with(&|name| std::env::var(name))
    }

    /// Checks every value, with the secrets of this environment.
    pub(super) fn check_with(&self, environment: Environment<'_>) -> Result<Config, ConfigError> {
        let mut reader = SettingReader::new(self, environment);
        let config = read_config(&mut reader);
        reader.into_result(config)
    }
}

fn read_config(reader: &mut SettingReader<'_>) -> Config {
    let bind = reader.parse_or_default(&BIND);
    let public_url = read_public_url(reader, &bind);
    let mail = read_mail(reader);
    Config {
        database: reader.parse_or_default(&DATABASE_URL),
        database_start_wait: reader.parse_or_default(&DATABASE_START_WAIT),
        server_key: read_server_key(reader),
        passwords: read_passwords(reader),
        throttling: read_throttling(reader),
        bind,
        product_name: reader.parse_or_default(&PRODUCT_NAME),
        time_zone: reader.parse_or_default(&TIME_ZONE),
        brand: read_brand(reader),
        issuer: reader.parse(&ISSUER).unwrap_or_else(|| public_url.to_string()),
        audience: reader.parse(&AUDIENCE),
        signing: read_signing(reader),
        key_rotation: reader.parse(&KEY_ROTATION),
        password_grant: reader.parse_or_default(&PASSWORD_GRANT),
        lifetimes: read_lifetimes(reader),
        reserved_usernames: reader.parse(&RESERVED_USERNAMES).unwrap_or_default(),
        support_role: reader.parse(&SUPPORT_ROLE),
        account_deletion: reader.parse_or_default(&ACCOUNT_DELETION),
        trusted_proxies: reader.parse(&TRUSTED_PROXIES).unwrap_or_default(),
        cookie_domain: read_cookie_domain(reader, &public_url),
        allowed_origins: reader.parse(&ALLOWED_ORIGINS).unwrap_or_default(),
        has_docs: reader.parse_or_default(&DOCS),
        metrics_bind: reader.parse(&METRICS_BIND),
        audit_retention: reader.parse_or_default(&AUDIT_RETENTION),
        log_level: reader.parse_or_default(&LOG_LEVEL),
        log_format: reader.parse_or_default(&LOG_FORMAT),
        registration: read_registration(reader, mail.is_some()),
        mail,
        public_url,
    }
}

/// `PUBLIC_URL`, or the URL under which a browser on this machine reaches the server.
fn read_public_url(reader: &mut SettingReader<'_>, bind: &[SocketAddr]) -> WebOrigin {
    if !reader.is_set(PUBLIC_URL.info)
        && let Some(address) = bind.first().filter(|address| address.port() != 0)
    {
        let is_local = address.ip().is_loopback() || address.ip().is_unspecified();
        let host = if is_local { format!("localhost:{}", address.port()) } else { address.to_string() };
        if let Ok(url) = WebOrigin::parse(&format!("http://{host}")) {
            return url;
        }
    }
    reader.parse_or_default(&PUBLIC_URL)
}

fn read_server_key(reader: &mut SettingReader<'_>) -> Option<ServerKey> {
    let text = reader.secret(&SERVER_KEY, &SERVER_KEY_FILE)?;
    reader.parse_text(&SERVER_KEY, &text)
}

fn read_passwords(reader: &mut SettingReader<'_>) -> PasswordConfig {
    let passwords = PasswordConfig {
        min_length: reader.parse_or_default(&PASSWORD_MIN_LENGTH),
        memory_kib: reader.parse_or_default(&ARGON2_MEMORY_KIB),
        iterations: reader.parse_or_default(&ARGON2_ITERATIONS),
        parallelism: reader.parse_or_default(&ARGON2_PARALLELISM),
        hash_threads: reader.parse(&HASH_THREADS).unwrap_or_else(|| available_parallelism().map_or(1, usize::from)),
    };
    if passwords.memory_kib < 8 * passwords.parallelism {
        reader.reject(ARGON2_MEMORY_KIB.info, "must be at least 8 KiB for each lane (ARGON2_PARALLELISM)");
    }
    passwords
}

fn read_throttling(reader: &mut SettingReader<'_>) -> ThrottlingConfig {
    let throttling = ThrottlingConfig {
        account_network_failures: reader.parse_or_default(&THROTTLE_ACCOUNT_NETWORK),
        network_failures: reader.parse_or_default(&THROTTLE_NETWORK),
        network_56_failures: reader.parse_or_default(&THROTTLE_NETWORK_56),
        network_48_failures: reader.parse_or_default(&THROTTLE_NETWORK_48),
        account_failures: reader.parse_or_default(&THROTTLE_ACCOUNT),
        sign_in_burst: reader.parse_or_default(&THROTTLE_SIGN_INS),
        first_wait: reader.parse_or_default(&THROTTLE_WAIT),
        longest_wait: reader.parse_or_default(&THROTTLE_WAIT_MAX),
    };
    reject_longer(reader, throttling.first_wait > throttling.longest_wait, &THROTTLE_WAIT, &THROTTLE_WAIT_MAX);
    throttling
}

fn read_lifetimes(reader: &mut SettingReader<'_>) -> LifetimeConfig {
    let lifetimes = LifetimeConfig {
        access_token: reader.parse_or_default(&ACCESS_TOKEN_TTL),
        session_idle: reader.parse_or_default(&SESSION_IDLE),
        session_max: reader.parse_or_default(&SESSION_MAX),
        remember_idle: reader.parse_or_default(&REMEMBER_IDLE),
        remember_max: reader.parse_or_default(&REMEMBER_MAX),
        refresh_idle: reader.parse_or_default(&REFRESH_IDLE),
        refresh_max: reader.parse_or_default(&REFRESH_MAX),
    };
    reject_longer(reader, lifetimes.session_idle > lifetimes.session_max, &SESSION_IDLE, &SESSION_MAX);
    reject_longer(reader, lifetimes.remember_idle > lifetimes.remember_max, &REMEMBER_IDLE, &REMEMBER_MAX);
    reject_longer(reader, lifetimes.refresh_idle > lifetimes.refresh_max, &REFRESH_IDLE, &REFRESH_MAX);
    lifetimes
}

/// Adds an error if one duration is longer than its limit.
fn reject_longer<T>(reader: &mut SettingReader<'_>, is_longer: bool, setting: &Setting<T>, limit: &Setting<T>) {
    if is_longer {
        reader.reject(setting.info, &format!("must be no longer than {}", limit.info.name));
    }
}

fn read_signing(reader: &mut SettingReader<'_>) -> Signing {
    let secret = reader.secret(&JWT_SECRET, &JWT_SECRET_FILE);
    let algorithm = reader.parse(&JWT_ALGORITHM);
    match (algorithm, secret) {
        (None | Some(SigningAlgorithm::Hs256), Some(secret)) => {
            reader.parse_text(&JWT_SECRET, &secret).map_or(Signing::KeyPair(KeyAlgorithm::DEFAULT), Signing::Hs256)
        }
        (Some(SigningAlgorithm::Hs256), None) => {
            reader.reject(JWT_ALGORITHM.info, "requires JWT_SECRET, of at least 32 bytes");
            Signing::KeyPair(KeyAlgorithm::DEFAULT)
        }
        (Some(SigningAlgorithm::KeyPair(algorithm)), secret) => {
            if secret.is_some() {
                // Otherwise an admin would believe that the secret is in use.
                reader.reject(JWT_ALGORITHM.info, "does not use JWT_SECRET: unset JWT_SECRET, or use HS256");
            }
            Signing::KeyPair(algorithm)
        }
        (None, None) => Signing::KeyPair(KeyAlgorithm::DEFAULT),
    }
}

fn read_cookie_domain(reader: &mut SettingReader<'_>, public_url: &WebOrigin) -> Option<CookieDomain> {
    let domain = reader.parse(&COOKIE_DOMAIN)?;
    if !domain.covers(public_url) {
        reader.reject(
            COOKIE_DOMAIN.info,
            &format!("must contain the host of PUBLIC_URL ({public_url}), or browsers drop the cookies"),
        );
    }
    Some(domain)
}

fn read_registration(reader: &mut SettingReader<'_>, has_mail: bool) -> RegistrationMode {
    let mode = reader.parse_or_default(&REGISTRATION);
    if mode == RegistrationMode::Open && !has_mail {
        reader.reject(REGISTRATION.info, "requires SMTP_URL and MAIL_FROM, to send the registration link");
    }
    mode
}
