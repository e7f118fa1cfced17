//! `vestibule clients` through the real binary, with a running server.

use std::time::Instant;

use serde_json::{Value, json};
use vestibule::authentication::{AttemptOrigin, PasswordAttempt, SignIn, SignInPurpose};
use vestibule::clients;
use vestibule::scope::Scopes;
use vestibule::users::LookupName;
use vestibule::users::password::Password;

use crate::harness::cli::ServerWithCli;
use crate::harness::{PASSWORD, TestApp, TestDatabase};

const ALL_GRANTS: [&str; 6] = ["--grant", "password", "--grant", "refresh_token", "--grant", "client_credentials"];
const PASSWORD_FIELDS: [(&str, &str); 3] = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// The ID and secret of a client with every grant.
fn add(server: &ServerWithCli, name: &str, more: &[&str]) -> (String, String) {
    let added = server.cli(&[&["clients", "add", name, "--json"], &ALL_GRANTS[..], more].concat()).json();
    (text(&added, "client_id").to_owned(), text(&added, "client_secret").to_owned())
}

/// Whether introspection by another client says that the token is active.
async fn is_active(server: &ServerWithCli, checker: (&str, &str), token: &str) -> bool {
    let response = server.post("/token/introspect", Some(checker), &[("token", token)]).await;
    response.json()["active"].as_bool().expect("a boolean")
}

#[tokio::test]
async fn client_authenticates_by_basic_and_in_the_body() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &[]);
    let (id, secret) = add(&server, "billing", &["--scope", "read"]);
    let own = [("grant_type", "client_credentials"), ("scope", "read")];
    let basic = server.post("/token", Some((&id, &secret)), &own).await;
    assert_eq!((basic.status, &basic.json()["scope"]), (200, &json!("read")), "{basic:?}");
    let in_body = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
    let posted = server.post("/token", None, &[&own[..], &in_body].concat()).await;
    assert_eq!(posted.status, 200, "{posted:?}");
    // As Postman, requests-oauthlib and Spring send it: the ID alone in the body is no second authentication.
    let with_id = server.post("/token", Some((&id, &secret)), &[&own[..], &in_body[..1]].concat()).await;
    assert_eq!(with_id.status, 200, "{with_id:?}");
    let revoked = server.post("/token/revoke", Some((&id, &secret)), &[("token", "x"), in_body[0]]).await;
    assert_eq!((revoked.status, revoked.json()), (200, json!({})), "{revoked:?}");
    for (client, fields) in [
        (Some((id.as_str(), secret.as_str())), PASSWORD_FIELDS.to_vec()),
        (None, [&PASSWORD_FIELDS[..], &in_body].concat()),
    ] {
        let response = server.post("/token", client, &fields).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(server.me(text(&response.json(), "access_token")).await, 200);
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&response.json(), "refresh_token"))]
            .map(|(name, value)| (name, value.to_owned()));
        let refresh = [(refresh[0].0, refresh[0].1.as_str()), (refresh[1].0, refresh[1].1.as_str())];
        assert_eq!(server.post("/token", Some((&id, &secret)), &refresh).await.status, 200);
    }
    let shown = server.cli(&["clients", "show", "billing", "--json"]).json();
    assert_eq!(shown["live_sessions"], 5);
}

