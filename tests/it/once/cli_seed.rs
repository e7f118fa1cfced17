//! Seed files that are refused before anything is written.

use crate::harness::TestDatabase;

#[test]
fn seed_error_names_file_line_and_field_and_no_password() {
    let db = TestDatabase::create();
    let file = "\
[[users]]
username = \"a b\"
[[users]]
username = \"bob\"
password = \"secret\"
[[users]]
username = \"carol\"
password = 12345678
colour = \"red\"
[[users]]
email = \"nowhere\"
[[users]]
username = \"dave\"
password = \"correct horse battery staple\"
password_hash = \"$2y$10$abcdefghijklmnopqrstuv\"
id = 0
roles = [\"Admin\"]
display_name = \"\"
";
    db.write_file("users.toml", file);
    let response = db.cli(&["seed", "users.toml"]).fails(1, "nothing was changed");
    for words in [
        "users.toml:2: users[0].username: a username must have 1 to 64",
        "users.toml:5: users[1].password: a password must have at least 12",
        "users.toml:8: users[2].password: use text in quotes",
        "users.toml:9: users[2].colour: unknown field: the fields are username,",
        "users.toml:10: users[3].username: is missing",
        "users.toml:15: users[4].password_hash: use password or password_hash, not both",
        "users.toml:16: users[4].id: ",
        "users.toml:17: users[4].roles: `Admin` is not a valid role",
        "users.toml:18: users[4].display_name: ",
    ] {
        assert!(response.err.contains(words), "{words:?} is not in {}", response.err);
    }
    for secret in ["12345678", "correct horse", "$2y$"] {
        assert!(!response.err.contains(secret), "{}", response.err);
    }
    db.write_file("users.toml", "[[users]]\nusername = \"bob\npassword = \"correct horse\"\n");
    let response = db.cli(&["seed", "users.toml"]).fails(1, "users.toml:2: not valid TOML");
    assert!(!response.err.contains("correct horse"), "{}", response.err);
    db.write_file("users.toml", "[users]\nusername = \"bob\"\n");
    db.cli(&["seed", "users.toml"]).fails(1, "users.toml:1: users: use [[users]]");
    db.write_file("users.toml", "\nuser = 1\n");
    db.cli(&["seed", "users.toml"]).fails(1, "users.toml:2: user: unknown key");
    db.cli(&["seed", "nothing.toml"]).fails(1, "cannot read nothing.toml");
    assert!(db.users().is_empty());
}

#[test]
fn seed_duplicates_name_both_lines() {
    let db = TestDatabase::create();
    db.write_file("users.toml", "[[users]]\nusername = \"alice\"\nid = 5\n[[users]]\nusername = \"bob\"\n[[users]]\nusername = \"ALICE\"\n[[users]]\nusername = \"carol\"\nid = 5\n");
    let response = db
        .cli(&["seed", "users.toml"])
        .fails(1, "users.toml:7: users[2].username: duplicates users[0].username on line 2");
    response.fails(1, "users.toml:10: users[3].id: duplicates users[0].id on line 3");
    assert!(db.users().is_empty());
}

#[test]
fn oversized_seed_file_is_refused() {
    let db = TestDatabase::create();
    db.write_file("users.toml", &format!("# {}\n", "x".repeat(16 * 1024 * 1024)));
    db.cli(&["seed", "users.toml"]).fails(1, "larger than 16 MiB");
    db.write_file("users.toml", &format!("users = [{}]", "{},".repeat(100_001)));
    db.cli(&["seed", "users.toml"]).fails(1, "100001 users");
}

#[test]
fn seed_error_names_file_line_and_field_and_no_secret() {
    let db = TestDatabase::create();
    let file = "\
[[roles]]
name = \"Editor\"
scopes = [\"two words\"]
[[roles]]
name = \"staff\"
[[roles]]
scopes = \"read\"
[[clients]]
name = \" x\"
grants = [\"magic\"]
secret = \"hunter2\"
[[clients]]
name = \"y\"
grants = []
colour = \"red\"
[[clients]]
name = \"z\"
secret = 12345678
[[clients]]
grants = [\"password\"]
";
    db.write_file("seed.toml", file);
    let response = db.cli(&["seed", "seed.toml"]).fails(1, "nothing was changed");
    for words in [
        "seed.toml:2: roles[0].name: `Editor` is not a valid role",
        "seed.toml:3: roles[0].scopes: `two words` is not a valid scope",
        "seed.toml:4: roles[1].scopes: is missing",
        "seed.toml:6: roles[2].name: is missing",
        "seed.toml:7: roles[2].scopes: use a list such as",
        "seed.toml:9: clients[0].name: a client name must",
        "seed.toml:10: clients[0].grants: `magic` is not a valid grant",
        "seed.toml:11: clients[0].secret: a client secret must be exactly 43 characters",
        "seed.toml:14: clients[1].grants: a client needs at least one grant",
        "seed.toml:15: clients[1].colour: unknown field: the fields are name, grants, scopes, secret",
        "seed.toml:18: clients[2].secret: use text in quotes",
        "seed.toml:19: clients[3].name: is missing",
    ] {
        assert!(response.err.contains(words), "{words:?} is not in {}", response.err);
    }
    for secret in ["hunter2", "12345678"] {
        assert!(!response.err.contains(secret), "{}", response.err);
    }
    db.write_file("seed.toml", "[roles]\nname = \"x\"\n");
    db.cli(&["seed", "seed.toml"]).fails(1, "seed.toml:1: roles: use [[roles]], with two brackets");
    let role = "[[roles]]\nname = \"a\"\nscopes = []\n";
    db.write_file("seed.toml", &role.repeat(2));
    db.cli(&["seed", "seed.toml"]).fails(1, "seed.toml:5: roles[1].name: duplicates roles[0].name on line 2");
}
