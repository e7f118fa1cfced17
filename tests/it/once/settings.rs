//! Settings: hints for bad values, `.env`, the tutorial's names, and equal lists in help, example and documentation.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::Command;

use crate::harness::cli::run;
use crate::harness::{ServerProcess, TestDatabase};

/// Settings whose invalid value is shown, each with words of its hint.
const BAD: [(&str, &str, &str); 41] = [
    ("SERVER_KEY_FILE", "/there/is/no/such.key", "name a file that can be read"),
    ("PASSWORD_MIN_LENGTH", "7", "8 to 128"),
    ("ARGON2_MEMORY_KIB", "plenty", "whole number"),
    ("ARGON2_ITERATIONS", "0", "1 to 1000"),
    ("ARGON2_PARALLELISM", "65", "1 to 64"),
    ("HASH_THREADS", "-1", "whole number"),
    ("PUBLIC_URL", "https://login.example.com/path", "without a path"),
    ("PRODUCT_NAME", "two\nlines", "all on one line"),
    ("LOGO_FILE", "/there/is/no/such.svg", "name a file that can be read"),
    ("ACCENT_COLOR", "red", "#rrggbb"),
    ("HELP_URL", "javascript:alert(1)", "mailto:help@example.com"),
    ("PRIVACY_URL", "http://example.com", "https://www.example.com/privacy"),
    ("LOG_FORMAT", "xml", "text or json"),
    ("SMTP_PASSWORD_FILE", "/there/is/no/such.password", "name a file that can be read"),
    ("SMTP_CA_FILE", "/there/is/no/such.pem", "name a file that can be read"),
    ("MAIL_FROM", "nobody", "ADDRESS or NAME"),
    ("REGISTRATION", "maybe", "closed, invite or open"),
    ("BIND", "localhost:8080", "ADDRESS:PORT"),
    ("ISSUER", "with\ttab", "without control characters"),
    ("AUDIENCE", "with\ttab", "without control characters"),
    ("JWT_SECRET_FILE", "/there/is/no/such.secret", "name a file that can be read"),
    ("JWT_ALGORITHM", "none", "HS256, ES256, EdDSA or RS256"),
    ("KEY_ROTATION", "23h", "a duration such as"),
    ("PASSWORD_GRANT", "maybe", "open, clients or off"),
    ("ACCESS_TOKEN_TTL", "20", "a duration such as"),
    ("SESSION_IDLE", "59s", "a duration such as"),
    ("SESSION_MAX", "400d", "a duration such as"),
    ("REMEMBER_IDLE", "59s", "a duration such as"),
    ("REMEMBER_MAX", "400d", "a duration such as"),
    ("ACCOUNT_DELETION", "maybe", "on or off"),
    ("REFRESH_IDLE", "30", "a duration such as"),
    ("REFRESH_MAX", "59s", "a duration such as"),
    ("TRUSTED_PROXIES", "10.0.0.0/33", "addresses or networks"),
    ("COOKIE_DOMAIN", "github.io", "a public suffix"),
    ("ALLOWED_ORIGINS", "example.com", "an origin such as"),
    ("THROTTLE_ACCOUNT_NETWORK", "0", "whole number"),
    ("THROTTLE_NETWORK", "1.5", "whole number"),
    ("THROTTLE_ACCOUNT", "ten", "whole number"),
    ("THROTTLE_WAIT", "0s", "a duration such as"),
    ("THROTTLE_WAIT_MAX", "never", "a duration such as"),
    ("METRICS_BIND", "9090", "ADDRESS:PORT"),
];

/// Settings whose invalid value is not shown, because it is or contains a secret.
const BAD_SECRETS: [(&str, &str, &str); 5] = [
    ("DATABASE_URL", "mysql://me:hunter2@there/name", "sqlite:// or postgres://"),
    ("SERVER_KEY", "hunter2", "openssl rand -base64 32"),
    ("JWT_SECRET", "hunter2", "at least 32"),
    ("SMTP_URL", "http://me:hunter2@mail.example.com", "smtps://USER@HOST:PORT"),
    ("SMTP_PASSWORD", "hunter2", "names no user"),
];

/// The flag and the default of each setting, as one of the three lists has them.
type Listed = BTreeMap<String, (String, String)>;

