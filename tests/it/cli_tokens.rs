//! `vestibule token issue` through the real binary.

use std::time::Instant;

use serde_json::json;

use crate::harness::TestDatabase;
use crate::harness::cli::{ServerWithCli, run};
use crate::harness::hs256::{JWT_SECRET, claims};

#[tokio::test]
async fn issued_script_token_is_valid_until_the_users_sessions_end() {
    for settings in [&[][..], &[("JWT_SECRET", JWT_SECRET), ("ISSUER", "https://x.example"), ("AUDIENCE", "api")]] {
        let server = ServerWithCli::start(settings);
        server.db.add("alice", &["--role", "editor"]);
        server.cli(&["roles", "set", "editor", "--scope", "read", "--scope", "write"]).ok();
        let issued = server.cli(&["token", "issue", "--user", "ALICE", "--scope", "read"]).ok();
        let token = issued.out.trim_end();
        assert_eq!((token.split('.').count(), issued.out.lines().count()), (3, 1), "{issued:?}");
        assert!(issued.err.contains("issued a token for alice, valid until "), "{issued:?}");
        let payload = claims(token);
        assert_eq!(
            (&payload["sub"], &payload["scope"], &payload["roles"]),
            (&json!("alice"), &json!("read"), &json!(["editor"]))
        );
        assert_eq!(payload["exp"].as_i64().expect("a number") - payload["iat"].as_i64().expect("a number"), 3_600);
        assert_eq!(server.me(token).await, 200);
        server.cli_with_input(&["token", "verify"], token).ok();

        let long = server.cli(&["token", "issue", "--user", "alice", "--ttl", "90d", "--json"]).json();
        let other = long["access_token"].as_str().expect("a token");
        assert_eq!(server.me(other).await, 200);
        assert!(long["expires_at"].as_str().expect("text").ends_with('Z') && long["sid"].is_string(), "{long}");
        assert_eq!(server.cli(&["users", "show", "alice", "--json"]).json()["live_sessions"], 2);
        let ended = server.cli(&["users", "sign-out", "alice", "--json"]).json();
        let since = Instant::now();
        assert_eq!(ended["ended_sessions"], 2);
        for token in [token, other] {
            server.assert_refused_within_a_second(token, since).await;
        }
    }
}

#[test]
fn script_token_is_refused_where_a_sign_in_would_be() {
    let db = TestDatabase::create();
    db.add("alice", &["--role", "editor"]);
    let issue = |more: &[&str]| db.cli(&[&["token", "issue", "--user", "alice"], more].concat());
    issue(&["--scope", "read"]).fails(1, "no role of alice allows read: run \"vestibule roles list\"");
    db.cli(&["roles", "set", "editor", "--scope", "read"]).ok();
    issue(&["--scope", "read", "--scope", "write"]).fails(1, "no role of alice allows write");
    issue(&["--scope", "two words"]).fails(1, "`two words` is not a valid scope");
    for ttl in ["59s", "91d", "1", "-1h", ""] {
        issue(&[&format!("--ttl={ttl}")]).fails(2, "from 1 minute to 90 days");
    }
    db.cli(&["token", "issue", "--user", "nobody"]).fails(1, "no such user: nobody");
    db.cli(&["token", "issue"]).fails(2, "--user");
    db.cli(&["users", "disable", "alice"]).ok();
    issue(&[]).fails(1, "run \"vestibule users enable alice\" first");
    db.cli(&["users", "enable", "alice"]).ok();
    let without_key = run(db.command(&["token", "issue", "--user", "alice"]).env_remove("SERVER_KEY"));
    assert_eq!(without_key.code, Some(2), "{without_key:?}");
    assert_eq!(
        db.cli(&["users", "show", "alice", "--json"]).json()["live_sessions"],
        0,
        "a refused command creates no session"
    );
    issue(&[]).ok();
}
