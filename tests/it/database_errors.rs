//! A database that rejects right queries (full, read-only, damaged, no permission): 503 with `Retry-After`, never 500.

use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Barrier};

use diesel::connection::SimpleConnection as _;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use reqwest::StatusCode;
use vestibule::clock::Clock;
use vestibule::config::Settings;
use vestibule::db::{DbConnection, DbError};
use vestibule::secret::random_id;

use crate::harness::cli::run;
use crate::harness::database_outage::disconnect_all;
use crate::harness::direct_database::DirectConnection;
use crate::harness::{PASSWORD, TestApp, TestDatabase};

/// Signs in until the database fails, at most 300 times, and asserts that the failure is reported as temporary.
async fn assert_sign_in_becomes_unavailable(app: &TestApp) {
    for _ in 0..300 {
        let response = app.post_token("alice", PASSWORD).await;
        if response.status() != StatusCode::OK {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key("retry-after"));
            return;
        }
    }
    panic!("the database does not fail");
}

/// Runs a statement on every SQLite connection of the pool.
async fn on_all_sqlite_connections(app: &TestApp, sql: &'static str) {
    let barrier = Arc::new(Barrier::new(4));
    let reads: Vec<_> = (0..4)
        .map(|_| {
            let (db, barrier) = (app.services.db.for_background(), Arc::clone(&barrier));
            tokio::spawn(async move {
                db.read(move |conn| -> Result<(), DbError> {
                    barrier.wait();
                    let DbConnection::Sqlite(conn) = conn else { return Ok(()) };
                    Ok(conn.batch_execute(sql)?)
                })
                .await
            })
        })
        .collect();
    for read in reads {
        read.await.expect("no panic").expect("it runs");
    }
}

#[derive(QueryableByName)]
struct Pages {
    #[diesel(sql_type = sql_types::BigInt)]
    page_count: i64,
}

#[tokio::test]
async fn full_disk_is_503() {
    let database = TestDatabase::create();
    if database.is_postgres() {
        // PostgreSQL reports a full disk as it reports a file over its limit, in class 53.
        let app = TestApp::start_on(database, Clock::system(), |_| {}).await;
        let full: Result<(), DbError> = app
            .services
            .db
            .read(|conn| {
                let DbConnection::Postgres(conn) = conn else { return Ok(()) };
                let sql = "SET temp_file_limit = '64kB'; SET work_mem = '64kB';
                    SELECT COUNT(*) FROM (SELECT * FROM generate_series(1, 100000) AS n ORDER BY -n) AS sorted";
                Ok(conn.batch_execute(sql)?)
            })
            .await;
        assert!(matches!(full, Err(DbError::Unavailable(_))), "{full:?}");
        return;
    }
    let app = TestApp::start_on(database, Clock::system(), |_| {}).await;
    app.add_user("alice", &[]).await;
    on_all_sqlite_connections(&app, "PRAGMA max_page_count = 1").await;
    assert_sign_in_becomes_unavailable(&app).await;
    // The connection is closed with its limit, and the next one has none.
    let pages = app.services.db.read(|conn| -> Result<_, DbError> {
        let DbConnection::Sqlite(conn) = conn else { return Ok(0) };
        Ok(sql_query("PRAGMA page_count").get_result::<Pages>(conn)?.page_count)
    });
    assert!(pages.await.expect("a read") > 1);
}

#[tokio::test]
async fn read_only_database_is_503() {
    let database = TestDatabase::create();
    let Some(mut admin) = DirectConnection::admin(&database) else {
        let app = TestApp::start_on(database, Clock::system(), |_| {}).await;
        app.add_user("alice", &[]).await;
        on_all_sqlite_connections(&app, "PRAGMA query_only = ON").await;
        assert_sign_in_becomes_unavailable(&app).await;
        return;
    };
    let url = format!("{}?target_session_attrs=any", database.url);
    let app = TestApp::start_on(database, Clock::system(), move |settings: &mut Settings| {
        settings.set("DATABASE_URL", url);
    })
    .await;
    app.add_user("alice", &[]).await;
    let name = app.database.url.rsplit('/').next().expect("a name");
    admin.run(&format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = on"));
    disconnect_all(&mut admin, &app.database);
    assert_sign_in_becomes_unavailable(&app).await;
    admin.run(&format!("ALTER DATABASE \"{name}\" RESET default_transaction_read_only"));
    // The read-only connections were closed, as after a failover: nothing needs a restart.
    let statuses = [app.post_token("alice", PASSWORD).await.status(), app.post_token("alice", PASSWORD).await.status()];
    assert!(statuses.contains(&StatusCode::OK), "{statuses:?}");
}

#[tokio::test]
async fn missing_permission_is_503() {
    let database = TestDatabase::create();
    let Some(mut admin) = DirectConnection::admin(&database) else {
        assert!(database.sqlite_file().is_some(), "SQLite has no permissions");
        return;
    };
    let mut direct = DirectConnection::open(&database);
    let role = format!("r_{}", random_id().replace('-', "_").to_lowercase());
    admin.run(&format!("CREATE ROLE \"{role}\" LOGIN"));
    direct.run(&format!(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA public TO \"{role}\""
    ));
    let url = database.url.replacen("postgres@", &format!("{role}@"), 1);
    // No migration is pending, so the user needs no right to create tables.
    run(database.command(&["migrate", "run"]).env("DATABASE_URL", &url)).ok();
    run(database.command(&["users", "list"]).env("DATABASE_URL", &url)).ok();
    let app = TestApp::start_on(database, Clock::system(), move |settings: &mut Settings| {
        settings.set("DATABASE_URL", url);
    })
    .await;
    app.add_user("alice", &[]).await;
    app.token_of("alice").await;
    direct.run(&format!("REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA public FROM \"{role}\""));
    assert_sign_in_becomes_unavailable(&app).await;
    direct.run(&format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO \"{role}\""));
    app.token_of("alice").await;
    drop(app);
    drop(direct);
    admin.run(&format!("DROP ROLE \"{role}\""));
}

#[tokio::test]
async fn damaged_page_is_503() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let Some(file) = app.database.sqlite_file() else {
        // A checksum or header error has SQLSTATE XX001 or XX002, which is no violation of a constraint either.
        let damaged: Result<(), DbError> = app
            .services
            .db
            .read(|conn| {
                let DbConnection::Postgres(conn) = conn else { return Ok(()) };
                Ok(conn.batch_execute("DO $$ BEGIN RAISE EXCEPTION 'invalid page' USING ERRCODE = 'XX001'; END $$")?)
            })
            .await;
        assert!(matches!(damaged, Err(DbError::Unavailable(_))), "{damaged:?}");
        return;
    };
    let mut direct = DirectConnection::open(&app.database);
    let text = |sql: &str, direct: &mut DirectConnection| direct.texts(sql)[0].parse::<u64>().expect("a number");
    let page = text("SELECT CAST(rootpage AS TEXT) AS text FROM sqlite_schema WHERE name = 'users'", &mut direct);
    let size = text("SELECT CAST(page_size AS TEXT) AS text FROM pragma_page_size", &mut direct);
    // A new version of the database: the server's connections read the pages again.
    direct.run("UPDATE counters SET value = value + 1; PRAGMA wal_checkpoint(TRUNCATE)");
    let damage = vec![0xff; usize::try_from(size).expect("a page")];
    let written = std::fs::OpenOptions::new().write(true).open(&file).expect("the file opens");
    written.write_all_at(&damage, (page - 1) * size).expect("written");
    assert_sign_in_becomes_unavailable(&app).await;
}
