//! Confirmed sign-ins survive kills of the server, and the connection settings that ensure it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use reqwest::StatusCode;
use serde_json::Value;
use vestibule::clock::Clock;
use vestibule::db::{Db, DbConnection, DbError};
use vestibule::secret::{fill_random, from_base64url};

use crate::harness::cli::run;
use crate::harness::direct_database::{self, DirectConnection};
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestDatabase};

/// The number of databases whose servers are killed concurrently, and of kills for each.
const DATABASES: usize = 5;
const KILLS: usize = 10;
const CLIENTS: usize = 4;
/// High limits: attempts that a kill interrupts count as failures after a minute, which another test checks.
const HIGH_LIMITS: [(&str, &str); 3] =
    [("THROTTLE_ACCOUNT_NETWORK", "1000"), ("THROTTLE_NETWORK", "1000"), ("THROTTLE_ACCOUNT", "1000")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn confirmed_sign_ins_survive_fifty_kills() {
    let workers: Vec<_> = (0..DATABASES).map(|_| tokio::spawn(kill_repeatedly())).collect();
    let mut confirmed = 0;
    for worker in workers {
        confirmed += worker.await.expect("no panic");
    }
    assert!(confirmed >= DATABASES * KILLS / 2, "the servers were killed during sign-ins: {confirmed}");
}

/// Kills one server after the other on one database. Returns the number of confirmed sign-ins.
async fn kill_repeatedly() -> usize {
    let database = Arc::new(TestDatabase::create());
    for number in 0..CLIENTS {
        direct_database::add_user(&database, &format!("user{number}"), &["admin"]).await;
    }
    let mut confirmed: Vec<String> = Vec::new();
    for kill in 0..KILLS {
        // Each server starts with the same key and database; nothing is repaired.
        let mut server = start(&database).await;
        let count = Arc::new(AtomicUsize::new(0));
        let client = |number| tokio::spawn(sign_in_until_killed(server.url.clone(), number, Arc::clone(&count)));
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        // Every other kill waits for a sign-in, even on a slow machine; the others come at any moment after the start.
        let begun = Instant::now();
        while kill % 2 == 0 && count.load(Ordering::Relaxed) == 0 && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(random_delay()).await;
        server.kill();
        for client in clients {
            confirmed.extend(client.await.expect("no panic"));
        }
        let mut direct = DirectConnection::open(&database);
        for id in &confirmed {
            assert_eq!(
                direct.count("sessions", &format!("id = '{id}'")),
                1,
                "after kill {kill}: {id} was confirmed and is lost"
            );
        }
        if let DirectConnection::Sqlite(_) = direct {
            assert_eq!(direct.texts("SELECT integrity_check AS text FROM pragma_integrity_check"), ["ok"]);
        }
    }
    let server = start(&database).await;
    for number in 0..CLIENTS {
        let form = [("username", format!("user{number}")), ("password", PASSWORD.to_owned())];
        let response = crate::harness::http_client().post(format!("{}/token", server.url)).form(&form).send().await;
        assert_eq!(response.expect("a response").status(), StatusCode::OK);
    }
    confirmed.len()
}

async fn start(database: &Arc<TestDatabase>) -> ServerProcess {
    let command = database.serve(&HIGH_LIMITS);
    let started = tokio::task::spawn_blocking(move || ServerProcess::from_command(command));
    started.await.expect("no panic").expect("the server starts again")
}

/// A random delay, from the first sign-ins to many of them.
fn random_delay() -> Duration {
    let mut bytes = [0; 1];
    fill_random(&mut bytes);
    Duration::from_millis(20 + u64::from(bytes[0]) * 2)
}

/// Signs in repeatedly and returns the IDs of the confirmed sessions.
async fn sign_in_until_killed(url: String, number: usize, count: Arc<AtomicUsize>) -> Vec<String> {
    let client = crate::harness::http_client();
    let form = [("username", format!("user{number}")), ("password", PASSWORD.to_owned())];
    let mut ids = Vec::new();
    loop {
        let Ok(response) = client.post(format!("{url}/token")).form(&form).send().await else { return ids };
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            // Not confirmed: on a busy machine, a statement can take longer than its limit.
            continue;
        }
        assert_eq!(response.status(), StatusCode::OK);
        let Ok(body) = response.json::<Value>().await else { return ids };
        let token = body["access_token"].as_str().expect("a token");
        let claims = from_base64url(token.split('.').nth(1).expect("claims")).expect("base64url");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        ids.push(claims["sid"].as_str().expect("a session").to_owned());
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn attempt_of_a_killed_server_counts_as_failed_after_a_minute() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    // The account's hash is weaker than these, and a sign-in computes a slow one.
    let slow = [("ARGON2_MEMORY_KIB", "65536"), ("ARGON2_ITERATIONS", "20"), ("THROTTLE_ACCOUNT_NETWORK", "1")];
    let mut server = ServerProcess::start(&database, &slow);
    let form = [("username", "alice"), ("password", PASSWORD)];
    let request = crate::harness::http_client().post(format!("{}/token", server.url)).form(&form);
    let request = tokio::spawn(request.send());
    let mut direct = DirectConnection::open(&database);
    direct_database::wait_until_in_flight(&mut direct, &request).await;
    server.kill();
    assert!(request.await.expect("no panic").is_err(), "the server was killed before it responded");
    drop(direct);
    let one_failure = |settings: &mut vestibule::config::Settings| settings.set("THROTTLE_ACCOUNT_NETWORK", "1");
    let app = TestApp::start_on(database, Clock::system(), one_failure).await;
    let begun = Instant::now();
    let response = app.post_token("alice", PASSWORD).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS, "the attempt may be in flight at another server");
    assert!(response.headers().contains_key("retry-after") && begun.elapsed() < Duration::from_secs(10));
    app.clock.advance(Duration::from_secs(61));
    assert_eq!(app.post_token("alice", PASSWORD).await.status(), StatusCode::OK);
    let mut direct = DirectConnection::open(&app.database);
    assert_eq!(direct.count("login_attempts", "in_flight > 0"), 0);
    assert_eq!(direct.count("login_attempts", "failures = 1"), direct.count("login_attempts", "1 = 1"));
}

