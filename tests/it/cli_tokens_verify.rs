//! `vestibule token verify`, and the same tokens at a server.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use serde_json::{Value, json};
use vestibule::clock::Clock;

use crate::harness::PASSWORD;
use crate::harness::cli::ServerWithCli;
use crate::harness::hs256::{self, JWT_SECRET, claims, part};

pub const SHARED: [(&str, &str); 1] = [("JWT_SECRET", JWT_SECRET)];

pub async fn token(server: &ServerWithCli, username: &str, scope: &str) -> String {
    let fields = [("grant_type", "password"), ("username", username), ("password", PASSWORD), ("scope", scope)];
    let response = server.post("/token", None, &fields).await.json();
    response["access_token"].as_str().unwrap_or_else(|| panic!("{response}")).to_owned()
}

/// The findings on a token, which must be valid or not as expected.
#[track_caller]
pub fn verify(server: &ServerWithCli, token: &str, is_expected: bool) -> Vec<Value> {
    let response = server.cli_with_input(&["token", "verify", "--json"], token);
    assert_eq!(response.code, Some(i32::from(!is_expected)), "{response:?}");
    let findings: Vec<Value> =
        serde_json::from_str(&response.out).unwrap_or_else(|error| panic!("{error}: {response:?}"));
    assert_eq!(findings.iter().all(|finding| finding["ok"] == true), is_expected, "{findings:?}");
    findings
}

/// Asserts that this finding contains these words, and that it is the only error if there is one.
#[track_caller]
pub fn assert_says(findings: &[Value], check: &str, words: &str) {
    let finding = findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{findings:?}"));
    assert!(finding["text"].as_str().is_some_and(|text| text.contains(words)), "{words:?} is not in {finding}");
    let problems: Vec<&Value> = findings.iter().filter(|finding| finding["ok"] == false).collect();
    assert!(problems.is_empty() || problems == [finding], "{problems:?}");
}

/// Asserts that the command refuses the token for this one reason, and that the server refuses it.
pub async fn assert_refused(server: &ServerWithCli, token: &str, check: &str, words: &str) {
    assert_says(&verify(server, token, false), check, words);
    assert_eq!(server.me(token).await, 401, "{check}: {words}");
}

pub fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

pub fn sign(claims: &Value) -> String {
    hs256::sign(&hs256::header(), &claims.to_string())
}

fn run_sql(server: &ServerWithCli, sql: &str) {
    match server.db.url.strip_prefix("sqlite://") {
        Some(file) => {
            let mut connection = SqliteConnection::establish(file).expect("the file opens");
            connection.batch_execute(&format!("PRAGMA busy_timeout = 10000; {sql}")).expect("it runs");
        }
        None => {
            PgConnection::establish(&server.db.url)
                .expect("the database responds")
                .batch_execute(sql)
                .expect("it runs");
        }
    }
}

#[tokio::test]
async fn token_verify_reports_valid_and_malformed_tokens() {
    for settings in [&[][..], &SHARED, &[("AUDIENCE", "api"), ("ISSUER", "https://login.example.com")]] {
        let server = ServerWithCli::start(settings);
        server.db.add("alice", &[]);
        let token = token(&server, "alice", "").await;
        let findings = verify(&server, &token, true);
        let checks: Vec<&str> = findings.iter().filter_map(|finding| finding["check"].as_str()).collect();
        let all = [
            "format",
            "header",
            "key",
            "signature",
            "time",
            "issuer",
            "audience",
            "session",
            "subject",
            "roles",
            "scope",
        ];
        assert_eq!(checks, all);
        assert_says(&findings, "time", "expires in ");
        let text = server.cli_with_input(&["token", "verify"], &token).ok().out;
        assert!(text.ends_with("\nvalid\n") && text.lines().count() == all.len() + 1, "{text}");
        server.db.write_file("token", &token);
        server.cli(&["token", "verify", "--file", "token"]).ok();
        server.cli(&["token", "verify", &token]).fails(2, "unexpected argument");
        assert_refused(&server, "garbage", "format", "three parts separated by dots").await;
        let at = token.rfind('.').expect("a signature") + 1;
        assert_refused(&server, &token[..at + 21], "format", "the signature is not base64url").await;
        let cut = &token[..at + 20];
        assert_refused(&server, cut, "signature", "does not match").await;
        let text = server.cli_with_input(&["token", "verify"], cut);
        assert!(text.code == Some(1) && text.out.ends_with("\nnot valid\n"), "{text:?}");
    }
}

#[tokio::test]
async fn token_verify_names_an_unknown_or_retired_key() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &[]);
    let token = token(&server, "alice", "").await;
    let kid = part(&token, 0)["kid"].as_str().expect("a kid").to_owned();
    let [_, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let other = json!({"typ": "at+jwt", "alg": "ES256", "kid": "x".repeat(43)});
    let unknown = format!("{}.{payload}.{signature}", vestibule::secret::base64url(other.to_string().as_bytes()));
    assert_refused(&server, &unknown, "key", "not found").await;
    let shared = hs256::sign(&json!({"typ": "at+jwt", "alg": "HS256", "kid": kid}), &claims(&token).to_string());
    assert_refused(&server, &shared, "key", "JWT_SECRET is not set").await;
    let three_hours_ago = Clock::system().now() - chrono::TimeDelta::hours(3);
    let at = three_hours_ago.format("%Y-%m-%d %H:%M:%S");
    run_sql(&server, &format!("UPDATE signing_keys SET retired_at = '{at}' WHERE kid = '{kid}'"));
    assert_says(&verify(&server, &token, false), "key", &format!("key {kid} was retired 3 h ago"));
}

