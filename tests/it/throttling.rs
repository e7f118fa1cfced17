//! Throttling of sign-ins: what is counted, how long the wait is, and what an attempt costs.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use reqwest::Client;
use vestibule::clock::Moment;
use vestibule::config::Settings;
use vestibule::db::schema::{login_attempts, sessions};
use vestibule::users;
use vestibule::users::argon2id::{Cost, Hasher, PasswordHash};
use vestibule::users::password::Password;

use crate::harness::responses::{assert_refusal, write_raw};
use crate::harness::visitor::Visitor;
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestDatabase, TestResponse};

pub const WRONG: &str = "the wrong password";

/// Hashes of this cost are weaker than those of every test server.
const WEAK: Cost = Cost { memory_kib: 16, iterations: 1, parallelism: 1 };

fn weak_hash(password: &str) -> PasswordHash {
    Hasher::default().hash(password.as_bytes(), WEAK)
}

pub async fn sign_in(app: &TestApp, name: &str, password: &str) -> TestResponse {
    TestResponse::read(app.post_token(name, password).await).await
}

/// An attempt from another address: the server trusts this machine as its proxy.
pub async fn sign_in_from(app: &TestApp, address: &str, name: &str, password: &str) -> TestResponse {
    let form = [("username", name), ("password", password)];
    TestResponse::to(app.post("/token").header("x-forwarded-for", address).form(&form)).await
}

pub fn behind_a_proxy(settings: &mut Settings) {
    settings.set("TRUSTED_PROXIES", "127.0.0.1");
}

/// Every row of the counted attempts.
pub async fn rows(app: &TestApp) -> Vec<(String, i64, i64, Moment, Moment, Moment)> {
    app.write(|conn| {
        login_attempts::table
            .order(login_attempts::bucket)
            .select((
                login_attempts::bucket,
                login_attempts::failures,
                login_attempts::in_flight,
                login_attempts::window_started_at,
                login_attempts::last_tried_at,
                login_attempts::last_failed_at,
            ))
            .load(conn)
    })
    .await
}

#[track_caller]
pub fn assert_waits(response: &TestResponse, seconds: u64) {
    let wait = response.retry_after();
    assert_eq!(response.status, 429, "{response:?}");
    // On a slow machine, some of the wait has passed since the failure.
    assert!(wait.is_some_and(|wait| wait <= seconds && wait + 10 >= seconds), "{wait:?} for {seconds}");
}

#[tokio::test]
async fn concurrent_wrong_passwords_take_ten_hashes() {
    let database = TestDatabase::create();
    let server = ServerProcess::start(&database, &[]);
    let client = crate::harness::http_client();
    let tries = (0..200).map(|_| {
        let request =
            client.post(format!("{}/token", server.url)).form(&[("username", "alice"), ("password", "wrong password")]);
        tokio::spawn(async move { request.send().await.expect("a response").status().as_u16() })
    });
    let mut statuses = Vec::new();
    for status in tries.collect::<Vec<_>>() {
        statuses.push(status.await.expect("no panic"));
    }
    assert_eq!(server.counter("vestibule_password_hashes_total").await, 10);
    let count = |expected: u16| statuses.iter().filter(|status| **status == expected).count();
    assert_eq!((count(400), count(429)), (10, 190), "{statuses:?}");
}

#[tokio::test]
async fn wait_doubles_with_each_failure_for_existing_and_unknown_users() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    for _ in 0..10 {
        for name in ["alice", "nobody"] {
            assert_eq!(sign_in(&app, name, WRONG).await.status, 400, "{name}");
        }
    }
    for seconds in [30, 60, 120, 240, 480, 900] {
        for name in ["alice", "nobody"] {
            assert_waits(&sign_in(&app, name, PASSWORD).await, seconds);
        }
        app.clock.advance(Duration::from_secs(seconds - 15));
        for name in ["alice", "nobody"] {
            assert_waits(&sign_in(&app, name, PASSWORD).await, 15);
        }
        app.clock.advance(Duration::from_secs(15));
        for name in ["alice", "nobody"] {
            assert_eq!(sign_in(&app, name, WRONG).await.status, 400, "{name} after {seconds} s");
        }
    }
    // After the longest wait the count restarts: the last attempt was the first of ten.
    for name in ["alice", "nobody"] {
        for _ in 0..9 {
            assert_eq!(sign_in(&app, name, WRONG).await.status, 400, "{name}");
        }
        assert_waits(&sign_in(&app, name, PASSWORD).await, 30);
    }
}

