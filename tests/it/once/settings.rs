//! The settings of the real binary: `--help`, exit codes, `.env` and the names of the FastAPI tutorial.

use std::path::Path;
use std::process::Command;

use crate::harness::cli::run;
use crate::harness::{ServerProcess, TestDatabase, peers};

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
    write("AUDIENCE=two words\n\nJWT_SECRET='hunter2 hunter2\n");
    let stderr = stderr_of_rejected(serve_in(folder.path(), &[]));
    assert!(stderr.contains(".env, line 3: the closing quote is missing") && !stderr.contains("hunter"), "{stderr}");
    std::fs::write(folder.path().join(".env"), b"AUDIENCE=\xff\n").expect("it is written");
    assert!(stderr_of_rejected(serve_in(folder.path(), &[])).contains(".env is not UTF-8"));
    write("LOG_FORMAT=text\nLOG_FORMAT=xml\n");
    assert!(stderr_of_rejected(serve_in(folder.path(), &[])).contains("LOG_FORMAT=xml"), "the last of two counts");
    write("JWT_SECRET=\n");
    let stderr = stderr_of_rejected(serve_in(folder.path(), &[]));
    assert!(stderr.contains("JWT_SECRET: is set but empty"), "{stderr}");
    write("ACCENT_COLOR=#ff5a1\n");
    assert!(stderr_of_rejected(serve_in(folder.path(), &[])).contains("ACCENT_COLOR=#ff5a1"), "not a comment");
}

/// The application beside the server reads the same file.
#[tokio::test]
async fn dotenv_has_the_values_that_python_dotenv_reads() {
    let lines = [
        "p$Yq8r2#kLm$zz-0123456789-0123456789-abcdef",
        "\"a $b ${C:-d} #e\" # a comment",
        "'a $b \\' \\n'",
        "\"a \\\" \\\\ \\$x \\' \\t\"",
        "Plain Name",
        "Vestibule <no-reply@example.com>",
        "a b # a comment",
        "a#b",
        "#ff5a1f",
        "  spaces around  # a comment",
        "\tx#y",
        "a=b==",
        "it's \"quoted\"",
        "한글 🙂",
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::create();
    let text: Vec<String> = lines.iter().enumerate().map(|(at, line)| format!("export L{at}={line}")).collect();
    std::fs::write(folder.path().join("all.env"), text.join("\n")).expect("it is written");
    let mut python = peers::python();
    let script = "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1], interpolate=False)))";
    python.arg("-c").arg(script).arg(folder.path().join("all.env"));
    let values = peers::run(python, &[]).await;
    for (at, line) in lines.iter().enumerate() {
        let expected = values[format!("L{at}")].as_str().expect("a value");
        // An invalid value is shown in the error.
        std::fs::write(folder.path().join(".env"), format!("export LOG_FORMAT={line}")).expect("it is written");
        let mut command = database.serve(&[]);
        command.current_dir(folder.path());
        let stderr = stderr_of_rejected(command);
        assert!(stderr.contains(&format!("LOG_FORMAT={}: must be", expected.trim())), "{line}: {expected}: {stderr}");
    }
}

#[test]
fn misspelt_names_and_references_cause_a_warning() {
    let database = TestDatabase::create();
    // The server fails on the address, which is in use, after it has logged the warnings.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let names = [("PUBLIC_ULR", "https://login.example.com"), ("PRODUCT_NAME", "${NAME}"), ("BIND", &address)];
    let stderr = run(database.serve(&names)).err;
    assert!(stderr.contains("PUBLIC_ULR is set but not used: did you mean PUBLIC_URL?"), "{stderr}");
    assert!(stderr.contains("PRODUCT_NAME contains ${…}"), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "no colors where the log is no terminal: {stderr}");
    let port = taken.local_addr().expect("an address").port() + 1;
    assert!(stderr.contains(&format!("such as BIND=127.0.0.1:{port}")), "{stderr}");
}

#[test]
fn log_level_and_rust_log_choose_what_is_logged() {
    let database = TestDatabase::create();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for (settings, is_logged) in [
        (&[][..], true),
        (&[("LOG_LEVEL", "error")], false),
        (&[("RUST_LOG", "error")], false),
        (&[("RUST_LOG", "")], true),
        (&[("LOG_LEVEL", "error"), ("RUST_LOG", "warn")], true),
    ] {
        let stderr = run(database.serve(&[settings, &[("SECRET_KEY", "x"), ("BIND", &address)]].concat())).err;
        assert_eq!(stderr.contains("called JWT_SECRET"), is_logged, "{settings:?}: {stderr}");
    }
    run(&mut database.serve(&[("RUST_LOG", "vestibule=loud")])).fails(1, "RUST_LOG=vestibule=loud is invalid");
}

#[test]
fn uncommented_env_example_starts_a_server() {
    let database = TestDatabase::create();
    let folder = tempfile::tempdir().expect("a folder");
    // An empty secret is an error: its line is there to be filled in.
    let is_secret = |line: &str| ["SECRET", "SERVER_KEY", "SMTP_"].iter().any(|name| line.contains(name));
    let is_kept = |line: &&str| !(line.starts_with("# ") || (line.ends_with('=') && is_secret(line)));
    let example = include_str!("../../../.env.example").lines().filter(is_kept);
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
