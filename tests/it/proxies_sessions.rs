//! Sessions behind a proxy, and the cookie that proxies see.

use std::time::Duration;

use vestibule::sessions::{self, EndReason};
use vestibule::users;

use crate::harness::TestApp;
use crate::harness::database_outage::Outage;
use crate::harness::direct_database::DirectConnection;
use crate::harness::proxies::{FORWARD_AUTH, NAVIGATION, PROXY, check, check_both, sign_in, start};
use crate::harness::visitor::{TOKEN, Visitor};

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
    assert_eq!(statuses(&app, &cookie).await, [401, 401]);
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
