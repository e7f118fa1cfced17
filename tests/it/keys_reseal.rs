//! `vestibule keys reseal`: another server key. What may not live here: signing keys otherwise (`keys_cli.rs`).

use std::path::Path;

use crate::cli_harness::{SERVER_KEY, TestDb, finish};
use crate::harness::ServerProcess;

const NEW_KEY: &str = "HBAQDw4NDAsKCQgHBgUEAwIBAAECAwQFBgcICQoLDA0";

fn rotate_with(db: &TestDb, server_key: &str) -> crate::cli_harness::Answer {
    let mut command = db.command(&["keys", "rotate", "--after", "1h"]);
    finish(command.env("SERVER_KEY", server_key).spawn().expect("the binary starts"))
}

/// Whether a server starts; why not, otherwise.
fn start(db: &TestDb, server_key: Option<&str>) -> Result<(), String> {
    let mut command = db.command(&["serve"]);
    command.env("BIND", "127.0.0.1:0").stderr(std::process::Stdio::inherit());
    match server_key {
        Some(key) => command.env("SERVER_KEY", key),
        None => command.env_remove("SERVER_KEY"),
    };
    if let Some(server) = ServerProcess::from_command(command) {
        drop(server);
        return Ok(());
    }
    let mut command = db.command(&["serve"]);
    command.env("BIND", "127.0.0.1:0");
    match server_key {
        Some(key) => command.env("SERVER_KEY", key),
        None => command.env_remove("SERVER_KEY"),
    };
    Err(finish(command.spawn().expect("the binary starts")).err)
}

fn reseal_to_file(db: &TestDb, server_key: &str) -> crate::cli_harness::Answer {
    let mut command = db.command(&["keys", "reseal", "--new-server-key-file", "new.key", "--json"]);
    finish(command.env("SERVER_KEY", server_key).spawn().expect("the binary starts"))
}

#[test]
fn after_resealing_the_new_key_starts_the_server_and_the_old_one_does_not() {
    let db = TestDb::new();
    rotate_with(&db, SERVER_KEY).ok();
    rotate_with(&db, SERVER_KEY).ok();
    let refused = start(&db, Some(NEW_KEY)).expect_err("not yet");
    assert!(refused.contains("SERVER_KEY does not decrypt the signing key"), "{refused}");
    db.cli(&["keys", "reseal"]).fails(1, "--new-server-key-file");
    db.cli(&["keys", "reseal", "--new-server-key-file", "new.key"]).fails(1, "does not exist");
    db.write_file("new.key", "too short");
    db.cli(&["keys", "reseal", "--new-server-key-file", "new.key"]).fails(1, "32 bytes or more");
    db.write_file("new.key", NEW_KEY);
    let done = reseal_to_file(&db, SERVER_KEY).json();
    assert_eq!((done["changed"].as_bool(), done["resealed"].as_i64()), (Some(true), Some(2)));
    let refused = start(&db, Some(SERVER_KEY)).expect_err("the old key opens nothing");
    assert!(refused.contains("SERVER_KEY does not decrypt the signing key"), "{refused}");
    assert_eq!(start(&db, Some(NEW_KEY)), Ok(()));
    // Twice, whether the setting was changed already or not.
    for key in [SERVER_KEY, NEW_KEY] {
        let again = reseal_to_file(&db, key).json();
        assert_eq!((again["changed"].as_bool(), again["unchanged"].as_i64()), (Some(false), Some(2)));
    }
    rotate_with(&db, SERVER_KEY).ok();
    let words = db.cli(&["keys", "reseal", "--new-server-key-file", "new.key"]).ok().out;
    assert!(words.contains("already use the new server key"), "{words}");
    db.write_file("new.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    reseal_to_file(&db, SERVER_KEY).fails(1, "does not decrypt");
    assert_eq!(start(&db, Some(NEW_KEY)), Ok(()), "nothing was changed");
}

/// Beside a SQLite database, where the server made the key itself.
#[test]
fn beside_a_sqlite_database_the_new_key_takes_the_old_ones_place_wherever_it_is_cut_off() {
    let db = TestDb::new();
    if !db.is_sqlite() {
        return;
    }
    assert_eq!(start(&db, None), Ok(()));
    let file = db.folder.path().join("db/server.key");
    let staged = db.folder.path().join("db/server.key.new");
    let read = |path: &Path| std::fs::read_to_string(path).expect("a key");
    let reseal = |more: &[&str]| {
        let mut command = db.command(&[&["keys", "reseal", "--json"], more].concat());
        finish(command.env_remove("SERVER_KEY").spawn().expect("the binary starts"))
    };
    let first = read(&file);
    let done = reseal(&[]).json();
    assert_eq!((done["changed"].as_bool(), done["resealed"].as_i64()), (Some(true), Some(1)));
    let second = read(&file);
    assert!(first != second && !staged.exists());
    assert_eq!(start(&db, None), Ok(()));
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(start(&db, Some(first.trim())).is_err());
    // Cut off after the keys were sealed and before the file was replaced.
    std::fs::write(&staged, &second).expect("written");
    std::fs::write(&file, &first).expect("written");
    assert!(start(&db, None).expect_err("cut off").contains("does not decrypt"));
    let done = reseal(&[]).json();
    assert_eq!((done["resealed"].as_i64(), done["unchanged"].as_i64()), (Some(0), Some(1)));
    assert_eq!((read(&file), staged.exists()), (second.clone(), false));
    assert_eq!(start(&db, None), Ok(()));
    // Cut off before anything was sealed: that new key is used, and no other.
    std::fs::write(&staged, NEW_KEY).expect("written");
    db.write_file("other.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    reseal(&["--new-server-key-file", "other.key"]).fails(1, "from an interrupted run");
    assert_eq!(read(&file), second);
    assert_eq!(reseal(&[]).json()["resealed"], 1);
    assert_eq!(read(&file), NEW_KEY);
    assert_eq!(start(&db, None), Ok(()));
    let given = reseal(&["--new-server-key-file", "other.key"]).json();
    assert_eq!((given["resealed"].as_i64(), start(&db, None)), (Some(1), Ok(())));
}