/// The settings of one connection.
#[derive(Debug, PartialEq, Eq)]
enum ConnectionSettings {
    Sqlite { journal_mode: String, synchronous: i32, foreign_keys: i32, timeout: i32 },
    Postgres { synchronous_commit: String, is_read_only: String },
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = sql_types::Text)]
    journal_mode: String,
}

#[derive(QueryableByName)]
struct Synchronous {
    #[diesel(sql_type = sql_types::Integer)]
    synchronous: i32,
}

#[derive(QueryableByName)]
struct ForeignKeys {
    #[diesel(sql_type = sql_types::Integer)]
    foreign_keys: i32,
}

#[derive(QueryableByName)]
struct Timeout {
    #[diesel(sql_type = sql_types::Integer)]
    timeout: i32,
}

#[derive(QueryableByName)]
struct Postgres {
    #[diesel(sql_type = sql_types::Text)]
    synchronous_commit: String,
    #[diesel(sql_type = sql_types::Text)]
    is_read_only: String,
}

fn connection_settings(conn: &mut DbConnection) -> Result<ConnectionSettings, DbError> {
    Ok(match conn {
        DbConnection::Sqlite(conn) => ConnectionSettings::Sqlite {
            journal_mode: sql_query("PRAGMA journal_mode").get_result::<JournalMode>(conn)?.journal_mode,
            synchronous: sql_query("PRAGMA synchronous").get_result::<Synchronous>(conn)?.synchronous,
            foreign_keys: sql_query("PRAGMA foreign_keys").get_result::<ForeignKeys>(conn)?.foreign_keys,
            timeout: sql_query("PRAGMA busy_timeout").get_result::<Timeout>(conn)?.timeout,
        },
        DbConnection::Postgres(conn) => {
            let sql = "SELECT current_setting('synchronous_commit') AS synchronous_commit,
                current_setting('transaction_read_only') AS is_read_only";
            let Postgres { synchronous_commit, is_read_only } = sql_query(sql).get_result(conn)?;
            ConnectionSettings::Postgres { synchronous_commit, is_read_only }
        }
    })
}

