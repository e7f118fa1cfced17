//! `vestibule import`: users of CSV and JSON Lines files, each once.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use vestibule::users::argon2id::{Cost, Hasher};
use vestibule::users::imported_hash::HashFormat;

use crate::harness::cli::{ServerWithCli, finish};
use crate::harness::direct_database::DirectConnection;
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestDatabase};

fn hash(password: &str) -> String {
    Hasher::default().hash(password.as_bytes(), Cost { memory_kib: 64, iterations: 1, parallelism: 1 }).to_string()
}

/// A CSV file of `count` users with one hash, each with a role.
fn many(count: u32) -> String {
    let hash = hash(PASSWORD);
    (0..count).fold("username,password_hash,roles\n".to_owned(), |mut text, number| {
        writeln!(text, "user{number:05},\"{hash}\",staff").expect("writing to a String cannot fail");
        text
    })
}

#[test]
fn import_creates_users_with_every_column_and_a_second_run_changes_nothing() {
    let db = TestDatabase::create();
    db.add("zoe", &[]);
    let text = format!(
        "\u{feff}login;password;Name;email;email_verified;language;is_active;roles;created_at;id\r\n\
         alice;{};\"Alice; \"\"A\"\"\";alice@example.com;t;ko-KR;1;staff,admin;2024-05-31 08:30:00+00;40\r\n\
         bob@example.com;{};;bob@example.com;f;;0;;;50\r\n\
         홍길동;;;;;;;;;60\r\n;;;;;;;;;\r\n",
        hash(PASSWORD),
        hash(OTHER_PASSWORD)
    );
    db.write_file("people.csv", &text);
    let args = [
        "import",
        "people.csv",
        "--column",
        "username=login",
        "--column",
        "password_hash=password",
        "--column",
        "display_name=Name",
        "--column",
        "state=is_active",
        "--json",
    ];
    let report = db.cli(&args).json();
    assert_eq!((&report["imported"], &report["duplicates"], &report["rejected"]), (&json!(3), &json!(0), &json!(0)));
    assert_eq!(report["formats"]["argon2"], json!({"hashes": 2, "min_work_kib": 64, "max_work_kib": 64}));
    assert_eq!((&report["without_password"], &report["roles"]), (&json!(1), &json!({"admin": 1, "staff": 1})));
    let before = db.users();
    let alice = before.iter().find(|user| user["username"] == "alice").expect("she is listed");
    assert_eq!(
        (&alice["id"], &alice["display_name"], &alice["email"], &alice["roles"], &alice["created_at"]),
        (
            &json!(40),
            &json!("Alice; \"A\""),
            &json!("alice@example.com"),
            &json!(["admin", "staff"]),
            &json!("2024-05-31T08:30:00Z")
        )
    );
    let states: Vec<_> = before.iter().map(|user| user["state"].as_str().expect("a text")).collect();
    assert_eq!(states, ["active", "active", "disabled", "active"]);
    let mut direct = DirectConnection::open(&db);
    assert_eq!(direct.count("users", "language = 'ko' AND email_verified_at IS NOT NULL AND username = 'alice'"), 1);
    assert_eq!(direct.count("users", "email_verified_at IS NOT NULL OR disabled_at IS NOT NULL"), 2);
    assert_eq!(direct.count("username_skeletons", "1 = 1"), 4, "each name is compared with new ones");

    let again = db.cli(&args).json();
    assert_eq!((&again["imported"], &again["duplicates"]), (&json!(0), &json!(3)));
    assert_eq!(db.users(), before);
    assert!(db.can_sign_in("alice", PASSWORD) && db.can_sign_in("alice@example.com", PASSWORD));
    assert!(!db.can_sign_in("bob@example.com", OTHER_PASSWORD), "bob is disabled");
    let next = db.add("next", &[]);
    assert_eq!(next["id"], json!(61), "IDs of the file are not given out again");
}

