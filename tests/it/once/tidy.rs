//! House rules read from the sources as text: the direction of imports, and single owners.

use crate::harness::sources::{mentions, named_modules, sources, sources_in_src};

/// The layers, from the edge inward: a module may name modules of later groups only.
const LAYERS: [&[&str]; 21] = [
    &["main", "lib"],
    &["cli"],
    &["server"],
    &["openapi", "ops"],
    &["admin_pages"],
    &["account_pages", "login"],
    &["oauth", "forward_auth", "recovery", "registration"],
    &["web", "connections"],
    &["error"],
    &["seed", "user_files"],
    &["admin"],
    &["accounts"],
    &["authentication"],
    &["tokens"],
    &["sessions"],
    &["links"],
    &["users"],
    &["clients", "audit", "mail"],
    &["db", "supervisor"],
    &["i18n", "metrics", "memory", "log_limit", "config"],
    &["clock", "private_file", "similar_name", "secret", "scope"],
];

/// Words that only their owners may contain: files, or folders (with a trailing `/`).
const OWNERS: [(&[&str], &[&str]); 10] = [
    // In the other files, it is the name of a format, and of an algorithm of Keycloak.
    (&["argon2"], &["users/argon2id.rs", "users/imported_hash.rs", "users/imported_hash/", "user_files/keycloak.rs"]),
    (&["jsonwebtoken"], &["tokens/"]),
    (&["getrandom", "OsRng", "thread_rng"], &[]),
    (&["aws_lc_rs"], &["secret.rs", "tokens/key_pair.rs", "users/imported_hash/recipe.rs"]),
    (&["zxcvbn"], &["users/weakness.rs"]),
    // It takes milliseconds: the event loop must not run it.
    (&["choose_on_this_thread"], &["users/password.rs", "users/hash_pool.rs"]),
    (&["lettre"], &["mail/smtp.rs"]),
    (&["std::env", "dotenvy"], &["config/", "main.rs"]),
    (&["DbConnection::Sqlite", "DbConnection::Postgres", "SqliteConnection", "PgConnection"], &["db/"]),
    (&["Utc::now", "Local::now", "SystemTime::now"], &["clock.rs"]),
];

fn group_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|group| group.contains(&module))
}

#[test]
fn imports_point_inward() {
    let mut violations = Vec::new();
    for source in sources_in_src() {
        let module = source.module();
        let group = group_of(module).unwrap_or_else(|| panic!("{}: add {module} to LAYERS", source.name));
        for named in named_modules(&source.code()) {
            let is_inward = group_of(&named).is_some_and(|other| other > group);
            if named != module && !is_inward {
                violations.push(format!("{} names {named}", source.name));
            }
        }
    }
    assert_eq!(violations, [""; 0]);
}

#[test]
fn restricted_words_are_used_by_their_owners_only() {
    let mut violations = Vec::new();
    for source in sources_in_src() {
        let code = source.code();
        for (words, owners) in OWNERS {
            let is_owner = owners.iter().any(|owner| source.is_owner(owner));
            let found = words.iter().filter(|word| !is_owner && mentions(&code, word));
            violations.extend(found.map(|word| format!("{} contains {word}", source.name)));
        }
        if source.name == "src/main.rs" && code.matches("std::env").count() != code.matches("std::env::args_os").count()
        {
            violations.push("src/main.rs reads the environment".to_owned());
        }
        if source.name == "src/tokens/key_pair.rs" && mentions(&code, "rand::fill") {
            violations.push("src/tokens/key_pair.rs draws random bytes".to_owned());
        }
        if !source.name.ends_with("/store.rs") && !source.name.contains("/store/") && !source.is_owner("db/") {
            // Other code composes the queries of a store and passes their results on.
            let allowed = ["diesel::QueryResult", "diesel::result"];
            let count = code.matches("diesel::").count();
            if count != allowed.iter().map(|word| code.matches(word).count()).sum::<usize>()
                || mentions(&code, "db::schema")
            {
                violations.push(format!("{} contains a query", source.name));
            }
        }
    }
    assert_eq!(violations, [""; 0]);
}

#[test]
fn sources_contain_no_placeholder_ignored_test_allow_or_unwrap() {
    let mut violations = Vec::new();
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
                violations.push(format!("{}: {word}", source.name));
            }
        }
        if source.is_in_src() && source.code_without_tests().contains(concat!(".unw", "rap()")) {
            violations.push(format!("{}: use expect with the reason", source.name));
        }
    }
    assert_eq!(violations, [""; 0]);
}

#[test]
fn source_scanner_finds_modules_and_words() {
    let code = "use crate::{users::{self, store}, web};\npub(crate) fn a<F: Fn(&str) -> T, T>(&self, f: F, (x, y): (A, B)) {}\ncrate::clock::now()";
    assert_eq!(named_modules(code), ["users", "web", "clock"]);
    assert!(mentions("use argon2::Params", "argon2") && !mentions("argon2_memory_kib argon2id", "argon2"));
}
