//! Tests of the checks: every rule on one setting and between settings, and what errors show.

use std::env::VarError;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use clap::{Args as _, Command, FromArgMatches as _};

use super::arguments::{AdminCommand, KeyCommand, ServerCommand, SessionCommand, SettingArgs, secrets_help};
use super::{Config, ConfigError, KeyAlgorithm, Settings, Signing, table};

/// Invalid values that errors show, each with a part of the hint.
const INVALID: [(&str, &str, &str); 52] = [
    ("SERVER_KEY_FILE", "/there/is/no/such.key", "must be a readable file"),
    ("PASSWORD_MIN_LENGTH", "7", "8 to 128"),
    ("ARGON2_MEMORY_KIB", "plenty", "whole number"),
    ("ARGON2_ITERATIONS", "0", "1 to 1000"),
    ("ARGON2_PARALLELISM", "65", "1 to 64"),
    ("HASH_THREADS", "-1", "whole number"),
    ("PUBLIC_URL", "https://login.example.com/path", "without a path"),
    ("PRODUCT_NAME", "two\nlines", "on one line"),
    ("LOGO_FILE", "/there/is/no/such.svg", "must be a readable file"),
    ("ACCENT_COLOR", "red", "#rrggbb"),
    ("HELP_URL", "javascript:alert(1)", "mailto:help@example.com"),
    ("PRIVACY_URL", "http://example.com", "https://www.example.com/privacy"),
    ("TIME_ZONE", "Mars/Olympus", "an IANA time zone"),
    ("DOCS", "maybe", "on or off"),
    ("LOG_LEVEL", "loud", "error, warn, info or debug"),
    ("AUDIT_RETENTION", "1h", "a duration such as"),
    ("LOG_FORMAT", "xml", "text or json"),
    ("SMTP_PASSWORD_FILE", "/there/is/no/such.password", "must be a readable file"),
    ("SMTP_CA_FILE", "/there/is/no/such.pem", "must be a readable file"),
    ("MAIL_FROM", "nobody", "ADDRESS or NAME"),
    ("REGISTRATION", "maybe", "closed, invite or open"),
    ("RESERVED_USERNAMES", "...", "must be usernames"),
    ("BIND", "example.com:8080", "or localhost:PORT"),
    ("ISSUER", "with\ttab", "without control characters"),
    ("ALLOWED_ORIGINS", "https://*.example.com", "wildcards are not supported"),
    ("AUDIENCE", "with\ttab", "without control characters"),
    ("JWT_SECRET_FILE", "/there/is/no/such.secret", "must be a readable file"),
    ("JWT_ALGORITHM", "none", "HS256, ES256, EdDSA or RS256"),
    ("KEY_ROTATION", "23h", "a duration such as"),
    ("PASSWORD_GRANT", "maybe", "open, clients or off"),
    ("ACCESS_TOKEN_TTL", "20", "a duration such as"),
    ("SESSION_IDLE", "59s", "a duration such as"),
    ("SESSION_MAX", "400d", "a duration such as"),
    ("REMEMBER_IDLE", "59s", "a duration such as"),
    ("REMEMBER_MAX", "400d", "to 365d"),
    ("SUPPORT_ROLE", "admin", "a role other than admin"),
    ("ACCOUNT_DELETION", "maybe", "on or off"),
    ("REFRESH_IDLE", "30", "a duration such as"),
    ("REFRESH_MAX", "59s", "a duration such as"),
    ("TRUSTED_PROXIES", "10.0.0.0/33", "addresses or networks"),
    ("COOKIE_DOMAIN", "github.io", "a public suffix"),
    ("ALLOWED_ORIGINS", "example.com", "an origin such as"),
    ("THROTTLE_ACCOUNT_NETWORK", "0", "whole number"),
    ("THROTTLE_NETWORK", "1.5", "whole number"),
    ("THROTTLE_NETWORK_56", "0", "whole number"),
    ("THROTTLE_NETWORK_48", "0", "whole number"),
    ("THROTTLE_SIGN_INS", "0", "whole number"),
    ("THROTTLE_ACCOUNT", "ten", "whole number"),
    ("THROTTLE_WAIT", "0s", "a duration such as"),
    ("THROTTLE_WAIT_MAX", "never", "a duration such as"),
    ("DATABASE_START_WAIT", "2h", "a duration such as"),
    ("METRICS_BIND", "9090", "ADDRESS:PORT"),
];

/// Invalid values that errors do not show, because they are or contain a secret.
const INVALID_SECRETS: [(&str, &str, &str); 5] = [
    ("DATABASE_URL", "mysql://me:hunter2@there/name", "sqlite:// or postgres://"),
    ("SERVER_KEY", "hunter2", "openssl rand -base64 32"),
    ("JWT_SECRET", "hunter2", "at least 32"),
    ("SMTP_URL", "http://me:hunter2@mail.example.com", "smtps://USER@HOST:PORT"),
    ("SMTP_PASSWORD", "hunter2", "requires SMTP_URL"),
];

/// An HS256 secret that errors must not show.
const SECRET: &str = "a secret of more than 32 bytes, hunter2";

