//! What a start warns of and disables: files that others can change, and core dumps.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::TestDatabase;
use crate::harness::logged_process::LoggedProcess;

#[test]
fn folder_and_file_that_others_can_change_and_a_linked_file_are_reported() {
    let database = TestDatabase::create();
    let file = database.sqlite_file().expect("SQLite");
    let folder = file.parent().expect("a folder");
    let start = || {
        let mut server = LoggedProcess::start(database.serve(&[]));
        server.wait_for_url();
        server
    };
    let private = start();
    assert_eq!(private.count("WARN"), 0, "{:?}", private.seen);
    drop(private);
    let target = folder.join("target.db");
    std::fs::rename(&file, &target).expect("it is moved");
    symlink(&target, &file).expect("a link");
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o644)).expect("it is changed");
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).expect("it is changed");
    let mut server = start();
    for words in ["run chmod go-w on it", "run chmod 600 on it", "is a symbolic link"] {
        server.wait_for(words);
    }
}

#[test]
fn server_dumps_no_core() {
    let database = TestDatabase::create();
    let serve = database.serve(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited; exec \"$0\" serve"]).arg(serve.get_program());
    shell.current_dir(database.folder.path()).env_clear();
    shell.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut server = LoggedProcess::start(shell);
    server.wait_for_url();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).expect("it runs");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw).expect("a process ID");
    kill_process(pid, Signal::ABORT).expect("it runs");
    let status = server.wait();
    assert!(status.signal().is_some() && !status.core_dumped(), "{status}");
}
