//! Checks for reverse proxies: forged identity headers, redirects to the sign-in page, and the shared cookies.

use crate::harness::proxies::{
    AUTH_REQUEST, FORWARD_AUTH, NAVIGATION, PROXY, check, check_both, sign_in, start, start_with,
};
use crate::harness::visitor::Visitor;
use crate::proxies_sessions::statuses;

#[tokio::test]
async fn request_with_identity_headers_is_refused() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let (_, cookie) = sign_in(&app, "alice").await;
    for name in ["Remote-User", "remote-groups", "REMOTE-NAME", "Remote-Email", "Remote-Anything", "Remote_User"] {
        for cookie in [cookie.as_str(), "x=y"] {
            let headers = [&NAVIGATION[..], &[("cookie", cookie), (name, "admin")]].concat();
            for response in check_both(&app, &headers).await {
                assert_eq!(response.status, 403, "{name}");
                assert!(response.text().contains(&name.to_lowercase()), "it names the header: {}", response.text());
                assert!(!response.headers.contains_key("remote-user"));
            }
        }
    }
}

#[tokio::test]
async fn only_navigations_are_redirected_to_sign_in() {
    let app = start().await;
    let to = "http://login.vestibule.test/login?next=http://app.vestibule.test/a%3Fb%3Dc%26d";
    for (change, is_redirected) in [
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
        let [forward_auth, auth_request] = check_both(&app, &[&NAVIGATION[..], change].concat()).await;
        let location = if is_redirected { to } else { "" };
        assert_eq!(forward_auth.status, if is_redirected { 302 } else { 401 }, "{change:?}");
        assert_eq!(auth_request.status, 401, "{change:?}");
        for response in [forward_auth, auth_request] {
            assert_eq!(response.header("location"), location, "{change:?}");
            assert_eq!(response.header("cache-control"), "no-store", "{change:?}");
            assert!(!response.headers.contains_key("set-cookie"), "{change:?}");
        }
    }
}

#[tokio::test]
async fn redirect_back_is_limited_to_the_cookie_domain() {
    let app = start().await;
    let login = "http://login.vestibule.test/login";
    let long = format!("/{}", "a".repeat(3_000));
    for (change, next) in [
        (
            &[("x-forwarded-host", "vestibule.test:8443"), ("x-forwarded-proto", "https")][..],
            "https://vestibule.test:8443/a%3Fb%3Dc%26d",
        ),
        (&[("x-forwarded-host", "APP.vestibule.test:80")], "http://app.vestibule.test/a%3Fb%3Dc%26d"),
        // Each of several proxies appends its own: the first entry is what the browser sent.
        (&[("x-forwarded-proto", "https,http")], "https://app.vestibule.test/a%3Fb%3Dc%26d"),
        (&[("x-forwarded-host", "app.vestibule.test, evil.test")], "http://app.vestibule.test/a%3Fb%3Dc%26d"),
        (&[("x-forwarded-host", "login.vestibule.test"), ("x-forwarded-uri", "/app/")], "/app/"),
        (&[("x-forwarded-uri", long.as_str())], "http://app.vestibule.test/"),
        (&[("x-original-url", "https://b.vestibule.test/x")], "https://b.vestibule.test/x"),
        (&[("x-forwarded-host", "evil-vestibule.test")], ""),
        (&[("x-forwarded-host", "app.vestibule.test@evil.test")], ""),
        (&[("x-forwarded-host", "evil.test/.vestibule.test")], ""),
        (&[("x-forwarded-host", "evil.test, app.vestibule.test")], ""),
        (&[("x-forwarded-host", "app.vestibule.test.")], ""),
        (&[("x-forwarded-proto", "javascript")], ""),
        (&[("x-forwarded-proto", "javascript,https")], ""),
        (&[("x-original-url", "//evil.test/")], ""),
        (&[("x-forwarded-host", "login.vestibule.test"), ("x-forwarded-uri", "/login?next=/login")], ""),
        (&[("x-forwarded-host", "login.vestibule.test"), ("x-forwarded-uri", "//evil.test")], ""),
    ] {
        let expected = if next.is_empty() { login.to_owned() } else { format!("{login}?next={next}") };
        for response in check_both(&app, &[&NAVIGATION[..], change].concat()).await {
            assert_eq!(response.header("location"), expected, "{change:.80?}");
        }
    }
    let stranger = start_with(|settings| settings.set("TRUSTED_PROXIES", "192.0.2.1")).await;
    let response = check(&stranger, FORWARD_AUTH, &NAVIGATION).await;
    assert_eq!(
        (response.status, response.header("location")),
        (302, login),
        "headers of an untrusted proxy are ignored"
    );
}