/// Checks settings, of which those without a flag are environment variables.
fn check(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut texts = Settings::default();
    let is_secret = |name: &str| table::ALL.iter().any(|setting| setting.name == name && !setting.has_flag());
    for (name, value) in settings.iter().filter(|(name, _)| !is_secret(name)) {
        texts.set(name, *value);
    }
    texts.check_with(&|name| {
        let found = settings.iter().find(|(secret, _)| *secret == name);
        found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
    })
}

#[track_caller]
fn errors_of(settings: &[(&str, &str)]) -> String {
    let errors = check(settings).expect_err("the settings are invalid").to_string();
    assert!(!errors.contains("hunter2"), "{errors}");
    errors
}

#[test]
fn invalid_value_is_reported_with_its_setting_and_a_hint() {
    for (name, value, hint) in INVALID {
        let errors = errors_of(&[(name, value)]);
        assert!(errors.starts_with(&format!("{name}={value}: ")) && errors.contains(hint), "{errors}");
    }
    for (name, value, hint) in INVALID_SECRETS {
        let errors = errors_of(&[(name, value)]);
        assert!(errors.starts_with(&format!("{name}: ")) && errors.contains(hint), "{errors}");
    }
    for setting in table::ALL {
        let is_tested = INVALID.iter().chain(&INVALID_SECRETS).any(|(name, ..)| *name == setting.name);
        assert!(is_tested, "{} has an invalid value here", setting.name);
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let all: Vec<(&str, &str)> =
        INVALID.iter().chain(&INVALID_SECRETS).map(|(name, value, _)| (*name, *value)).collect();
    let errors = errors_of(&all);
    for (name, _) in all {
        assert!(errors.contains(name), "{name}: {errors}");
    }
}

#[test]
fn conflicting_values_are_reported() {
    for (settings, hint) in [
        (
            &[("SESSION_IDLE", "2d"), ("SESSION_MAX", "1d")] as &[_],
            "SESSION_IDLE=2d: must be no longer than SESSION_MAX",
        ),
        (&[("SESSION_MAX", "1h")], "SESSION_IDLE=12h: must be no longer than SESSION_MAX"),
        (&[("REMEMBER_IDLE", "2d"), ("REMEMBER_MAX", "1d")], "REMEMBER_IDLE=2d: must be no longer than REMEMBER_MAX"),
        (&[("REFRESH_IDLE", "2d"), ("REFRESH_MAX", "1d")], "REFRESH_IDLE=2d: must be no longer than REFRESH_MAX"),
        (&[("THROTTLE_WAIT", "2h")], "no longer than THROTTLE_WAIT_MAX"),
        (&[("ARGON2_MEMORY_KIB", "64"), ("ARGON2_PARALLELISM", "9")], "ARGON2_PARALLELISM"),
        (&[("JWT_ALGORITHM", "HS256")], "requires JWT_SECRET"),
        (&[("JWT_ALGORITHM", "ES256"), ("JWT_SECRET", SECRET)], "unset JWT_SECRET"),
        (&[("JWT_SECRET", SECRET), ("JWT_SECRET_FILE", "/dev/null")], "cannot be used together with JWT_SECRET"),
        (&[("SERVER_KEY", SECRET), ("SERVER_KEY_FILE", "/dev/null")], "cannot be used together with SERVER_KEY"),
        (&[("BIND", " , ")], "must be ADDRESS:PORT"),
        (&[("COOKIE_DOMAIN", "example.com")], "must contain the host of PUBLIC_URL"),
        (&[("REGISTRATION", "open")], "requires SMTP_URL and MAIL_FROM"),
        (&[("SMTP_URL", "smtp://localhost")], "MAIL_FROM: is required with SMTP_URL"),
        (&[("SMTP_URL", "smtp://me@localhost"), ("MAIL_FROM", "a@example.com")], "SMTP_URL has a username"),
        (
            &[("SMTP_URL", "smtp://localhost"), ("MAIL_FROM", "a@example.com"), ("SMTP_PASSWORD", "hunter2")],
            "requires SMTP_URL with a username",
        ),
        (
            &[
                ("SMTP_URL", "smtp://me:hunter2@localhost"),
                ("MAIL_FROM", "a@example.com"),
                ("SMTP_PASSWORD", "hunter2"),
            ],
            "is also in SMTP_URL",
        ),
    ] {
        let errors = errors_of(settings);
        assert!(errors.contains(hint), "{errors}");
    }
}

#[test]
fn secret_that_is_not_utf_8_is_not_ignored() {
    let text = OsString::from_vec(b"hunter2\xff, and more than 32 bytes long".to_vec());
    let result = Settings::default().check_with(&|_| Err(VarError::NotUnicode(text.clone())));
    let errors = result.expect_err("no secret is text").to_string();
    assert!(errors.contains("JWT_SECRET: is not UTF-8") && !errors.contains("hunter2"), "{errors}");
}

#[test]
fn secret_comes_from_the_environment_or_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{SECRET}\n")).expect("the folder is writable");
    for setting in [("JWT_SECRET", SECRET), ("JWT_SECRET_FILE", path.to_str().expect("text"))] {
        let signing = check(&[setting]).expect("valid settings").signing;
        assert!(matches!(&signing, Signing::Hs256(secret) if secret.as_slice() == SECRET.as_bytes()), "{signing:?}");
    }
}

