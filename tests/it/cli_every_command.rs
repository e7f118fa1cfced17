//! Every command as a process: twice, with the server up and down, without a database, without a terminal, and on a
//! read-only database.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use vestibule::cli::command_tree;

use crate::harness::cli::{CommandOutput, ServerWithCli, run};
use crate::harness::direct_database::DirectConnection;
use crate::harness::{PASSWORD, TestDatabase};

/// Commands in an order in which each can run, with the exit codes of the first and the second run. `SESSION`, `KEY` and
/// `INVITATION` stand for IDs.
const COMMANDS: [(&str, i32, i32); 52] = [
    ("migrate run", 0, 0),
    ("migrate status", 0, 0),
    ("migrate plan", 0, 0),
    ("setup-link", 0, 0),
    ("users add root --no-password --role admin", 0, 1),
    ("users add alice --no-password --email alice@example.com", 0, 1),
    ("setup-link --user root", 0, 0),
    ("users list", 0, 0),
    ("users list --locked", 0, 0),
    ("users show alice", 0, 0),
    ("users set alice --language ko", 0, 0),
    ("users set-password alice --password-file password", 0, 0),
    ("users reset-link alice", 0, 0),
    ("users grant alice editor", 0, 0),
    ("users revoke alice editor", 0, 0),
    ("users disable alice", 0, 0),
    ("users enable alice", 0, 0),
    ("users unlock alice", 0, 0),
    // No mail server is configured.
    ("users send-invite alice", 1, 1),
    ("roles set editor --scope write", 0, 0),
    ("roles list", 0, 0),
    ("users grant alice editor", 0, 0),
    ("token issue --user alice --scope write", 0, 0),
    ("sessions list alice", 0, 0),
    ("sessions revoke SESSION", 0, 0),
    ("users sign-out alice", 0, 0),
    ("sessions revoke --all --yes", 0, 0),
    ("users require-new-password alice", 0, 0),
    ("users require-new-password --all --yes", 0, 0),
    ("roles delete editor --yes", 0, 1),
    ("invites add --registration invite", 0, 0),
    ("invites list", 0, 0),
    ("invites revoke INVITATION", 0, 0),
    ("clients add app --grant client_credentials", 0, 1),
    ("clients list", 0, 0),
    ("clients show app", 0, 0),
    ("clients set app --scope write", 0, 0),
    ("clients rotate-secret app", 0, 0),
    ("clients rotate-secret --all --yes", 0, 0),
    ("clients delete app --yes", 0, 1),
    ("keys list", 0, 0),
    ("keys rotate", 0, 0),
    ("keys rotate --now --yes", 0, 0),
    ("keys retire KEY --yes", 1, 1),
    ("audit --limit 5", 0, 0),
    ("seed seed.toml", 0, 0),
    ("seed --from-database", 0, 0),
    ("import people.csv", 0, 0),
    ("export", 0, 0),
    ("export --output people.jsonl", 0, 0),
    ("users delete alice --yes", 0, 1),
    ("users list --state deleted", 0, 0),
];
/// Commands with tests of their own: they run on, need no database, change the server key, or exist on SQLite only.
const ELSEWHERE: [&str; 10] = [
    "serve",
    "doctor",
    "backup",
    "db copy",
    "keys reseal",
    "migrate revert",
    "token inspect",
    "token verify",
    "completions",
    "man",
];

