//! Sessions behind a proxy, and the cookie that proxies see.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use vestibule::sessions::{self, EndReason, TRUSTED_FOR};
use vestibule::users;

use crate::harness::database_outage::Outage;
use crate::harness::direct_database::DirectConnection;
use crate::harness::proxies::{FORWARD_AUTH, NAVIGATION, PROXY, check, check_both, sign_in, start};
use crate::harness::visitor::{TOKEN, Visitor};
use crate::harness::{ServerProcess, TestApp};

const HOUR: Duration = Duration::from_hours(1);

pub async fn statuses(app: &TestApp, cookie: &str) -> [u16; 2] {
    check_both(app, &[("cookie", cookie)]).await.map(|response| response.status)
}

#[tokio::test]
async fn requests_through_a_proxy_keep_the_session_alive() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let (visitor, cookie) = sign_in(&app, "alice").await;
    let (_, idle) = sign_in(&app, "alice").await;
    for hour in 0..30 {
        assert_eq!(statuses(&app, &cookie).await, [200, 200], "after {hour} hours, long after the token expired");
        app.clock.advance(HOUR);
    }
    assert_eq!(statuses(&app, &idle).await, [401, 401], "a session without requests expires");
    assert!(visitor.is_signed_in().await);
    let mut hours = 30;
    while statuses(&app, &cookie).await == [200, 200] {
        app.clock.advance(10 * HOUR);
        hours += 10;
        assert!(hours <= 720, "thirty days are 720 hours");
    }
    assert_eq!(hours, 720);
}

