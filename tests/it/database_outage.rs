//! A database that is unavailable, locked or unreachable: 503 with `Retry-After`, never "incorrect password".

use std::net::TcpListener;
use std::time::{Duration, Instant};

use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use vestibule::config::Settings;
use vestibule::db::{DbConnection, DbError};

use crate::harness::cli::run;
use crate::harness::database_outage::{Outage, disconnect_all, wait_for_ready_status};
use crate::harness::direct_database::DirectConnection;
use crate::harness::{PASSWORD, TestApp, TestDatabase};

async fn assert_unavailable(response: Response) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let wait: u64 = response.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=60).contains(&wait));
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["error"], "temporarily_unavailable");
    assert_eq!(body["request_id"].as_str().map(str::len), Some(22));
}

#[tokio::test]
async fn unavailable_database_is_503_with_retry_after_and_tokens_stay_valid() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let outage = Outage::begin(&app.database);
    // Concurrently: on SQLite each request waits three seconds for the lock.
    let attempts = [("alice", PASSWORD), ("alice", "not the password"), ("nobody", PASSWORD)];
    let responses = attempts.map(|(username, password)| app.post_token(username, password));
    for response in futures_util::future::join_all(responses).await {
        assert_unavailable(response).await;
    }
    assert_eq!(app.get_me(&token).await.status(), StatusCode::OK);
    assert_eq!(app.get("/healthz").send().await.expect("a response").status(), StatusCode::OK);
    // On SQLite a writer's lock does not stop readers.
    if app.database.is_postgres() {
        wait_for_ready_status(&app, StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!(app.get_me(&token).await.status(), StatusCode::OK);
    }
    drop(outage);
    wait_for_ready_status(&app, StatusCode::OK).await;
    assert_eq!(app.post_token("alice", "not the password").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(app.post_token("alice", PASSWORD).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn unavailable_database_is_a_503_page_at_sign_in() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (browser, login) = (TestApp::browser(), format!("{}/login", app.url));
    browser.get(&login).send().await.expect("the form and its cookie");
    let _outage = Outage::begin(&app.database);
    let form = [("username", "alice"), ("password", PASSWORD)];
    let post = browser.post(&login).header("accept", "text/html").header("sec-fetch-site", "same-origin").form(&form);
    let response = post.send().await.expect("a response");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert!(response.headers()["content-type"].to_str().expect("text").starts_with("text/html"));
}

#[tokio::test]
async fn short_database_outage_is_retried() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    for round in 0..3 {
        match DirectConnection::admin(&app.database) {
            // Several connections: the next request gets lost ones repeatedly.
            Some(mut admin) => {
                let form = [("username", "alice"), ("password", PASSWORD)];
                let requests: Vec<_> = (0..8).map(|_| tokio::spawn(app.post("/token").form(&form).send())).collect();
                for request in requests {
                    assert_eq!(request.await.expect("no panic").expect("a response").status(), StatusCode::OK);
                }
                disconnect_all(&mut admin, &app.database);
            }
            None => {
                let outage = Outage::begin(&app.database);
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(500));
                    drop(outage);
                });
            }
        }
        // A write first in one round, a read first in the next.
        if round != 1 {
            let ready: Result<bool, DbError> =
                app.services.db.read(|conn| Ok(vestibule::users::has_admin(conn)?)).await;
            assert!(ready.is_ok(), "{ready:?}");
        }
        let now = app.clock.now();
        let write: Result<usize, DbError> =
            app.services.db.write(move |conn| Ok(vestibule::links::delete_expired(conn, now, 1)?)).await;
        assert!(write.is_ok(), "{write:?}");
        assert_eq!(app.post_token("alice", PASSWORD).await.status(), StatusCode::OK);
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}

#[tokio::test]
async fn prepared_statements_can_be_disabled_for_pgbouncer() {
    let database = TestDatabase::create();
    let url = format!("{}?prepared_statements=off", database.url);
    if !database.is_postgres() {
        let output = run(database.serve(&[("DATABASE_URL", &url)]));
        assert_eq!(output.code, Some(2), "SQLite has no such option");
        assert!(output.err.contains("DATABASE_URL: takes no parameters"), "{}", output.err);
        return;
    }
    let count_prepared = |app: &TestApp| {
        let db = app.services.db.clone();
        async move {
            let count = db.read(|conn| -> Result<i64, DbError> {
                // A statement that would be prepared on this connection.
                vestibule::users::has_admin(conn)?;
                let DbConnection::Postgres(conn) = conn else { return Ok(-1) };
                Ok(sql_query("SELECT COUNT(*) AS count FROM pg_prepared_statements").get_result::<Count>(conn)?.count)
            });
            count.await.expect("a count")
        }
    };
    let off = move |settings: &mut Settings| settings.set("DATABASE_URL", url);
    let app = TestApp::start_on(database, vestibule::clock::Clock::system(), off).await;
    app.add_user("alice", &[]).await;
    for _ in 0..3 {
        app.token_of("alice").await;
    }
    assert_eq!(count_prepared(&app).await, 0);
    let other = TestApp::start().await;
    assert!(count_prepared(&other).await > 0, "statements are prepared by default");
}

#[test]
fn unreachable_database_fails_a_start_without_wait_within_seconds() {
    let database = TestDatabase::create();
    let folder = tempfile::tempdir().expect("a folder");
    // One address refuses connections, one accepts them and stays silent.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().map(|address| (silent, address)).expect("an address");
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a folder").expect("it is written");
    let urls = if database.is_postgres() {
        vec!["postgres://me:hunter2@127.0.0.1:1/name".to_owned(), format!("postgresql://me:hunter2@{}/name", silent.1)]
    } else {
        vec![format!("sqlite://{}/vestibule.db", file.display()), format!("sqlite://{}", folder.path().display())]
    };
    for url in urls {
        let mut command = database.serve(&[("DATABASE_URL", &url), ("DATABASE_START_WAIT", "0s")]);
        command.current_dir(folder.path());
        let begun = Instant::now();
        let output = run(command);
        assert_eq!(output.code, Some(1), "{url}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{url}: {:?}", begun.elapsed());
        let stderr = output.err;
        assert!(stderr.contains("cannot open the database") && !stderr.contains("hunter2"), "{stderr}");
        let names: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
}
