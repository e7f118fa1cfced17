//! Real nginx, Caddy and Traefik with the files of `examples/`: a person signs in and works behind them, and is stopped when they must
//! be. What may not live here: the door's finer points (`proxies.rs`).

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use vestibule::sessions::{self, EndReason};
use vestibule::users;

use crate::harness::away::Away;
use crate::harness::browser::Browser;
use crate::harness::reverse_proxy::{Kind, ReverseProxy};
use crate::harness::{Answer, PASSWORD, proxies};

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// The value of a header that the application got; `None` when it got none.
fn told<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut values = answer.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    let value = values.next();
    assert_eq!(values.next(), None, "{name} comes once: {answer}");
    value
}

fn open(client: &Client, url: &str) -> RequestBuilder {
    client.get(url).header("accept", HTML).header("sec-fetch-mode", "navigate")
}

/// Opens the application, is led to the sign-in page, fills it in, and is led back.
async fn sign_in(proxy: &ReverseProxy, name: &str) -> (Client, String) {
    let client = proxy.client();
    let url = format!("{}/a?b=c&d", proxy.application);
    let form = open(&client, &url).send().await.expect("an answer");
    assert_eq!((form.status().as_u16(), form.url().path()), (200, "/login"), "{}", form.url());
    let login = form.url().clone();
    let html = form.text().await.expect("a page");
    let csrf = html.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a token").0;
    let fields = [("csrf", csrf), ("next", &url), ("username", name), ("password", PASSWORD)];
    let answer = client.post(login).form(&fields).header("accept", HTML).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.url().as_str()), (200, url.as_str()), "back at the application");
    (client, answer.text().await.expect("text"))
}

async fn works_behind(kind: Kind) {
    let proxy = ReverseProxy::start(kind, None).await;
    let alice = proxy.app.add_user("alice", &["admin", "editor"]).await;
    proxy.app.write(move |conn| users::set_display_name(conn, alice.id, Some("김 앨리스"))).await;
    let (client, first) = sign_in(&proxy, "alice").await;
    let url = format!("{}/x", proxy.application);
    // Long after the access token's end, and through the whole day: each use keeps the session.
    for hours in [0, 1, 10, 10] {
        proxy.app.clock.advance(Duration::from_hours(hours));
        let requests = [
            open(&client, &url),
            client.get(&url).header("sec-fetch-mode", "cors"),
            client.post(&url).header("sec-fetch-mode", "cors").body("the body"),
        ];
        let mut answers = vec![first.clone()];
        for request in requests {
            let answer = Answer::to(request).await;
            assert_eq!(answer.status, 200, "{kind:?} after {hours} hours: {}", answer.text());
            answers.push(answer.text());
        }
        assert!(answers[3].starts_with("POST /x ") && answers[3].ends_with("\n\nthe body"), "{}", answers[3]);
        for answer in answers {
            assert_eq!(told(&answer, "remote-user"), Some("alice"));
            assert_eq!(told(&answer, "remote-name"), Some("김 앨리스"));
            assert_eq!(told(&answer, "remote-groups"), Some("admin,editor"));
            assert_eq!(told(&answer, "remote-email").unwrap_or_default(), "", "she has none");
            let has_cookies = answer.contains("vestibule_");
            assert_eq!(has_cookies, kind == Kind::Traefik, "the shared cookies stay with the proxy that can: {answer}");
        }
    }
    stops_at_once(&proxy, client, alice.id).await;
}

async fn stops_at_once(proxy: &ReverseProxy, client: Client, alice: users::UserId) {
    let url = format!("{}/x", proxy.application);
    let status = async |request: RequestBuilder| Answer::to(request).await.status;
    let now = proxy.app.clock.now();
    proxy.app.write(move |conn| users::set_disabled(conn, alice, Some(now))).await;
    assert_eq!(status(client.get(&url)).await, 401);
    proxy.app.write(move |conn| users::set_disabled(conn, alice, None)).await;
    assert_eq!(status(client.get(&url)).await, 200);
    let away = Away::begin_for_readers(&proxy.app.database);
    let answer = Answer::to(client.get(&url)).await;
    assert!(answer.status >= 500 && !answer.text().contains("GET /x"), "{}", answer.status);
    if proxy.app.database.is_postgres() {
        assert_eq!((answer.status, answer.retry_after().is_some()), (503, true));
    }
    drop(away);
    assert_eq!(status(client.get(&url)).await, 200);
    proxy
        .app
        .write_elsewhere(move |conn, ended| sessions::end_all_of_user(conn, ended, alice, EndReason::SignedOut, now))
        .await;
    assert_eq!(status(client.get(&url)).await, 401);
    assert_eq!(status(client.post(&url).header("accept", HTML).body("x")).await, 401, "no redirect loses a body");
    let login = open(&client, &url).send().await.expect("an answer");
    assert_eq!(login.url().path(), "/login");
}