#[tokio::test]
async fn only_token_and_proxy_cookies_are_shared_under_the_domain() {
    let https = |settings: &mut vestibule::config::Settings| {
        settings.set("PUBLIC_URL", "https://login.vestibule.test");
    };
    for (app, prefix, is_secure) in [(start().await, "", false), (start_with(https).await, "__Secure-", true)] {
        app.add_user("alice", &[]).await;
        let page = Visitor::new(&app).sign_in("alice").await;
        for (name, max_age) in [("vestibule_token", Some("Max-Age=1200")), (PROXY, None)] {
            let cookie = page.set_cookie(&format!("{prefix}{name}")).expect("set at sign-in");
            for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Domain=vestibule.test"].into_iter().chain(max_age)
            {
                assert!(cookie.contains(attribute), "{cookie}");
            }
            assert_eq!(
                cookie.contains("Max-Age"),
                max_age.is_some(),
                "it is deleted when the browser closes: {cookie}"
            );
            assert_eq!(cookie.contains("; Secure"), is_secure, "{cookie}");
        }
        let prefix = if is_secure { "__Host-" } else { "" };
        for name in ["vestibule_session", "vestibule_device"] {
            let cookie = page.set_cookie(&format!("{prefix}{name}")).expect("set at sign-in");
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    }
}

#[tokio::test]
async fn applications_on_the_same_host_need_no_cookie_domain() {
    let app = start_with(|settings| settings.set("COOKIE_DOMAIN", "")).await;
    app.add_user("alice", &[]).await;
    let page = Visitor::new(&app).sign_in("alice").await;
    assert!(!page.set_cookie(PROXY).expect("set at sign-in").contains("Domain"));
    let (_, cookie) = sign_in(&app, "alice").await;
    assert_eq!(statuses(&app, &cookie).await, [200, 200]);
    let same_host =
        [&NAVIGATION[..], &[("x-forwarded-host", "login.vestibule.test"), ("x-forwarded-uri", "/app/x")]].concat();
    let response = check(&app, AUTH_REQUEST, &same_host).await;
    assert_eq!(response.header("location"), "http://login.vestibule.test/login?next=/app/x");
    let response = check(&app, AUTH_REQUEST, &NAVIGATION).await;
    assert_eq!(
        response.header("location"),
        "http://login.vestibule.test/login",
        "no cookie would reach the other host"
    );
}

#[tokio::test]
async fn cookies_from_before_the_cookie_domain_are_removed() {
    let app = start_with(|settings| settings.set("PUBLIC_URL", "https://login.vestibule.test")).await;
    app.add_user("alice", &[]).await;
    let old = [("__Host-vestibule_token", "old"), ("__Host-vestibule_proxy", "old")];
    let visitor = Visitor::with_cookies(&app, &old);
    let page = visitor.sign_in("alice").await;
    for (name, _) in old {
        let removal = page.set_cookie(name).expect("a removal");
        assert!(removal.contains("Max-Age=0") && !removal.contains("Domain"), "{removal}");
    }
    let cookies = [&old[..], &[("__Secure-vestibule_proxy", "x")]].concat();
    let page = Visitor::with_cookies(&app, &cookies).same_origin().post("/logout", &[]).await;
    for name in ["__Host-vestibule_token", "__Host-vestibule_proxy", "__Secure-vestibule_proxy"] {
        assert!(page.set_cookie(name).expect("a removal").contains("Max-Age=0"), "{name}");
    }
}
