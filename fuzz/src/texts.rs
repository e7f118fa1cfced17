//! Texts that need no request around them: where to go next, names, settings, seed files. What may not live here: headers.

use std::sync::LazyLock;

use url::Url;
use vestibule::admin::seed_file as seed;
use vestibule::config::{DatabaseUrl, Settings};
use vestibule::scope::Scopes;
use vestibule::secret::ServerKey;
use vestibule::users::argon2id::PasswordHash;
use vestibule::users::password::{Password, PasswordPolicy};
use vestibule::users::{LookupName, Username, is_display_name, is_email, is_role};
use vestibule::web::WebConfig;
use vestibule::web::form::Parameters;
use vestibule::web::return_to::ReturnTo;

/// Without and with applications that share our cookies.
static SITES: LazyLock<[WebConfig; 2]> = LazyLock::new(|| {
    [None, Some("example.com")].map(|domain| {
        let mut settings = Settings::default();
        settings.set("PUBLIC_URL", "https://login.example.com");
        settings.set("COOKIE_DOMAIN", domain.unwrap_or_default());
        WebConfig::new(&settings.check().expect("settings of a test"), &ServerKey::generate())
    })
});

/// Whatever stands in `next`, as it is or in a query, a browser that is sent there stays with us or with those who share our cookies.
pub fn next(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for site in &*SITES {
        stays(&ReturnTo::parse(text, site), site);
        if let Some(text) = Parameters::from_query(text).get("next") {
            stays(&ReturnTo::parse(text, site), site);
        }
    }
}

fn stays(next: &ReturnTo, site: &WebConfig) {
    let address = next.address();
    let base = Url::parse(&format!("{}/login", site.public_url)).expect("a URL");
    let there = base.join(address).expect("an address");
    let is_here = there.origin() == base.origin() && address.starts_with('/') && !address.starts_with("//");
    let is_shared = site.cookie_domain.is_some()
        && there.scheme() == "https"
        && there.host_str().is_some_and(|host| host == "example.com" || host.ends_with(".example.com"));
    assert!((is_here && next.origin().is_none()) || (is_shared && next.origin().is_some()), "{address}");
    assert!(there.username().is_empty() && there.password().is_none() && !address.contains('\\'), "{address}");
}

/// Names, passwords and scopes: a form that is kept or compared is made of itself again. The first byte says what the rest is.
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
    // Whoever has the name signs in by it, and by its key.
    assert_eq!(typed.expect("a name can be typed").key(), name.key());
    assert_eq!(LookupName::parse(name.key()).expect("a key can be typed").key(), name.key());
    assert!((1..=64).contains(&name.key().chars().count()) && !name.key().starts_with("client_"));
    assert!(!name.key().contains(|character: char| character.is_control() || character.is_whitespace()));
}

fn password(text: &str) {
    let Ok(password) = Password::parse(text) else { return };
    let kept = std::str::from_utf8(password.bytes()).expect("it is text").to_owned();
    // The hash is of this form: a keyboard that sends it so already must not be locked out.
    assert_eq!(Password::parse(&kept).map(|again| again.bytes().to_vec()).ok().as_deref(), Some(kept.as_bytes()));
}

/// As it ships; and one by which every password is too short, for judging one takes a hundred times as long as reading the file.
static POLICIES: LazyLock<[PasswordPolicy; 2]> = LazyLock::new(|| {
    let policy = PasswordPolicy::new(&Settings::default().check().expect("the defaults"));
    let mut refusing = policy.clone();
    refusing.min_length = usize::MAX;
    [policy, refusing]
});
/// Of so many files one has its passwords judged.
const JUDGED_EACH: usize = 257;

/// A seed file: what is wrong is told with a line that exists.
pub fn seed_file(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').count();
    let policy = &POLICIES[usize::from(!data.len().is_multiple_of(JUDGED_EACH))];
    match seed::parse(data, policy) {
        Ok(file) => assert!(file.users.iter().all(|user| user.username.as_str().len() <= 256)),
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)), "{faults:?}");
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
                assert!(Url::parse(&postgres.shown).is_ok_and(|url| url.password().is_none()), "{}", postgres.shown);
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
