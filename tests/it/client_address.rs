//! Clients that name the address of the person whose password they send.

use diesel::prelude::*;
use serde_json::json;
use vestibule::clients::{self, GrantType};
use vestibule::config::Settings;
use vestibule::db::schema::sessions;

use crate::harness::clients::RegisteredClient;
use crate::harness::responses::assert_refusal;
use crate::harness::{PASSWORD, TestApp, TestDatabase, TestResponse};
use crate::throttling::{WRONG, assert_waits, rows};

const HEADER: &str = "vestibule-forwarded-for";

fn three_failures_from_a_network(settings: &mut Settings) {
    settings.set("THROTTLE_NETWORK", "3");
}

/// A client with the password grant, allowed to name addresses or not.
async fn add_client(app: &TestApp, name: &str, forwards: bool) -> RegisteredClient {
    let client = app.add_client(name, &[GrantType::Password, GrantType::RefreshToken], "").await;
    let id = client.id.clone();
    assert!(app.write(move |conn| clients::set_forwards_client_address(conn, &id, forwards)).await);
    client
}

/// A sign-in through a client that names these addresses.
async fn sign_in(
    app: &TestApp,
    client: Option<&RegisteredClient>,
    addresses: &[&str],
    name: &str,
    password: &str,
) -> TestResponse {
    let mut form = vec![("grant_type", "password"), ("username", name), ("password", password)];
    form.extend(client.iter().flat_map(|client| client.form()));
    let request = addresses.iter().fold(app.post("/token"), |request, address| request.header(HEADER, *address));
    TestResponse::to(request.form(&form)).await
}

#[tokio::test]
async fn failures_count_for_the_address_that_a_trusted_client_names() {
    let app = TestApp::start_with(three_failures_from_a_network).await;
    app.add_user("alice", &[]).await;
    let client = add_client(&app, "portal", true).await;
    for number in 0..3 {
        let name = format!("nobody-{number}");
        assert_eq!(sign_in(&app, Some(&client), &["203.0.113.5"], &name, WRONG).await.status, 400);
    }
    assert_waits(&sign_in(&app, Some(&client), &["203.0.113.77"], "alice", PASSWORD).await, 30);
    assert_waits(&sign_in(&app, Some(&client), &["::ffff:203.0.113.77"], "alice", PASSWORD).await, 30);
    for others in [&["198.51.100.1"][..], &["2001:db8::1"], &[]] {
        let response = sign_in(&app, Some(&client), others, "alice", PASSWORD).await;
        assert_eq!(response.status, 200, "{others:?}: {response:?}");
    }
    let addresses: Vec<Option<String>> = app
        .write(|conn| sessions::table.order(sessions::created_at).select(sessions::network_address).load(conn))
        .await;
    assert_eq!(addresses, ["198.51.100.1", "2001:db8::1", "127.0.0.1"].map(|address| Some(address.to_owned())));
}

#[tokio::test]
async fn header_of_any_other_client_is_ignored() {
    for is_registered in [false, true] {
        let app = TestApp::start_with(three_failures_from_a_network).await;
        app.add_user("alice", &[]).await;
        let client = add_client(&app, "portal", false).await;
        let client = is_registered.then_some(&client);
        for number in 0..3 {
            let (name, address) = (format!("nobody-{number}"), format!("203.0.{number}.5"));
            assert_eq!(sign_in(&app, client, &[&address], &name, WRONG).await.status, 400);
        }
        assert_waits(&sign_in(&app, client, &["198.51.100.1"], "alice", PASSWORD).await, 30);
        assert_waits(&sign_in(&app, client, &["not an address"], "alice", PASSWORD).await, 30);
    }
}

#[tokio::test]
async fn anything_but_one_address_is_an_invalid_request_and_counts_nothing() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let client = add_client(&app, "portal", true).await;
    for addresses in [&[""][..], &["unknown"], &["203.0.113.5, 203.0.113.6"], &["203.0.113.5:80"], &["203.0.113.5"; 2]]
    {
        let response = sign_in(&app, Some(&client), addresses, "alice", WRONG).await;
        assert_refusal(&response, 400, "invalid_request", &format!("{addresses:?}"));
    }
    assert_eq!(rows(&app).await, []);
}

#[tokio::test]
async fn refresh_through_a_trusted_client_has_the_address_of_the_user() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let client = add_client(&app, "portal", true).await;
    let tokens = sign_in(&app, Some(&client), &["203.0.113.5"], "alice", PASSWORD).await.json();
    let refresh = async |addresses: &[&str]| {
        let token = tokens["refresh_token"].as_str().expect("a token");
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        form.extend(client.form());
        let request = addresses.iter().fold(app.post("/token"), |request, address| request.header(HEADER, *address));
        TestResponse::to(request.form(&form)).await
    };
    assert_refusal(&refresh(&["unknown"]).await, 400, "invalid_request", "a refresh");
    assert_eq!(refresh(&["203.0.113.6"]).await.status, 200);
}

#[test]
fn flag_is_off_until_it_is_set_and_appears_in_every_view() {
    let db = TestDatabase::create();
    let grant = ["--grant", "password"];
    let added = db.cli(&[&["clients", "add", "portal", "--json"], &grant[..]].concat()).json();
    assert_eq!(added["forwards_client_address"], json!(false));
    let set = |word| db.cli(&["clients", "set", "portal", "--forwards-client-address", word, "--json"]);
    for (word, is_on, is_changed) in [("on", true, true), ("on", true, false), ("off", false, true)] {
        let value = set(word).json();
        assert_eq!(
            (&value["forwards_client_address"], &value["changed"]),
            (&json!(is_on), &json!(is_changed)),
            "{word}"
        );
        assert_eq!(value["grants"], json!(["password"]), "other rights stay");
        let shown = db.cli(&["clients", "show", "portal"]).ok();
        let line = shown.out.lines().find(|line| line.starts_with("forwards client address")).expect("a line");
        assert!(line.ends_with(&format!(" {word}")), "{line}");
    }
    set("perhaps").fails(2, "use on or off");
    let flags = ["--forwards-client-address", "on"];
    let other = db.cli(&[&["clients", "add", "other", "--json"], &grant[..], &flags[..]].concat()).json();
    assert_eq!(other["forwards_client_address"], json!(true));
}