#[test]
fn default_is_valid_and_an_empty_value_means_the_default() {
    let default = check(&[]).expect("valid defaults");
    assert!(matches!(default.signing, Signing::KeyPair(KeyAlgorithm::Es256)), "{:?}", default.signing);
    assert_eq!(default.issuer, default.public_url.as_str());
    // Those that are secret, or can contain a secret, must not be empty.
    let is_secret = |name: &&str| {
        ["DATABASE_URL", "SMTP_URL"].contains(name)
            || name.contains("SECRET")
            || name.ends_with("KEY")
            || name.ends_with("_KEY_FILE")
            || name.contains("PASSWORD") && name.starts_with("SMTP")
    };
    let (secrets, others): (Vec<&str>, Vec<&str>) = table::ALL.iter().map(|setting| setting.name).partition(is_secret);
    let empty: Vec<(&str, &str)> = others.into_iter().map(|name| (name, "")).collect();
    let from_empty = check(&empty).expect("empty values are allowed");
    assert_eq!(format!("{default:?}"), format!("{from_empty:?}"));
    assert_eq!(secrets.len(), 8, "{secrets:?}");
    for name in secrets {
        let error = check(&[(name, " ")]).expect_err(name).to_string();
        assert_eq!(error, format!("{name}: is set but empty: give it a value, or remove it"));
    }
}

#[test]
fn public_url_follows_the_address_that_the_server_listens_on() {
    for (bind, expected) in [
        ("127.0.0.1:8090", "http://localhost:8090"),
        ("0.0.0.0:9000,[::]:9000", "http://localhost:9000"),
        ("localhost:8081", "http://localhost:8081"),
        ("192.0.2.7:80", "http://192.0.2.7"),
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
    ] {
        let config = check(&[("BIND", bind)]).expect("valid settings");
        assert_eq!((config.public_url.as_str(), config.issuer.as_str()), (expected, expected), "{bind}");
    }
    let config =
        check(&[("BIND", "127.0.0.1:8090"), ("PUBLIC_URL", "https://login.example.com")]).expect("valid settings");
    assert_eq!(config.public_url.as_str(), "https://login.example.com");
}

#[test]
fn command_takes_only_the_settings_that_it_needs() {
    fn flags<C: super::arguments::CommandKind>() -> Vec<String> {
        let command = SettingArgs::<C>::augment_args(Command::new("test"));
        command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned).collect()
    }
    let [admin, sessions, keys, server] =
        [flags::<AdminCommand>(), flags::<SessionCommand>(), flags::<KeyCommand>(), flags::<ServerCommand>()];
    assert_eq!([admin.len(), sessions.len(), keys.len(), server.len()], [17, 28, 30, 53]);
    let has = |flags: &[String], flag: &str| flags.iter().any(|other| other == flag);
    assert!(has(&admin, "database-url") && !has(&admin, "session-idle"));
    assert!(has(&sessions, "session-idle") && !has(&sessions, "jwt-algorithm"));
    assert!(has(&keys, "jwt-algorithm") && !has(&keys, "trusted-proxies") && has(&server, "trusted-proxies"));
}

#[test]
fn argument_with_a_password_is_rejected() {
    let check = |arguments: &[&str]| {
        let command = SettingArgs::<ServerCommand>::augment_args(Command::new("test"));
        let matches = command.get_matches_from([&["test"], arguments].concat());
        SettingArgs::<ServerCommand>::from_arg_matches(&matches).expect("the matches are complete").check()
    };
    for (flag, url, instead) in [
        ("--database-url", "postgres://me:hunter2@there/name", "PGPASSFILE"),
        ("--database-url", "postgres://me@there/name?password=hunter2", "PGPASSFILE"),
        ("--smtp-url", "smtps://me:hunter2@mail.example.com", "SMTP_PASSWORD_FILE"),
    ] {
        let errors = check(&[flag, url]).expect_err("it contains a password").to_string();
        assert!(errors.contains("as an argument") && errors.contains(instead), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
    assert!(check(&["--database-url", "postgres://me@there/name"]).is_ok());
}

#[test]
fn flags_are_checked_and_secrets_have_none() {
    let command = || SettingArgs::<ServerCommand>::augment_args(Command::new("test"));
    let matches = command().get_matches_from(["test", "--log-format", "xml", "--audience", ""]);
    let args = SettingArgs::<ServerCommand>::from_arg_matches(&matches).expect("the matches are complete");
    assert!(args.check().expect_err("invalid").to_string().contains("LOG_FORMAT=xml: must be text or json"));
    let help = secrets_help();
    for secret in ["SERVER_KEY", "JWT_SECRET", "SMTP_PASSWORD"] {
        let flag = format!("--{}", secret.to_lowercase().replace('_', "-"));
        assert!(command().try_get_matches_from(["test", &flag, "hunter2"]).is_err(), "{flag}");
        assert!(help.contains(&format!("\n  {secret} ")), "{help}");
    }
}
