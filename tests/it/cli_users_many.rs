//! `vestibule users`: lists with filters, changes of fields, names on standard input, invitations by mail.

use serde_json::{Value, json};
use vestibule::authentication::SignIn;

use crate::harness::cli::{ServerWithCli, run};
use crate::harness::mail::MailServer;
use crate::harness::visitor::Visitor;
use crate::harness::{OTHER_PASSWORD, PASSWORD, SERVER_KEY, TestDatabase};

/// The usernames that `users list` prints with these arguments.
fn names(db: &TestDatabase, args: &[&str]) -> Vec<String> {
    let found = db.cli(&[&["users", "list", "--json"], args].concat()).json();
    let users = found.as_array().expect("an array").iter();
    users.map(|user| user["username"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn list_searches_filters_sorts_and_pages() {
    let db = TestDatabase::create();
    db.add("carol", &["--display-name", "김철수", "--role", "editor"]);
    db.add("alice", &["--email", "Alice.Smith@Example.com", "--role", "admin"]);
    db.cli(&["users", "add", "bob_1", "--no-password", "--display-name", "Bob SMITH"]).ok();
    db.add("dave", &[]);
    db.add("gone", &[]);
    db.cli(&["users", "disable", "dave"]).ok();
    db.cli(&["users", "delete", "gone", "--yes"]).ok();
    assert!(db.can_sign_in("alice", PASSWORD));
    for (args, expected) in [
        (&[] as &[&str], &["carol", "alice", "bob_1", "dave"] as &[&str]),
        (&["--search", "smith"], &["alice", "bob_1"]),
        (&["--search", "ALICE.SMITH@"], &["alice"]),
        (&["--search", "철수"], &["carol"]),
        (&["--search", "2"], &["alice"]),
        // An underscore and a percent sign are no wildcards.
        (&["--search", "_"], &["bob_1"]),
        (&["--search", "%"], &[]),
        (&["--role", "editor"], &["carol"]),
        (&["--role", "nothing"], &[]),
        (&["--state", "disabled"], &["dave"]),
        (&["--state", "active", "--search", "a"], &["carol", "alice"]),
        (&["--state", "deleted"], &["gone"]),
        (&["--never-signed-in"], &["carol", "bob_1", "dave"]),
        (&["--signed-in-since", "1h"], &["alice"]),
        (&["--without-password"], &["bob_1"]),
        (&["--sort", "username"], &["alice", "bob_1", "carol", "dave"]),
        (&["--sort", "username", "--reverse", "--limit", "2"], &["dave", "carol"]),
        (&["--sort", "last-sign-in", "--reverse", "--limit", "1"], &["alice"]),
        (&["--offset", "1", "--limit", "2"], &["alice", "bob_1"]),
    ] {
        assert_eq!(names(&db, args), expected, "{args:?}");
    }
    assert_eq!(db.cli(&["users", "list", "--quiet", "--search", "smith"]).ok().out, "alice\nbob_1\n");
    let table = db.cli(&["users", "list", "--search", "nothing-like-it"]).ok().out;
    assert!(table.starts_with("ID ") && table.lines().count() == 1, "{table}");
    db.cli(&["users", "list", "--never-signed-in", "--signed-in-since", "1h"]).fails(2, "cannot be used with");
}

#[test]
fn locked_accounts_are_listed_and_shown_until_they_are_unlocked() {
    let db = TestDatabase::create();
    db.add("alice", &["--email", "alice@example.com"]);
    db.add("bob", &[]);
    for _ in 0..3 {
        db.sign_in("bob", OTHER_PASSWORD);
    }
    while !matches!(db.sign_in("alice", OTHER_PASSWORD), SignIn::Throttled(_)) {}
    assert_eq!(names(&db, &["--locked"]), ["alice"]);
    assert_eq!(names(&db, &["--locked", "--offset", "1"]), [""; 0]);
    let shown = db.cli(&["users", "show", "alice", "--json"]).json();
    assert_eq!(shown["failed_sign_ins"], 10, "each is counted once: {shown}");
    assert!(shown["blocked_until"].is_string(), "{shown}");
    let kinds: Vec<&Value> =
        shown["recent_events"].as_array().expect("events").iter().map(|event| &event["kind"]).collect();
    assert!(kinds.contains(&&json!("sign_ins_blocked")) && kinds.contains(&&json!("sign_in_failed")), "{shown}");
    let text = db.cli(&["users", "show", "alice"]).ok().out;
    assert!(text.contains("sign-ins are rejected until") && text.contains("wrong_password"), "{text}");
    let bob = db.cli(&["users", "show", "bob", "--json"]).json();
    assert_eq!((&bob["failed_sign_ins"], &bob["blocked_until"]), (&json!(3), &Value::Null));
    db.cli(&["users", "unlock", "alice"]).ok();
    assert_eq!(names(&db, &["--locked"]), [""; 0]);
    run(db.command(&["users", "list", "--locked"]).env_remove("SERVER_KEY")).fails(2, "set SERVER_KEY");
}

#[test]
fn locked_accounts_are_counted_over_all_batches() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    let others: Vec<String> = (0..500).map(|at| format!("user{at}")).collect();
    db.write_file("others.csv", &format!("username\n{}\n", others.join("\n")));
    db.cli(&["import", "others.csv"]).ok();
    for name in ["bob", "carol"] {
        db.add(name, &[]);
    }
    for name in ["alice", "bob", "carol"] {
        while !matches!(db.sign_in(name, OTHER_PASSWORD), SignIn::Throttled(_)) {}
    }
    assert_eq!(names(&db, &["--locked"]), ["alice", "bob", "carol"]);
    assert_eq!(names(&db, &["--locked", "--offset", "2"]), ["carol"]);
    assert_eq!(names(&db, &["--locked", "--offset", "1", "--limit", "1"]), ["bob"]);
}

#[test]
fn set_changes_fields_and_a_second_run_changes_nothing() {
    let db = TestDatabase::create();
    db.add("alice", &["--email", "old@example.com"]);
    let args = ["users", "set", "alice", "--display-name", "Alice", "--email", "new@example.com", "--language", "ko"];
    let changed = db.cli(&[&args as &[&str], &["--json"]].concat()).json();
    assert_eq!(changed["changed_fields"], json!(["display_name", "language", "email"]));
    assert_eq!((&changed["email"], &changed["language"]), (&json!("new@example.com"), &json!("ko")));
    assert_eq!(db.cli(&args).ok().out, "nothing to change for alice\n");
    let cleared =
        db.cli(&["users", "set", "alice", "--no-display-name", "--no-email", "--no-language", "--json"]).json();
    assert_eq!(
        (&cleared["display_name"], &cleared["email"], &cleared["language"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    db.cli(&["users", "set", "alice", "--email", "nothing"]).fails(1, "not a valid email address");
    db.cli(&["users", "set", "alice", "--language", "tlh"]).fails(1, "use en or ko");
    db.cli(&["users", "set", "stranger", "--language", "ko"]).fails(1, "no such user: stranger");
    db.cli(&["users", "set", "alice"]).fails(2, "--display-name");
}

#[test]
fn names_on_standard_input_are_all_tried_and_the_failed_ones_are_reported() {
    let db = TestDatabase::create();
    for name in ["alice", "bob", "carol"] {
        db.add(name, &[]);
    }
    let disabled = db.cli_with_input(&["users", "disable", "-"], "alice\n\n  stranger \nbob\r\n");
    assert_eq!(disabled.code, Some(1), "{disabled:?}");
    assert_eq!(disabled.out, "disabled alice; 0 sessions ended\ndisabled bob; 0 sessions ended\n");
    assert!(
        disabled.err.contains("no such user: stranger") && disabled.err.contains("1 of 3 names failed"),
        "{disabled:?}"
    );
    assert_eq!(names(&db, &["--state", "disabled"]), ["alice", "bob"]);
    let enabled = db.cli_with_input(&["users", "enable", "-", "--json"], "alice\nbob\ncarol").ok().out;
    let changed: Vec<Value> =
        enabled.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["changed"].clone()).collect();
    assert_eq!(changed, [json!(true), json!(true), json!(false)]);
    assert_eq!(db.cli_with_input(&["users", "grant", "-", "editor", "--quiet"], "alice\nbob\n").ok().out, "");
    assert_eq!(names(&db, &["--role", "editor"]), ["alice", "bob"]);
    db.cli_with_input(&["users", "delete", "-"], "alice\n").fails(2, "add --yes");
    db.cli_with_input(&["users", "delete", "-", "--yes"], "alice\nbob\n").ok();
    assert_eq!(names(&db, &[]), ["carol"]);
    db.cli_with_input(&["users", "enable", "-"], "\n").fails(1, "no names on standard input");
    db.cli_with_input(&["users", "enable", "-"], &"x".repeat(5_000)).fails(1, "too long");
}

#[test]
fn delete_asks_and_a_deleted_user_can_be_told_from_an_unknown_one() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    let refused = db.cli(&["users", "delete", "alice"]).fails(1, "add --yes");
    assert!(refused.err.contains("Delete the user alice (id 1)?"), "{refused:?}");
    assert_eq!(names(&db, &[]), ["alice"]);
    db.cli(&["users", "delete", "alice", "--yes"]).ok();
    db.cli(&["users", "show", "alice"]).fails(1, "alice was deleted on 2");
    db.cli(&["users", "show", "alicia"]).fails(1, "no such user: alicia. Run");
    db.cli(&["users", "add", "alice", "--no-password"]).fails(1, "belonged to a user who was deleted on 2");
}

#[test]
fn unknown_role_is_a_warning_that_names_the_similar_one() {
    let db = TestDatabase::create();
    db.cli(&["roles", "set", "editor", "--scope", "write"]).ok();
    let added = db.cli(&["users", "add", "alice", "--no-password", "--role", "edtor"]).ok();
    assert!(added.err.contains("the role edtor is new") && added.err.contains("did you mean editor?"), "{added:?}");
    let granted = db.cli(&["users", "grant", "alice", "editor"]).ok();
    assert_eq!(granted.err, "");
    let invited = db.cli(&["invites", "add", "--role", "reviewer", "--registration", "invite"]).ok();
    assert!(invited.err.contains("the role reviewer is new"), "{invited:?}");
    db.cli(&["roles", "delete", "edtor"]).fails(1, "add --yes");
    assert_eq!(db.cli(&["roles", "delete", "edtor", "--yes"]).ok().out, "deleted the role edtor; 1 user had it\n");
    db.cli(&["roles", "delete", "edtor", "--yes"]).fails(1, "no such role: edtor");
    db.cli(&["roles", "delete", "admin", "--yes"]).fails(1, "cannot be deleted");
    db.cli(&["roles", "delete", "reviewer", "--yes"]).fails(1, "no such role");
    db.cli(&["users", "grant", "alice", "reviewer"]).ok();
    let deleted = db.cli(&["roles", "delete", "reviewer", "--yes", "--json"]).json();
    assert_eq!((&deleted["users"], &deleted["open_invitations"]), (&json!(1), &json!(1)));
    assert_eq!(db.cli(&["users", "show", "alice", "--json"]).json()["roles"], json!(["editor"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_user_chooses_a_password_by_the_mailed_link_and_the_address_is_confirmed() {
    let mail = MailServer::start();
    let url = mail.url();
    let settings = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "login@example.com")];
    let server = ServerWithCli::start(&settings);
    let add = ["users", "add", "dave", "--email", "dave@example.com", "--send-invite"];
    let added = server.cli(&add).ok();
    assert!(added.out.contains("added dave (id 1); queued an email to dave@example.com"), "{added:?}");
    let received = mail.wait_for_one("dave@example.com", "Your account at Vestibule").await;
    let link = received.link();
    let visitor = Visitor::at_url(&server.server.url, &[]);
    visitor.get(&link).await;
    let form = visitor.get("/password/reset").await;
    let done = visitor.submit(&form, "/password/reset", &[("password", PASSWORD)]).await;
    assert_eq!(done.location(), "/login?notice=password-reset", "{}", done.html);
    let fields = [("username", "dave@example.com"), ("password", PASSWORD)];
    assert_eq!(server.post("/token", None, &fields).await.status, 200);
    let shown = server.cli(&["users", "show", "dave", "--json"]).json();
    assert!(shown["email_verified_at"].is_string(), "{shown}");
    // The second run works too, and replaces the link.
    server.cli(&["users", "send-invite", "dave"]).ok();
    server.cli(&["users", "add", "erin", "--no-password"]).ok();
    server.cli_with_input(&["users", "send-invite", "-"], "dave\nerin\n").fails(1, "erin has no email address");
    server.db.cli(&["users", "send-invite", "dave"]).fails(1, "needs a mail server");
    server
        .db
        .cli(&["users", "add", "frank", "--email", "f@example.com", "--send-invite"])
        .fails(1, "needs a mail server");
    assert!(!names(&server.db, &[]).contains(&"frank".to_owned()), "not created");
    assert!(!SERVER_KEY.is_empty());
}

#[test]
fn database_out_of_reach_is_exit_code_3() {
    let db = TestDatabase::create();
    let unreachable = "postgres://vestibule@127.0.0.1:1/nothing";
    for args in [
        &["users", "list"] as &[&str],
        &["users", "show", "alice"],
        &["audit"],
        &["keys", "list"],
        &["migrate", "status"],
    ] {
        let output = run(db.command(args).env("DATABASE_URL", unreachable));
        assert_eq!(output.code, Some(3), "{args:?}: {output:?}");
        assert!(output.err.starts_with("error: "), "{output:?}");
    }
}
