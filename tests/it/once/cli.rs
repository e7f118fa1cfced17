//! Arguments, settings and standard input of the command line.

use serde_json::json;

use crate::harness::{OTHER_PASSWORD, PASSWORD, TestDatabase, hs256};

#[test]
fn token_inspect_needs_no_database() {
    let db = TestDatabase::empty();
    let now = vestibule::clock::unix_seconds(vestibule::clock::Clock::system().now());
    let payload = json!({"sub": "alice", "exp": now + 750, "iat": now - 41, "roles": ["a", "b"], "x": "\u{1b}[2J"});
    let token = hs256::sign(&hs256::header(), &payload.to_string());
    let shown = db.cli_with_input(&["token", "inspect", "--json"], &format!("Bearer {token}\n")).json();
    assert_eq!((&shown["header"], &shown["claims"]), (&hs256::header(), &payload));
    let text = db.cli_with_input(&["token", "inspect"], &format!("  {token}\r\n")).ok().out;
    for words in ["alg        HS256", "sub        alice", "(in 12 minutes)", " s ago)", "roles      a, b", "\\u{1b}[2J"]
    {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    // On a busy machine, more seconds may have passed.
    assert!((41..60).any(|seconds| text.contains(&format!("({seconds} s ago)"))), "{text}");
    assert!(
        text.contains("the token was not verified") && !text.contains(token.rsplit('.').next().expect("a signature"))
    );
    db.write_file("token", &token);
    assert_eq!(db.cli(&["token", "inspect", "--file", "token"]).ok().out.lines().count(), text.lines().count());
    assert!(!db.folder.path().join("db").exists(), "no database was created");

    db.cli(&["token", "inspect", &token]).fails(2, "unexpected argument");
    db.cli(&["token", "inspect", "--file", "nothing"]).fails(1, "cannot open the file nothing");
    for (input, words) in [
        ("", "no token given"),
        ("garbage", "three parts separated by dots, found 1"),
        ("a.b.c", "the header is not a JSON object"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "it looks like a refresh token"),
    ] {
        db.cli_with_input(&["token", "inspect"], input).fails(1, words);
    }
    let unsigned =
        format!("{}.{}.", vestibule::secret::base64url(br#"{"alg":"none"}"#), token.split('.').nth(1).expect("claims"));
    assert!(db.cli_with_input(&["token", "inspect"], &unsigned).ok().out.contains("the token is not signed"));
}

#[test]
fn invalid_settings_are_exit_code_2() {
    let db = TestDatabase::create();
    db.cli(&["users", "list", "--database-url", "mysql://x"]).fails(2, "DATABASE_URL: must begin with sqlite://");
    db.cli(&["users", "add", "alice", "--no-password", "--password-min-length", "3"]).fails(2, "PASSWORD_MIN_LENGTH=3");
    db.cli(&["users"]).fails(2, "Usage");
}

#[test]
fn password_is_read_from_standard_input_or_a_file_but_not_from_an_argument() {
    let db = TestDatabase::create();
    db.cli(&["users", "add", "alice", "--password", PASSWORD]).fails(2, "unexpected argument '--password'");
    db.cli(&["users", "add", "alice", PASSWORD]).fails(2, "unexpected argument");
    db.cli(&["users", "set-password", "alice", PASSWORD]).fails(2, "unexpected argument");
    db.cli(&["users", "add", "alice"]).fails(2, "use --password-stdin or --password-file PATH, or --no-password");
    db.cli(&["users", "add", "alice", "--no-password", "--password-stdin"]).fails(2, "cannot be used with");
    db.cli_with_input(&["users", "add", "alice", "--password-stdin"], "").fails(1, "contains no password");
    db.cli_with_input(&["users", "add", "alice", "--password-stdin"], "one\ntwo\n").fails(1, "more than one line");
    db.cli_with_input(&["users", "add", "alice", "--password-stdin"], &"x".repeat(5000))
        .fails(1, "more than 4096 bytes");
    assert!(db.users().is_empty());

    db.write_file("password", &format!("{OTHER_PASSWORD}\r\n"));
    db.cli(&["users", "add", "alice", "--password-file", "password"]).ok();
    db.cli(&["users", "add", "bob", "--password-file", "nothing"]).fails(1, "cannot open the password file nothing");
    db.cli(&["users", "add", "carol", "--no-password"]).ok();
    assert!(db.can_sign_in("alice", OTHER_PASSWORD));
    assert_eq!(db.cli(&["users", "show", "carol", "--json"]).json()["has_password"], false);
    assert!(!db.can_sign_in("carol", PASSWORD));
}

#[test]
fn invalid_field_is_named() {
    let db = TestDatabase::create();
    let add = |name: &str, more: &[&str]| db.cli(&[&["users", "add", name, "--no-password"], more].concat());
    add("a b", &[]).fails(1, "username of a b: a username must have 1 to 64");
    add("alice", &["--id", "0"]).fails(1, "id of alice: a user ID must be a whole number from 1");
    add("alice", &["--email", "nowhere"]).fails(1, "email of alice: ");
    add("alice", &["--display-name", " "]).fails(1, "display_name of alice: ");
    add("alice", &["--role", "Admin"]).fails(1, "roles of alice: `Admin` is not a valid role");
    add("a@example.com", &[]).fails(1, "must be the account's own email");
    db.cli_with_input(&["users", "add", "alice", "--password-stdin"], "short")
        .fails(1, "password of alice: a password must have at least 12");
    db.cli_with_input(&["users", "add", "alice", "--password-stdin"], "password1234").fails(1, "too easy to guess");
    assert!(db.users().is_empty());
}
