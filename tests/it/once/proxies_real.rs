//! Requests with forged headers behind real nginx, Caddy and Traefik, and a real browser behind each.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::Method;
use vestibule::users;

use crate::harness::browser::Browser;
use crate::harness::reverse_proxy::{Kind, ReverseProxy};
use crate::harness::{PASSWORD, TestResponse, proxies};
use crate::proxies_real::{open, received_header, sign_in};

async fn assert_refuses_forged_headers(kind: Kind) {
    let proxy = ReverseProxy::start(kind, Some("editor")).await;
    let alice = proxy.app.add_user("alice", &["editor"]).await;
    let token = proxy.app.token_of("alice").await;
    let (client, _) = sign_in(&proxy, "alice").await;
    let url = format!("{}/x", proxy.application);
    let without_cookies = proxy.client();
    assert_eq!(TestResponse::to(without_cookies.get(&url)).await.status, 401);
    let response = TestResponse::to(without_cookies.get(&url).bearer_auth(&token)).await;
    assert_eq!((response.status, received_header(&response.text(), "remote-user")), (200, Some("alice")));
    for name in ["Remote-User", "remote-groups", "Remote-Name", "Remote-Email", "REMOTE-X"] {
        for client in [&client, &without_cookies] {
            let response = TestResponse::to(client.get(&url).header(name, "admin")).await;
            assert_eq!(response.status, 403, "{kind:?} {name}: {}", response.text());
            assert!(!response.text().contains("GET /x"), "{kind:?} {name}");
        }
    }
    let response = TestResponse::to(client.get(&url).header("Remote_User", "admin")).await;
    assert!(response.status == 403 || !response.text().to_lowercase().contains("remote_user"), "{}", response.text());
    // The proxy removes the shared cookies in any position and passes the application's own.
    let (_, cookie) = proxies::sign_in(&proxy.app, "alice").await;
    for cookies in [
        format!("theme=dark; {cookie}; lang=ko"),
        format!("{cookie}; vestibule_token=x; theme=dark; lang=ko"),
        format!("theme=dark; lang=ko; vestibule_token=x; {cookie}"),
        format!("theme=dark; vestibule_token=x; lang=ko; {cookie}"),
    ] {
        let response = TestResponse::to(without_cookies.get(&url).header("cookie", &cookies)).await.text();
        let passed = received_header(&response, "cookie").expect("the application's cookies");
        if kind == Kind::Traefik {
            continue;
        }
        assert_eq!(passed.trim_end_matches("; ").trim_end_matches(';'), "theme=dark; lang=ko", "{kind:?}");
    }
    // Only the proxy's own `X-Forwarded-*` headers count.
    let forged = [("x-forwarded-host", "evil.test"), ("x-forwarded-uri", "/login"), ("x-forwarded-method", "POST")];
    let request =
        forged.iter().fold(open(&without_cookies, &url), |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.expect("a response");
    assert!(response.url().query().is_some_and(|query| query.contains("app.vestibule.test")), "{}", response.url());
    proxy.app.write(move |conn| users::revoke_role(conn, alice.id, "editor")).await;
    assert_eq!(TestResponse::to(client.get(&url)).await.status, 403, "the role counts at once");
    assert_eq!(TestResponse::to(without_cookies.get(&url).bearer_auth(&token)).await.status, 403);
}

#[tokio::test]
async fn nginx_passes_no_forged_identity() {
    assert_refuses_forged_headers(Kind::Nginx).await;
    assert_refuses_forged_headers(Kind::NewestNginx).await;
}

#[tokio::test]
async fn caddy_passes_no_forged_identity() {
    assert_refuses_forged_headers(Kind::Caddy).await;
    assert_refuses_forged_headers(Kind::NewestCaddy).await;
}

#[tokio::test]
async fn traefik_passes_no_forged_identity() {
    assert_refuses_forged_headers(Kind::Traefik).await;
}

#[tokio::test]
async fn large_bodies_and_websockets_pass_each_proxy() {
    for kind in Kind::ALL {
        let proxy = ReverseProxy::start(kind, None).await;
        proxy.app.add_user("alice", &[]).await;
        let (client, _) = sign_in(&proxy, "alice").await;
        let url = format!("{}/upload", proxy.application);
        let body = "x".repeat(2 * 1024 * 1024);
        let response = TestResponse::to(client.post(&url).body(body.clone())).await;
        assert_eq!(response.status, 200, "{kind:?}");
        assert!(response.text().ends_with(&format!("\n{body}")), "{kind:?}: the whole body arrives");
        // nginx reads the body before it asks, the others may close the connection in its midst.
        let without_cookies = proxy.client().post(&url).body(body).send().await;
        assert!(without_cookies.is_ok_and(|response| response.status() == 401), "{kind:?}");

        let (_, cookie) = proxies::sign_in(&proxy.app, "alice").await;
        let address = proxy.application.strip_prefix("http://app.vestibule.test:").expect("the port").to_owned();
        let upgrade = move |cookie: String| {
            let mut stream = TcpStream::connect(format!("127.0.0.1:{address}")).expect("a connection");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
            write!(
                stream,
                "GET /socket HTTP/1.1\r\nHost: app.vestibule.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {cookie}\r\n\r\n"
            )
            .expect("sent");
            let mut head = String::new();
            while !head.contains("\r\n\r\n") {
                let mut bytes = [0; 1_024];
                let count = stream.read(&mut bytes).expect("a response");
                assert!(count > 0, "the connection ended: {head}");
                head.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            if !head.starts_with("HTTP/1.1 101 ") {
                return head;
            }
            stream.write_all(b"over the socket").expect("sent");
            while !head.contains("over the socket") {
                let mut bytes = [0; 1_024];
                let count = stream.read(&mut bytes).expect("the same bytes");
                assert!(count > 0, "the connection ended: {head}");
                head.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            head
        };
        let refused = tokio::task::spawn_blocking({
            let upgrade = upgrade.clone();
            move || upgrade("theme=dark".to_owned())
        });
        let refused = refused.await.expect("no panic");
        assert!(refused.starts_with("HTTP/1.1 401 "), "{kind:?}: {refused}");
        let socket = tokio::task::spawn_blocking(move || upgrade(cookie)).await.expect("no panic");
        assert!(socket.to_lowercase().contains("remote-user: alice"), "{kind:?}: {socket}");
    }
}

#[tokio::test]
async fn preflights_and_public_paths_reach_the_application_without_an_identity() {
    for kind in Kind::ALL {
        let proxy = ReverseProxy::start(kind, None).await;
        let client = proxy.client();
        let url = format!("{}/api", proxy.application);
        let forged = |request: reqwest::RequestBuilder| {
            let names = ["Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups"];
            TestResponse::to(names.iter().fold(request, |request, name| request.header(*name, "admin")))
        };
        let options = |path: &str| client.request(Method::OPTIONS, format!("{}{path}", proxy.application));
        let origin = "https://other.example";
        let preflight = options("/api").header("origin", origin).header("access-control-request-method", "POST");
        let response = forged(preflight).await;
        assert_eq!(response.status, 200, "{kind:?}");
        assert!(
            response.text().starts_with("OPTIONS /api ") && !response.text().contains("admin"),
            "{}",
            response.text()
        );
        // Other requests with this method are no preflights.
        assert!(matches!(forged(options("/api").header("origin", origin)).await.status, 401 | 403), "{kind:?}");
        assert!(matches!(
            forged(client.get(&url).header("access-control-request-method", "GET")).await.status,
            401 | 403
        ));

        // A payment provider's page posts a form; a client like git sends nothing but HTTP Basic.
        for (path, request) in [
            ("/callback", client.post(format!("{}/callback", proxy.application)).body("paid=yes")),
            ("/callback/git", client.get(format!("{}/callback/git", proxy.application)).basic_auth("git", Some("pw"))),
        ] {
            let response = forged(request.header("sec-fetch-site", "cross-site")).await;
            assert_eq!(response.status, 200, "{kind:?} {path}");
            let text = response.text();
            assert!(text.contains(path) && !text.contains("admin"), "{kind:?} {text}");
            assert!(path == "/callback" || received_header(&text, "authorization").is_some(), "{kind:?} {text}");
        }
        let elsewhere = TestResponse::to(client.get(&url).basic_auth("git", Some("pw"))).await;
        assert_eq!(elsewhere.status, 401, "{kind:?}: Basic is no sign-in");
    }
}

#[tokio::test]
async fn browser_signs_in_to_an_application_behind_each_proxy() {
    for kind in Kind::ALL {
        let proxy = ReverseProxy::start(kind, None).await;
        proxy.app.add_user("alice", &[]).await;
        let browser = Browser::start().await;
        browser.goto(&format!("{}/a?b=c#/view/7", proxy.application)).await;
        assert!(browser.path().await.starts_with("/login?next=http://app.vestibule.test"), "{kind:?}");
        browser.fill("#username", "alice").await;
        browser.fill("#password", PASSWORD).await;
        browser.submit("button[type=submit]").await;
        assert_eq!(browser.path().await, "/a?b=c", "{kind:?}: the page's policy allows the redirect");
        let fragment = browser.evaluate("location.hash").await;
        assert_eq!(fragment, "#/view/7", "{kind:?}: the place within the page is kept");
        let text = browser.text("body").await;
        assert!(text.to_lowercase().contains("remote-user: alice"), "{kind:?}: {text}");
        let login = proxy.application.replace("app.", "login.");
        browser.goto(&format!("{login}/logout?next={}/bye", proxy.application)).await;
        browser.submit("button[type=submit]").await;
        assert!(browser.path().await.starts_with("/login?next="), "{kind:?}: signed out, and sent to sign in again");
    }
}
