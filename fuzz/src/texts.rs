//! The fuzz targets for texts that need no request: `next`, names, seed files and settings.

use std::sync::LazyLock;

use url::Url;
use vestibule::config::{DatabaseUrl, Settings};
use vestibule::scope::Scopes;
use vestibule::secret::ServerKey;
use vestibule::seed;
use vestibule::users::argon2id::PasswordHash;
use vestibule::users::argon2id::{Cost, Hasher};
use vestibule::users::imported_hash::{HashFormat, ImportedHash};
use vestibule::users::password::{Password, PasswordPolicy};
use vestibule::users::stored_hash::StoredHash;
use vestibule::users::{LookupName, Username, is_display_name, is_email, is_role};
use vestibule::web::WebConfig;
use vestibule::web::form::Parameters;
use vestibule::web::return_to::ReturnTo;

/// Without and with `COOKIE_DOMAIN`.
static SITES: LazyLock<[WebConfig; 2]> = LazyLock::new(|| {
    [None, Some("example.com")].map(|domain| {
        let mut settings = Settings::default();
        settings.set("PUBLIC_URL", "https://login.example.com");
        settings.set("COOKIE_DOMAIN", domain.unwrap_or_default());
        WebConfig::new(&settings.check().expect("settings of a test"), &ServerKey::generate())
    })
});

/// Takes a `next` parameter, as it is or in a query. The redirect stays on the server's origin or on https under
/// `COOKIE_DOMAIN`.
pub fn next(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for site in &*SITES {
        check_target(&ReturnTo::parse(text, site), site);
        if let Some(text) = Parameters::from_query(text).get("next") {
            check_target(&ReturnTo::parse(text, site), site);
        }
    }
}

fn check_target(next: &ReturnTo, site: &WebConfig) {
    let address = next.address();
    let base = Url::parse(&format!("{}/login", site.public_url)).expect("a URL");
    let target = base.join(address).expect("an address");
    let is_same_origin = target.origin() == base.origin() && address.starts_with('/') && !address.starts_with("//");
    let is_shared = site.cookie_domain.is_some()
        && target.scheme() == "https"
        && target.host_str().is_some_and(|host| host == "example.com" || host.ends_with(".example.com"));
    assert!((is_same_origin && next.origin().is_none()) || (is_shared && next.origin().is_some()), "{address}");
    assert!(target.username().is_empty() && target.password().is_none() && !address.contains('\\'), "{address}");
}

/// Takes a name, an email address, a password, scopes, a password hash or a role; the first byte selects which. The
/// canonical form of a canonical form is itself.
pub fn names(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match kind % 6 {
        0 => username(text, None),
        1 => {
            let (name, email) = text.split_once('\n').unwrap_or((text, text));
            username(name, Some(email));
        }
        2 => password(text),
        3 => {
            if let Some(scopes) = Scopes::parse(text) {
                assert_eq!(Scopes::parse(&scopes.to_string()), Some(scopes));
            }
        }
        4 => {
            if let Some(hash) = PasswordHash::parse(text) {
                let _ = hash.cost();
            }
            for format in HashFormat::ALL {
                if let Ok(hash) = ImportedHash::parse(text, Some(format), None) {
                    let is_wrapped = hash.needs_wrapping();
                    let cheap = Cost { memory_kib: 8, iterations: 1, parallelism: 1 };
                    let stored = hash.into_stored(&mut Hasher::default(), cheap);
                    assert_eq!(matches!(stored, StoredHash::Wrapped(_)), is_wrapped);
                    assert_eq!(StoredHash::parse(&stored.to_string()), Some(stored));
                }
            }
            if let Some(hash) = StoredHash::parse(text) {
                assert_eq!(StoredHash::parse(&hash.to_string()), Some(hash));
            }
        }
        _ => {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
            assert!(!is_role(text) || is_plain);
            assert!(!(is_email(text) || is_display_name(text)) || !text.contains(['\0', '\r', '\n']));
        }
    }
}

fn username(text: &str, email: Option<&str>) {
    let typed = LookupName::parse(text);
    let Ok(name) = Username::parse(text, email) else { return };
    // The person can sign in with the name and with its key.
    assert_eq!(typed.expect("a name can be typed").key(), name.key());
    assert_eq!(LookupName::parse(name.key()).expect("a key can be typed").key(), name.key());
    assert!((1..=64).contains(&name.key().chars().count()) && !name.key().starts_with("client_"));
    assert!(!name.key().contains(|character: char| character.is_control() || character.is_whitespace()));
}

