//! `vestibule seed` with users: idempotent, all or nothing.

use std::fmt::Write as _;
use std::process::Child;
use std::time::{Duration, Instant};

use vestibule::secret::fill_random;
use vestibule::users::argon2id::{Cost, Hasher};

use crate::harness::cli::{finish, start};
use crate::harness::direct_database::DirectConnection;
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestDatabase};

fn hash(password: &str, memory_kib: u32) -> String {
    Hasher::default().hash(password.as_bytes(), Cost { memory_kib, iterations: 1, parallelism: 1 }).to_string()
}

/// A file of `count` users whose names begin with `prefix`; every tenth has a password, the others a hash.
fn many(prefix: &str, count: i64) -> String {
    let hash = hash(PASSWORD, 64);
    (0..count).fold(String::new(), |mut text, number| {
        let secret = if number % 10 == 0 {
            format!("password = \"{PASSWORD} {number}\"")
        } else {
            format!("password_hash = \"{hash}\"")
        };
        writeln!(text, "[[users]]\nusername = \"{prefix}{number}\"\n{secret}\nroles = [\"staff\"]\n")
            .expect("writing to a String cannot fail");
        text
    })
}

fn counts(report: &serde_json::Value) -> (usize, usize, u64) {
    let length = |name: &str| report[name].as_array().expect("an array").len();
    (length("created"), length("changed"), report["unchanged"].as_u64().expect("a number"))
}

#[test]
fn seed_creates_users_and_a_second_run_changes_nothing() {
    let db = TestDatabase::create();
    db.add("zoe", &[]);
    db.write_file(
        "users.toml",
        &format!(
            "[[users]]\nusername = \"alice\"\npassword = \"{PASSWORD}\"\nroles = [\"staff\", \"admin\"]\ndisplay_name = \"Alice\"\nemail = \"alice@example.com\"\n\
             [[users]]\nusername = \"bob\"\nid = 40\npassword_hash = '{}'\n\
             [[users]]\nusername = \"홍길동\"\n",
            hash(OTHER_PASSWORD, 64)
        ),
    );
    let dry = db.cli(&["seed", "users.toml", "--dry-run"]).ok().out;
    assert_eq!(
        dry,
        "create alice (id 41)\ncreate bob (id 40)\ncreate 홍길동 (id 42)\n3 to create, 0 to change, 0 unchanged\ndry run: nothing was changed\n"
    );
    assert_eq!(db.users().len(), 1);
    let run = db.cli(&["seed", "users.toml"]).ok().out;
    assert_eq!(run, dry.replace("dry run: nothing was changed", "done"));
    let users = db.users();
    assert_eq!(users.len(), 4);
    assert!(
        db.can_sign_in("alice", PASSWORD) && db.can_sign_in("bob", OTHER_PASSWORD) && db.can_sign_in("zoe", PASSWORD)
    );
    let before = db.users();
    assert_eq!(db.cli(&["seed", "users.toml"]).ok().out, "0 to create, 0 to change, 3 unchanged\n");
    assert_eq!(db.users(), before);
    let shown = db.cli(&["users", "show", "alice", "--json"]).json();
    assert_eq!((shown["live_sessions"].as_u64(), &shown["roles"]), (Some(1), &serde_json::json!(["admin", "staff"])));
}