#[tokio::test]
async fn right_password_is_accepted_after_the_wait() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    for _ in 0..10 {
        assert_eq!(sign_in(&app, "alice", WRONG).await.status, 400);
    }
    assert_waits(&sign_in(&app, "Alice ", PASSWORD).await, 30);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(sign_in(&app, "alice", PASSWORD).await.status, 200);
    // A success does not reset the count.
    assert_eq!(sign_in(&app, "alice", WRONG).await.status, 400);
    assert_waits(&sign_in(&app, "alice", WRONG).await, 60);
    app.clock.advance(Duration::from_mins(16));
    for _ in 0..10 {
        assert_eq!(sign_in(&app, "alice", WRONG).await.status, 400, "the window has ended");
    }
    assert_waits(&sign_in(&app, "alice", PASSWORD).await, 30);
}

#[tokio::test]
async fn failures_count_for_each_network() {
    let app = TestApp::start_with(behind_a_proxy).await;
    app.add_user("alice", &[]).await;
    for _ in 0..10 {
        assert_eq!(sign_in_from(&app, "203.0.113.5", "alice", WRONG).await.status, 400);
    }
    // Another address of the same /24 is the same network; one of another /24 is not.
    assert_waits(&sign_in_from(&app, "203.0.113.77", "alice", PASSWORD).await, 30);
    assert_eq!(sign_in_from(&app, "203.0.114.5", "alice", PASSWORD).await.status, 200);
    assert_eq!(sign_in(&app, "alice", PASSWORD).await.status, 200);
    assert_waits(&sign_in_from(&app, "203.0.113.5", "alice", PASSWORD).await, 30);
    for _ in 0..10 {
        assert_eq!(sign_in_from(&app, "2001:db8:0:1::1", "alice", WRONG).await.status, 400);
    }
    assert_waits(&sign_in_from(&app, "2001:db8:0:1:ffff::2", "alice", PASSWORD).await, 30);
    assert_eq!(sign_in_from(&app, "2001:db8:0:2::1", "alice", PASSWORD).await.status, 200);
    // Addresses before the proxy's own entry are ignored.
    assert_waits(&sign_in_from(&app, "198.51.100.1, 203.0.113.5", "alice", PASSWORD).await, 30);
}

#[tokio::test]
async fn throttled_attempt_writes_nothing() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    for _ in 0..10 {
        assert_eq!(sign_in(&app, "alice", WRONG).await.status, 400);
    }
    let before = rows(&app).await;
    assert_eq!(before.len(), 3);
    for password in [WRONG, PASSWORD, WRONG] {
        assert_waits(&sign_in(&app, "alice", password).await, 30);
    }
    app.clock.advance(Duration::from_secs(10));
    assert_waits(&sign_in(&app, "alice", PASSWORD).await, 20);
    assert_eq!(rows(&app).await, before);
}

