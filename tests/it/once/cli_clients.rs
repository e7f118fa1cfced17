//! Names, grants and scopes of clients that the command line refuses.

use crate::harness::TestDatabase;

#[test]
fn invalid_field_is_named() {
    let db = TestDatabase::create();
    db.cli(&["clients", "add", "x"]).fails(2, "--grant");
    db.cli(&["clients", "add", "x", "--grant", "magic"])
        .fails(1, "grants of x: `magic` is not a valid grant: use password");
    for scope in ["two words", "caf\u{e9}", "a\"b"] {
        db.cli(&["clients", "add", "x", "--grant", "password", "--scope", scope]).fails(1, "scopes of x: `");
    }
    for name in ["", " x", "client_AAAAAAAAAAAAAAAAAAAAAA", &"x".repeat(101)] {
        db.cli(&["clients", "add", name, "--grant", "password"]).fails(1, "a client name must have 1 to 100");
    }
    db.cli(&["clients", "add", "x", "--grant", "password"]).ok();
    db.cli(&["clients", "set", "x", "--grant", "magic"]).fails(1, "`magic` is not a valid grant");
    assert_eq!(db.cli(&["clients", "list", "--json"]).json().as_array().expect("an array").len(), 1);
}
