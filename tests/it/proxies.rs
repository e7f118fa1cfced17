//! Identity, tokens and roles as reverse proxies ask for them.

use crate::harness::proxies::{
    AUTH_REQUEST, FORWARD_AUTH, NAVIGATION, PROXY, check, check_both, sign_in, start, start_with,
};
use crate::harness::visitor::{SESSION, TOKEN, Visitor};

#[tokio::test]
async fn all_four_identity_headers_are_always_set() {
    let app = start().await;
    let alice = app.add_user("alice", &["editor", "admin"]).await;
    app.add_user("홍길동", &[]).await;
    app.write(move |conn| {
        vestibule::users::set_display_name(conn, alice.id, Some("김 앨리스"))?;
        vestibule::users::set_email(conn, alice.id, Some("alice@example.com"))
    })
    .await;
    for (name, expected) in
        [("alice", ["alice", "김 앨리스", "alice@example.com", "admin,editor"]), ("홍길동", ["홍길동", "", "", ""])]
    {
        let (_, cookie) = sign_in(&app, name).await;
        for response in check_both(&app, &[("cookie", &cookie)]).await {
            assert_eq!(response.status, 200);
            let headers = ["remote-user", "remote-name", "remote-email", "remote-groups"];
            let values = headers.map(|name| std::str::from_utf8(response.headers[name].as_bytes()).expect("UTF-8"));
            assert_eq!(values, expected);
            assert!(!response.headers.contains_key("set-cookie") && response.body.is_empty());
        }
    }
}

#[tokio::test]
async fn proxy_checks_accept_the_proxy_cookie_only() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let (visitor, cookie) = sign_in(&app, "alice").await;
    let [session, token] = [SESSION, TOKEN].map(|name| visitor.cookie(name).expect("signed in"));
    let secret = cookie.strip_prefix("vestibule_proxy=").expect("its name");
    for cookies in [
        format!("{SESSION}={session}; {TOKEN}={token}"),
        format!("{PROXY}={session}"),
        format!("{PROXY}={token}"),
        format!("{PROXY}="),
        format!("{PROXY}={}", "A".repeat(43)),
        format!("__Host-{cookie}"),
        format!("{SESSION}={secret}"),
    ] {
        for response in check_both(&app, &[("cookie", &cookies)]).await {
            assert_eq!(
                (response.status, response.header("www-authenticate")),
                (401, "Bearer realm=\"vestibule\""),
                "{cookies:.40}"
            );
        }
    }
    let holder = Visitor::with_cookies(&app, &[(PROXY, secret), (SESSION, secret), (TOKEN, secret)]);
    assert_eq!(holder.get("/me").await.status, 401, "the proxy cookie is not valid at the server itself");
    assert!(!holder.is_signed_in().await);
}

#[tokio::test]
async fn proxy_checks_accept_password_grant_tokens_but_no_browser_tokens() {
    let app = start().await;
    app.add_user("alice", &["editor"]).await;
    let token = format!("Bearer {}", app.token_of("alice").await);
    for response in check_both(&app, &[("authorization", &token)]).await {
        assert_eq!((response.status, response.header("remote-user")), (200, "alice"));
    }
    let (visitor, cookie) = sign_in(&app, "alice").await;
    let of_browser = format!("Bearer {}", visitor.cookie(TOKEN).expect("signed in"));
    for value in [of_browser.as_str(), "Bearer abc", &token[..token.len() - 2]] {
        for response in check_both(&app, &[("authorization", value)]).await {
            assert_eq!(response.status, 401);
            assert!(response.header("www-authenticate").contains("error=\"invalid_token\""));
        }
    }
    // Credentials for the application are ignored if the cookie is sent.
    for value in ["Bearer abc", "Basic YTpi", "x"] {
        for response in check_both(&app, &[("authorization", value), ("cookie", &cookie)]).await {
            assert_eq!(response.status, 200, "{value}");
        }
    }
    let shared = start_with(|settings| {
        settings.set("JWT_SECRET_FILE", "tests/it/main.rs");
    });
    let shared = shared.await;
    shared.add_user("alice", &[]).await;
    let token = format!("Bearer {}", shared.token_of("alice").await);
    for response in check_both(&shared, &[("authorization", &token)]).await {
        assert_eq!(response.status, 401, "with HS256 every resource server can sign tokens");
    }
    assert_eq!(check(&shared, FORWARD_AUTH, &[("cookie", &sign_in(&shared, "alice").await.1)]).await.status, 200);
}

#[tokio::test]
async fn proxy_checks_can_require_a_role() {
    let app = start().await;
    app.add_user("alice", &["editor"]).await;
    let (_, cookie) = sign_in(&app, "alice").await;
    let cookie = ("cookie", cookie.as_str());
    for (query, status) in [
        ("?role=editor", 200),
        ("?role=admin&role=editor", 200),
        ("?role=admin,editor", 200),
        ("?role=admin", 403),
        ("?role=edit", 403),
        ("?roles=editor", 403),
        ("?role=", 403),
        ("?role=editor&group=x", 403),
    ] {
        for route in [FORWARD_AUTH, AUTH_REQUEST] {
            let path = format!("{route}{query}");
            let response = check(&app, &path, &[cookie]).await;
            assert_eq!(response.status, status, "{path}");
            assert_eq!(response.headers.contains_key("remote-user"), status == 200, "{path}");
            if query == "?role=admin" {
                assert_eq!(response.json()["error"], "access_denied");
                assert_eq!(check(&app, &path, &[]).await.status, 401, "a signed-out request gets 401, never 403");
            }
        }
    }
    let page = check(&app, &format!("{FORWARD_AUTH}?role=admin"), &[&NAVIGATION[..], &[cookie]].concat()).await;
    assert_eq!(page.status, 403);
    assert!(
        page.text().contains("the role this page requires")
            && page.text().contains("href=\"http://login.vestibule.test/\"")
    );
}
