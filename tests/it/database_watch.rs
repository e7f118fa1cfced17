//! Readiness follows whether the database can be written to.

use reqwest::StatusCode;
use vestibule::clock::Clock;

use crate::harness::database_outage::{disconnect_all, wait_for_ready_status};
use crate::harness::direct_database::DirectConnection;
use crate::harness::{PASSWORD, TestApp, TestDatabase};

#[tokio::test]
async fn instance_that_cannot_write_is_not_ready() {
    let database = TestDatabase::create();
    let Some(mut admin) = DirectConnection::admin(&database) else {
        let app = TestApp::start_on(database, Clock::system(), |_| {}).await;
        wait_for_ready_status(&app, StatusCode::OK).await;
        let mut direct = DirectConnection::open(&app.database);
        // A write fails, as on a full disk; reads and the lock are not affected.
        direct.run("ALTER TABLE counters RENAME TO counters_away");
        wait_for_ready_status(&app, StatusCode::SERVICE_UNAVAILABLE).await;
        direct.run("ALTER TABLE counters_away RENAME TO counters");
        wait_for_ready_status(&app, StatusCode::OK).await;
        assert_eq!(direct.count("counters", "name = 'write_checked_at' AND value > 0"), 1);
        return;
    };
    let url = format!("{}?target_session_attrs=any", database.url);
    let app = TestApp::start_on(database, Clock::system(), move |settings| settings.set("DATABASE_URL", url)).await;
    app.add_user("alice", &[]).await;
    let name = app.database.url.rsplit('/').next().expect("a name");
    admin.run(&format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = on"));
    disconnect_all(&mut admin, &app.database);
    wait_for_ready_status(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    admin.run(&format!("ALTER DATABASE \"{name}\" RESET default_transaction_read_only"));
    wait_for_ready_status(&app, StatusCode::OK).await;
}

#[tokio::test]
async fn instance_is_not_ready_while_a_main_table_is_locked() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    wait_for_ready_status(&app, StatusCode::OK).await;
    let mut direct = DirectConnection::open(&app.database);
    direct.run(if app.database.is_postgres() { "BEGIN; LOCK TABLE users" } else { "BEGIN IMMEDIATE" });
    // A failed request is checked at once; an idle instance notices within ten seconds.
    assert_eq!(app.post_token("alice", PASSWORD).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    wait_for_ready_status(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    direct.run("COMMIT");
    wait_for_ready_status(&app, StatusCode::OK).await;
    app.token_of("alice").await;
}
