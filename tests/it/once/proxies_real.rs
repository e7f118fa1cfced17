//! Requests with forged headers behind real nginx, Caddy and Traefik, and a real browser behind each.

use crate::harness::browser::Browser;
use crate::harness::reverse_proxy::{Kind, ReverseProxy};
use crate::harness::{PASSWORD, TestResponse, proxies};
use crate::proxies_real::{open, received_header, sign_in};
use vestibule::users;

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
}

#[tokio::test]
async fn caddy_passes_no_forged_identity() {
    assert_refuses_forged_headers(Kind::Caddy).await;
}

#[tokio::test]
async fn traefik_passes_no_forged_identity() {
    assert_refuses_forged_headers(Kind::Traefik).await;
}

#[tokio::test]
async fn browser_signs_in_to_an_application_behind_each_proxy() {
    for kind in [Kind::Nginx, Kind::Caddy, Kind::Traefik] {
        let proxy = ReverseProxy::start(kind, None).await;
        proxy.app.add_user("alice", &[]).await;
        let browser = Browser::start().await;
        browser.goto(&format!("{}/a?b=c", proxy.application)).await;
        assert!(browser.path().await.starts_with("/login?next=http://app.vestibule.test"), "{kind:?}");
        browser.fill("#username", "alice").await;
        browser.fill("#password", PASSWORD).await;
        browser.submit("button[type=submit]").await;
        assert_eq!(browser.path().await, "/a?b=c", "{kind:?}: the page's policy allows the redirect");
        let text = browser.text("body").await;
        assert!(text.to_lowercase().contains("remote-user: alice"), "{kind:?}: {text}");
        let login = proxy.application.replace("app.", "login.");
        browser.goto(&format!("{login}/logout?next={}/bye", proxy.application)).await;
        browser.submit("button[type=submit]").await;
        assert!(browser.path().await.starts_with("/login?next="), "{kind:?}: signed out, and sent to sign in again");
    }
}