#[test]
fn list_contains_every_command() {
    let commands = command_tree::paths();
    let is_listed = |command: &String| {
        ELSEWHERE.contains(&command.as_str()) || COMMANDS.iter().any(|(line, ..)| line.starts_with(command))
    };
    let missing: Vec<&String> = commands.iter().filter(|command| !is_listed(command)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Runs all commands twice.
fn run_all(db: &TestDatabase, cli: &dyn Fn(&[&str]) -> CommandOutput) {
    db.write_file("password", PASSWORD);
    db.write_file("seed.toml", "[[users]]\nusername = \"seeded\"\n");
    db.write_file("people.csv", "username\nimported\n");
    for (line, first, second) in COMMANDS {
        let id_of = |list: &[&str], field: &str| {
            let found = cli(list).json();
            found[0][field].as_str().unwrap_or("nothing").to_owned()
        };
        let line = match line {
            "sessions revoke SESSION" => {
                line.replace("SESSION", &id_of(&["sessions", "list", "alice", "--json"], "id"))
            }
            "invites revoke INVITATION" => line.replace("INVITATION", &id_of(&["invites", "list", "--json"], "id")),
            // The only one that signs.
            "keys retire KEY --yes" => line.replace("KEY", &id_of(&["keys", "list", "--json"], "kid")),
            _ => line.to_owned(),
        };
        let args: Vec<&str> = line.split(' ').collect();
        for expected in [first, second] {
            let output = cli(&args);
            assert_eq!(output.code, Some(expected), "{line}: {output:?}");
            assert_eq!(output.err.contains("error: "), expected != 0, "{line}: {output:?}");
            assert!(!output.err.contains("panicked"), "{line}: {output:?}");
        }
    }
}

#[test]
fn every_command_runs_twice_without_a_server() {
    let db = TestDatabase::empty();
    run_all(&db, &|args| db.cli(args));
}

#[test]
fn every_command_runs_twice_beside_a_server() {
    let server = ServerWithCli::start(&[]);
    run_all(&server.db, &|args| server.cli(args));
}

#[test]
fn every_command_without_a_database_says_how_to_create_one() {
    let db = TestDatabase::empty();
    db.write_file("seed.toml", "[[users]]\nusername = \"seeded\"\n");
    db.write_file("people.csv", "username\nimported\n");
    db.write_file("password", PASSWORD);
    for (line, ..) in COMMANDS.iter().filter(|(line, ..)| !line.starts_with("migrate")) {
        let output = db.cli(&line.split(' ').collect::<Vec<_>>());
        assert_eq!((output.code, output.out.as_str()), (Some(1), ""), "{line}: {output:?}");
        assert!(output.err.contains("vestibule migrate run"), "{line}: {output:?}");
    }
    assert!(db.sqlite_file().is_none_or(|file| !file.exists()), "no file was created");
}

#[test]
fn every_command_that_asks_refuses_without_a_terminal() {
    let db = TestDatabase::create();
    db.add("alice", &["--role", "editor"]);
    db.cli(&["clients", "add", "app", "--grant", "client_credentials"]).ok();
    db.cli(&["keys", "rotate"]).ok();
    db.cli(&["keys", "rotate"]).ok();
    let key = db.cli(&["keys", "list", "--json"]).json()[1]["kid"].as_str().expect("a kid").to_owned();
    let before = db.cli(&["audit", "--limit", "0", "--json"]).ok().out;
    for line in [
        "users delete alice",
        "users require-new-password --all",
        "roles delete editor",
        "clients delete app",
        "clients rotate-secret --all",
        "sessions revoke --all",
        "keys rotate --now",
        &format!("keys retire {key}"),
        "migrate revert",
    ] {
        db.cli(&line.split(' ').collect::<Vec<_>>()).fails(1, "add --yes");
    }
    // Its prompt is for a password.
    db.cli(&["users", "set-password", "alice"]).fails(2, "--password-stdin");
    assert_eq!(db.cli(&["audit", "--limit", "0", "--json"]).ok().out, before, "nothing was changed");
}

/// A user ID that owns no file.
const UNPRIVILEGED_USER_ID: u32 = 65534;
/// Commands that only read.
const READING: [&str; 7] = [
    "users list",
    "users show alice",
    "sessions list alice",
    "roles list",
    "clients list",
    "keys list",
    "audit --limit 5",
];
/// Commands that write.
const WRITING: [&str; 3] = ["users disable alice", "users add bob --no-password", "roles set editor --scope a"];

#[test]
fn read_only_database_is_exit_code_3_for_commands_that_write() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    db.cli(&["keys", "rotate"]).ok();
    if let Some(file) = db.sqlite_file() {
        sqlite_file_that_is_read_only(&db, &file);
        return;
    }
    let mut admin = DirectConnection::admin(&db).expect("PostgreSQL");
    let name = db.url.rsplit('/').next().expect("a name");
    admin.run(&format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = on"));
    let url = format!("{}?target_session_attrs=any", db.url);
    let in_database =
        |line: &str, url: &str| run(db.command(&line.split(' ').collect::<Vec<_>>()).env("DATABASE_URL", url));
    for line in READING {
        in_database(line, &url).ok();
        in_database(line, &db.url).fails(3, "session is read-only");
    }
    for line in WRITING {
        in_database(line, &url).fails(3, "read-only");
    }
    admin.run(&format!("ALTER DATABASE \"{name}\" RESET default_transaction_read_only"));
    db.cli(&["users", "disable", "alice"]).ok();
}

/// Every command opens the file for writing.
fn sqlite_file_that_is_read_only(db: &TestDatabase, file: &Path) {
    let folder = db.folder.path();
    let files = file.parent().expect("a folder");
    let set_mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
    };
    // Root may write to every file, so the commands run as another user, who may not be able to reach the build folder.
    let binary = folder.join("vestibule");
    // By a process of its own: a file that another thread's new process still holds open for writing cannot be run.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_vestibule")).arg(&binary).status().expect("cp starts");
    assert!(copied.success(), "the binary is copied");
    let is_root = std::fs::metadata("/proc/self").expect("this process").uid() == 0;
    set_mode(folder, 0o755);
    set_mode(file, 0o444);
    set_mode(files, 0o555);
    for line in READING.iter().chain(&WRITING) {
        let mut command = Command::new(&binary);
        command.args(line.split(' ')).current_dir(folder).env_clear().env("DATABASE_URL", &db.url);
        if is_root {
            command.uid(UNPRIVILEGED_USER_ID);
        }
        let output = run(&mut command).fails(3, "Permission denied");
        assert!(output.err.contains("Run the command as the user who may write to the file"), "{line}: {output:?}");
    }
    set_mode(files, 0o755);
    set_mode(file, 0o644);
    db.cli(&["users", "disable", "alice"]).ok();
}