#[tokio::test]
async fn network_is_throttled_after_one_hundred_failures() {
    let app = TestApp::start_with(behind_a_proxy).await;
    app.add_user("alice", &[]).await;
    for number in 0..10 {
        for _ in 0..10 {
            let name = format!("nobody-{number}");
            assert_eq!(sign_in_from(&app, "203.0.113.5", &name, WRONG).await.status, 400);
        }
    }
    assert_waits(&sign_in_from(&app, "203.0.113.6", "alice", PASSWORD).await, 30);
    assert_waits(&sign_in_from(&app, "203.0.113.7", "nobody-else", WRONG).await, 30);
    assert_eq!(sign_in_from(&app, "203.0.112.5", "alice", PASSWORD).await.status, 200);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(sign_in_from(&app, "203.0.113.6", "alice", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn throttled_account_accepts_known_networks() {
    let app = TestApp::start_with(behind_a_proxy).await;
    for name in ["alice", "bob"] {
        app.add_user(name, &[]).await;
    }
    assert_eq!(sign_in_from(&app, "198.51.100.7", "alice", PASSWORD).await.status, 200);
    for network in 0..50 {
        for name in ["alice", "nobody"] {
            let address = format!("203.0.{network}.5");
            assert_eq!(sign_in_from(&app, &address, name, WRONG).await.status, 400, "{network}");
        }
    }
    for name in ["alice", "nobody"] {
        assert_waits(&sign_in_from(&app, "203.0.200.5", name, PASSWORD).await, 30);
    }
    assert_eq!(sign_in_from(&app, "198.51.100.99", "alice", PASSWORD).await.status, 200, "the network is known");
    assert_eq!(sign_in_from(&app, "203.0.200.5", "bob", PASSWORD).await.status, 200, "another account");
    assert_waits(&sign_in_from(&app, "203.0.200.5", "alice", PASSWORD).await, 30);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(sign_in_from(&app, "203.0.200.5", "alice", PASSWORD).await.status, 200, "the wait has ended");
}

/// `POST /login` as a browser sends it.
async fn sign_in_at_the_page(app: &TestApp, browser: &Client, password: &str) -> TestResponse {
    let page = TestResponse::to(browser.get(format!("{}/login", app.url))).await.text();
    let csrf = page.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
    let form = [("csrf", csrf.map_or("", |(token, _)| token)), ("username", "alice"), ("password", password)];
    TestResponse::to(browser.post(format!("{}/login", app.url)).form(&form)).await
}

/// A client with only the known-device cookie, as after a sign-out.
fn client_with_device_cookie(app: &TestApp, signed_in: &TestResponse) -> Client {
    let mut cookies = signed_in.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let device = cookies.find(|cookie| cookie.starts_with("vestibule_device=")).expect("a device cookie");
    let jar = std::sync::Arc::new(reqwest::cookie::Jar::default());
    jar.add_cookie_str(device, &app.url.parse().expect("a URL"));
    let builder = crate::harness::client_builder().redirect(reqwest::redirect::Policy::none()).cookie_provider(jar);
    builder.build().expect("a client")
}

#[tokio::test]
async fn known_browser_is_throttled_separately() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let first = sign_in_at_the_page(&app, &TestApp::browser(), PASSWORD).await;
    assert_eq!(first.status, 303, "{first:?}");
    let browser = client_with_device_cookie(&app, &first);
    for _ in 0..10 {
        assert_eq!(sign_in(&app, "alice", WRONG).await.status, 400);
    }
    assert_waits(&sign_in(&app, "alice", PASSWORD).await, 30);
    assert_eq!(sign_in_at_the_page(&app, &TestApp::browser(), PASSWORD).await.status, 429, "an unknown browser");
    for _ in 0..10 {
        assert_eq!(sign_in_at_the_page(&app, &browser, WRONG).await.status, 422, "it has its own attempts");
    }
    let waits = sign_in_at_the_page(&app, &browser, PASSWORD).await;
    assert_waits(&waits, 30);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(sign_in_at_the_page(&app, &browser, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn concurrent_right_passwords_all_sign_in() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let request = app.post("/token").form(&[("username", "alice"), ("password", PASSWORD)]);
            tokio::spawn(TestResponse::to(request))
        })
        .collect();
    for response in tries {
        let response = response.await.expect("no panic");
        assert_eq!(response.status, 200, "{response:?}");
    }
    assert_eq!(rows(&app).await, [], "each attempt was released");
}

#[tokio::test]
async fn known_browser_is_exempt_from_the_limit_of_its_network() {
    let app = TestApp::start_with(|settings| settings.set("THROTTLE_NETWORK", "3")).await;
    app.add_user("alice", &[]).await;
    let first = sign_in_at_the_page(&app, &TestApp::browser(), PASSWORD).await;
    for number in 0..3 {
        assert_eq!(sign_in(&app, &format!("nobody-{number}"), WRONG).await.status, 400);
    }
    assert_eq!(sign_in_at_the_page(&app, &TestApp::browser(), PASSWORD).await.status, 429, "an unknown browser");
    let known = client_with_device_cookie(&app, &first);
    assert_eq!(sign_in_at_the_page(&app, &known, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn account_signs_in_at_a_limited_rate() {
    let app = TestApp::start_with(|settings| settings.set("THROTTLE_SIGN_INS", "3")).await;
    for name in ["alice", "bob"] {
        app.add_user(name, &[]).await;
    }
    for _ in 0..3 {
        assert_eq!(sign_in(&app, "alice", PASSWORD).await.status, 200);
    }
    let limited = sign_in(&app, "alice", PASSWORD).await;
    assert_refusal(&limited, 429, "too_many_requests", "the fourth sign-in");
    assert!(limited.retry_after().is_some_and(|wait| (1..=2).contains(&wait)), "{limited:?}");
    let sessions: i64 = app.write(|conn| sessions::table.count().get_result(conn)).await;
    assert_eq!(sessions, 3);
    assert_eq!(rows(&app).await, [], "a correct password is not counted as a failure");
    // Somebody without the password learns nothing of it, and the owner can use the pages.
    assert_eq!(sign_in(&app, "alice", WRONG).await.status, 400);
    assert_eq!(sign_in(&app, "bob", PASSWORD).await.status, 200);
    let browser = Visitor::new(&app);
    for _ in 0..3 {
        assert_eq!(browser.try_sign_in("alice", PASSWORD).await.status, 303);
        browser.forget_cookies();
    }
    let page = browser.try_sign_in("alice", PASSWORD).await;
    assert_eq!(page.status, 429, "{}", page.html);
    assert!(page.alert().contains("Too many attempts"), "{}", page.alert());
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(sign_in(&app, "alice", PASSWORD).await.status, 200);
    assert_eq!(browser.try_sign_in("alice", PASSWORD).await.status, 303);
}

/// Waits until the rows satisfy `condition`, at most twenty seconds.
async fn wait_until(
    app: &TestApp,
    what: &str,
    condition: impl Fn(&[(String, i64, i64, Moment, Moment, Moment)]) -> bool,
) {
    let began = Instant::now();
    while !condition(&rows(app).await) {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", rows(app).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Settings under which a hash takes long enough to see an attempt in flight.
fn slow_hashes(settings: &mut Settings) {
    settings.set("ARGON2_MEMORY_KIB", "65536");
    settings.set("ARGON2_ITERATIONS", "12");
}

#[tokio::test]
async fn attempt_of_a_disconnected_client_is_counted() {
    let app = TestApp::start_with(slow_hashes).await;
    let body = "username=alice&password=wrong";
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let stream = write_raw(&app.url, request.as_bytes());
    wait_until(&app, "in flight", |rows| rows.len() == 3 && rows.iter().all(|row| row.2 == 1)).await;
    stream.shutdown(Shutdown::Both).expect("closed");
    drop(stream);
    wait_until(&app, "counted", |rows| rows.iter().all(|row| (row.1, row.2) == (1, 0))).await;
}

#[tokio::test]
async fn wrong_password_takes_the_same_hashes_and_statements_for_every_user() {
    let app = TestApp::start().await;
    let password = Password::parse(PASSWORD).expect("a valid password");
    let hash = app.services.accounts.hash_pool().hash(password).await.expect("room in the queue");
    app.add_user_with_hash("alice", &["admin"], hash.clone()).await;
    app.add_user_with_hash("weak", &[], weak_hash(PASSWORD)).await;
    let disabled = app.add_user_with_hash("dora", &[], hash.clone()).await.id;
    let deleted = app.add_user_with_hash("dell", &[], hash).await.id;
    let now = app.clock.now();
    app.write(move |conn| {
        assert!(users::set_disabled(conn, disabled, Some(now))? && users::delete(conn, deleted, now)?);
        Ok(())
    })
    .await;
    let server = ServerProcess::start(&app.database, &[]);
    let mut costs = Vec::new();
    for (name, password) in
        [("alice", WRONG), ("nobody", WRONG), ("weak", WRONG), ("dora", WRONG), ("dora", PASSWORD), ("dell", WRONG)]
    {
        let hashes_before = server.counter("vestibule_password_hashes_total").await;
        let work_before = server.counter("vestibule_password_hash_work_kib_total").await;
        let mut fewest = u64::MAX;
        for _ in 0..5 {
            let before = server.counter("vestibule_database_statements_total").await;
            let form = [("username", name), ("password", password)];
            let response = TestResponse::to(app.client.post(format!("{}/token", server.url)).form(&form)).await;
            assert_eq!(response.status, 400, "{response:?}");
            // The server also reads revoked sessions twice a second; the minimum is that of the attempt alone.
            fewest = fewest.min(server.counter("vestibule_database_statements_total").await - before);
        }
        let hashes = server.counter("vestibule_password_hashes_total").await - hashes_before;
        let work = server.counter("vestibule_password_hash_work_kib_total").await - work_before;
        costs.push((name, hashes, work, fewest));
    }
    assert!(costs[0].2 > 0 && costs[0].3 > 0, "{costs:?}");
    for (name, hashes, work, statements) in &costs {
        // The hash of "weak" alone has a quarter of the work.
        assert_eq!((*hashes, *work, *statements), (5, costs[0].2, costs[0].3), "{name}: {costs:?}");
    }
}

#[tokio::test]
async fn throttled_attempt_reads_counters_and_no_user() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let server = ServerProcess::start(&app.database, &[("THROTTLE_ACCOUNT_NETWORK", "1")]);
    let send = |name: &'static str| {
        let form = [("username", name), ("password", WRONG)];
        TestResponse::to(app.client.post(format!("{}/token", server.url)).form(&form))
    };
    for name in ["alice", "nobody"] {
        assert_eq!(send(name).await.status, 400);
        let mut fewest = u64::MAX;
        for _ in 0..5 {
            let before = server.counter("vestibule_database_statements_total").await;
            assert_waits(&send(name).await, 30);
            // The server also reads revoked sessions twice a second.
            fewest = fewest.min(server.counter("vestibule_database_statements_total").await - before);
        }
        assert_eq!(fewest, 2, "{name}: the known devices and networks, and the counters");
    }
}

async fn hash_of(app: &TestApp, name: &'static str) -> PasswordHash {
    let user = app.write(move |conn| users::find_by_key(conn, name)).await.expect("a user");
    user.password_hash.expect("a hash").argon2id().expect("Argon2id").clone()
}

#[tokio::test]
async fn weak_hash_is_replaced_at_a_successful_sign_in() {
    let app = TestApp::start().await;
    app.add_user_with_hash("alice", &[], weak_hash(PASSWORD)).await;
    assert_eq!(sign_in(&app, "alice", WRONG).await.status, 400);
    assert_eq!(hash_of(&app, "alice").await.cost(), WEAK);
    assert_eq!(sign_in(&app, "alice", PASSWORD).await.status, 200);
    let stronger = hash_of(&app, "alice").await;
    assert_eq!(stronger.cost(), app.services.accounts.hash_pool().cost());
    assert_eq!(sign_in(&app, "alice", PASSWORD).await.status, 200);
    assert_eq!(hash_of(&app, "alice").await, stronger, "rehashed once only");
}

#[tokio::test]
async fn rehash_does_not_undo_a_concurrent_password_change() {
    let app = TestApp::start_with(slow_hashes).await;
    let id = app.add_user_with_hash("alice", &[], weak_hash(PASSWORD)).await.id;
    let request = app.post("/token").form(&[("username", "alice"), ("password", PASSWORD)]);
    let old = tokio::spawn(TestResponse::to(request));
    wait_until(&app, "in flight", |rows| rows.iter().any(|row| row.2 == 1)).await;
    let (changed, now) = (weak_hash("another battery staple"), app.clock.now());
    let kept = changed.clone();
    app.write(move |conn| {
        assert!(users::set_password_hash(conn, id, &changed, None, now)?);
        Ok(())
    })
    .await;
    assert_eq!(old.await.expect("no panic").status, 400, "the password was changed during the sign-in");
    assert_eq!(hash_of(&app, "alice").await, kept);
    assert_eq!(sign_in(&app, "alice", "another battery staple").await.status, 200);
}
