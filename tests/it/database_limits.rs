//! A database that does not respond: each request gets 503 within its limit, and what is stuck stays bounded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use futures_util::future::join_all;
use reqwest::StatusCode;
use vestibule::config::Settings;
use vestibule::db::{Db, DbConnection, DbError};

use crate::harness::database_outage::{Outage, wait_for_ready_status};
use crate::harness::direct_database::{self, DirectConnection, config_of};
use crate::harness::postgres_proxy::{PostgresProxy, start_pooler_without_options};
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestDatabase};

/// Blocks jobs until it is opened, as a database that does not respond.
#[derive(Clone, Default)]
struct Stall(Arc<(Mutex<bool>, Condvar)>);

impl Stall {
    fn wait(&self) {
        let (is_over, changed) = &*self.0;
        drop(changed.wait_while(is_over.lock().expect("no panic"), |is_over| !*is_over).expect("no panic"));
    }

    fn end(&self) {
        *self.0.0.lock().expect("no panic") = true;
        self.0.1.notify_all();
    }
}

impl Drop for Stall {
    /// A failed test must not leave threads that wait.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.end();
        }
    }
}

fn execute(conn: &mut DbConnection, sql: &str) -> Result<(), DbError> {
    match conn {
        DbConnection::Sqlite(conn) => conn.batch_execute(sql)?,
        DbConnection::Postgres(conn) => conn.batch_execute(sql)?,
    }
    Ok(())
}

#[tokio::test]
async fn stuck_jobs_are_bounded_and_free_their_turn() {
    let database = TestDatabase::create();
    let (db, size) = (Db::new(&direct_database::url(&database)), if database.is_postgres() { 8 } else { 4 });
    let (stall, begun) = (Stall::default(), Arc::new(AtomicUsize::new(0)));
    for round in 1..=3 {
        let reads = (0..size).map(|_| {
            let (stall, begun) = (stall.clone(), Arc::clone(&begun));
            db.read(move |_| -> Result<(), DbError> {
                begun.fetch_add(1, Ordering::Relaxed);
                stall.wait();
                Ok(())
            })
        });
        for result in join_all(reads).await {
            assert!(matches!(result, Err(DbError::TimedOut)), "{result:?}");
        }
        // As many as there are connections, twice; the third round is rejected without a thread or a connection.
        assert_eq!(begun.load(Ordering::Relaxed), round.min(2) * size);
    }
    db.write(|conn| execute(conn, "UPDATE counters SET value = 1 WHERE 1 = 0")).await.expect("writes go on");
    stall.end();
    let begun = Instant::now();
    while db.read(|conn| execute(conn, "SELECT 1")).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "reads go on when the jobs have ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn abandoned_transaction_is_rolled_back() {
    let database = TestDatabase::create();
    let (db, stall) = (Db::new(&direct_database::url(&database)), Stall::default());
    let until = stall.clone();
    let late = db.write(move |conn| {
        execute(conn, "INSERT INTO counters (name, value) VALUES ('late', 1)")?;
        until.wait();
        Ok(())
    });
    let late: Result<(), DbError> = late.await;
    assert!(matches!(late, Err(DbError::TimedOut)), "{late:?}");
    stall.end();
    // It has the lock until it has rolled back; this write waits for that.
    let insert = |conn: &mut DbConnection| execute(conn, "INSERT INTO counters (name, value) VALUES ('late', 2)");
    db.write(insert).await.expect("the row is not there");
    assert_eq!(DirectConnection::open(&database).count("counters", "name = 'late' AND value = 2"), 1);
}

