//! The reverse proxies' door as the proxies ask it: who may pass, what the application is told, where people are sent.
//! What may not live here: how a session lives on or ends behind a proxy (`proxies_sessions.rs`), real proxies (`proxies_real.rs`).

use crate::harness::proxies::{
    AUTH_REQUEST, FORWARD_AUTH, NAVIGATION, PROXY, ask, ask_both, sign_in, start, start_with,
};
use crate::harness::visitor::{SESSION, TOKEN, Visitor};

#[tokio::test]
async fn the_application_is_told_who_it_is_with_all_four_headers_always() {
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
        for answer in ask_both(&app, &[("cookie", &cookie)]).await {
            assert_eq!(answer.status, 200);
            let headers = ["remote-user", "remote-name", "remote-email", "remote-groups"];
            let told = headers.map(|name| std::str::from_utf8(answer.headers[name].as_bytes()).expect("UTF-8"));
            assert_eq!(told, expected);
            assert!(!answer.headers.contains_key("set-cookie") && answer.body.is_empty());
        }
    }
}

#[tokio::test]
async fn nobody_is_known_by_the_session_cookie_the_token_cookie_or_something_made_up() {
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
        for answer in ask_both(&app, &[("cookie", &cookies)]).await {
            assert_eq!(
                (answer.status, answer.header("www-authenticate")),
                (401, "Bearer realm=\"vestibule\""),
                "{cookies:.40}"
            );
        }
    }
    let holder = Visitor::with_cookies(&app, &[(PROXY, secret), (SESSION, secret), (TOKEN, secret)]);
    assert_eq!(holder.get("/me").await.status, 401, "nor does the proxies' cookie open anything here");
    assert!(!holder.is_signed_in().await);
}

#[tokio::test]
async fn a_program_is_known_by_its_users_token_and_a_browsers_token_is_not_enough() {
    let app = start().await;
    app.add_user("alice", &["editor"]).await;
    let token = format!("Bearer {}", app.token_of("alice").await);
    for answer in ask_both(&app, &[("authorization", &token)]).await {
        assert_eq!((answer.status, answer.header("remote-user")), (200, "alice"));
    }
    let (visitor, cookie) = sign_in(&app, "alice").await;
    let of_browser = format!("Bearer {}", visitor.cookie(TOKEN).expect("signed in"));
    for value in [of_browser.as_str(), "Bearer abc", &token[..token.len() - 2]] {
        for answer in ask_both(&app, &[("authorization", value)]).await {
            assert_eq!(answer.status, 401);
            assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
        }
    }
    // Meant for the application.
    for value in ["Bearer abc", "Basic YTpi", "x"] {
        for answer in ask_both(&app, &[("authorization", value), ("cookie", &cookie)]).await {
            assert_eq!(answer.status, 200, "{value}");
        }
    }
    let shared = start_with(|settings| {
        settings.set("JWT_SECRET_FILE", "tests/it/main.rs");
    });
    let shared = shared.await;
    shared.add_user("alice", &[]).await;
    let token = format!("Bearer {}", shared.token_of("alice").await);
    for answer in ask_both(&shared, &[("authorization", &token)]).await {
        assert_eq!(answer.status, 401, "with HS256 every program that checks tokens could make one");
    }
    assert_eq!(ask(&shared, FORWARD_AUTH, &[("cookie", &sign_in(&shared, "alice").await.1)]).await.status, 200);
}

#[tokio::test]
async fn a_request_that_says_itself_who_sends_it_is_refused() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let (_, cookie) = sign_in(&app, "alice").await;
    for name in ["Remote-User", "remote-groups", "REMOTE-NAME", "Remote-Email", "Remote-Anything", "Remote_User"] {
        for cookie in [cookie.as_str(), "x=y"] {
            let headers = [&NAVIGATION[..], &[("cookie", cookie), (name, "admin")]].concat();
            for answer in ask_both(&app, &headers).await {
                assert_eq!(answer.status, 403, "{name}");
                assert!(answer.text().contains(&name.to_lowercase()), "it says which: {}", answer.text());
                assert!(!answer.headers.contains_key("remote-user"));
            }
        }
    }
}

