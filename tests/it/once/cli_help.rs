//! Help, usage errors, completions, man pages and `--quiet` of the command line.

use std::process::Command;

use crate::harness::TestDatabase;
use crate::harness::cli::run;

#[test]
fn help_of_a_command_is_short_with_h_and_full_with_help() {
    let db = TestDatabase::empty();
    let short = db.cli(&["users", "add", "-h"]).ok().out;
    assert!(short.contains("--send-invite") && short.contains("Examples:"), "{short}");
    assert!(!short.contains("--database-url") && short.contains("see more with '--help'"), "{short}");
    let long = db.cli(&["users", "add", "--help"]).ok().out;
    assert!(long.find("--send-invite") < long.find("Settings:") && long.contains("--database-url"), "{long}");
    for args in [&["help", "users", "add"] as &[&str], &["users", "help", "add"]] {
        assert_eq!(db.cli(args).ok().out, long, "{args:?}");
    }
    assert!(db.cli(&["help"]).ok().out.contains("Print recorded security events"));
    db.cli(&["help", "nothing"]).fails(2, "nothing");
}

#[test]
fn usage_error_names_no_setting_of_the_environment() {
    let db = TestDatabase::create();
    for args in [&["clients", "add", "app"] as &[&str], &["users", "grant"], &["users", "add", "alice", "--nothing"]] {
        let output = run(db.command(args).env("PUBLIC_URL", "https://login.example.com")).fails(2, "Usage: vestibule");
        assert!(!output.err.contains("--database-url") && !output.err.contains("--public-url"), "{output:?}");
    }
    let output = db.cli(&["clients", "add", "app"]);
    assert!(output.err.contains("Usage: vestibule clients add [OPTIONS] --grant <GRANT> <NAME>"), "{output:?}");
}

#[test]
fn bash_completes_commands_and_options() {
    let db = TestDatabase::empty();
    let script = db.cli(&["completions", "bash"]).ok().out;
    db.write_file("completions", &script);
    let complete = |words: &str| {
        let program = format!(
            "source completions; COMP_WORDS=({words} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _vestibule vestibule '' \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["-c", &program]).current_dir(db.folder.path()).output().expect("bash");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(complete("vestibule").contains("audit"), "{}", complete("vestibule"));
    assert!(complete("vestibule users").contains("require-new-password"));
    assert!(complete("vestibule users add").contains("--send-invite"));
    for (shell, words) in [("zsh", "#compdef vestibule"), ("fish", "complete -c vestibule")] {
        assert!(db.cli(&["completions", shell]).ok().out.contains(words), "{shell}");
    }
    db.cli(&["completions", "tcsh"]).fails(2, "bash, zsh, fish");
}

#[test]
fn man_pages_are_written_for_every_command() {
    let db = TestDatabase::empty();
    std::fs::create_dir(db.folder.path().join("man")).expect("the folder can be written");
    db.cli(&["man", "man"]).ok();
    db.cli(&["man", "man"]).ok();
    let read = |name: &str| std::fs::read_to_string(db.folder.path().join("man").join(name)).expect(name);
    assert!(read("vestibule-users-add.1").contains(".TH vestibule-users-add 1"), "{}", read("vestibule-users-add.1"));
    assert!(read("vestibule.1").contains("audit"));
    db.cli(&["man", "nothing/here"]).fails(1, "cannot write man pages to nothing/here");
}

#[test]
fn quiet_leaves_out_confirmations_and_keeps_what_was_asked_for() {
    let db = TestDatabase::create();
    let added = db.cli(&["--quiet", "users", "add", "alice", "--no-password"]).ok();
    assert_eq!((added.out.as_str(), added.err.as_str()), ("", ""));
    let link = db.cli(&["users", "reset-link", "alice", "-q"]).ok();
    assert!(link.out.starts_with("http") && link.err.is_empty(), "{link:?}");
    assert!(db.cli(&["users", "disable", "alice", "-q", "--json"]).json()["changed"] == true);
    db.cli(&["users", "enable", "stranger", "-q"]).fails(1, "no such user");
}

#[test]
fn output_to_a_pipe_has_no_colors() {
    let db = TestDatabase::create();
    db.cli(&["users", "add", "alice", "--no-password"]).ok();
    for args in [&["users", "list"] as &[&str], &["users", "add", "--help"], &["audit"], &["users", "nothing"]] {
        let output = db.cli(args);
        assert!(!output.out.contains('\u{1b}') && !output.err.contains('\u{1b}'), "{output:?}");
    }
}
