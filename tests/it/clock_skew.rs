//! Instances on one database whose machines' clocks are minutes apart. On PostgreSQL they follow the database's clock; a
//! SQLite file has one machine, whose clock is right by definition.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::Value;
use vestibule::clock::{Clock, Moment};

use crate::harness::clients::text;
use crate::harness::direct_database::DirectConnection;
use crate::harness::{TestApp, TestDatabase};

const SESSIONS: usize = 15;

/// The error of the instances' clocks on PostgreSQL, in minutes.
const ERRORS: [i64; 3] = [-2, 0, 2];

/// Three instances on one database, with the account `alice`.
async fn instances() -> [TestApp; 3] {
    let database = TestDatabase::create();
    let minutes = i64::from(database.is_postgres());
    let mut apps = Vec::new();
    for error in ERRORS {
        let clock = Clock::system();
        clock.set_system_error(TimeDelta::minutes(error * minutes));
        apps.push(TestApp::start_on(database.share(), clock, |_| {}).await);
    }
    apps[0].add_user("alice", &[]).await;
    // The last one that stops deletes the database.
    apps[2].database = database;
    apps.try_into().unwrap_or_else(|_| panic!("three"))
}

/// How far a clock is from this machine's, which is also the database's.
fn difference(clock: &Clock) -> TimeDelta {
    let (here, there): (Moment, Moment) = (Clock::system().now(), clock.now());
    (there - here).abs()
}

#[tokio::test]
async fn instance_accepts_the_tokens_of_one_whose_clock_is_minutes_away() {
    let apps = instances().await;
    for issuer in &apps {
        let tokens = issuer.tokens_of("alice").await;
        for verifier in &apps {
            assert_eq!(verifier.get_me(text(&tokens, "access_token")).await.status(), 200);
        }
    }
}

#[tokio::test]
async fn refreshes_at_once_on_instances_with_other_clocks_lose_no_session() {
    let apps = instances().await;
    for _ in 0..SESSIONS {
        let first = apps[0].tokens_of("alice").await;
        let requests = apps.iter().map(|app| app.refresh(text(&first, "refresh_token")));
        let mut successors: Vec<Value> = Vec::new();
        for response in futures_util::future::join_all(requests).await {
            assert_eq!(response.status, 200, "{response:?}");
            successors.push(response.json()["refresh_token"].clone());
        }
        assert!(successors.windows(2).all(|pair| pair[0] == pair[1]), "one successor: {successors:?}");
        // The next one is used by one instance while the others are late with the first.
        let token = successors[0].as_str().expect("a token");
        for app in [&apps[2], &apps[0], &apps[1]] {
            assert_eq!(app.refresh(token).await.status, 200);
            assert_eq!(app.refresh(text(&first, "refresh_token")).await.status, 200);
        }
    }
    let mut direct = DirectConnection::open(&apps[2].database);
    assert_eq!(direct.count("sessions", "ended_at IS NULL"), i64::try_from(SESSIONS).expect("few"));
}

#[tokio::test]
async fn clock_that_jumps_while_the_server_runs_is_corrected() {
    let app = TestApp::start().await;
    app.clock.set_system_error(TimeDelta::hours(24));
    let began = Instant::now();
    let is_wrong = || difference(&app.clock) > TimeDelta::seconds(2);
    while app.database.is_postgres() && is_wrong() {
        assert!(began.elapsed() < Duration::from_secs(20), "the clock is not corrected");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(is_wrong(), !app.database.is_postgres(), "SQLite has no other clock");
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    assert_eq!(app.get_me(&token).await.status(), 200);
}
