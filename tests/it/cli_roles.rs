//! `vestibule roles` and `users grant`, `revoke` and `sign-out`, and their effect at `/token`.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::cli::{ServerWithCli, finish, run, start};
use crate::harness::{PASSWORD, TestDatabase};

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// `POST /token` as alice with these requested scopes.
async fn request_token(server: &ServerWithCli, client: Option<(&str, &str)>, scope: &str) -> Value {
    let fields = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", scope)];
    server.post("/token", client, &fields).await.json()
}

async fn refresh(server: &ServerWithCli, before: &Value, more: &[(&str, &str)]) -> Value {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", text(before, "refresh_token"))];
    server.post("/token", None, &[&fields[..], more].concat()).await.json()
}

fn claims(response: &Value) -> Value {
    crate::harness::hs256::claims(text(response, "access_token"))
}

#[test]
fn roles_set_replaces_scopes_and_roles_list_counts_users() {
    let db = TestDatabase::create();
    db.add("alice", &["--role", "editor"]);
    db.add("bob", &["--role", "editor", "--role", "admin"]);
    let set = ["roles", "set", "editor", "--scope", "write", "--scope", "read", "--json"];
    let expected =
        |changed: bool| json!({"role": "editor", "scopes": ["read", "write"], "users": 2, "changed": changed});
    assert_eq!(db.cli(&set).json(), expected(true));
    assert_eq!(db.cli(&set).json(), expected(false));
    assert_eq!(
        db.cli(&["roles", "set", "editor", "--scope", "read"]).ok().out,
        "editor now allows read; 2 users have it\n"
    );
    assert_eq!(
        db.cli(&["roles", "list", "--json"]).json(),
        json!([{"role": "admin", "scopes": [], "users": 1}, {"role": "editor", "scopes": ["read"], "users": 2}])
    );
    let table = db.cli(&["roles", "list"]).ok().out;
    assert!(table.starts_with("ROLE    USERS  SCOPES\nadmin   1      -\neditor  2      read\n"), "{table}");
    db.cli(&["roles", "set", "editor", "--no-scopes"]).ok();
    assert_eq!(
        db.cli(&["roles", "set", "editor", "--no-scopes"]).ok().out,
        "editor already allows no scopes; 2 users have it\n"
    );
    db.cli(&["roles", "set", "editor"]).fails(2, "--scope");
    db.cli(&["roles", "set", "editor", "--no-scopes", "--scope", "read"]).fails(2, "cannot be used with");
    db.cli(&["roles", "set", "Editor", "--scope", "read"]).fails(1, "`Editor` is not a valid role");
    db.cli(&["roles", "set", "editor", "--scope", "two words"])
        .fails(1, "scopes of role editor: `two words` is not a valid scope");
}

#[test]
fn granting_and_revoking_roles_is_idempotent() {
    let db = TestDatabase::create();
    db.add("alice", &["--role", "staff"]);
    let grant = ["users", "grant", "ALICE", "editor", "staff", "--json"];
    let first = db.cli(&grant).json();
    assert_eq!(
        (&first["granted"], &first["had_already"], &first["roles"], &first["changed"]),
        (&json!(["editor"]), &json!(["staff"]), &json!(["editor", "staff"]), &json!(true))
    );
    assert_eq!(db.cli(&grant).json()["changed"], false);
    assert_eq!(db.cli(&grant[..5]).ok().out, "alice already had editor, staff\n");
    assert_eq!(
        db.cli(&["users", "revoke", "alice", "editor", "ops"]).ok().out,
        "revoked editor from alice; alice did not have ops\n"
    );
    let again = db.cli(&["users", "revoke", "alice", "editor", "--json"]).json();
    assert_eq!((&again["revoked"], &again["had_not"]), (&json!([]), &json!(["editor"])));
    assert_eq!(db.cli(&["users", "show", "alice", "--json"]).json()["roles"], json!(["staff"]));
    for verb in ["grant", "revoke"] {
        db.cli(&["users", verb, "nobody", "staff"]).fails(1, "no such user: nobody");
        db.cli(&["users", verb, "alice", "Staff"]).fails(1, "roles of alice: `Staff` is not a valid role");
        db.cli(&["users", verb, "alice"]).fails(2, "<ROLE>");
    }
}

#[test]
fn revoking_the_last_admin_role_needs_force() {
    let db = TestDatabase::create();
    db.add("root1", &["--role", "admin", "--role", "staff"]);
    db.cli(&["users", "revoke", "root1", "staff", "admin"]).fails(1, "root1 is the last admin");
    let roles = || db.cli(&["users", "show", "root1", "--json"]).json()["roles"].clone();
    assert_eq!(roles(), json!(["admin", "staff"]), "all roles are revoked, or none");
    db.add("root2", &[]);
    db.cli(&["users", "grant", "root2", "admin"]).ok();
    let both: Vec<_> = ["root1", "root2"].map(|name| start(db.command(&["users", "revoke", name, "admin"]))).into();
    let codes: Vec<_> = both.into_iter().map(|child| finish(child).code).collect();
    assert!(
        codes.contains(&Some(0)) && codes.contains(&Some(1)),
        "one of two concurrent revocations is refused: {codes:?}"
    );
    for name in ["root1", "root2"] {
        db.cli(&["users", "revoke", name, "admin", "--force"]).ok();
    }
    assert_eq!(roles(), json!(["staff"]));
}

