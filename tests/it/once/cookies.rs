//! Cookies that another host, an earlier setting or an attacker has put beside those of the server.

use reqwest::Method;

use crate::harness::proxies::{AUTH_REQUEST, FORWARD_AUTH, NAVIGATION, PROXY, check, check_both, sign_in, start};
use crate::harness::visitor::{SESSION, TOKEN, Visitor};
use crate::harness::{TestApp, TestResponse, responses};

/// Sends a GET whose `Cookie` header has exactly these bytes.
async fn get_with(app: &TestApp, path: &str, cookies: &[u8]) -> TestResponse {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: login.vestibule.test\r\nConnection: close\r\nCookie: ");
    request.push_str("x=y; ");
    let mut request = request.into_bytes();
    request.extend_from_slice(cookies);
    request.extend_from_slice(b"\r\n\r\n");
    responses::send_raw(&app.url, request).await
}

/// The value of a cookie of this visitor.
fn held(visitor: &Visitor, name: &str) -> String {
    visitor.cookie(name).expect("signed in")
}

/// The `Set-Cookie` lines that remove this cookie, each without its name and value.
fn removals(response: &TestResponse, name: &str) -> Vec<String> {
    let lines = response.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("ASCII"));
    let start = format!("{name}=; ");
    lines
        .filter_map(|line| line.strip_prefix(&start))
        .filter(|line| line.contains("Max-Age=0"))
        .map(str::to_owned)
        .collect()
}

async fn start_with_two_users() -> (TestApp, Visitor, Visitor) {
    let app = start().await;
    app.add_user("alice", &[]).await;
    app.add_user("mallory", &[]).await;
    let (alice, _) = sign_in(&app, "alice").await;
    let (mallory, _) = sign_in(&app, "mallory").await;
    (app, alice, mallory)
}

#[tokio::test]
async fn only_the_exact_bytes_of_a_name_count() {
    let (app, alice, mallory) = start_with_two_users().await;
    for name in [SESSION, TOKEN, PROXY] {
        let (own, planted) = (held(&alice, name), held(&mallory, name));
        let path = match name {
            SESSION => "/",
            TOKEN => "/me",
            _ => FORWARD_AUTH,
        };
        let encoded = name.replace('_', "%5F");
        for spelling in [
            encoded.as_bytes().to_vec(),
            format!("\u{a0}{name}").into_bytes(),
            format!("\u{2003}{name}\u{3000}").into_bytes(),
            format!("{name} ").into_bytes(),
            format!("\"{name}\"").into_bytes(),
            name.to_uppercase().into_bytes(),
            format!("{name}%00").into_bytes(),
        ] {
            let label = String::from_utf8_lossy(&spelling).into_owned();
            let alone = [&spelling[..], b"=", planted.as_bytes()].concat();
            let response = get_with(&app, path, &alone).await;
            assert_ne!(response.status, 200, "{label} is another cookie: {response:?}");
            let beside = [&alone[..], b"; ", name.as_bytes(), b"=", own.as_bytes()].concat();
            let response = get_with(&app, path, &beside).await;
            let user = response.header("remote-user").to_owned() + &response.text();
            assert!(
                response.status == 200 && user.contains("alice") && !user.contains("mallory"),
                "{label}: {response:?}"
            );
            assert!(removals(&response, name).is_empty(), "{label}: {response:?}");
        }
    }
}

#[tokio::test]
async fn foreign_cookie_of_any_bytes_changes_nothing() {
    let (app, alice, _) = start_with_two_users().await;
    for (name, path) in [(SESSION, "/"), (TOKEN, "/me"), (PROXY, FORWARD_AUTH), (PROXY, AUTH_REQUEST)] {
        let own = format!("{name}={}", held(&alice, name)).into_bytes();
        for foreign in
            [&b"a=\xff"[..], b"\xff=a", b"\xc3\x28", b"=", b"", b";;", b"a", b"a=%ff", b"a=\"b", b"a=b=c", b"%=%"]
        {
            let response = get_with(&app, path, &[foreign, b"; ", &own].concat()).await;
            assert_eq!(response.status, 200, "{name} after {foreign:?}: {response:?}");
            let response = get_with(&app, path, &[&own[..], b";", foreign].concat()).await;
            assert_eq!(response.status, 200, "{name} before {foreign:?}: {response:?}");
        }
    }
}

