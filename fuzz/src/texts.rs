//! Texts that need no request around them: where to go next, names, settings, seed files. What may not live here: headers.

use std::sync::LazyLock;

use url::Url;
use vestibule::config::{DatabaseUrl, Settings};
use vestibule::scope::Scopes;
use vestibule::secret::ServerKey;
use vestibule::seed;
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
        settings.database.public_url = Some("https://login.example.com".to_owned());
        settings.cookie_domain = domain.map(str::to_owned);
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

/// A seed file: every error names a line that exists.
pub fn seed_file(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').count();
    let policy = &POLICIES[usize::from(!data.len().is_multiple_of(JUDGED_EACH))];
    match seed::parse(data, policy) {
        Ok(file) => assert!(file.users.iter().all(|user| user.username.as_str().len() <= 256)),
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| (1..=lines).contains(&error.line)), "{errors:?}");
        }
    }
}

/// Stands for a database's password. In capitals, into which nothing turns a name that somebody typed.
const PASSWORD: &str = "HUNTER2";

/// Settings, one a line; the first letter says which. Nothing that is told repeats a database's password.
pub fn settings(data: &[u8]) {
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| !text.contains(PASSWORD)) else { return };
    let mut settings = Settings::default();
    for line in text.lines().take(32) {
        let Some(letter) = line.bytes().next().filter(u8::is_ascii_alphabetic) else { continue };
        *field(&mut settings, letter) = Some(line[1..].to_owned());
    }
    let database = &mut settings.database;
    database.database_url = database.database_url.take().map(|url| url.replace("{P}", PASSWORD));
    match settings.check() {
        Ok(config) => {
            if let DatabaseUrl::Postgres(postgres) = config.database {
                assert!(Url::parse(&postgres.shown).is_ok_and(|url| url.password().is_none()), "{}", postgres.shown);
            }
        }
        Err(faults) => assert!(!faults.0.is_empty() && !faults.to_string().contains(PASSWORD), "{faults}"),
    }
}

/// The setting that a letter stands for; files are left out, for a target reads none.
fn field(settings: &mut Settings, letter: u8) -> &mut Option<String> {
    match letter {
        b'a' => &mut settings.database.database_url,
        b'b' => &mut settings.database.password_min_length,
        b'c' => &mut settings.database.argon2_memory_kib,
        b'd' => &mut settings.database.argon2_iterations,
        b'e' => &mut settings.database.argon2_parallelism,
        b'f' => &mut settings.database.hash_threads,
        b'g' => &mut settings.database.public_url,
        b'h' => &mut settings.database.log_format,
        b'i' => &mut settings.bind,
        b'j' => &mut settings.issuer,
        b'k' => &mut settings.audience,
        b'l' => &mut settings.jwt_algorithm,
        b'm' => &mut settings.key_rotation,
        b'n' => &mut settings.password_grant,
        b'o' => &mut settings.lifetimes.access_token_ttl,
        b'p' => &mut settings.lifetimes.session_idle,
        b'q' => &mut settings.lifetimes.session_max,
        b'r' => &mut settings.lifetimes.refresh_idle,
        b's' => &mut settings.lifetimes.refresh_max,
        b't' => &mut settings.trusted_proxies,
        b'u' => &mut settings.allowed_origins,
        b'v' => &mut settings.throttle_account_network,
        b'w' => &mut settings.throttle_network,
        b'x' => &mut settings.throttle_account,
        b'y' => &mut settings.throttle_wait,
        b'z' => &mut settings.throttle_wait_max,
        _ => &mut settings.cookie_domain,
    }
}
