//! Signed-in users behind real nginx, Caddy and Traefik with the files of `examples/`.

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use vestibule::sessions::{self, EndReason, TRUSTED_FOR};
use vestibule::users;

use crate::harness::database_outage::Outage;
use crate::harness::reverse_proxy::{Kind, ReverseProxy};
use crate::harness::{PASSWORD, TestResponse};

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// The value of a header that the application received, if any.
pub fn received_header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let mut values = response.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    let value = values.next();
    assert_eq!(values.next(), None, "{name} is received once: {response}");
    value
}

pub fn open(client: &Client, url: &str) -> RequestBuilder {
    client.get(url).header("accept", HTML).header("sec-fetch-mode", "navigate")
}

/// Opens the application, signs in on the page it redirects to, and returns the application's page.
pub async fn sign_in(proxy: &ReverseProxy, name: &str) -> (Client, String) {
    let client = proxy.client();
    let url = format!("{}/a?b=c&d", proxy.application);
    let form = open(&client, &url).send().await.expect("a response");
    assert_eq!((form.status().as_u16(), form.url().path()), (200, "/login"), "{}", form.url());
    let login = form.url().clone();
    let html = form.text().await.expect("a page");
    let csrf = html.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a token").0;
    let fields = [("csrf", csrf), ("next", &url), ("username", name), ("password", PASSWORD)];
    let response = client.post(login).form(&fields).header("accept", HTML).send().await.expect("a response");
    assert_eq!((response.status().as_u16(), response.url().as_str()), (200, url.as_str()), "back at the application");
    (client, response.text().await.expect("text"))
}

async fn assert_works_behind(kind: Kind) {
    let proxy = ReverseProxy::start(kind, None).await;
    let alice = proxy.app.add_user("alice", &["admin", "editor"]).await;
    proxy.app.write(move |conn| users::set_display_name(conn, alice.id, Some("김 앨리스"))).await;
    let (client, first) = sign_in(&proxy, "alice").await;
    let url = format!("{}/x", proxy.application);
    // Long after the access token has expired: each request keeps the session alive.
    for hours in [0, 1, 10, 10] {
        proxy.app.clock.advance(Duration::from_hours(hours));
        let requests = [
            open(&client, &url),
            client.get(&url).header("sec-fetch-mode", "cors"),
            client.post(&url).header("sec-fetch-mode", "cors").body("the body"),
        ];
        let mut responses = vec![first.clone()];
        for request in requests {
            let response = TestResponse::to(request).await;
            assert_eq!(response.status, 200, "{kind:?} after {hours} hours: {}", response.text());
            responses.push(response.text());
        }
        assert!(responses[3].starts_with("POST /x ") && responses[3].ends_with("\n\nthe body"), "{}", responses[3]);
        for response in responses {
            assert_eq!(received_header(&response, "remote-user"), Some("alice"));
            assert_eq!(received_header(&response, "remote-name"), Some("김 앨리스"));
            assert_eq!(received_header(&response, "remote-groups"), Some("admin,editor"));
            assert_eq!(received_header(&response, "remote-email").unwrap_or_default(), "", "alice has no email");
            let has_cookies = response.contains("vestibule_");
            assert_eq!(
                has_cookies,
                kind == Kind::Traefik,
                "every proxy but Traefik removes the shared cookies: {response}"
            );
        }
    }
    assert_blocked_at_once(&proxy, client, alice.id).await;
}

async fn assert_blocked_at_once(proxy: &ReverseProxy, client: Client, alice: users::UserId) {
    let url = format!("{}/x", proxy.application);
    let status = async |request: RequestBuilder| TestResponse::to(request).await.status;
    let now = proxy.app.clock.now();
    proxy.app.write(move |conn| users::set_disabled(conn, alice, Some(now))).await;
    assert_eq!(status(client.get(&url)).await, 401);
    proxy.app.write(move |conn| users::set_disabled(conn, alice, None)).await;
    // The change has removed the session from memory.
    let outage = Outage::begin_for_readers(&proxy.app.database);
    let response = TestResponse::to(client.get(&url)).await;
    assert!(response.status >= 500 && !response.text().contains("GET /x"), "{}", response.status);
    if proxy.app.database.is_postgres() {
        assert_eq!((response.status, response.retry_after().is_some()), (503, true));
    }
    drop(outage);
    assert_eq!(status(client.get(&url)).await, 200);
    proxy
        .app
        .write_elsewhere(move |conn, ended| sessions::end_all_of_user(conn, ended, alice, EndReason::SignedOut, now))
        .await;
    let ended = Instant::now();
    while status(client.get(&url)).await != 401 {
        // A second, but the database was away a moment ago.
        assert!(ended.elapsed() < TRUSTED_FOR, "another instance ended the session");
    }
    assert_eq!(
        status(client.post(&url).header("accept", HTML).body("x")).await,
        401,
        "a request with a body is not redirected"
    );
    let login = open(&client, &url).send().await.expect("a response");
    assert_eq!(login.url().path(), "/login");
}

#[tokio::test]
async fn nginx_passes_signed_in_users_and_blocks_ended_sessions_at_once() {
    assert_works_behind(Kind::Nginx).await;
    assert_works_behind(Kind::NewestNginx).await;
}

#[tokio::test]
async fn caddy_passes_signed_in_users_and_blocks_ended_sessions_at_once() {
    assert_works_behind(Kind::Caddy).await;
    assert_works_behind(Kind::NewestCaddy).await;
}

#[tokio::test]
async fn traefik_passes_signed_in_users_and_blocks_ended_sessions_at_once() {
    assert_works_behind(Kind::Traefik).await;
}
