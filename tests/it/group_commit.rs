//! Writes that wait at the same time: on SQLite one commit stores them all, and each still succeeds or fails alone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use futures_util::future::join_all;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use vestibule::db::{Db, DbConnection, DbError};
use vestibule::metrics;
use vestibule::secret::fill_random;

use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::{PASSWORD, ServerProcess, TestDatabase};

const JOBS: usize = 50;
const FAILING: usize = 17;
const PANICKING: usize = 31;
/// The families of refresh tokens that are in use while a server is killed, and the number of kills.
const FAMILIES: usize = 64;
const KILLS: usize = 6;

fn execute(conn: &mut DbConnection, sql: &str) -> Result<(), DbError> {
    match conn {
        DbConnection::Sqlite(conn) => conn.batch_execute(sql)?,
        DbConnection::Postgres(conn) => conn.batch_execute(sql)?,
    }
    Ok(())
}

/// The commits in a write-ahead log that was not reset: a frame that ends one has the size of the database in its header
/// (<https://sqlite.org/fileformat2.html#walformat>).
fn count_commits(file: &Path) -> usize {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let log = std::fs::read(log).expect("a write-ahead log");
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().expect("four bytes"));
    let (page_bytes, salt) = (number(8) as usize, &log[16..24]);
    let frames = log[32..].chunks_exact(24 + page_bytes).take_while(|frame| &frame[8..16] == salt);
    frames.filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_job_among_fifty_is_rolled_back_alone() {
    let database = TestDatabase::create();
    let db = Db::new(&direct_database::url(&database));
    db.write(|conn| execute(conn, "INSERT INTO counters (name, value) VALUES ('zero', 0)")).await.expect("a log");
    // While this one runs, the others queue.
    let (has_begun, may_end) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let first = tokio::spawn({
        let (db, has_begun, may_end) = (db.clone(), Arc::clone(&has_begun), Arc::clone(&may_end));
        async move {
            db.write(move |conn| {
                has_begun.store(true, Ordering::SeqCst);
                while !may_end.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                execute(conn, "INSERT INTO counters (name, value) VALUES ('first', 1)")
            })
            .await
        }
    });
    while !has_begun.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let jobs: Vec<_> = (0..JOBS)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(async move {
                db.write(move |conn| {
                    execute(conn, &format!("INSERT INTO counters (name, value) VALUES ('job{number}', 1)"))?;
                    assert_ne!(number, PANICKING, "this job panics");
                    // The row that it has inserted is there already.
                    let again = if number == FAILING { "job" } else { "twin" };
                    execute(conn, &format!("INSERT INTO counters (name, value) VALUES ('{again}{number}', 1)"))?;
                    Ok::<_, DbError>(number)
                })
                .await
            })
        })
        .collect();
    // Those of other tests count as well, but are few.
    let (begun, expected) = (Instant::now(), i64::try_from(JOBS).expect("a small number"));
    while database.sqlite_file().is_some() && metrics::DATABASE_WRITES_QUEUED.get() < expected {
        assert!(begun.elapsed() < Duration::from_secs(10), "the jobs queue");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = database.sqlite_file().map(|file| count_commits(&file));
    may_end.store(true, Ordering::SeqCst);
    first.await.expect("no panic").expect("it is committed");
    for (number, result) in join_all(jobs).await.into_iter().enumerate() {
        match number {
            PANICKING => assert!(result.expect_err("its panic reaches its caller").is_panic()),
            FAILING => assert!(result.expect("no panic").expect_err("its own error").is_unique_violation()),
            _ => assert_eq!(result.expect("no panic").expect("it is committed"), number),
        }
    }
    let mut direct = DirectConnection::open(&database);
    let expected = i64::try_from(2 * (JOBS - 2)).expect("a small number");
    assert_eq!(direct.count("counters", "name LIKE 'job%' OR name LIKE 'twin%'"), expected);
    for number in [FAILING, PANICKING] {
        assert_eq!(direct.count("counters", &format!("name = 'job{number}' OR name = 'twin{number}'")), 0);
    }
    if let Some(file) = database.sqlite_file() {
        let commits = count_commits(&file) - before.expect("counted before");
        // A group ends after 20 ms: on a busy machine, the fifty are more than one.
        assert!((2..JOBS / 2).contains(&commits), "the first job, and the fifty together: {commits}");
    }
    db.write(|conn| execute(conn, "INSERT INTO counters (name, value) VALUES ('later', 1)")).await.expect("goes on");
}