#[test]
fn seed_changes_listed_fields_only() {
    let db = TestDatabase::create();
    db.add("alice", &["--display-name", "Alice", "--email", "alice@example.com", "--role", "staff", "--role", "ops"]);
    db.add("bob", &["--display-name", "Bob", "--role", "staff"]);
    assert!(db.can_sign_in("alice", PASSWORD));
    db.write_file(
        "users.toml",
        &format!("[[users]]\nusername = \"ALICE\"\nid = 1\npassword = \"{OTHER_PASSWORD}\"\nroles = [\"staff\", \"dev\"]\nemail = \"a@example.org\"\n[[users]]\nusername = \"bob\"\n"),
    );
    let dry = db.cli(&["seed", "users.toml", "--dry-run", "--json"]).json();
    assert_eq!(dry["changed"][0]["fields"], serde_json::json!(["password", "email", "roles"]));
    assert!(db.can_sign_in("alice", PASSWORD));
    let run = db.cli(&["seed", "users.toml"]).ok().out;
    assert_eq!(
        run,
        "change alice (id 1): password (2 sessions ended), email, roles +dev -ops\n0 to create, 1 to change, 1 unchanged\ndone\n"
    );
    let shown = db.cli(&["users", "show", "alice", "--json"]).json();
    assert_eq!(
        (shown["username"].as_str(), shown["display_name"].as_str(), shown["email"].as_str()),
        (Some("alice"), Some("Alice"), Some("a@example.org"))
    );
    assert_eq!((&shown["roles"], shown["live_sessions"].as_u64()), (&serde_json::json!(["dev", "staff"]), Some(0)));
    assert_eq!(db.cli(&["users", "show", "bob", "--json"]).json()["roles"], serde_json::json!(["staff"]));
    assert!(db.can_sign_in("alice", OTHER_PASSWORD));
    assert_eq!(counts(&db.cli(&["seed", "users.toml", "--json"]).json()), (0, 0, 2));
}

#[test]
fn seed_keeps_a_hash_that_a_sign_in_strengthened() {
    let db = TestDatabase::create();
    db.write_file(
        "users.toml",
        &format!("[[users]]\nusername = \"alice\"\npassword_hash = '{}'\n", hash(PASSWORD, 16)),
    );
    db.cli(&["seed", "users.toml"]).ok();
    assert!(db.can_sign_in("alice", PASSWORD));
    let again = db.cli(&["seed", "users.toml"]).ok().out;
    assert!(again.starts_with("note: users.toml:3: users[0].password_hash: not changed"), "{again}");
    assert!(again.ends_with("0 to create, 0 to change, 1 unchanged\n"), "{again}");
    db.write_file(
        "users.toml",
        &format!("[[users]]\nusername = \"alice\"\npassword_hash = '{}'\n", hash(OTHER_PASSWORD, 64)),
    );
    assert_eq!(counts(&db.cli(&["seed", "users.toml", "--json"]).json()), (0, 1, 0));
    assert!(db.can_sign_in("alice", OTHER_PASSWORD));
}

#[test]
fn invalid_last_user_rolls_back_the_seed() {
    let db = TestDatabase::create();
    db.add("zoe", &["--role", "staff", "--id", "7"]);
    db.add("gone", &[]);
    db.cli(&["users", "delete", "gone", "--yes"]).ok();
    let before = db.users();
    for (last, words) in [
        ("username = \"x y\"", "users.toml:55: users[10].username"),
        ("username = \"gone\"", "users.toml:55: users[10].username: belongs to a deleted user"),
        ("username = \"new1\"\nid = 7", "users.toml:56: users[10].id: is taken"),
        ("username = \"zoe\"\nid = 9", "users.toml:56: users[10].id: this user already has the ID 7"),
    ] {
        let text = format!("{}[[users]]\n{last}\n", many("u", 10).replacen("[[users]]", "\n\n\n[[users]]", 1));
        db.write_file("users.toml", &text);
        for more in [&["--dry-run"][..], &[]] {
            db.cli(&[&["seed", "users.toml"], more].concat()).fails(1, words);
            assert_eq!(db.users(), before);
        }
    }
}

