//! `vestibule keys list`, `rotate` and `retire` through the real binary.

use serde_json::Value;

use crate::harness::cli::{finish, run, start};
use crate::harness::{OTHER_SERVER_KEY, PASSWORD, ServerProcess, TestDatabase};

/// Creates the first key, as a server's first start does.
fn with_key(db: &TestDatabase) -> String {
    let first = db.cli(&["keys", "rotate", "--json"]).json();
    assert_eq!((first["changed"].as_bool(), first["next"]["state"].as_str()), (Some(true), Some("signing")));
    first["next"]["kid"].as_str().expect("a kid").to_owned()
}

fn keys(db: &TestDatabase) -> Vec<Value> {
    db.cli(&["keys", "list", "--json"]).json().as_array().expect("a list").clone()
}

fn states(db: &TestDatabase) -> Vec<String> {
    keys(db).iter().map(|key| key["state"].as_str().expect("a state").to_owned()).collect()
}

#[test]
fn keys_rotate_and_retire_are_idempotent() {
    let db = TestDatabase::create();
    assert_eq!(keys(&db), [Value::Null; 0]);
    let first = with_key(&db);
    db.add("alice", &[]);
    assert!(db.can_sign_in("alice", PASSWORD));
    let rotated = db.cli(&["keys", "rotate", "--json"]).json();
    assert_eq!((rotated["changed"].as_bool(), rotated["old"]["kid"].as_str()), (Some(true), Some(first.as_str())));
    assert_eq!(rotated["old"]["live_tokens"], 1);
    assert!(rotated["old_kept_until"].as_str() > rotated["next"]["signs_from"].as_str(), "{rotated}");
    let next = rotated["next"]["kid"].as_str().expect("a kid");
    let again = db.cli(&["keys", "rotate", "--json"]).json();
    assert_eq!((again["changed"].as_bool(), again["next"]["kid"].as_str()), (Some(false), Some(next)));
    let words = db.cli(&["keys", "rotate"]).ok().out;
    assert!(words.contains("nothing was changed") && words.contains("live tokens of 1 session"), "{words}");
    assert_eq!(states(&db), ["next", "signing"]);
    let table = db.cli(&["keys", "list"]).ok().out;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..3], ["KID", "ALGORITHM", "STATE"]);
    assert_eq!(rows[2][..3], [first.as_str(), "ES256", "signing"]);
    assert_eq!(rows[2].last(), Some(&"1"));

    let refused = db
        .cli(&["keys", "retire", &first])
        .fails(1, "invalidates the tokens signed with it (live tokens of 1 session)");
    assert!(refused.err.contains("add --yes"), "{refused:?}");
    assert_eq!(states(&db), ["next", "signing"]);
    let retired = db.cli(&["keys", "retire", &first, "--yes", "--json"]).json();
    assert_eq!((retired["changed"].as_bool(), retired["revoked_tokens"].as_i64()), (Some(true), Some(1)));
    assert_eq!(
        (retired["signing"]["kid"].as_str(), retired["signing"]["state"].as_str()),
        (Some(next), Some("signing"))
    );
    assert_eq!(states(&db), ["signing", "retired"]);
    let twice = db.cli(&["keys", "retire", &first, "--json"]).json();
    assert_eq!(twice["changed"], false);
    for arguments in [&["keys", "retire", next] as &[_], &["keys", "retire", next, "--yes"]] {
        db.cli(arguments).fails(1, "run \"vestibule keys rotate\" first");
    }
    db.cli(&["keys", "retire", "no-such-kid", "--yes"]).fails(1, "no such key");
    db.cli(&["keys", "retire", "no-such-kid"]).fails(1, "no such key");
    assert_eq!(states(&db), ["signing", "retired"]);
    assert!(db.can_sign_in("alice", PASSWORD));
}

#[test]
fn concurrent_keys_rotate_commands_create_one_key() {
    let db = TestDatabase::create();
    with_key(&db);
    for algorithm in ["ES256", "RS256"] {
        let before = keys(&db).len();
        let start = || {
            let mut command = db.command(&["keys", "rotate", "--json"]);
            start(command.env("JWT_ALGORITHM", algorithm))
        };
        let children = [start(), start(), start()];
        let responses = children.map(|child| finish(child).json());
        let made = responses.iter().filter(|response| response["changed"] == true).count();
        assert_eq!((made, keys(&db).len()), (1, before + 1), "{responses:?}");
        assert!(
            responses.iter().all(|response| response["next"]["kid"] == responses[0]["next"]["kid"]),
            "{responses:?}"
        );
    }
}

#[test]
fn refused_keys_commands_say_why() {
    let db = TestDatabase::create();
    for lead in ["1s", "8d", "soon"] {
        db.cli(&["keys", "rotate", "--after", lead]).fails(2, "from 2s to 7d");
    }
    with_key(&db);
    for arguments in [&["keys", "list"] as &[_], &["keys", "rotate"], &["keys", "retire", "x", "--yes"]] {
        let mut command = db.command(arguments);
        command.env("JWT_SECRET", "a secret that is longer than thirty-two bytes");
        let response = run(command).fails(1, "JWT_SECRET is set");
        assert!(response.err.contains("signing keys are not used"), "{response:?}");
    }
    let mut command = db.command(&["keys", "rotate"]);
    command.env("SERVER_KEY", OTHER_SERVER_KEY);
    run(command).fails(1, "SERVER_KEY does not decrypt the signing key");
    assert_eq!(states(&db), ["signing"], "no key is added that only some servers can decrypt");
    if db.is_postgres() {
        let mut command = db.command(&["keys", "rotate"]);
        command.env_remove("SERVER_KEY");
        run(command).fails(2, "set SERVER_KEY");
    }
    db.cli(&["keys", "rotate", "--jwt-algorithm", "none"]).fails(2, "ES256, EdDSA or RS256");
}

#[test]
fn server_uses_the_key_from_the_command_line() {
    let db = TestDatabase::create();
    let first = with_key(&db);
    drop(ServerProcess::from_command(db.serve(&[])).expect("the server starts"));
    assert_eq!(keys(&db).iter().map(|key| key["kid"].as_str()).collect::<Vec<_>>(), [Some(first.as_str())]);
}