#[test]
fn client_secret_is_printed_once_and_client_names_are_unique() {
    let db = TestDatabase::create();
    let args = [&["clients", "add", "billing"][..], &ALL_GRANTS, &["--scope", "write", "--scope", "read"]].concat();
    let added = db.cli(&args).ok();
    let lines: Vec<&str> = added.out.lines().collect();
    assert_eq!(lines.len(), 2, "{added:?}");
    assert!(lines[0].starts_with("client_") && lines[1].len() == 43, "{added:?}");
    assert!(!added.err.contains(lines[1]) && added.err.contains("shown only once"), "{added:?}");
    let again = db.cli(&args).fails(1, "a client named billing already exists");
    assert!(again.err.contains("vestibule clients set") && again.err.contains("rotate-secret"), "{again:?}");

    let listed = db.cli(&["clients", "list", "--json"]).json();
    let first = &listed.as_array().expect("an array")[0];
    assert_eq!((listed.as_array().expect("an array").len(), text(first, "client_id")), (1, lines[0]));
    assert_eq!(first["grants"], json!(["password", "refresh_token", "client_credentials"]));
    assert_eq!(first["scopes"], json!(["read", "write"]));
    for which in ["billing", lines[0]] {
        let shown = db.cli(&["clients", "show", which]).ok();
        assert!(shown.out.contains(lines[0]) && !shown.out.contains(lines[1]), "{shown:?}");
    }
    let table = db.cli(&["clients", "list"]).ok().out;
    assert!(table.lines().count() == 2 && !table.contains(lines[1]), "{table}");
    assert!(!listed.to_string().contains(lines[1]));
    db.cli(&["clients", "show", "nothing"]).fails(1, "no such client: nothing");
}

#[tokio::test]
async fn rotated_client_secret_replaces_the_old_one_at_once() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &[]);
    let (id, old) = add(&server, "billing", &[]);
    let signed_in = server.post("/token", Some((&id, &old)), &PASSWORD_FIELDS).await.json();
    let rotated = server.cli(&["clients", "rotate-secret", "billing"]).ok();
    let new = rotated.out.trim_end();
    assert!(new.len() == 43 && new != old && rotated.err.contains("its tokens stay valid"), "{rotated:?}");
    let own = [("grant_type", "client_credentials")];
    assert_eq!(server.post("/token", Some((&id, &old)), &own).await.status, 401);
    assert_eq!(server.post("/token", Some((&id, new)), &own).await.status, 200);
    assert_eq!(server.me(text(&signed_in, "access_token")).await, 200);

    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&signed_in, "refresh_token"))];
    let refreshed = server.post("/token", Some((&id, new)), &refresh).await.json();
    let again = server.cli(&["clients", "rotate-secret", &id, "--end-tokens", "--json"]).json();
    let since = Instant::now();
    assert_eq!(again["ended_sessions"], 2, "{again}");
    let newest = text(&again, "client_secret");
    server.assert_refused_within_a_second(text(&signed_in, "access_token"), since).await;
    assert_eq!(server.me(text(&refreshed, "access_token")).await, 401);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&refreshed, "refresh_token"))];
    let refused = server.post("/token", Some((&id, newest)), &refresh).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_grant")));
    let none_left = server.cli(&["clients", "rotate-secret", &id, "--end-tokens", "--json"]).json();
    assert_eq!(none_left["ended_sessions"], 0, "{none_left}");
    server.cli(&["clients", "rotate-secret", "nothing"]).fails(1, "no such client: nothing");
}

#[tokio::test]
async fn deleted_client_and_its_users_tokens_are_refused_within_a_second() {
    let server = ServerWithCli::start(&[]);
    server.db.add("alice", &[]);
    let (id, secret) = add(&server, "billing", &[]);
    let (checker_id, checker_secret) = add(&server, "checker", &[]);
    let checker = (checker_id.as_str(), checker_secret.as_str());
    let signed_in = server.post("/token", Some((&id, &secret)), &PASSWORD_FIELDS).await.json();
    let other = server.post("/token", Some(checker), &PASSWORD_FIELDS).await.json();
    let own = server.post("/token", Some((&id, &secret)), &[("grant_type", "client_credentials")]).await.json();
    assert!(is_active(&server, checker, text(&own, "access_token")).await);

    server.cli(&["clients", "delete", "billing"]).fails(1, "add --yes to skip the prompt");
    assert_eq!(server.me(text(&signed_in, "access_token")).await, 200);
    let deleted = server.cli(&["clients", "delete", "billing", "--yes", "--json"]).json();
    let since = Instant::now();
    assert_eq!(deleted["ended_sessions"], 2, "{deleted}");
    server.assert_refused_within_a_second(text(&signed_in, "access_token"), since).await;
    assert!(!is_active(&server, checker, text(&own, "access_token")).await);
    assert_eq!(server.me(text(&other, "access_token")).await, 200, "another client's tokens are still valid");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&signed_in, "refresh_token"))];
    assert_eq!(server.post("/token", Some((&id, &secret)), &refresh).await.status, 401);
    assert_eq!(server.post("/token", None, &refresh).await.status, 400);
    server.cli(&["clients", "delete", "billing", "--yes"]).fails(1, "no such client: billing");
    let (new_id, _) = add(&server, "billing", &[]);
    assert_ne!(new_id, id, "the name can be used again, the ID cannot");
}