/// After each kill, the newest token that each client has received is valid: its row was on the disk before the response,
/// and if its own exchange was stored without a response, it returns the same successor again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_between_a_commit_and_its_responses_loses_no_refresh_token() {
    let database = Arc::new(TestDatabase::create());
    direct_database::add_user(&database, "alice", &[]).await;
    let many = [("THROTTLE_SIGN_INS", "1000")];
    let mut server = ServerProcess::start(&database, &many);
    let form = [("username", "alice"), ("password", PASSWORD)];
    let mut tokens = Vec::new();
    for _ in 0..FAMILIES {
        let response = crate::harness::http_client().post(format!("{}/token", server.url)).form(&form).send().await;
        tokens.push(refresh_token(&response.expect("a response").json().await.expect("JSON")));
    }
    for kill in 0..KILLS {
        let count = Arc::new(AtomicUsize::new(0));
        let family = |token| tokio::spawn(refresh_until_killed(server.url.clone(), token, Arc::clone(&count)));
        let families: Vec<_> = tokens.into_iter().map(family).collect();
        let begun = Instant::now();
        while count.load(Ordering::Relaxed) < FAMILIES {
            assert!(begun.elapsed() < Duration::from_secs(30), "the tokens are refreshed");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut bytes = [0; 1];
        fill_random(&mut bytes);
        tokio::time::sleep(Duration::from_micros(u64::from(bytes[0]) * 200)).await;
        server.kill();
        tokens = Vec::new();
        for family in families {
            tokens.push(family.await.expect("no panic"));
        }
        server = ServerProcess::start(&database, &many);
        // The clients retry at once, within the grace period of a token whose response was lost.
        let begun = Instant::now();
        let retries = tokens.iter().map(|token| refresh(server.url.clone(), token));
        let mut newest = Vec::new();
        for response in join_all(retries).await {
            let (status, body) = response.expect("the new server responds");
            assert_eq!(status, StatusCode::OK, "kill {kill}, {:?} after it: {body}", begun.elapsed());
            newest.push(refresh_token(&body));
        }
        tokens = newest;
    }
    let mut direct = DirectConnection::open(&database);
    assert_eq!(direct.count("sessions", "ended_at IS NOT NULL"), 0, "no token looked stolen");
}

fn refresh_token(body: &Value) -> String {
    body["refresh_token"].as_str().unwrap_or_else(|| panic!("a refresh token: {body}")).to_owned()
}

async fn refresh(url: String, token: &str) -> reqwest::Result<(StatusCode, Value)> {
    refresh_with(&crate::harness::http_client(), &url, token).await
}

async fn refresh_with(client: &Client, url: &str, token: &str) -> reqwest::Result<(StatusCode, Value)> {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let response = client.post(format!("{url}/token")).form(&form).send().await?;
    Ok((response.status(), response.json().await?))
}

/// Refreshes until the server does not respond. Returns the newest token that was received.
async fn refresh_until_killed(url: String, mut token: String, count: Arc<AtomicUsize>) -> String {
    let client = crate::harness::http_client();
    while let Ok((status, body)) = refresh_with(&client, &url, &token).await {
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // Not acknowledged: the machine is busy.
            continue;
        }
        assert_eq!(status, StatusCode::OK, "{body}");
        token = refresh_token(&body);
        count.fetch_add(1, Ordering::Relaxed);
    }
    token
}