#[tokio::test]
async fn frozen_database_is_503_for_each_request_and_does_not_delay_the_stop() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let proxy = PostgresProxy::start(&database);
    let url = proxy.as_ref().map_or(&database.url, |proxy| &proxy.url);
    let mut server = ServerProcess::start(&database, &[("DATABASE_URL", url)]);
    let client = crate::harness::client_builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let form = [("username", "alice"), ("password", PASSWORD)];
    let sign_in = || client.post(format!("{}/token", server.url)).form(&form).send();
    assert_eq!(sign_in().await.expect("a response").status(), StatusCode::OK);
    // On SQLite, another process has the lock.
    let outage = proxy.is_none().then(|| Outage::begin(&database));
    if let Some(proxy) = &proxy {
        proxy.freeze();
    }
    for response in join_all((0..10).map(|_| sign_in())).await {
        let response = response.expect("a response within the limit");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
    }
    server.terminate();
    let status = server.wait_at_most(Duration::from_secs(30));
    assert_eq!(status.and_then(|status| status.code()), Some(0), "the server has stopped");
    drop(outage);
}

#[tokio::test]
async fn new_connections_replace_those_of_a_server_that_hangs() {
    let database = TestDatabase::create();
    let Some(proxy) = PostgresProxy::start(&database) else {
        // A SQLite file has no server; the same bound is tested above.
        assert!(database.sqlite_file().is_some());
        return;
    };
    let url = proxy.url.clone();
    let through_proxy = move |settings: &mut Settings| settings.set("DATABASE_URL", url);
    let app = TestApp::start_on(database, vestibule::clock::Clock::system(), through_proxy).await;
    app.add_user("alice", &[]).await;
    app.token_of("alice").await;
    proxy.freeze_established();
    let begun = Instant::now();
    while app.post_token("alice", PASSWORD).await.status() != StatusCode::OK {
        assert!(begun.elapsed() < Duration::from_secs(20), "the hanging connections are still in use");
    }
}

#[tokio::test]
async fn locked_table_is_503_until_it_is_unlocked() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let mut direct = DirectConnection::open(&app.database);
    // SQLite locks the whole file, for writers.
    direct.run(if app.database.is_postgres() { "BEGIN; LOCK TABLE users" } else { "BEGIN IMMEDIATE" });
    for response in join_all((0..10).map(|_| app.post_token("alice", PASSWORD))).await {
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
    }
    direct.run("COMMIT");
    assert_eq!(app.post_token("alice", PASSWORD).await.status(), StatusCode::OK);
    wait_for_ready_status(&app, StatusCode::OK).await;
}

#[derive(QueryableByName)]
struct Timeouts {
    #[diesel(sql_type = sql_types::Text)]
    lock: String,
    #[diesel(sql_type = sql_types::Text)]
    statement: String,
}

fn timeouts(conn: &mut DbConnection) -> Result<[String; 2], DbError> {
    let DbConnection::Postgres(conn) = conn else { return Ok([String::new(), String::new()]) };
    let sql = "SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement";
    let Timeouts { lock, statement } = sql_query(sql).get_result(conn)?;
    Ok([lock, statement])
}

#[tokio::test]
async fn pooler_that_rejects_server_options_is_used_without_them() {
    let database = TestDatabase::create();
    if !database.is_postgres() {
        assert_eq!(Db::new(&direct_database::url(&database)).read(timeouts).await.expect("a read"), ["", ""]);
        return;
    }
    let limits = ["1500ms".to_owned(), "1800ms".to_owned()];
    let direct = Db::new(&direct_database::url(&database));
    assert_eq!(direct.read(timeouts).await.expect("a read"), limits);
    assert_eq!(direct.for_background().write(timeouts).await.expect("a write"), ["22500ms", "27s"]);
    for rejection in [
        "unsupported startup parameter in options: lock_timeout",
        "Feature not supported: RDS Proxy currently doesn't support command-line options.",
    ] {
        let pooled = start_pooler_without_options(&database, rejection).expect("PostgreSQL");
        let pooled = Db::new(&config_of(&pooled).database);
        assert_eq!(pooled.read(timeouts).await.expect("a read"), ["0", "0"], "nothing stays on the connection");
        assert_eq!(pooled.write(timeouts).await.expect("a write"), limits);
    }
    let own = config_of(&format!("{}?options=-c%20statement_timeout%3D700", database.url));
    assert_eq!(Db::new(&own.database).read(timeouts).await.expect("a read"), ["1500ms", "700ms"]);
}