#[tokio::test]
async fn two_valid_session_cookies_sign_nobody_in_and_are_removed() {
    let (app, alice, mallory) = start_with_two_users().await;
    let [own, planted] = [&alice, &mallory].map(|visitor| held(visitor, SESSION));
    for (first, second) in [(&own, &planted), (&planted, &own)] {
        let response =
            get_with(&app, "/account/profile", format!("{SESSION}={first}; {SESSION}={second}").as_bytes()).await;
        assert_eq!((response.status, response.header("location")), (303, "/login?next=/account/profile"));
        let removed = removals(&response, SESSION);
        for variant in [
            "Path=/; Max-Age=0",
            "Path=/account; Max-Age=0",
            "Path=/account/; Max-Age=0",
            "Path=/account/profile; Max-Age=0",
            "Domain=login.vestibule.test; Path=/; Max-Age=0",
            "Domain=vestibule.test; Path=/account; Max-Age=0",
        ] {
            assert!(removed.iter().any(|line| line.starts_with(variant)), "{variant}: {removed:?}");
        }
        assert!(!removed.iter().any(|line| line.contains("Domain=test;")), "{removed:?}");
        // The sign-in page sets its own cookie and removes the others.
        let response = get_with(&app, "/login", format!("{SESSION}={first}; {SESSION}={second}").as_bytes()).await;
        assert_eq!(response.status, 200, "the form, because no one is signed in");
        let removed = removals(&response, SESSION);
        assert!(removed.iter().any(|line| line.starts_with("Path=/login; ")), "{removed:?}");
        assert!(!removed.iter().any(|line| line.starts_with("Path=/; ")), "its own is not removed: {removed:?}");
    }
    assert!(alice.is_signed_in().await, "the session itself goes on");
}

#[tokio::test]
async fn session_cookie_that_does_not_open_neither_signs_out_nor_in() {
    let (app, alice, _) = start_with_two_users().await;
    let own = held(&alice, SESSION);
    for planted in ["x", "%", &"A".repeat(own.len()), &held(&alice, PROXY)] {
        for cookies in
            [format!("{SESSION}={own}; {SESSION}={planted}"), format!("{SESSION}={planted}; {SESSION}={own}")]
        {
            let response = get_with(&app, "/", cookies.as_bytes()).await;
            assert!(response.status == 200 && response.text().contains("alice"), "{planted:.10}: {response:?}");
            let removed = removals(&response, SESSION);
            assert!(removed.iter().any(|line| line.starts_with("Domain=vestibule.test; Path=/; ")), "{removed:?}");
            assert!(!removed.iter().any(|line| line.starts_with("Path=/; ")), "alice keeps hers: {removed:?}");
        }
    }
}

#[tokio::test]
async fn proxy_cookies_of_two_users_identify_neither() {
    let (app, alice, mallory) = start_with_two_users().await;
    let [own, planted] = [&alice, &mallory].map(|visitor| held(visitor, PROXY));
    let cookies = [format!("{PROXY}={own}; {PROXY}={planted}"), format!("{PROXY}={planted}; {PROXY}={own}")];
    for cookies in &cookies {
        for response in check_both(&app, &[&NAVIGATION[..], &[("cookie", cookies)]].concat()).await {
            assert!(response.status == 302 || response.status == 401, "{response:?}");
            assert!(!response.headers.contains_key("remote-user"), "{response:?}");
            let removed = removals(&response, PROXY);
            for variant in [
                "Path=/; ",
                "Path=/a; ",
                "Domain=app.vestibule.test; Path=/; ",
                "Domain=vestibule.test; Path=/; ",
                "Domain=vestibule.test; Path=/a; ",
            ] {
                assert!(removed.iter().any(|line| line.starts_with(variant)), "{variant}: {removed:?}");
            }
        }
    }
    // The planted one counts even after its session has ended: otherwise it would sign the person in as its owner the
    // moment that their own session ends.
    mallory.sign_out().await;
    for response in check_both(&app, &[("cookie", &cookies[1])]).await {
        assert_eq!(response.status, 401, "{response:?}");
    }
    // The sign-in page gives the person their own cookie again without a password.
    let session = held(&alice, SESSION);
    let response = get_with(
        &app,
        "/login?next=http://app.vestibule.test/a",
        format!("{SESSION}={session}; {}", cookies[1]).as_bytes(),
    )
    .await;
    assert_eq!((response.status, response.header("location")), (303, "http://app.vestibule.test/a"));
    let own_line = format!("{PROXY}={own}; ");
    let lines: Vec<_> =
        response.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("ASCII")).collect();
    assert!(
        lines.iter().any(|line| line.starts_with(&own_line) && line.contains("Domain=vestibule.test")),
        "{lines:?}"
    );
    let removed = removals(&response, PROXY);
    assert!(!removed.iter().any(|line| line.starts_with("Domain=vestibule.test; Path=/; ")), "{removed:?}");
    assert!(removed.iter().any(|line| line.starts_with("Path=/; ")), "{removed:?}");
}

#[tokio::test]
async fn leftover_proxy_cookie_of_the_same_person_locks_nobody_out() {
    let (app, alice, _) = start_with_two_users().await;
    let own = held(&alice, PROXY);
    let (earlier, live) = (sign_in(&app, "alice").await, sign_in(&app, "alice").await);
    earlier.0.sign_out().await;
    for other in [&earlier.1, &live.1, &format!("{PROXY}={}", "A".repeat(43)), &format!("{PROXY}=x")] {
        for cookies in [format!("{PROXY}={own}; {other}"), format!("{other}; {PROXY}={own}")] {
            for response in check_both(&app, &[("cookie", &cookies)]).await {
                assert_eq!((response.status, response.header("remote-user")), (200, "alice"), "{other:.40}");
                assert!(!response.headers.contains_key("set-cookie"), "{response:?}");
            }
        }
    }
}