fn stderr_of_refused(command: Command) -> String {
    let output = run(command);
    let said = output.err;
    assert_eq!(output.code, Some(2), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    said
}

fn starts(command: Command) -> bool {
    ServerProcess::from_command(command).is_some()
}

#[test]
fn invalid_setting_is_named_with_a_hint() {
    let database = TestDatabase::create();
    for (name, value, mend) in BAD {
        let said = stderr_of_refused(database.serve(&[(name, value)]));
        assert!(said.contains(&format!("{name}={value}: ")) && said.contains(mend), "{name}: {said}");
    }
    for (name, value, mend) in BAD_SECRETS {
        let said = stderr_of_refused(database.serve(&[(name, value)]));
        assert!(said.contains(&format!("{name} ")) && said.contains(mend), "{name}: {said}");
    }
    let listed = listed_by_the_help(&database);
    let tried: Vec<&str> = BAD.iter().chain(&BAD_SECRETS).map(|(name, ..)| *name).collect();
    assert_eq!(listed.keys().filter(|name| !tried.contains(&name.as_str())).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn all_invalid_settings_are_reported_together() {
    let database = TestDatabase::empty();
    let all: Vec<(&str, &str)> = BAD
        .iter()
        .chain(&BAD_SECRETS)
        .filter(|(name, ..)| *name != "JWT_ALGORITHM")
        .map(|(name, value, _)| (*name, *value))
        .collect();
    let said = stderr_of_refused(database.serve(&all));
    for (name, _) in all {
        // A secret that is set twice is refused by the name of its file.
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(database.sqlite_file().is_none_or(|file| !file.exists()), "nothing is made before the settings are right");
}

#[test]
fn conflicting_settings_are_reported() {
    let database = TestDatabase::create();
    let secret = "a secret of more than 32 bytes, hunter2";
    for (settings, words) in [
        (&[("SESSION_IDLE", "2d"), ("SESSION_MAX", "1d")] as &[_], "no longer than SESSION_MAX"),
        (&[("THROTTLE_WAIT", "2h")], "no longer than THROTTLE_WAIT_MAX"),
        (&[("ARGON2_PARALLELISM", "9")], "ARGON2_PARALLELISM"),
        (&[("JWT_ALGORITHM", "HS256")], "set JWT_SECRET too"),
        (&[("JWT_ALGORITHM", "ES256"), ("JWT_SECRET", secret)], "unset JWT_SECRET"),
        (&[("JWT_SECRET", secret), ("JWT_SECRET_FILE", "/dev/null")], "only one can be used"),
        (&[("BIND", " , ")], "write ADDRESS:PORT"),
        (&[("REGISTRATION", "open")], "set SMTP_URL and MAIL_FROM too"),
        (&[("SMTP_URL", "smtp://localhost")], "MAIL_FROM is not set"),
        (&[("SMTP_URL", "smtp://me@localhost"), ("MAIL_FROM", "a@example.com")], "SMTP_URL names a user"),
    ] {
        let said = stderr_of_refused(database.serve(settings));
        assert!(said.contains(words), "{said}");
    }
    let mut not_text = database.serve(&[]);
    not_text.env("JWT_SECRET", std::ffi::OsString::from_vec(b"hunter2\xff, and more than 32 bytes long".to_vec()));
    let said = stderr_of_refused(not_text);
    assert!(said.contains("JWT_SECRET is not UTF-8"), "not passed over in silence: {said}");
}

#[test]
fn flag_overrides_the_environment() {
    let database = TestDatabase::create();
    let mut command = database.command(&["serve", "--log-format", "xml", "--bind", "127.0.0.1:0"]);
    command.env("LOG_FORMAT", "json").env("BIND", "nowhere");
    let said = stderr_of_refused(command);
    assert!(said.contains("LOG_FORMAT=xml") && !said.contains("BIND"), "{said}");
}

#[test]
fn empty_value_means_the_default() {
    let database = TestDatabase::create();
    let names = listed_by_the_help(&database).into_keys();
    let given = ["DATABASE_URL", "SERVER_KEY", "BIND"];
    let names: Vec<String> = names.filter(|name| !given.contains(&name.as_str())).collect();
    let settings: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert!(settings.len() > 20 && starts(database.serve(&settings)));
}

#[test]
fn environment_overrides_dotenv_in_the_working_directory() {
    let database = TestDatabase::create();
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("below");
    std::fs::create_dir(&below).expect("a folder");
    let write = |text: &str| std::fs::write(folder.path().join(".env"), text).expect("it is written");
    let serve_in = |folder: &Path, settings: &[(&str, &str)]| {
        let mut command = database.serve(settings);
        command.current_dir(folder);
        command
    };
    write("# ours\nLOG_FORMAT=xml\nAUDIENCE='two words'\n");
    assert!(stderr_of_refused(serve_in(folder.path(), &[])).contains("LOG_FORMAT=xml"));
    assert!(starts(serve_in(folder.path(), &[("LOG_FORMAT", "json")])));
    assert!(starts(serve_in(&below, &[])), "a file in a folder above is another program's");
    write("AUDIENCE=two words\nJWT_SECRET=hunter2 hunter2\n");
    let said = stderr_of_refused(serve_in(folder.path(), &[]));
    assert!(said.contains(".env cannot be read"), "{said}");
    std::fs::write(folder.path().join(".env"), b"AUDIENCE=\xff\n").expect("it is written");
    assert!(stderr_of_refused(serve_in(folder.path(), &[])).contains(".env cannot be read"));
}

#[test]
fn tutorial_setting_names_warn_with_the_right_names() {
    let database = TestDatabase::create();
    // The warning comes first; then the start fails, because the address is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let secret = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";
    let output = run(database.serve(&[("SECRET_KEY", secret), ("ALGORITHM", "HS256"), ("BIND", &address)]));
    let said_once = output.err;
    assert!(said_once.contains("SECRET_KEY") && said_once.contains("called JWT_SECRET"), "{said_once}");
    assert!(said_once.contains("ALGORITHM") && said_once.contains("called JWT_ALGORITHM"), "{said_once}");
    assert!(!said_once.contains(&secret[..8]), "{said_once}");
    let said_else = run(database.serve(&[("BIND", &address)])).err;
    assert!(!said_else.contains("SECRET_KEY"), "{said_else}");
}

#[test]
fn help_example_and_documentation_list_the_same_settings() {
    let database = TestDatabase::create();
    let help = listed_by_the_help(&database);
    let page = listed_by_the_page();
    assert!(help.len() > 25, "{help:?}");
    for (name, (flag, default)) in &help {
        let (page_flag, page_default) = page.get(name).unwrap_or_else(|| panic!("docs/settings.md lacks {name}"));
        assert_eq!(flag, page_flag, "{name}");
        // The help gives no default for secrets.
        assert!(flag.is_empty() || *default == page_default.replace('`', ""), "{name}: {default} and {page_default}");
    }
    assert_eq!(page.keys().collect::<Vec<_>>(), help.keys().collect::<Vec<_>>());
    let example = include_str!("../../../.env.example");
    let mut listed = BTreeMap::new();
    let mut above = "";
    for line in example.lines() {
        if let Some((name, value)) =
            line.strip_prefix('#').filter(|line| !line.starts_with(' ')).and_then(|line| line.split_once('='))
        {
            assert!(above.starts_with("# "), "{name} has a line that says what it is");
            assert_eq!(listed.insert(name.to_owned(), value), None, "{name} stands there once");
        }
        above = line;
    }
    assert_eq!(listed.keys().collect::<Vec<_>>(), help.keys().collect::<Vec<_>>());
    for (name, value) in &listed {
        // A default in words, such as "one for each processor", leaves the value empty.
        let literal = page[name].1.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).unwrap_or_default();
        assert_eq!(*value, literal, "{name}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let uncommented: String =
        example.lines().filter(|line| !line.starts_with("# ")).map(|line| line.replace('#', "") + "\n").collect();
    std::fs::write(folder.path().join(".env"), uncommented).expect("it is written");
    let mut command = database.serve(&[]);
    command.current_dir(folder.path());
    assert!(starts(command), "the example starts a server as it stands");
}

/// The settings in `vestibule serve --help`: flags with `[env: NAME]` and `[default: …]`, and the secrets below them.
fn listed_by_the_help(database: &TestDatabase) -> Listed {
    let help = run(database.command(&["serve", "--help"])).ok().out;
    let (flags, secrets) = help.split_once("\nSecrets are read").expect("a part on secrets");
    let mut listed = Listed::new();
    for part in flags.split("\n      --").skip(1) {
        let text = part.split_whitespace().collect::<Vec<_>>().join(" ");
        let between =
            |before: &str, after: &str| text.split_once(before)?.1.split_once(after).map(|(found, _)| found.to_owned());
        let name = between("[env: ", "]").unwrap_or_else(|| panic!("no environment twin: {text}"));
        let default = between("[default: ", "] [env: ").unwrap_or_else(|| panic!("no default: {text}"));
        let flag = format!("--{}", text.split(' ').next().expect("a flag"));
        let name = name.split('=').next().expect("a name").to_owned();
        listed.insert(name, (flag, default.replace('`', "")));
    }
    for line in secrets.lines() {
        let name = line.trim_start().split(' ').next().expect("a word");
        if line.starts_with("  ") && name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            listed.insert(name.to_owned(), (String::new(), String::new()));
        }
    }
    listed
}

/// The settings in the table of `docs/settings.md`; a default in backticks is a value, one without is words.
fn listed_by_the_page() -> Listed {
    let rows = include_str!("../../../docs/settings.md").lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, flag, default, what] = cells[..] else { panic!("four cells: {row}") };
        assert!(what.len() > 10, "{row}");
        (name.replace('`', ""), (flag.replace('`', ""), default.to_owned()))
    })
    .collect()
}
