//! The settings of the real binary: `--help`, exit codes, `.env` and the names of the FastAPI tutorial.

use std::path::Path;
use std::process::Command;

use crate::harness::cli::run;
use crate::harness::{ServerProcess, TestDatabase};

fn stderr_of_rejected(command: Command) -> String {
    let output = run(command);
    let stderr = output.err;
    assert_eq!(output.code, Some(2), "{stderr}");
    assert!(!stderr.contains("hunter2"), "{stderr}");
    stderr
}

fn starts(command: Command) -> bool {
    ServerProcess::from_command(command).is_some()
}

#[test]
fn all_errors_are_reported_at_once_and_nothing_is_created() {
    let database = TestDatabase::empty();
    let settings = [
        ("SERVER_KEY", "hunter2"),
        ("SMTP_URL", "http://me:hunter2@mail.example.com"),
        ("PUBLIC_URL", "https://login.example.com/path"),
        ("SESSION_IDLE", "31d"),
    ];
    let stderr = stderr_of_rejected(database.serve(&settings));
    for error in [
        "SERVER_KEY: must be at least 32 bytes",
        "SMTP_URL: must be smtp://",
        "PUBLIC_URL=https://login.example.com/path: must be an origin",
        "SESSION_IDLE=31d: must be no longer than SESSION_MAX",
    ] {
        assert!(stderr.contains(error), "{stderr}");
    }
    assert!(database.sqlite_file().is_none_or(|file| !file.exists()), "the settings are checked first");
}

#[test]
fn help_lists_every_setting_and_shows_no_secret() {
    let database = TestDatabase::create();
    let mut help = database.command(&["serve", "--help"]);
    let secrets = [
        ("DATABASE_URL", "postgres://me:hunter2@there/name"),
        ("SMTP_URL", "smtp://me:hunter2@there"),
        ("SERVER_KEY", "hunter2"),
        ("JWT_SECRET", "hunter2"),
        ("SMTP_PASSWORD", "hunter2"),
    ];
    help.envs(secrets).env("AUDIENCE", "shown");
    let output = run(help);
    let help = &output.out;
    assert!(output.code == Some(0) && !help.contains("hunter2"), "{help}");
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let (flags, secrets) = words.split_once("Secrets are read from").expect("a section on secrets");
    assert!(flags.contains("[default: sqlite://data/vestibule.db] [env: DATABASE_URL]"), "{flags}");
    assert!(flags.contains("[env: AUDIENCE=shown]"), "{flags}");
    let rows = include_str!("../../../docs/settings.md").lines().filter_map(|line| line.strip_prefix("| `"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [name, flag, ..] = cells[..] else { panic!("a name and a flag: {row}") };
        if flag == "none" {
            assert!(secrets.contains(name), "{name}");
        } else {
            assert!(flags.contains(&format!("{flag} <")) && flags.contains(&format!("[env: {name}")), "{name}");
        }
        count += 1;
    }
    assert!(count > 40, "{count} settings");
}

#[test]
fn flag_takes_precedence_over_the_environment() {
    let database = TestDatabase::create();
    let mut command = database.command(&["serve", "--log-format", "xml", "--bind", "127.0.0.1:0"]);
    command.env("LOG_FORMAT", "json").env("BIND", "nowhere");
    let stderr = stderr_of_rejected(command);
    assert!(stderr.contains("LOG_FORMAT=xml") && !stderr.contains("BIND"), "{stderr}");
}

#[test]
fn dotenv_is_read_from_the_working_directory_and_the_environment_takes_precedence() {
    let database = TestDatabase::create();
    let folder = tempfile::tempdir().expect("a folder");
    let child = folder.path().join("child");
    std::fs::create_dir(&child).expect("a folder");
    let write = |text: &str| std::fs::write(folder.path().join(".env"), text).expect("it is written");
    let serve_in = |folder: &Path, settings: &[(&str, &str)]| {
        let mut command = database.serve(settings);
        command.current_dir(folder);
        command
    };
    write("# a comment\nLOG_FORMAT=xml\nAUDIENCE='two words'\n");
    assert!(stderr_of_rejected(serve_in(folder.path(), &[])).contains("LOG_FORMAT=xml"));
    assert!(starts(serve_in(folder.path(), &[("LOG_FORMAT", "json")])));
    assert!(starts(serve_in(&child, &[])), "a file in a parent folder is not read");
    write("AUDIENCE=two words\nJWT_SECRET=hunter2 hunter2\n");
    let stderr = stderr_of_rejected(serve_in(folder.path(), &[]));
    assert!(stderr.contains(".env cannot be read"), "{stderr}");
    std::fs::write(folder.path().join(".env"), b"AUDIENCE=\xff\n").expect("it is written");
    assert!(stderr_of_rejected(serve_in(folder.path(), &[])).contains(".env cannot be read"));
}

#[test]
fn uncommented_env_example_starts_a_server() {
    let database = TestDatabase::create();
    let folder = tempfile::tempdir().expect("a folder");
    let example = include_str!("../../../.env.example").lines().filter(|line| !line.starts_with("# "));
    let uncommented: String = example.map(|line| line.replace('#', "") + "\n").collect();
    assert!(uncommented.contains("\nPRODUCT_NAME=Vestibule\n"), "{uncommented}");
    std::fs::write(folder.path().join(".env"), uncommented).expect("it is written");
    let mut command = database.serve(&[]);
    command.current_dir(folder.path());
    assert!(starts(command));
}

#[test]
fn tutorial_setting_names_cause_a_warning_with_the_right_names() {
    let database = TestDatabase::create();
    // The server fails on the address, which is in use, after it has logged the warning.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let secret = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";
    let with_names = database.serve(&[("SECRET_KEY", secret), ("ALGORITHM", "HS256"), ("BIND", &address)]);
    let stderr = run(with_names).err;
    assert!(stderr.contains("SECRET_KEY") && stderr.contains("called JWT_SECRET"), "{stderr}");
    assert!(stderr.contains("ALGORITHM") && stderr.contains("called JWT_ALGORITHM"), "{stderr}");
    assert!(!stderr.contains(&secret[..8]), "{stderr}");
    let stderr = run(database.serve(&[("BIND", &address)])).err;
    assert!(!stderr.contains("SECRET_KEY"), "{stderr}");
}
