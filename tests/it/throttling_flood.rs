//! A flood of sign-ins from many networks: who is rejected first, and what it leaves in the database.

use std::time::Duration;

use diesel::prelude::*;
use vestibule::authentication::{self, delete_stale_attempts};
use vestibule::config::Settings;
use vestibule::db::schema::login_attempts;
use vestibule::users::hash_pool::{HashSlot, Standing};

use crate::harness::visitor::Visitor;
use crate::harness::{OTHER_PASSWORD, PASSWORD, ServerProcess, TestApp, TestDatabase, TestResponse};
use crate::throttling::{WRONG, assert_waits, behind_a_proxy, rows, sign_in, sign_in_from};

const DEVICE: &str = "vestibule_device";

/// Takes all slots that unknown browsers can have, as a flood does.
fn fill_the_queue(app: &TestApp) -> Vec<HashSlot> {
    let pool = app.services.accounts.hash_pool();
    std::iter::from_fn(|| pool.reserve(Standing::Unknown).ok()).collect()
}

/// A signed-in browser of this account.
async fn signed_in(app: &TestApp, name: &str) -> Visitor {
    app.add_user(name, &[]).await;
    let visitor = Visitor::new(app);
    assert_eq!(visitor.sign_in(name).await.status, 303);
    visitor
}

#[tokio::test]
async fn full_queue_rejects_unknown_browsers_first_and_before_anything_is_written() {
    let app = TestApp::start().await;
    let alice = signed_in(&app, "alice").await;
    let bob = signed_in(&app, "bob").await;
    let device = alice.cookie(DEVICE).expect("a known browser");
    let bobs = bob.cookie(DEVICE).expect("a known browser");
    let slots = fill_the_queue(&app);
    assert!(!slots.is_empty());
    // From a network that both accounts know: full queues do not reveal which networks are known.
    for (name, password) in [("alice", PASSWORD), ("alice", WRONG), ("nobody", WRONG)] {
        let response = sign_in(&app, name, password).await;
        assert_eq!((response.status, response.retry_after()), (503, Some(1)), "{name}: {response:?}");
    }
    let made_up = "A".repeat(43);
    for cookie in [&made_up, &bobs] {
        let stranger = Visitor::with_cookies(&app, &[(DEVICE, cookie.as_str())]);
        let page = stranger.try_sign_in("alice", PASSWORD).await;
        assert_eq!((page.status, page.header("retry-after")), (503, "2"), "{}", page.alert());
    }
    assert_eq!(rows(&app).await, [], "rejected attempts were not counted");
    let known = Visitor::with_cookies(&app, &[(DEVICE, device.as_str())]);
    assert_eq!(known.try_sign_in("alice", WRONG).await.status, 422);
    assert_eq!(known.try_sign_in("alice", PASSWORD).await.status, 303);
    // A signed-in person, even at a browser that is not known: the password is verified and the new one hashed.
    let session =
        Visitor::with_cookies(&app, &[("vestibule_session", &alice.cookie("vestibule_session").expect("signed in"))]);
    let page = session.get("/account/password").await;
    let fields = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    let changed = session.submit(&page, "/account/password", &fields).await;
    assert_eq!(changed.status, 303, "{}", changed.alert());
    drop(slots);
    assert_eq!(sign_in(&app, "alice", OTHER_PASSWORD).await.status, 200, "the queue has room again");
}