#[test]
fn seed_keeps_the_admin_role_of_the_last_admin() {
    let db = TestDatabase::create();
    db.add("root1", &["--role", "admin"]);
    db.write_file("users.toml", "[[users]]\nusername = \"root1\"\nroles = []\n");
    db.cli(&["seed", "users.toml", "--dry-run"])
        .fails(1, "users.toml:3: users[0].roles: this revokes the admin role from the last admin");
    db.cli(&["seed", "users.toml"]).fails(1, "last admin");
    db.write_file(
        "users.toml",
        "[[users]]\nusername = \"root1\"\nroles = []\n[[users]]\nusername = \"root2\"\nroles = [\"admin\"]\n",
    );
    db.cli(&["seed", "users.toml"]).ok();
    db.cli(&["users", "delete", "root1", "--yes"]).ok();
}

#[test]
fn concurrent_seeds_create_each_user_once() {
    let db = TestDatabase::create();
    db.write_file("users.toml", &many("u", 200));
    let children: Vec<_> = (0..2).map(|_| start(db.command(&["seed", "users.toml", "--json"]))).collect();
    let reports: Vec<_> = children.into_iter().map(|child| counts(&finish(child).json())).collect();
    assert_eq!(reports.iter().map(|(created, ..)| created).sum::<usize>(), 200, "{reports:?}");
    assert!(
        reports
            .iter()
            .all(|(created, changed, unchanged)| *created + usize::try_from(*unchanged).expect("small") == 200
                && *changed == 0),
        "{reports:?}"
    );
    assert_eq!(db.users().len(), 200);
}

/// Whether another connection has written something that is not committed yet.
fn is_writing(direct: &mut DirectConnection) -> bool {
    match direct {
        DirectConnection::Sqlite(_) => direct.try_run("BEGIN IMMEDIATE; ROLLBACK").is_err(),
        DirectConnection::Postgres(_) => {
            direct.count("pg_stat_activity", "datname = current_database() AND backend_xid IS NOT NULL") > 0
        }
    }
}

/// Waits until the command writes; `false` if it ended first.
fn wait_until_it_writes(child: &mut Child, direct: &mut DirectConnection) -> bool {
    loop {
        if is_writing(direct) {
            return true;
        }
        if child.try_wait().expect("a status").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn killed_seed_is_applied_as_a_whole_or_not_at_all() {
    const USERS: i64 = 100;
    let db = TestDatabase::create();
    let mut direct = DirectConnection::open(&db);
    if let DirectConnection::Sqlite(_) = direct {
        direct.run("PRAGMA busy_timeout = 0");
    }
    db.write_file("whole.toml", &many("whole", USERS));
    let mut child = start(db.command(&["seed", "whole.toml"]));
    assert!(wait_until_it_writes(&mut child, &mut direct));
    let began = Instant::now();
    finish(child).ok();
    let duration = began.elapsed();
    let (mut whole, mut interrupted) = (1, 0);
    for round in 0..20 {
        let name = format!("r{round}.toml");
        db.write_file(&name, &many(&format!("r{round}u"), USERS));
        let mut child = start(db.command(&["seed", &name]));
        let has_begun = wait_until_it_writes(&mut child, &mut direct);
        let mut random = [0; 4];
        fill_random(&mut random);
        std::thread::sleep(duration.mul_f64(f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX)));
        let _ = child.kill();
        child.wait().expect("it ends");
        // On Postgres a COMMIT that was sent may still be executed: the next writer waits for it.
        db.cli(&["users", "add", &format!("after{round}"), "--no-password"]).ok();
        let made = direct.count("users", &format!("username LIKE 'r{round}u%'"));
        let complete = direct.count(
            "users JOIN user_roles ON user_roles.user_id = users.id",
            &format!("username LIKE 'r{round}u%' AND role = 'staff' AND password_hash IS NOT NULL"),
        );
        assert!(made == complete && (made == 0 || made == USERS), "{made} of {USERS}, {complete} of them complete");
        whole += i64::from(made > 0);
        interrupted += usize::from(has_begun && made == 0);
        assert_eq!(direct.count("users", "1 = 1"), whole * USERS + round + 1);
    }
    assert!(interrupted > 0, "no kill happened during a transaction");
}