#[tokio::test]
async fn a_role_can_be_demanded() {
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
            let answer = ask(&app, &path, &[cookie]).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.headers.contains_key("remote-user"), status == 200, "{path}");
            if query == "?role=admin" {
                assert_eq!(answer.json()["error"], "access_denied");
                assert_eq!(ask(&app, &path, &[]).await.status, 401, "signing in may help a stranger");
            }
        }
    }
    let page = ask(&app, &format!("{FORWARD_AUTH}?role=admin"), &[&NAVIGATION[..], &[cookie]].concat()).await;
    assert_eq!(page.status, 403);
    assert!(
        page.text().contains("the role this page requires")
            && page.text().contains("href=\"http://login.vestibule.test/\"")
    );
}

#[tokio::test]
async fn people_are_sent_to_sign_in_and_programs_are_not() {
    let app = start().await;
    let to = "http://login.vestibule.test/login?next=http://app.vestibule.test/a%3Fb%3Dc%26d";
    for (change, is_sent) in [
        (&[][..], true),
        (&[("sec-fetch-mode", "navigate")], true),
        (&[("sec-fetch-mode", "navigate"), ("accept", "*/*")], true),
        (&[("x-forwarded-method", "HEAD")], true),
        (&[("sec-fetch-mode", "cors")], false),
        (&[("sec-fetch-mode", "no-cors")], false),
        (&[("accept", "application/json")], false),
        (&[("accept", "*/*")], false),
        (&[("x-forwarded-method", "POST")], false),
        (&[("x-forwarded-method", "POST"), ("sec-fetch-mode", "navigate")], false),
    ] {
        let [forward_auth, auth_request] = ask_both(&app, &[&NAVIGATION[..], change].concat()).await;
        let location = if is_sent { to } else { "" };
        assert_eq!(forward_auth.status, if is_sent { 302 } else { 401 }, "{change:?}");
        assert_eq!(auth_request.status, 401, "{change:?}");
        for answer in [forward_auth, auth_request] {
            assert_eq!(answer.header("location"), location, "{change:?}");
            assert_eq!(answer.header("cache-control"), "no-store", "{change:?}");
            assert!(!answer.headers.contains_key("set-cookie"), "{change:?}");
        }
    }
}

#[tokio::test]
async fn people_are_led_back_to_where_the_cookies_reach_and_nowhere_else() {
    let app = start().await;
    let login = "http://login.vestibule.test/login";
    let long = format!("/{}", "a".repeat(3_000));
    for (change, next) in [
        (
            &[("x-forwarded-host", "vestibule.test:8443"), ("x-forwarded-proto", "https")][..],
            "https://vestibule.test:8443/a%3Fb%3Dc%26d",
        ),
        (&[("x-forwarded-host", "APP.vestibule.test:80")], "http://app.vestibule.test/a%3Fb%3Dc%26d"),
        (&[("x-forwarded-host", "login.vestibule.test"), ("x-forwarded-uri", "/app/")], "/app/"),
        (&[("x-forwarded-uri", long.as_str())], "http://app.vestibule.test/"),
        (&[("x-original-url", "https://b.vestibule.test/x")], "https://b.vestibule.test/x"),
        (&[("x-forwarded-host", "evil-vestibule.test")], ""),
        (&[("x-forwarded-host", "app.vestibule.test@evil.test")], ""),
        (&[("x-forwarded-host", "evil.test/.vestibule.test")], ""),
        (&[("x-forwarded-host", "app.vestibule.test, evil.test")], ""),
        (&[("x-forwarded-host", "app.vestibule.test.")], ""),
        (&[("x-forwarded-proto", "javascript")], ""),
        (&[("x-forwarded-proto", "https,http")], ""),
        (&[("x-original-url", "//evil.test/")], ""),
        (&[("x-forwarded-host", "login.vestibule.test"), ("x-forwarded-uri", "/login?next=/login")], ""),
        (&[("x-forwarded-host", "login.vestibule.test"), ("x-forwarded-uri", "//evil.test")], ""),
    ] {
        let expected = if next.is_empty() { login.to_owned() } else { format!("{login}?next={next}") };
        for answer in ask_both(&app, &[&NAVIGATION[..], change].concat()).await {
            assert_eq!(answer.header("location"), expected, "{change:.80?}");
        }
    }
    let stranger = start_with(|settings| settings.set("TRUSTED_PROXIES", "192.0.2.1")).await;
    let answer = ask(&stranger, FORWARD_AUTH, &NAVIGATION).await;
    assert_eq!((answer.status, answer.header("location")), (302, login), "what a stranger says counts for nothing");
}