#[tokio::test]
async fn browser_that_the_account_has_forgotten_is_unknown() {
    let app = TestApp::start().await;
    let alice = signed_in(&app, "alice").await;
    let device = alice.cookie(DEVICE).expect("a known browser");
    app.write(|conn| {
        let id = vestibule::users::find_by_key(conn, "alice")?.expect("a user").id;
        authentication::forget_devices(conn, id)
    })
    .await;
    let slots = fill_the_queue(&app);
    let forgotten = Visitor::with_cookies(&app, &[(DEVICE, device.as_str())]);
    assert_eq!(forgotten.try_sign_in("alice", PASSWORD).await.status, 503);
    drop(slots);
    assert_eq!(forgotten.try_sign_in("alice", PASSWORD).await.status, 303);
    let renewed = forgotten.cookie(DEVICE).expect("a known browser");
    assert_ne!(renewed, device);
    let _slots = fill_the_queue(&app);
    let known = Visitor::with_cookies(&app, &[(DEVICE, renewed.as_str())]);
    assert_eq!(known.try_sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn rejected_flood_costs_no_statement() {
    let database = TestDatabase::create();
    // A single thread with hashes of seconds: its lane of 64 slots is full while the test counts.
    let slow = [("HASH_THREADS", "1"), ("ARGON2_MEMORY_KIB", "262144"), ("ARGON2_ITERATIONS", "20")];
    let limits = [("THROTTLE_ACCOUNT_NETWORK", "1000"), ("THROTTLE_ACCOUNT", "1000"), ("THROTTLE_NETWORK", "1000")];
    let server = ServerProcess::start(&database, &[slow.as_slice(), &limits].concat());
    let client = crate::harness::http_client();
    let send = |name: String| {
        let form = [("username", name), ("password", WRONG.to_owned())];
        TestResponse::to(client.post(format!("{}/token", server.url)).form(&form))
    };
    let flood: Vec<_> = (0..80).map(|number| tokio::spawn(send(format!("name-{number}")))).collect();
    while server.counter("vestibule_sign_ins_overloaded_total").await < 15 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut fewest = u64::MAX;
    for number in 0..20 {
        let before = server.counter("vestibule_database_statements_total").await;
        let response = send(format!("other-{number}")).await;
        assert_eq!(response.status, 503, "{response:?}");
        // The server also reads revoked sessions twice a second.
        fewest = fewest.min(server.counter("vestibule_database_statements_total").await - before);
    }
    assert_eq!(fewest, 0);
    flood.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn ipv6_networks_are_throttled_at_three_sizes() {
    let app = TestApp::start_with(behind_a_proxy).await;
    app.add_user("alice", &[]).await;
    let try_from = async |site: u32, subnet: u32, name: String| {
        let address = format!("2001:db8:{site:x}:{subnet:x}::1");
        sign_in_from(&app, &address, &name, WRONG).await
    };
    let mut failures = 0;
    // 99 failures from each /64 stay below its limit; the /56 is blocked at 200, the /48 at 400.
    for (slash_56, expected) in [(0x1000, 200), (0x1100, 200), (0x1200, 0)] {
        let mut accepted = 0;
        for subnet in 0..3 {
            for _ in 0..99 {
                failures += 1;
                let response = try_from(7, slash_56 + subnet, format!("nobody-{failures}")).await;
                if response.status != 400 {
                    assert_waits(&response, 30);
                    break;
                }
                accepted += 1;
            }
        }
        assert_eq!(accepted, expected, "{slash_56:x}");
    }
    assert_waits(&try_from(7, 0xffff, "alice".to_owned()).await, 30);
    assert_eq!(try_from(8, 0x1000, "alice".to_owned()).await.status, 400, "another /48");
    // IPv4 has one size.
    assert_eq!(sign_in_from(&app, "203.0.113.5", "alice", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn limits_of_ipv6_networks_are_settings() {
    let app = TestApp::start_with(|settings: &mut Settings| {
        behind_a_proxy(settings);
        settings.set("THROTTLE_NETWORK_56", "2");
        settings.set("THROTTLE_NETWORK_48", "3");
    })
    .await;
    for subnet in [0x100, 0x101] {
        assert_eq!(sign_in_from(&app, &format!("2001:db8::{subnet:x}:0:0:0:1"), "nobody", WRONG).await.status, 400);
    }
    assert_waits(&sign_in_from(&app, "2001:db8:0:1ff::1", "nobody", WRONG).await, 30);
    assert_eq!(sign_in_from(&app, "2001:db8:0:200::1", "nobody", WRONG).await.status, 400);
    assert_waits(&sign_in_from(&app, "2001:db8:0:300::1", "nobody", WRONG).await, 30);
}

#[tokio::test]
async fn sign_in_leaves_rows_for_failures_only() {
    let app = TestApp::start_with(behind_a_proxy).await;
    app.add_user("alice", &[]).await;
    for address in ["203.0.113.5", "2001:db8::1"] {
        assert_eq!(sign_in_from(&app, address, "alice", PASSWORD).await.status, 200);
    }
    assert_eq!(rows(&app).await, []);
    assert_eq!(sign_in_from(&app, "2001:db8::1", "alice", WRONG).await.status, 400);
    let failed = rows(&app).await;
    assert_eq!(failed.len(), 5, "the account, the account at the network, and three networks");
    assert_eq!(sign_in_from(&app, "2001:db8::1", "alice", PASSWORD).await.status, 200);
    let counts =
        |rows: &[(String, i64, i64, _, _, _)]| rows.iter().map(|row| (row.0.clone(), row.1, row.2)).collect::<Vec<_>>();
    assert_eq!(counts(&rows(&app).await), counts(&failed), "a success takes no failure back");
    assert!(failed.iter().all(|row| (row.1, row.2) == (1, 0)));
}

#[tokio::test]
async fn counters_are_deleted_once_window_and_wait_have_passed() {
    let app = TestApp::start().await;
    let mut settings = Settings::default();
    settings.set("THROTTLE_WAIT_MAX", "2h");
    let long_wait = authentication::attempts_kept(&settings.check().expect("valid settings").throttling);
    let kept = authentication::attempts_kept(&Settings::default().check().expect("valid settings").throttling);
    assert!(long_wait > kept, "a row is needed as long as its wait can last");
    for number in 0..10 {
        assert_eq!(sign_in(&app, &format!("nobody-{number}"), WRONG).await.status, 400);
    }
    let clean = async || {
        let before = app.clock.now() - kept;
        app.write(move |conn| delete_stale_attempts(conn, before, 1_000)).await
    };
    assert_eq!(rows(&app).await.len(), 21, "two for each name, and the network's");
    app.clock.advance(Duration::from_hours(1));
    assert_eq!(clean().await, 0, "the window of an hour has just ended");
    assert_eq!(sign_in(&app, "nobody-0", WRONG).await.status, 400);
    app.clock.advance(Duration::from_mins(2));
    assert_eq!(clean().await, 18);
    let left: i64 = app.write(|conn| login_attempts::table.count().get_result(conn)).await;
    assert_eq!(left, 3, "those of the last attempt");
}

#[tokio::test]
async fn mail_requests_of_ipv6_networks_are_limited_at_three_sizes() {
    let app = TestApp::start().await;
    let limiter = &app.services.limiter;
    let request = async |address: String| {
        let address = address.parse().expect("an address");
        limiter.limit_by_network(address).await.expect("the database responds").is_none()
    };
    // 20 from a /64, and what it rejects does not count for its neighbours.
    for index in 0..30 {
        assert_eq!(request(format!("2001:db8:1:0100::{index}")).await, index < 20, "{index}");
    }
    // 40 from a /56.
    for index in 0..40 {
        assert_eq!(request(format!("2001:db8:1:01{:02x}::1", index + 1)).await, index < 20, "{index}");
    }
    // 80 from a /48.
    for index in 0..80 {
        assert_eq!(request(format!("2001:db8:1:{:02x}00::1", index + 2)).await, index < 40, "{index}");
    }
    assert!(request("2001:db8:2::1".to_owned()).await, "another /48");
    for index in 0..30 {
        assert_eq!(request(format!("192.0.2.{index}")).await, index < 20, "an IPv4 /24: {index}");
    }
}