#[test]
fn check_writes_nothing_and_finds_what_the_import_finds() {
    let db = TestDatabase::create();
    db.add("zoe", &["--id", "7"]);
    db.add("gone", &["--id", "3"]);
    db.cli(&["users", "delete", "gone", "--yes"]).ok();
    let hash = hash(PASSWORD);
    let text = format!(
        "username,id,email,email_verified,password_hash,roles,created_at\n\
         Zoe,,,,,,\n\
         gone,,,,,,\n\
         ann,7,,,,,\n\
         bob,8,b@example.com,true,\"{hash}\",,\n\
         BOB,9,,,,,\n\
         carol,10,b@example.com,true,,,\n\
         dave,11,,,$2y$10$short,,\n\
         x y,12,,,,,\n\
         erin,13,,,,Staff,\n\
         frank,14,,,,,2999-01-01\n\
         administrator,15,,,,,\n\
         b0b,16,,,\"{hash}\",,\n"
    );
    db.write_file("people.csv", &text);
    let before = db.users();
    let mut direct = DirectConnection::open(&db);
    let checked = db.cli(&["import", "people.csv", "--check", "--json"]);
    assert_eq!((checked.code, db.users(), direct.count("users", "1 = 1")), (Some(1), before, 2));
    let done = db.cli(&["import", "people.csv", "--json"]);
    assert_eq!(done.code, Some(1));
    let [mut checked, done] =
        [checked.out, done.out].map(|text| serde_json::from_str::<serde_json::Value>(&text).expect("JSON"));
    assert_eq!((&checked["check"], &checked["rows"], &checked["imported"]), (&json!(true), &json!(12), &json!(3)));
    assert_eq!((&checked["duplicates"], &checked["rejected"]), (&json!(1), &json!(8)));
    let rejected: Vec<_> = checked["first_rejected"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|finding| {
            (finding["at"].as_u64().expect("a number"), finding["text"].as_str().expect("a text").to_owned())
        })
        .collect();
    for (line, words) in [
        (3, "username: it belonged to a deleted user"),
        (4, "id: "),
        (6, "username: an earlier row"),
        (7, "email: "),
        (8, "password_hash: "),
        (9, "username: a username must have"),
        (10, "roles: `Staff` is not a valid role"),
        (11, "created_at: it is in the future"),
    ] {
        assert!(
            rejected.iter().any(|(at, text)| *at == line && text.starts_with(words)),
            "{line}: {words}: {rejected:?}"
        );
    }
    let conspicuous: Vec<_> =
        checked["first_conspicuous"].as_array().expect("an array").iter().map(|finding| &finding["at"]).collect();
    assert_eq!(conspicuous, [&json!(12)], "a reserved name");
    checked["check"] = json!(false);
    checked["reasons"] = done["reasons"].clone();
    checked["first_rejected"] = done["first_rejected"].clone();
    assert_eq!(checked, done, "the check counts what the import does");
    assert_eq!(db.users().len(), 4);
}

#[test]
fn rejected_rows_go_to_a_private_file_that_can_be_corrected_and_imported() {
    let db = TestDatabase::create();
    let hash = hash(PASSWORD);
    db.write_file(
        "people.csv",
        &format!("username,password_hash,email\nann b,\"{hash}\",ann@example.com\nbob,\"{hash}\",\ncarol\n"),
    );
    let target = db.folder.path().join("left.csv");
    std::fs::write(&target, "of an earlier run").expect("it is written");
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o644)).expect("it is set");
    db.cli(&["import", "people.csv", "--rejected", "left.csv"]).fails(1, "2 rows rejected: correct them in left.csv");
    assert_eq!(std::fs::metadata(&target).expect("it exists").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&target).expect("it is read");
    assert!(text.starts_with("rejected_at,rejected_because,id,username,"), "{text}");
    assert!(text.contains("2,\"username: a username must have") && text.contains("4,it has 1 columns"), "{text}");
    assert!(!text.contains("bob") && !text.contains("earlier run"), "{text}");
    db.write_file("left.csv", &text.replace("ann b", "ann"));
    db.write_file("people.jsonl", &format!("{{\"username\":\"d e\",\"password_hash\":\"{hash}\"}}\n{{\"username\":\n"));
    db.cli(&["import", "left.csv"]).ok();
    assert_eq!(db.users().len(), 3, "the row of carol is whole in the new file");
    assert!(db.can_sign_in("ann@example.com", PASSWORD) && db.can_sign_in("bob", PASSWORD));

    db.cli(&["import", "people.jsonl", "--rejected", "left.jsonl"]).fails(1, "2 rows rejected");
    let text = std::fs::read_to_string(db.folder.path().join("left.jsonl")).expect("it is read");
    assert_eq!(text.lines().count(), 2);
    db.write_file("left.jsonl", text.replace("d e", "dave").lines().next().expect("two lines"));
    db.cli(&["import", "left.jsonl"]).ok();
    assert!(db.can_sign_in("dave", PASSWORD));
}