#[tokio::test]
async fn sign_out_disabling_and_revoked_roles_apply_to_proxies_at_once() {
    let app = start().await;
    let alice = app.add_user("alice", &["editor"]).await;
    let (visitor, cookie) = sign_in(&app, "alice").await;
    assert_eq!(statuses(&app, &cookie).await, [200, 200]);
    let page = visitor.sign_out().await;
    assert!(page.set_cookie(PROXY).expect("a removal").contains("Max-Age=0"));
    assert_eq!(statuses(&app, &cookie).await, [401, 401]);

    let (_, cookie) = sign_in(&app, "alice").await;
    let path = format!("{FORWARD_AUTH}?role=editor");
    assert_eq!(check(&app, &path, &[("cookie", &cookie)]).await.status, 200);
    app.write(move |conn| users::revoke_role(conn, alice.id, "editor")).await;
    assert_eq!(check(&app, &path, &[("cookie", &cookie)]).await.status, 403);

    let now = app.clock.now();
    app.write(move |conn| users::set_disabled(conn, alice.id, Some(now))).await;
    assert_eq!(statuses(&app, &cookie).await, [401, 401], "even if the session was not ended");
    app.write(move |conn| users::set_disabled(conn, alice.id, None)).await;
    assert_eq!(statuses(&app, &cookie).await, [200, 200]);
    app.write_elsewhere(move |conn, ended| {
        sessions::end_all_of_user(conn, ended, alice.id, EndReason::SignedOutByAdmin, now)
    })
    .await;
    let ended = Instant::now();
    while statuses(&app, &cookie).await != [401, 401] {
        assert!(ended.elapsed() < Duration::from_secs(1), "another instance ended the session");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The number of users, and how often each loses a role and gets it back.
const USERS: usize = 10;
const TRIES: usize = 10;

/// Whether another server lets the session through to an application for editors.
async fn is_let_through(server: &ServerProcess, cookie: &str) -> bool {
    let url = format!("{}/verify/auth-request?role=editor", server.url);
    let response = crate::harness::http_client().get(url).header("cookie", cookie).send().await.expect("a response");
    match response.status().as_u16() {
        200 => true,
        403 => false,
        status => panic!("status {status}"),
    }
}

#[tokio::test]
async fn role_revoked_at_one_server_is_gone_at_another_within_a_second() {
    let app = start().await;
    let other = ServerProcess::start(&app.database, &[]);
    let tries = (0..USERS).map(async |number| {
        let alice = app.add_user(&format!("alice{number}"), &["editor"]).await;
        let (_, cookie) = sign_in(&app, &alice.username).await;
        let mut seen_after = 0;
        for _ in 0..TRIES {
            assert!(is_let_through(&other, &cookie).await, "from memory or the database");
            assert!(app.write(move |conn| users::revoke_role(conn, alice.id, "editor")).await);
            let revoked = Instant::now();
            while is_let_through(&other, &cookie).await {
                assert!(revoked.elapsed() < Duration::from_secs(1), "the role was revoked");
                seen_after += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let now = app.clock.now();
            app.write(move |conn| users::grant_role(conn, alice.id, "editor", now)).await;
            while !is_let_through(&other, &cookie).await {
                assert!(revoked.elapsed() < Duration::from_secs(3), "the role was granted again");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        seen_after
    });
    let seen_after: usize = join_all(tries).await.into_iter().sum();
    assert!(seen_after > 0, "the other server has the sessions in memory");
}

#[tokio::test]
async fn sessions_in_memory_are_trusted_for_ten_seconds_without_the_database() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let (_, cookie) = sign_in(&app, "alice").await;
    assert_eq!(statuses(&app, &cookie).await, [200, 200]);
    let outage = Outage::begin_for_readers(&app.database);
    let begun = Instant::now();
    while statuses(&app, &cookie).await == [200, 200] {
        assert!(begun.elapsed() < TRUSTED_FOR + Duration::from_secs(5), "the database is away");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() + Duration::from_secs(3) > TRUSTED_FOR, "{:?}", begun.elapsed());
    assert_eq!(statuses(&app, &cookie).await, [503, 401]);
    drop(outage);
    let ended = Instant::now();
    while statuses(&app, &cookie).await != [200, 200] {
        assert!(ended.elapsed() < Duration::from_secs(10), "the database is back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn unavailable_database_stops_proxied_requests_without_signing_out() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let (_, cookie) = sign_in(&app, "alice").await;
    let token = format!("Bearer {}", app.token_of("alice").await);
    let outage = Outage::begin_for_readers(&app.database);
    for headers in [&[("cookie", cookie.as_str())][..], &[("authorization", &token)]] {
        for headers in [headers.to_vec(), [&NAVIGATION[..], headers].concat()] {
            let [forward_auth, auth_request] = check_both(&app, &headers).await;
            assert_eq!((forward_auth.status, auth_request.status), (503, 401), "nginx turns any other status into 500");
            assert!((1..=60).contains(&auth_request.retry_after().expect("Retry-After")));
            assert!(forward_auth.retry_after().is_some());
            for response in [forward_auth, auth_request] {
                assert_eq!((response.header("location"), response.header("www-authenticate")), ("", ""));
                assert!(!response.headers.contains_key("remote-user"));
            }
        }
    }
    let page = check(&app, FORWARD_AUTH, &[&NAVIGATION[..], &[("cookie", &cookie)]].concat()).await;
    assert!(page.text().contains("Service unavailable") && page.text().contains("Request ID"));
    assert_eq!(check(&app, FORWARD_AUTH, &[]).await.status, 401, "a request without credentials needs no database");
    drop(outage);
    assert_eq!(statuses(&app, &cookie).await, [200, 200]);
}

#[tokio::test]
async fn missing_proxy_cookie_is_set_by_any_page() {
    let app = start().await;
    app.add_user("alice", &[]).await;
    let (visitor, cookie) = sign_in(&app, "alice").await;
    let session = visitor.cookie("vestibule_session").expect("signed in");
    for path in ["/", "/login?next=http://app.vestibule.test/x"] {
        for held in [None, Some("A".repeat(43))] {
            let mut cookies = vec![("vestibule_session", session.as_str())];
            cookies.extend(held.as_deref().map(|secret| (PROXY, secret)));
            let page = Visitor::with_cookies(&app, &cookies).get(path).await;
            let set = page.set_cookie(PROXY).expect("a proxy cookie");
            assert!(set.starts_with(&format!("{cookie};")), "{path}");
            assert!(page.set_cookie(TOKEN).is_some(), "{path}: the token cookie is set too");
        }
    }
    let page = visitor.get("/").await;
    assert!(page.set_cookie(PROXY).is_none() && page.set_cookie(TOKEN).is_none(), "existing cookies are not set again");
    let mut direct = DirectConnection::open(&app.database);
    direct.run("UPDATE sessions SET proxy_secret_hash = NULL");
    assert_eq!(statuses(&app, &cookie).await, [401, 401]);
    Visitor::with_cookies(&app, &[("vestibule_session", &session)]).get("/").await;
    assert_eq!(statuses(&app, &cookie).await, [200, 200]);
}