#[tokio::test]
async fn token_cookies_of_two_users_authenticate_neither() {
    let (app, alice, mallory) = start_with_two_users().await;
    let [own, planted] = [&alice, &mallory].map(|visitor| held(visitor, TOKEN));
    for cookies in [format!("{TOKEN}={own}; {TOKEN}={planted}"), format!("{TOKEN}={planted}; {TOKEN}={own}")] {
        let response = get_with(&app, "/me", cookies.as_bytes()).await;
        assert_eq!(response.status, 401, "{response:?}");
        let removed = removals(&response, TOKEN);
        assert!(removed.iter().any(|line| line.starts_with("Domain=vestibule.test; Path=/; ")), "{removed:?}");
        assert!(removed.iter().any(|line| line.starts_with("Path=/me; ")), "{removed:?}");
        // A page sets the person's own again.
        let session = held(&alice, SESSION);
        let response = get_with(&app, "/", format!("{SESSION}={session}; {cookies}").as_bytes()).await;
        let set = response.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("ASCII"));
        let token = set.filter_map(|line| line.strip_prefix(&format!("{TOKEN}="))?.split(';').next());
        let token = token.rev().find(|token| !token.is_empty()).expect("a token").to_owned();
        let me = get_with(&app, "/me", format!("{TOKEN}={token}").as_bytes()).await;
        assert_eq!((me.status, me.json()["username"].as_str()), (200, Some("alice")));
    }
    for other in ["x", &format!("{own}x"), &held(&sign_in(&app, "alice").await.0, TOKEN)] {
        for cookies in [format!("{TOKEN}={own}; {TOKEN}={other}"), format!("{TOKEN}={other}; {TOKEN}={own}")] {
            let me = get_with(&app, "/me", cookies.as_bytes()).await;
            assert_eq!((me.status, me.json()["username"].as_str()), (200, Some("alice")), "{other:.20}");
        }
    }
}

#[tokio::test]
async fn many_values_of_one_cookie_are_none() {
    let (app, alice, _) = start_with_two_users().await;
    let mut cookies = format!("{PROXY}={}", held(&alice, PROXY));
    for letter in 'A'..='Z' {
        cookies = format!("{cookies}; {PROXY}={}", letter.to_string().repeat(43));
    }
    let response = check(&app, FORWARD_AUTH, &[("cookie", &cookies)]).await;
    assert_eq!(response.status, 401);
    assert!(!removals(&response, PROXY).is_empty());
    let deep = format!("/{}", "a/".repeat(200));
    let headers = [&NAVIGATION[..], &[("cookie", cookies.as_str()), ("x-forwarded-uri", &deep)]].concat();
    let response = check(&app, FORWARD_AUTH, &headers).await;
    let size: usize = response.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(size < 6_000, "nginx in the examples accepts a head of 8 KiB: {size}");
}

#[tokio::test]
async fn on_https_only_prefixed_names_count_and_keep_their_attributes_when_removed() {
    let app = TestApp::start_with(|settings| {
        settings.set("PUBLIC_URL", "https://login.vestibule.test");
        settings.set("COOKIE_DOMAIN", "vestibule.test");
        settings.set("TRUSTED_PROXIES", "127.0.0.1");
    })
    .await;
    app.add_user("alice", &[]).await;
    app.add_user("mallory", &[]).await;
    let [alice, mallory] = [Visitor::new(&app), Visitor::new(&app)];
    alice.sign_in("alice").await;
    mallory.sign_in("mallory").await;
    let [session, proxy] = ["__Host-vestibule_session", "__Secure-vestibule_proxy"];
    let own = held(&alice, session);
    // A sibling host can set these spellings for the whole domain.
    for spelling in ["%5F%5FHost-vestibule_session", "__host-vestibule_session", "vestibule_session"] {
        let cookies = format!("{spelling}={}; {session}={own}", held(&mallory, session));
        let response = get_with(&app, "/", cookies.as_bytes()).await;
        assert!(response.status == 200 && response.text().contains("alice"), "{spelling}: {response:?}");
    }
    let cookies = format!("{proxy}={}; {proxy}={}", held(&mallory, proxy), held(&alice, proxy));
    let headers = [&NAVIGATION[..], &[("x-forwarded-proto", "https"), ("cookie", &cookies)]].concat();
    let response = check(&app, FORWARD_AUTH, &headers).await;
    assert_eq!(response.status, 302, "{response:?}");
    let removed = removals(&response, proxy);
    assert!(!removed.is_empty() && removed.iter().all(|line| line.ends_with("; Secure")), "{removed:?}");
    let page = alice.request(Method::GET, "/", None).await;
    assert_eq!(page.status, 200);
}