async fn believes_no_client(kind: Kind) {
    let proxy = ReverseProxy::start(kind, Some("editor")).await;
    let alice = proxy.app.add_user("alice", &["editor"]).await;
    let token = proxy.app.token_of("alice").await;
    let (client, _) = sign_in(&proxy, "alice").await;
    let url = format!("{}/x", proxy.application);
    let program = proxy.client();
    assert_eq!(Answer::to(program.get(&url)).await.status, 401);
    let answer = Answer::to(program.get(&url).bearer_auth(&token)).await;
    assert_eq!((answer.status, told(&answer.text(), "remote-user")), (200, Some("alice")));
    for name in ["Remote-User", "remote-groups", "Remote-Name", "Remote-Email", "REMOTE-X"] {
        for client in [&client, &program] {
            let answer = Answer::to(client.get(&url).header(name, "admin")).await;
            assert_eq!(answer.status, 403, "{kind:?} {name}: {}", answer.text());
            assert!(!answer.text().contains("GET /x"), "{kind:?} {name}");
        }
    }
    let answer = Answer::to(client.get(&url).header("Remote_User", "admin")).await;
    assert!(answer.status == 403 || !answer.text().to_lowercase().contains("remote_user"), "{}", answer.text());
    // The shared cookies stay with the proxy, wherever they stand; the application's own reach it.
    let (_, cookie) = proxies::sign_in(&proxy.app, "alice").await;
    for cookies in [
        format!("theme=dark; {cookie}; lang=ko"),
        format!("{cookie}; vestibule_token=x; theme=dark; lang=ko"),
        format!("theme=dark; lang=ko; vestibule_token=x; {cookie}"),
        format!("theme=dark; vestibule_token=x; lang=ko; {cookie}"),
    ] {
        let answer = Answer::to(program.get(&url).header("cookie", &cookies)).await.text();
        let passed = told(&answer, "cookie").expect("its own");
        if kind == Kind::Traefik {
            continue;
        }
        assert_eq!(passed.trim_end_matches("; ").trim_end_matches(';'), "theme=dark; lang=ko", "{kind:?}");
    }
    // Which host it is and how it got here is for the proxy to say.
    let lies = [("x-forwarded-host", "evil.test"), ("x-forwarded-uri", "/login"), ("x-forwarded-method", "POST")];
    let request = lies.iter().fold(open(&program, &url), |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.expect("an answer");
    assert!(answer.url().query().is_some_and(|query| query.contains("app.vestibule.test")), "{}", answer.url());
    proxy.app.write(move |conn| users::revoke_role(conn, alice.id, "editor")).await;
    assert_eq!(Answer::to(client.get(&url)).await.status, 403, "the role counts at once");
    assert_eq!(Answer::to(program.get(&url).bearer_auth(&token)).await.status, 403);
}

#[tokio::test]
async fn nginx_lets_a_person_work_all_day_and_stops_them_at_once() {
    works_behind(Kind::Nginx).await;
}

#[tokio::test]
async fn caddy_lets_a_person_work_all_day_and_stops_them_at_once() {
    works_behind(Kind::Caddy).await;
}

#[tokio::test]
async fn traefik_lets_a_person_work_all_day_and_stops_them_at_once() {
    works_behind(Kind::Traefik).await;
}

#[tokio::test]
async fn nginx_believes_no_client() {
    believes_no_client(Kind::Nginx).await;
}

#[tokio::test]
async fn caddy_believes_no_client() {
    believes_no_client(Kind::Caddy).await;
}

#[tokio::test]
async fn traefik_believes_no_client() {
    believes_no_client(Kind::Traefik).await;
}

#[tokio::test]
async fn a_real_browser_signs_in_for_an_application_and_out_of_it() {
    for kind in [Kind::Nginx, Kind::Caddy, Kind::Traefik] {
        let proxy = ReverseProxy::start(kind, None).await;
        proxy.app.add_user("alice", &[]).await;
        let browser = Browser::start().await;
        browser.goto(&format!("{}/a?b=c", proxy.application)).await;
        assert!(browser.path().await.starts_with("/login?next=http://app.vestibule.test"), "{kind:?}");
        browser.fill("#username", "alice").await;
        browser.fill("#password", PASSWORD).await;
        browser.submit("button[type=submit]").await;
        assert_eq!(browser.path().await, "/a?b=c", "{kind:?}: the form's policy lets it end at the application");
        let text = browser.text("body").await;
        assert!(text.to_lowercase().contains("remote-user: alice"), "{kind:?}: {text}");
        let login = proxy.application.replace("app.", "login.");
        browser.goto(&format!("{login}/logout?next={}/bye", proxy.application)).await;
        browser.submit("button[type=submit]").await;
        assert!(browser.path().await.starts_with("/login?next="), "{kind:?}: signed out, and sent to sign in again");
    }
}