#[tokio::test]
async fn granted_scopes_are_the_intersection_of_role_client_and_request() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &["--role", "editor"]);
    assert_eq!(request_token(&server, None, "read").await["error"], "invalid_scope", "nothing is allowed at first");
    server.cli(&["roles", "set", "editor", "--scope", "read", "--scope", "write"]).ok();
    let granted = request_token(&server, None, "read delete").await;
    assert_eq!((&granted["scope"], &claims(&granted)["scope"]), (&json!("read"), &json!("read")));
    assert_eq!(request_token(&server, None, "write read").await["scope"], "read write");
    assert_eq!(request_token(&server, None, "").await.get("scope"), None);
    assert_eq!(request_token(&server, None, "delete").await["error"], "invalid_scope");

    let added = server
        .cli(&["clients", "add", "app", "--grant", "password", "--scope", "write", "--scope", "delete", "--json"])
        .json();
    let client = Some((text(&added, "client_id"), text(&added, "client_secret")));
    assert_eq!(
        request_token(&server, client, "read write delete").await["scope"],
        "write",
        "the client narrows the scopes further"
    );
    assert_eq!(request_token(&server, client, "read").await["error"], "invalid_scope");
}

#[tokio::test]
async fn refresh_drops_revoked_roles_and_scopes() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &["--role", "editor", "--role", "staff"]);
    server.cli(&["roles", "set", "editor", "--scope", "read", "--scope", "write"]).ok();
    let first = request_token(&server, None, "read write").await;
    assert_eq!(claims(&first)["roles"], json!(["editor", "staff"]));
    let narrower = refresh(&server, &first, &[("scope", "read")]).await;
    assert_eq!(narrower["scope"], "read");
    server.cli(&["roles", "set", "editor", "--scope", "write"]).ok();
    let second = refresh(&server, &narrower, &[]).await;
    assert_eq!((&second["scope"], &claims(&second)["scope"]), (&json!("write"), &json!("write")), "{second}");
    server.cli(&["users", "revoke", "alice", "editor"]).ok();
    let third = refresh(&server, &second, &[]).await;
    assert_eq!((&third["scope"], &claims(&third)["roles"]), (&json!(null), &json!(["staff"])), "{third}");
    assert_eq!(refresh(&server, &third, &[("scope", "write")]).await["error"], "invalid_scope");
}

#[tokio::test]
async fn users_sign_out_revokes_all_tokens_within_a_second() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &[]);
    server.db.add("bob", &[]);
    let (first, second) = (request_token(&server, None, "").await, request_token(&server, None, "").await);
    let response = server.cli(&["users", "sign-out", "ALICE", "--json"]).json();
    let since = Instant::now();
    assert_eq!((&response["ended_sessions"], &response["changed"]), (&json!(2), &json!(true)));
    for response in [&first, &second] {
        server.assert_refused_within_a_second(text(response, "access_token"), since).await;
        assert_eq!(refresh(&server, response, &[]).await["error"], "invalid_grant");
    }
    assert_eq!(
        server.cli(&["users", "sign-out", "alice"]).ok().out,
        "nothing was changed: alice has no live sessions\n"
    );
    assert_eq!(server.cli(&["users", "show", "alice", "--json"]).json()["live_sessions"], 0);
    server.cli(&["users", "sign-out", "nobody"]).fails(1, "no such user: nobody");
    assert!(request_token(&server, None, "").await["access_token"].is_string(), "the account can still sign in");
}

/// Roles with names of 64 characters.
fn long_roles(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:0>64}")).collect()
}

#[test]
fn roles_beyond_the_size_of_a_cookie_are_refused_by_every_command() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    let roles = long_roles(60);
    let grant = |roles: &[String]| {
        let names: Vec<&str> = roles.iter().map(String::as_str).collect();
        db.cli(&[&["users", "grant", "alice"][..], &names].concat())
    };
    grant(&roles[..30]).ok();
    grant(&roles[30..]).fails(1, "roles of alice: too many or too long: the access token would have ");
    assert_eq!(db.users()[0]["roles"].as_array().map(Vec::len), Some(30), "all or none");
    grant(&roles[..5]).ok();
    let flags: Vec<&str> = roles.iter().flat_map(|role| ["--role", role.as_str()]).collect();
    let add = [&["users", "add", "bob", "--no-password"][..], &flags].concat();
    db.cli(&add).fails(1, "4072 bytes fit into a browser's cookie");
    let mut invite = db.command(&[&["invites", "add"][..], &flags].concat());
    run(invite.env("REGISTRATION", "invite")).fails(1, "4072 bytes");
    let list = roles.iter().map(|role| format!("\"{role}\"")).collect::<Vec<_>>().join(", ");
    for name in ["alice", "carol"] {
        let file = db.write_file("seed.toml", &format!("[[users]]\nusername = \"{name}\"\nroles = [{list}]\n"));
        db.cli(&["seed", &file.display().to_string()]).fails(1, "4072 bytes");
    }
    assert_eq!(db.users().len(), 1);
}