#[tokio::test]
async fn clients_set_replaces_grants_and_scopes() {
    let server = ServerWithCli::start(&[]);
    let (id, secret) = add(&server, "billing", &["--scope", "read", "--scope", "write"]);
    let own = [("grant_type", "client_credentials"), ("scope", "read write")];
    assert_eq!(server.post("/token", Some((&id, &secret)), &own).await.json()["scope"], "read write");
    let set = ["clients", "set", "billing", "--scope", "read", "--json"];
    assert_eq!(server.cli(&set).json()["changed"], true);
    assert_eq!(server.cli(&set).json()["changed"], false);
    assert_eq!(server.post("/token", Some((&id, &secret)), &own).await.json()["scope"], "read");
    let shown = server.cli(&["clients", "set", &id, "--no-scopes", "--json"]).json();
    assert_eq!((&shown["scopes"], shown["grants"].as_array().expect("an array").len()), (&json!([]), 3));
    let refused = server.post("/token", Some((&id, &secret)), &own).await.json();
    assert_eq!(refused["error"], "invalid_scope");
    server.cli(&["clients", "set", "billing", "--grant", "password"]).ok();
    let refused = server.post("/token", Some((&id, &secret)), &[("grant_type", "client_credentials")]).await.json();
    assert_eq!(refused["error"], "unauthorized_client");
    server.cli(&["clients", "set", "billing"]).fails(2, "--grant");
    server.cli(&["clients", "set", "nothing", "--no-scopes"]).fails(1, "no such client: nothing");
}

/// The client is read before the password is hashed. Between the two, it is deleted or gets another secret.
#[tokio::test]
async fn client_deleted_during_a_sign_in_gets_no_session() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let secret = vestibule::secret::PlainSecret::generate();
    let grants = clients::GrantType::ALL.to_vec();
    let client = clients::Client::new("x".to_owned(), &secret, grants, Scopes::default(), app.clock.now());
    let attempt = PasswordAttempt {
        username: LookupName::parse("alice").expect("a name"),
        password: Password::parse(PASSWORD).expect("a password"),
        origin: AttemptOrigin { client_ip: [192, 0, 2, 1].into(), user_agent: None, device: None, language: None },
    };
    let purpose = SignInPurpose::PasswordGrant { client: Some(client.clone()), scope: Scopes::default() };
    let stored = client.clone();
    app.write(move |conn| clients::create(conn, &stored)).await;
    assert!(matches!(
        app.services.auth.sign_in(attempt.clone(), purpose.clone()).await.expect("the database responds"),
        SignIn::Done(_)
    ));
    let id = client.id.clone();
    let other = vestibule::secret::PlainSecret::generate().hash();
    let now = app.clock.now();
    app.write(move |conn| clients::set_secret(conn, &id, &other, now)).await;
    assert!(matches!(
        app.services.auth.sign_in(attempt.clone(), purpose.clone()).await.expect("the database responds"),
        SignIn::ClientGone
    ));
    let id = client.id.clone();
    app.write(move |conn| clients::delete(conn, &id)).await;
    assert!(matches!(
        app.services.auth.sign_in(attempt, purpose).await.expect("the database responds"),
        SignIn::ClientGone
    ));
}
