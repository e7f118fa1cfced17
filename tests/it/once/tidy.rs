//! House rules read from the sources as text: the direction of imports, and single owners.

use crate::harness::sources::{mentions, named_modules, sources, sources_in_src};

/// The groups from the edge inward: a module may name modules in groups below its own only.
const ORDER: [&[&str]; 17] = [
    &["main", "lib"],
    &["cli"],
    &["server"],
    &["openapi", "ops"],
    &["account", "admin"],
    &["login", "oauth", "forward_auth", "recovery", "registration"],
    &["web"],
    &["error"],
    &["credentials"],
    &["tokens"],
    &["sessions"],
    &["links"],
    &["users"],
    &["clients", "audit", "mail"],
    &["db"],
    &["i18n", "metrics", "memory"],
    &["clock", "secret", "scope", "config"],
];

/// The exceptions to the order, with the reasons. The reverse direction is then refused.
const EXCEPTIONS: [(&str, &str, &str); 5] = [
    ("recovery", "admin", "its pages are those of use cases that admins have too"),
    ("registration", "admin", "its pages are those of use cases that admins have too"),
    ("config", "secret", "a setting that is a secret is held in a type that does not print it"),
    ("account", "admin", "whoever deletes their own account does it by the steps of an admin"),
    ("login", "admin", "the set-up page is the one page of an admin's use case; admin knows no door"),
];

/// Words with one owner: files, folders (with `/`) or file names (with `*/`) that may hold them.
const OWNERS: [(&[&str], &[&str]); 8] = [
    (&["argon2"], &["users/argon2id.rs"]),
    (&["jsonwebtoken"], &["tokens/"]),
    (&["getrandom", "OsRng", "thread_rng"], &[]),
    (&["aws_lc_rs"], &["secret.rs", "tokens/key_pair.rs"]),
    (&["lettre"], &["mail/smtp.rs"]),
    (&["std::env", "dotenvy"], &["config/", "main.rs"]),
    (&["DbConnection::Sqlite", "DbConnection::Postgres", "SqliteConnection", "PgConnection"], &["db/"]),
    (&["Utc::now", "Local::now", "SystemTime::now"], &["clock.rs"]),
];

fn group_of(module: &str) -> Option<usize> {
    ORDER.iter().position(|group| group.contains(&module))
}

#[test]
fn imports_point_inward() {
    let mut faults = Vec::new();
    for source in sources_in_src() {
        let module = source.module();
        let group = group_of(module).unwrap_or_else(|| panic!("{}: give {module} a place in ORDER", source.name));
        for named in named_modules(&source.code()) {
            let is_inward = group_of(&named).is_some_and(|other| other > group);
            let is_exception = EXCEPTIONS.iter().any(|(from, to, _)| (*from, *to) == (module, named.as_str()));
            let is_reverse = EXCEPTIONS.iter().any(|(from, to, _)| (*from, *to) == (named.as_str(), module));
            if named != module && (is_reverse || !is_inward && !is_exception) {
                faults.push(format!("{} names {named}", source.name));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn owned_words_stay_with_their_owners() {
    let mut faults = Vec::new();
    for source in sources_in_src() {
        let code = source.code();
        for (words, owners) in OWNERS {
            let is_owner = owners.iter().any(|owner| source.is_owner(owner));
            let found = words.iter().filter(|word| !is_owner && mentions(&code, word));
            faults.extend(found.map(|word| format!("{} holds {word}", source.name)));
        }
        if source.name == "src/main.rs" && code.matches("std::env").count() != code.matches("std::env::args_os").count()
        {
            faults.push("src/main.rs reads the environment".to_owned());
        }
        if source.name == "src/tokens/key_pair.rs" && mentions(&code, "rand::fill") {
            faults.push("src/tokens/key_pair.rs draws random bytes".to_owned());
        }
        if !source.name.ends_with("/store.rs") && !source.name.contains("/store/") && !source.is_owner("db/") {
            // A step composes queries and passes their results on; it writes none.
            let allowed = ["diesel::QueryResult", "diesel::result"];
            let count = code.matches("diesel::").count();
            if count != allowed.iter().map(|word| code.matches(word).count()).sum::<usize>()
                || mentions(&code, "db::schema")
            {
                faults.push(format!("{} holds a query", source.name));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn sources_have_no_placeholders_or_bare_allows() {
    let mut faults = Vec::new();
    for source in sources() {
        // Concatenated: this file must not match itself.
        for word in [
            concat!("to", "do!("),
            concat!("unimple", "mented!("),
            concat!("#[ig", "nore"),
            concat!("#[al", "low("),
            concat!("#![al", "low("),
        ] {
            if source.code().contains(word) {
                faults.push(format!("{}: {word}", source.name));
            }
        }
        if source.is_in_src() && source.code_without_tests().contains(concat!(".unw", "rap()")) {
            faults.push(format!("{}: an expect says why it holds", source.name));
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn source_scanner_finds_modules_and_words() {
    let code = "use crate::{users::{self, store}, web};\npub(crate) fn a<F: Fn(&str) -> T, T>(&self, f: F, (x, y): (A, B)) {}\ncrate::clock::now()";
    assert_eq!(named_modules(code), ["users", "web", "clock"]);
    assert!(mentions("use argon2::Params", "argon2") && !mentions("argon2_memory_kib argon2id", "argon2"));
}
