//! `vestibule keys reseal`: the change of the server key.

use std::path::Path;

use crate::harness::cli::{CommandOutput, run};
use crate::harness::{OTHER_SERVER_KEY, SERVER_KEY, ServerProcess, TestDatabase};

const THIRD_SERVER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn rotate_with(db: &TestDatabase, server_key: &str) -> CommandOutput {
    let mut command = db.command(&["keys", "rotate", "--after", "1h"]);
    run(command.env("SERVER_KEY", server_key))
}

/// Starts a server, or returns its standard error.
fn try_start(db: &TestDatabase, server_key: Option<&str>) -> Result<(), String> {
    let serve = || {
        let mut command = db.serve(&[]);
        match server_key {
            Some(key) => command.env("SERVER_KEY", key),
            None => command.env_remove("SERVER_KEY"),
        };
        command
    };
    match ServerProcess::from_command(serve()) {
        Some(_) => Ok(()),
        None => Err(run(serve()).err),
    }
}

fn reseal_to_file(db: &TestDatabase, server_key: &str) -> CommandOutput {
    let mut command = db.command(&["keys", "reseal", "--new-server-key-file", "new.key", "--json"]);
    run(command.env("SERVER_KEY", server_key))
}

#[test]
fn reseal_replaces_the_server_key() {
    let db = TestDatabase::create();
    rotate_with(&db, SERVER_KEY).ok();
    rotate_with(&db, SERVER_KEY).ok();
    let refused = try_start(&db, Some(OTHER_SERVER_KEY)).expect_err("the keys use the old server key");
    assert!(refused.contains("SERVER_KEY does not decrypt the signing key"), "{refused}");
    db.cli(&["keys", "reseal"]).fails(1, "--new-server-key-file");
    db.cli(&["keys", "reseal", "--new-server-key-file", "new.key"]).fails(1, "does not exist");
    db.write_file("new.key", "too short");
    db.cli(&["keys", "reseal", "--new-server-key-file", "new.key"]).fails(1, "32 bytes or more");
    db.write_file("new.key", OTHER_SERVER_KEY);
    let done = reseal_to_file(&db, SERVER_KEY).json();
    assert_eq!((done["changed"].as_bool(), done["resealed"].as_i64()), (Some(true), Some(2)));
    let refused = try_start(&db, Some(SERVER_KEY)).expect_err("the old server key decrypts nothing");
    assert!(refused.contains("SERVER_KEY does not decrypt the signing key"), "{refused}");
    assert_eq!(try_start(&db, Some(OTHER_SERVER_KEY)), Ok(()));
    // A second run changes nothing, whether or not the setting was changed already.
    for key in [SERVER_KEY, OTHER_SERVER_KEY] {
        let again = reseal_to_file(&db, key).json();
        assert_eq!((again["changed"].as_bool(), again["unchanged"].as_i64()), (Some(false), Some(2)));
    }
    rotate_with(&db, SERVER_KEY).ok();
    let words = db.cli(&["keys", "reseal", "--new-server-key-file", "new.key"]).ok().out;
    assert!(words.contains("already use the new server key"), "{words}");
    db.write_file("new.key", THIRD_SERVER_KEY);
    reseal_to_file(&db, SERVER_KEY).fails(1, "does not decrypt");
    assert_eq!(try_start(&db, Some(OTHER_SERVER_KEY)), Ok(()), "nothing was changed");
}

/// With SQLite the server created the key file itself.
#[test]
fn interrupted_reseal_of_the_key_file_can_be_resumed() {
    let db = TestDatabase::create();
    if db.is_postgres() {
        return;
    }
    assert_eq!(try_start(&db, None), Ok(()));
    let file = db.folder.path().join("db/server.key");
    let staged = db.folder.path().join("db/server.key.new");
    let read = |path: &Path| std::fs::read_to_string(path).expect("a key");
    let reseal = |more: &[&str]| {
        let mut command = db.command(&[&["keys", "reseal", "--json"], more].concat());
        run(command.env_remove("SERVER_KEY"))
    };
    let first = read(&file);
    let done = reseal(&[]).json();
    assert_eq!((done["changed"].as_bool(), done["resealed"].as_i64()), (Some(true), Some(1)));
    let second = read(&file);
    assert!(first != second && !staged.exists());
    assert_eq!(try_start(&db, None), Ok(()));
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(try_start(&db, Some(first.trim())).is_err());
    // Interrupted after the keys were encrypted and before the file was replaced.
    std::fs::write(&staged, &second).expect("written");
    std::fs::write(&file, &first).expect("written");
    assert!(try_start(&db, None).expect_err("the file has the old server key").contains("does not decrypt"));
    let done = reseal(&[]).json();
    assert_eq!((done["resealed"].as_i64(), done["unchanged"].as_i64()), (Some(0), Some(1)));
    assert_eq!((read(&file), staged.exists()), (second.clone(), false));
    assert_eq!(try_start(&db, None), Ok(()));
    // Interrupted before anything was encrypted: the staged key is used.
    std::fs::write(&staged, OTHER_SERVER_KEY).expect("written");
    db.write_file("other.key", THIRD_SERVER_KEY);
    reseal(&["--new-server-key-file", "other.key"]).fails(1, "from an interrupted run");
    assert_eq!(read(&file), second);
    assert_eq!(reseal(&[]).json()["resealed"], 1);
    assert_eq!(read(&file), OTHER_SERVER_KEY);
    assert_eq!(try_start(&db, None), Ok(()));
    let given = reseal(&["--new-server-key-file", "other.key"]).json();
    assert_eq!((given["resealed"].as_i64(), try_start(&db, None)), (Some(1), Ok(())));
}