#[tokio::test]
async fn token_verify_reports_ended_sessions_missing_users_and_changed_roles() {
    for settings in [&[][..], &SHARED] {
        let server = ServerWithCli::start(settings);
        server.db.add("alice", &["--role", "editor"]);
        server.cli(&["roles", "set", "editor", "--scope", "read", "--scope", "write"]).ok();
        let first = token(&server, "alice", "read write").await;
        server.cli(&["roles", "set", "editor", "--scope", "read"]).ok();
        let findings = verify(&server, &first, true);
        assert_says(&findings, "scope", "changed since the token was issued: from read write to read.");
        server.cli(&["users", "grant", "alice", "staff"]).ok();
        let findings = verify(&server, &first, true);
        assert_says(&findings, "roles", "changed since the token was issued: from editor to editor, staff.");
        assert_eq!(server.me(&first).await, 200);

        server.cli(&["users", "sign-out", "alice"]).ok();
        assert_says(&verify(&server, &first, false), "session", "s ago: an admin signed the user out. Sign in again");
        let second = token(&server, "alice", "").await;
        server.cli(&["users", "disable", "alice"]).ok();
        let findings = verify(&server, &second, false);
        let problems: Vec<&str> = findings
            .iter()
            .filter(|finding| finding["ok"] == false)
            .filter_map(|finding| finding["text"].as_str())
            .collect();
        assert!(problems.len() == 2 && problems[0].contains("the account was disabled"), "{problems:?}");
        assert!(problems[1].contains("vestibule users enable alice"), "{problems:?}");
        server.cli(&["users", "delete", "alice", "--yes"]).ok();
        let findings = verify(&server, &second, false);
        assert!(
            findings.iter().any(|finding| finding["text"].as_str().is_some_and(|text| text.contains("was deleted")))
        );
        run_sql(&server, "DELETE FROM refresh_tokens; DELETE FROM sessions");
        let findings = verify(&server, &second, false);
        assert!(findings.iter().any(|finding| finding["check"] == "session" && finding["ok"] == false), "{findings:?}");
    }
}

#[tokio::test]
async fn token_verify_checks_a_clients_own_token_by_the_client() {
    let server = ServerWithCli::start(&[]);
    let added =
        server.cli(&["clients", "add", "billing", "--grant", "client_credentials", "--scope", "x", "--json"]).json();
    let client = (added["client_id"].as_str().expect("an ID"), added["client_secret"].as_str().expect("a secret"));
    let fields = [("grant_type", "client_credentials"), ("scope", "x")];
    let response = server.post("/token", Some(client), &fields).await.json();
    let token = response["access_token"].as_str().expect("a token");
    assert_says(&verify(&server, token, true), "subject", "client billing");
    server.cli(&["clients", "delete", "billing", "--yes"]).ok();
    let findings = verify(&server, token, false);
    let problems: Vec<&str> = findings
        .iter()
        .filter(|finding| finding["ok"] == false)
        .filter_map(|finding| finding["text"].as_str())
        .collect();
    assert!(problems.len() == 2 && problems[0].contains("the client was deleted"), "{problems:?}");
}

#[tokio::test]
async fn token_verify_names_the_wrong_issuer_audience_secret_or_type() {
    let server = ServerWithCli::start(&SHARED);
    server.db.add("alice", &[]);
    let genuine = claims(&token(&server, "alice", "").await);
    let issuer = sign(&with(&genuine, "iss", "https://evil.example"));
    assert_refused(&server, &issuer, "issuer", "issued by https://evil.example, but http://localhost:8080 is expected")
        .await;
    let audience = sign(&with(&genuine, "aud", "somebody"));
    assert_refused(&server, &audience, "audience", "the audience is somebody, but none is expected").await;
    let secret =
        hs256::sign_with(b"another secret that is longer than thirty-two", &hs256::header(), &genuine.to_string());
    assert_refused(&server, &secret, "signature", "a different JWT_SECRET").await;
    let header = json!({"typ": "secevent+jwt", "alg": "HS256"});
    assert_refused(&server, &hs256::sign(&header, &genuine.to_string()), "header", "typ is secevent+jwt").await;
    let header = json!({"typ": "JWT", "alg": "HS256", "crit": ["exp"], "jku": "https://evil.example"});
    assert_refused(&server, &hs256::sign(&header, &genuine.to_string()), "header", "contains crit, jku").await;
    let header = json!({"typ": "JWT", "alg": "none"});
    assert_refused(&server, &hs256::sign(&header, &genuine.to_string()), "key", "the token is not signed").await;
    let header = json!({"typ": "JWT", "alg": "HS256", "kid": "x\0y"});
    assert_refused(&server, &hs256::sign(&header, &genuine.to_string()), "key", "only HS256 is accepted").await;
    assert_refused(
        &server,
        &sign(&with(&genuine, "exp", "soon")),
        "claims",
        "a claim is missing or has the wrong type",
    )
    .await;
    let invented = sign(&with(&genuine, "sid", "a\0b"));
    assert_refused(&server, &invented, "session", "session a\\u{0}b not found").await;
    let longer = sign(&with(&genuine, "exp", genuine["exp"].as_i64().expect("a number") + 600));
    assert_refused(&server, &longer, "session", "expires later than its session allows").await;
    let scoped = sign(&with(&genuine, "scope", "admin"));
    assert_refused(&server, &scoped, "scope", "never granted").await;
    let renamed = sign(&with(&genuine, "sub", "bob"));
    assert_refused(&server, &renamed, "subject", "user ID 1 is alice, not bob").await;
}