#[test]
fn killed_import_is_continued_and_creates_every_user_once() {
    const USERS: u32 = 3_500;
    let db = TestDatabase::create();
    let mut direct = DirectConnection::open(&db);
    let text = many(USERS);
    db.write_file("people.csv", &text);
    let mut command = db.command(&["import", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // The last rows are withheld: the import cannot end before it is killed.
    let mut input = child.stdin.take().expect("piped");
    input.write_all(&text.as_bytes()[..text.len() * 4 / 5]).expect("it reads");
    while direct.count("users", "1 = 1") < 1_000 {
        assert!(child.try_wait().expect("a status").is_none(), "the import ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    drop(input);
    // A COMMIT that was sent may still be executed: the next writer waits for it.
    db.add("after", &[]);
    let imported = direct.count("users", "username LIKE 'user%'");
    assert!((1_000..i64::from(USERS)).contains(&imported) && imported % 1_000 == 0, "{imported}");
    let report = db.cli(&["import", "people.csv", "--json"]).json();
    assert_eq!(
        (&report["imported"], &report["duplicates"]),
        (&json!(i64::from(USERS) - imported), &json!(imported)),
        "{report}"
    );
    assert_eq!(direct.count("users", "username LIKE 'user%'"), i64::from(USERS));
    assert_eq!(direct.count("user_roles", "role = 'staff'"), i64::from(USERS));
    assert_eq!(direct.count("username_skeletons", "1 = 1"), i64::from(USERS) + 1);
    assert!(db.can_sign_in("user00000", PASSWORD) && db.can_sign_in("user03499", PASSWORD));
}

#[test]
fn two_imports_at_once_create_every_user_once() {
    let db = TestDatabase::create();
    db.write_file("people.csv", &many(1_500));
    let start = || {
        let mut command = db.command(&["import", "people.csv", "--json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let reports = [start(), start()].map(|child| finish(child).json());
    let sum: u64 = reports.iter().map(|report| report["imported"].as_u64().expect("a number")).sum();
    assert_eq!(sum, 1_500, "{reports:?}");
    assert_eq!(db.users().len(), 1_500);
}

#[actix_web::test]
async fn user_imported_beside_a_running_server_gets_a_token() {
    let both = ServerWithCli::start(&[]);
    let line = json!({"username": "ann", "password_hash": hash(PASSWORD), "roles": ["staff"], "email": null});
    both.cli_with_input(&["import", "-"], &format!("{line}\n")).ok();
    let fields = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    assert_eq!(both.post("/token", None, &fields).await.status, 200);
}

#[test]
fn import_ends_with_the_reason_when_the_database_cannot_be_written() {
    let db = TestDatabase::create();
    db.write_file("people.csv", &many(3));
    let mut direct = DirectConnection::open(&db);
    direct.run(if db.is_postgres() {
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON username_skeletons FOR EACH ROW EXECUTE FUNCTION refuse()"
    } else {
        "CREATE TRIGGER refuse BEFORE INSERT ON username_skeletons BEGIN SELECT RAISE(ABORT, 'refused'); END"
    });
    db.cli(&["import", "people.csv", "--check"]).ok();
    let output = db.cli(&["import", "people.csv"]).fails(3, "run the same command again");
    assert!(output.err.contains("people.csv was read to row 0 only"), "{output:?}");
    assert_eq!(direct.count("users", "1 = 1"), 0);
    direct.run(if db.is_postgres() { "DROP TRIGGER refuse ON username_skeletons" } else { "DROP TRIGGER refuse" });
    db.cli(&["import", "people.csv"]).ok();
    assert_eq!(direct.count("users", "1 = 1"), 3);
}

#[test]
fn import_into_a_read_only_database_is_refused() {
    let db = TestDatabase::create();
    db.write_file("people.csv", &many(3));
    let Some(mut admin) = DirectConnection::admin(&db) else {
        let file = db.sqlite_file().expect("SQLite");
        let mut command = db.command(&["import", "people.csv"]);
        command.env("DATABASE_URL", "sqlite:///proc/version");
        crate::harness::cli::run(command).fails(3, "error: ");
        assert!(file.exists());
        return;
    };
    let name = db.url.rsplit('/').next().expect("a name");
    admin.run(&format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = on"));
    for url in [db.url.clone(), format!("{}?target_session_attrs=any", db.url)] {
        let mut command = db.command(&["import", "people.csv"]);
        command.env("DATABASE_URL", url);
        crate::harness::cli::run(command).fails(3, "error: ");
    }
    admin.run(&format!("ALTER DATABASE \"{name}\" RESET default_transaction_read_only"));
    assert_eq!(db.users().len(), 0);
}

#[test]
fn import_without_a_database_creates_none() {
    let db = TestDatabase::empty();
    db.write_file("people.csv", &many(1));
    let output = db.cli(&["import", "people.csv"]);
    let output = output.fails(1, "vestibule migrate run");
    assert_eq!(output.out, "");
    assert!(!db.folder.path().join("db").exists());
    let mut command = db.command(&["import", "people.csv"]);
    command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    crate::harness::cli::run(command).fails(3, "error: ");
}

/// The hashes of `tests/hashes/vectors.tsv`: a format, a password and its hash, one of each format that has a prefix.
fn hashes_with_prefix() -> Vec<(HashFormat, String, &'static str)> {
    let vectors = include_str!("../hashes/vectors.tsv");
    let mut found: Vec<(HashFormat, String, &str)> = Vec::new();
    for line in vectors.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let Some(format) = HashFormat::recognize(fields[2]) else { continue };
        if found.iter().all(|(other, ..)| *other != format) {
            found.push((format, serde_json::from_str(fields[1]).expect("a JSON string"), fields[2]));
        }
    }
    found
}

#[test]
fn users_with_the_hashes_of_other_systems_move_in_with_one_command() {
    let db = TestDatabase::create();
    let hashes = hashes_with_prefix();
    assert!(hashes.len() >= 18, "{}", hashes.len());
    let rows: Vec<String> = hashes.iter().map(|(format, _, hash)| format!("{}\t{hash}\n", format.name())).collect();
    db.write_file("people.tsv", &format!("username\tpassword_hash\n{}", rows.concat()));
    let checked = db.cli(&["import", "people.tsv", "--check", "--json"]).json();
    let report = db.cli(&["import", "people.tsv", "--json"]).json();
    assert_eq!((&report["imported"], &report["formats"]), (&json!(hashes.len()), &checked["formats"]), "{report}");
    for (format, password, _) in &hashes {
        let name = format.name();
        assert_eq!(report["formats"][name]["hashes"], 1, "{report}");
        assert!(!db.can_sign_in(name, OTHER_PASSWORD) && db.can_sign_in(name, password), "{name}");
        assert!(db.can_sign_in(name, password), "{name}, on Vestibule's own hash");
    }
    let exported = db.cli(&["export", "--with-hashes"]).ok().out;
    assert_eq!(exported.matches("$vestibule$argon2id$").count(), hashes.len(), "{exported}");
}

#[test]
fn hashes_without_a_prefix_need_their_format_or_the_parameters_of_the_project() {
    let db = TestDatabase::create();
    let vectors = include_str!("../hashes/vectors.tsv");
    let find = |format: &str| {
        let line = vectors.lines().find(|line| line.starts_with(&format!("{format}\t"))).expect("a vector");
        let fields: Vec<&str> = line.split('\t').collect();
        (serde_json::from_str::<String>(fields[1]).expect("a JSON string"), fields[2])
    };
    let (password, hash) = find("better-auth");
    db.write_file("people.csv", &format!("username,password_hash\nann,{hash}\n"));
    let rejected = db.cli(&["import", "people.csv"]).fails(1, "1 rows rejected");
    assert!(rejected.out.contains("name the format"), "{rejected:?}");
    db.cli(&["import", "people.csv", "--hash-format", "better-hash"]).fails(2, "must be one of argon2, bcrypt");
    db.cli(&["import", "people.csv", "--hash-format", "better-auth"]).ok();
    assert!(db.can_sign_in("ann", &password));
    let (password, hash) = find("firebase");
    db.write_file("people.csv", &format!("username,password_hash\nbob,{hash}\n"));
    db.write_file("firebase.txt", "hash_config {\n  rounds: 8,\n}\n");
    let args = ["import", "people.csv", "--firebase-parameters", "firebase.txt"];
    db.cli(&args).fails(2, "base64_signer_key is missing or malformed");
    let parameters = include_str!("../hashes/firebase.txt");
    db.write_file("firebase.txt", parameters);
    db.cli(&args).ok();
    let exported = db.cli(&["export", "--with-hashes"]).ok().out;
    let signer_key = parameters.lines().find_map(|line| line.trim().strip_prefix("base64_signer_key: "));
    let signer_key = signer_key.expect("a key").trim_end_matches(',');
    assert!(exported.contains("$imported$firebase$") && !exported.contains(&signer_key[..20]), "{exported}");
    assert!(db.can_sign_in("bob", &password));
}

/// The form of a password that Vestibule hashes has another space.
#[test]
fn argon2id_hash_of_another_system_is_of_the_password_as_it_was_typed() {
    let db = TestDatabase::create();
    let typed = "nine\u{3000}violet tractors";
    db.write_file("people.csv", &format!("username,password_hash\nann,\"{}\"\n", hash(typed)));
    db.cli(&["import", "people.csv"]).ok();
    assert!(!db.can_sign_in("ann", "nine violet tractors") && db.can_sign_in("ann", typed));
    // The first sign-in has replaced the hash, and an export keeps which form it is of.
    assert!(db.can_sign_in("ann", "nine violet tractors") && db.can_sign_in("ann", typed));
    let other = TestDatabase::create();
    other.write_file("people.jsonl", &db.cli(&["export", "--with-hashes"]).ok().out);
    other.cli(&["import", "people.jsonl"]).ok();
    assert!(other.can_sign_in("ann", "nine violet tractors") && other.can_sign_in("ann", typed));
}

/// A realm export with Argon2id hashes as Keycloak 25 writes them, of users with and without a second factor.
fn realm() -> String {
    let hash = hash(PASSWORD);
    let mut parts = hash.rsplit('$');
    let [output, salt] = [parts.next(), parts.next()].map(|part| {
        let part = part.expect("a PHC string");
        format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4))
    });
    let password = json!({
        "type": "password",
        "secretData": json!({"value": output, "salt": salt, "additionalParameters": {}}).to_string(),
        "credentialData": json!({
            "hashIterations": 1,
            "algorithm": "argon2",
            "additionalParameters": {
                "hashLength": ["32"], "memory": ["64"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"],
            },
        })
        .to_string(),
    });
    let user = |name: &str, credentials: &[&serde_json::Value]| {
        json!({
            "id": "b1f5", "username": name, "firstName": "Ann", "lastName": "Lee", "email": format!("{name}@example.com"),
            "emailVerified": true, "enabled": true, "createdTimestamp": 1_717_144_200_000_i64, "totp": false,
            "attributes": {"locale": ["ko"]}, "credentials": credentials, "requiredActions": [], "notBefore": 0,
            "realmRoles": ["default-roles-shop", "offline_access", "staff"], "groups": [],
        })
    };
    let second = json!({"type": "otp", "secretData": "{}", "credentialData": "{}"});
    let service = json!({"username": "service-account-shop", "enabled": true, "serviceAccountClientId": "shop"});
    let users = [user("ann", &[&password]), user("bob", &[&password, &second]), service, user("carol", &[])];
    serde_json::to_string_pretty(&json!({"realm": "shop", "clients": [{"clientId": "shop"}], "users": users}))
        .expect("JSON")
}

#[test]
fn keycloak_realm_moves_in_and_a_second_factor_is_dropped_only_on_request() {
    let db = TestDatabase::create();
    db.write_file("realm.json", &realm());
    let output = db.cli(&["import", "realm.json"]).fails(1, "2 rows rejected");
    assert!(output.out.contains("user 2: it has a second factor"), "{output:?}");
    assert!(output.out.contains("user 3: it is the account of a client"), "{output:?}");
    let users = db.users();
    assert_eq!(users.len(), 2, "{users:?}");
    assert_eq!(
        (&users[0]["username"], &users[0]["display_name"], &users[0]["roles"], &users[0]["created_at"]),
        (&json!("ann"), &json!("Ann Lee"), &json!(["staff"]), &json!("2024-05-31T08:30:00Z"))
    );
    assert!(db.can_sign_in("ann@example.com", PASSWORD) && !db.can_sign_in("bob", PASSWORD));
    let dropped = db.cli(&["import", "realm.json", "--drop-second-factor", "--rejected", "left.jsonl", "--json"]);
    assert_eq!(dropped.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&dropped.out).expect("JSON");
    assert_eq!((&report["imported"], &report["duplicates"], &report["rejected"]), (&json!(1), &json!(2), &json!(1)));
    assert!(db.can_sign_in("bob", PASSWORD));
    let left = std::fs::read_to_string(db.folder.path().join("left.jsonl")).expect("it is read");
    assert!(left.contains("service-account-shop") && left.lines().count() == 1, "{left}");
    db.cli(&["import", "realm.json", "--column", "username=login"]).fails(2, "fixed names");
    db.write_file("none.json", "{\n\"realm\": \"shop\"}");
    db.cli(&["import", "none.json"]).fails(1, "it has no list of users");
}