fn password(text: &str) {
    let Ok(password) = Password::parse(text) else { return };
    let stored = std::str::from_utf8(password.bytes()).expect("it is text").to_owned();
    // The hash is of the stored form; a keyboard that sends that form must sign in too.
    let parsed_again = Password::parse(&stored).map(|password| password.bytes().to_vec());
    assert_eq!(parsed_again.ok().as_deref(), Some(stored.as_bytes()));
}

/// The default policy, and one under which every password is too short: to check a password takes a hundred times as
/// long as to parse the file.
static POLICIES: LazyLock<[PasswordPolicy; 2]> = LazyLock::new(|| {
    let policy = PasswordPolicy::new(&Settings::default().check().expect("the defaults"));
    let mut rejecting = policy.clone();
    rejecting.min_length = usize::MAX;
    [policy, rejecting]
});
/// Files with a multiple of this length have their passwords checked.
const CHECKED_LENGTH: usize = 257;

/// Takes a seed file. Every error names a line that exists.
pub fn seed_file(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').count();
    let policy = &POLICIES[usize::from(!data.len().is_multiple_of(CHECKED_LENGTH))];
    match seed::parse(data, policy) {
        Ok(file) => assert!(file.users.iter().all(|user| user.username.as_str().len() <= 256)),
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| (1..=lines).contains(&error.line)), "{errors:?}");
        }
    }
}

/// A password in a database URL. Parsing lowercases host names, so an error cannot contain it by accident.
const PASSWORD: &str = "HUNTER2";

/// The settings in the order of their letters, a to z and then A to Z; files are left out, since a target reads none.
const SETTINGS: [&str; 38] = [
    "DATABASE_URL",
    "PASSWORD_MIN_LENGTH",
    "ARGON2_MEMORY_KIB",
    "ARGON2_ITERATIONS",
    "ARGON2_PARALLELISM",
    "HASH_THREADS",
    "PUBLIC_URL",
    "LOG_FORMAT",
    "BIND",
    "ISSUER",
    "AUDIENCE",
    "JWT_ALGORITHM",
    "KEY_ROTATION",
    "PASSWORD_GRANT",
    "ACCESS_TOKEN_TTL",
    "SESSION_IDLE",
    "SESSION_MAX",
    "REFRESH_IDLE",
    "REFRESH_MAX",
    "TRUSTED_PROXIES",
    "ALLOWED_ORIGINS",
    "THROTTLE_ACCOUNT_NETWORK",
    "THROTTLE_NETWORK",
    "THROTTLE_ACCOUNT",
    "THROTTLE_WAIT",
    "THROTTLE_WAIT_MAX",
    "COOKIE_DOMAIN",
    "REMEMBER_IDLE",
    "REMEMBER_MAX",
    "PRODUCT_NAME",
    "SMTP_URL",
    "MAIL_FROM",
    "REGISTRATION",
    "ACCENT_COLOR",
    "HELP_URL",
    "PRIVACY_URL",
    "ACCOUNT_DELETION",
    "METRICS_BIND",
];

/// Settings, one per line after the letter of the setting. No error repeats the password of a database or an SMTP server.
pub fn settings(data: &[u8]) {
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| !text.contains(PASSWORD)) else { return };
    let mut settings = Settings::default();
    for line in text.lines().take(32) {
        let Some(name) = line.chars().next().and_then(setting_of) else { continue };
        let value = &line[1..];
        let has_password = matches!(name, "DATABASE_URL" | "SMTP_URL");
        settings.set(name, if has_password { value.replace("{P}", PASSWORD) } else { value.to_owned() });
    }
    match settings.check() {
        Ok(config) => {
            if let DatabaseUrl::Postgres(postgres) = config.database {
                let shown = postgres.to_string();
                let user =
                    shown.split_once('@').and_then(|(user, _)| user.strip_prefix("postgres://")).unwrap_or_default();
                assert!(shown.starts_with("postgres://") && !user.contains(':'), "{shown}");
            }
        }
        Err(errors) => assert!(!errors.0.is_empty() && !errors.to_string().contains(PASSWORD), "{errors}"),
    }
}

/// The setting of a letter; letters without one stand for the cookie domain.
fn setting_of(letter: char) -> Option<&'static str> {
    let index = ('a'..='z').chain('A'..='Z').position(|other| other == letter)?;
    Some(SETTINGS.get(index).copied().unwrap_or("COOKIE_DOMAIN"))
}