#[tokio::test]
async fn every_pooled_connection_is_durable() {
    let database = TestDatabase::create();
    let url = direct_database::url(&database);
    let (db, held) = (Db::new(&url), if database.is_postgres() { 8 } else { 4 });
    // All reads wait at the barrier: each holds its own connection.
    let barrier = Arc::new(Barrier::new(held));
    let reads = (0..held).map(|_| {
        let (db, barrier) = (db.clone(), Arc::clone(&barrier));
        tokio::spawn(async move {
            db.read(move |conn| {
                barrier.wait();
                connection_settings(conn)
            })
            .await
        })
    });
    for read in reads.collect::<Vec<_>>() {
        assert_eq!(read.await.expect("no panic").expect("the settings"), durable_settings(&database));
    }
}

/// The settings of a durable connection.
fn durable_settings(database: &TestDatabase) -> ConnectionSettings {
    if database.is_postgres() {
        ConnectionSettings::Postgres { synchronous_commit: "on".to_owned(), is_read_only: "off".to_owned() }
    } else {
        ConnectionSettings::Sqlite { journal_mode: "wal".to_owned(), synchronous: 2, foreign_keys: 1, timeout: 1_500 }
    }
}

#[tokio::test]
async fn relaxed_write_leaves_its_connection_durable() {
    let database = TestDatabase::create();
    let url = direct_database::url(&database);
    let db = Db::new(&url);
    let relaxed = db.write_relaxed(connection_settings).await.expect("the settings");
    assert_ne!(relaxed, durable_settings(&database), "it does not wait for the disk");
    let refused: Result<(), DbError> = db.write_relaxed(|_| Err(DbError::Busy)).await;
    assert!(refused.is_err());
    // The pool reuses one connection: there is no other caller.
    assert_eq!(db.read(connection_settings).await.expect("the settings"), durable_settings(&database));
    assert_eq!(db.write(connection_settings).await.expect("the settings"), durable_settings(&database));
}

#[tokio::test]
async fn foreign_key_to_a_missing_user_is_refused() {
    let database = TestDatabase::create();
    let url = direct_database::url(&database);
    let db = Db::new(&url);
    let orphan = db.write(|conn| -> Result<_, DbError> {
        let sql = "INSERT INTO user_roles (user_id, role, granted_at) VALUES (99, 'admin', '2026-01-01 00:00:00')";
        Ok(match conn {
            DbConnection::Sqlite(conn) => sql_query(sql).execute(conn)?,
            DbConnection::Postgres(conn) => sql_query(sql).execute(conn)?,
        })
    });
    assert!(matches!(orphan.await, Err(DbError::Query(_))));
    assert_eq!(DirectConnection::open(&database).count("user_roles", "1 = 1"), 0);
}

#[test]
fn read_only_database_fails_the_start() {
    let database = TestDatabase::empty();
    let command = match DirectConnection::admin(&database) {
        // Like a standby, which `target_session_attrs=read-write` skips.
        Some(mut admin) => {
            let name = database.url.rsplit('/').next().expect("a name");
            admin.run(&format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = on"));
            database.serve(&[("DATABASE_START_WAIT", "0s")])
        }
        None => {
            let mut command = database.serve(&[]);
            command.env("DATABASE_URL", "sqlite:///dev/null/vestibule.db");
            command
        }
    };
    let output = run(command);
    assert_eq!(output.code, Some(1));
    assert!(output.err.contains("cannot open the database"), "{}", output.err);
}
