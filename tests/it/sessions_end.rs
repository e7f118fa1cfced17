//! Sessions ended by another process: a running server refuses their tokens within a second.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use vestibule::clock::Moment;
use vestibule::db::DbConnection;
use vestibule::sessions::{self, EndReason, EndedSessions};
use vestibule::users::argon2id::{Cost, Hasher};
use vestibule::users::{self, UserId};

use crate::harness::hs256::JWT_SECRET;
use crate::harness::{ServerProcess, TestApp, TestResponse, hs256};

type Ending = fn(&mut DbConnection, &mut EndedSessions, UserId, Moment) -> QueryResult<()>;

/// The effects of admin commands, each in one transaction.
const ENDINGS: [(&str, Ending); 4] = [
    ("disable", |conn, ended, id, now| {
        assert!(users::set_disabled(conn, id, Some(now))?);
        sessions::end_all_of_user(conn, ended, id, EndReason::UserDisabled, now).map(drop)
    }),
    ("delete", |conn, ended, id, now| {
        assert!(users::delete(conn, id, now)?);
        sessions::end_all_of_user(conn, ended, id, EndReason::UserDeleted, now).map(drop)
    }),
    ("set-password", |conn, ended, id, now| {
        let hash =
            Hasher::default().hash(b"another battery staple", Cost { memory_kib: 64, iterations: 1, parallelism: 1 });
        assert!(users::set_password_hash(conn, id, &hash, None, now)?);
        sessions::end_all_of_user(conn, ended, id, EndReason::PasswordChanged, now).map(drop)
    }),
    ("sign-out", |conn, ended, id, now| {
        sessions::end_all_of_user(conn, ended, id, EndReason::SignedOut, now).map(drop)
    }),
];

async fn status(app: &TestApp, server: &ServerProcess, token: &str) -> u16 {
    TestResponse::to(app.client.get(format!("{}/me", server.url)).bearer_auth(token)).await.status
}

/// The time until the server refuses a token.
async fn time_until_refused(app: &TestApp, server: &ServerProcess, token: &str) -> Duration {
    let began = Instant::now();
    while status(app, server, token).await != 401 {
        assert!(began.elapsed() < Duration::from_secs(10), "the server still accepts the token after ten seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// Ends sessions in this process, as the command line does, and watches the server.
async fn assert_ended_within_a_second(app: &TestApp, server: &ServerProcess) {
    for (what, ending) in ENDINGS {
        let mut times = Vec::new();
        for number in 0..3 {
            let name = format!("{what}-{number}");
            let id = app.add_user(&name, &[]).await.id;
            let tokens = [app.token_of(&name).await, app.token_of(&name).await];
            for token in &tokens {
                assert_eq!(status(app, server, token).await, 200, "{name}");
            }
            let now = app.clock.now();
            app.write_elsewhere(move |conn, ended| ending(conn, ended, id, now)).await;
            times.push(time_until_refused(app, server, &tokens[0]).await);
            assert_eq!(status(app, server, &tokens[1]).await, 401, "all sessions end: {name}");
        }
        times.sort();
        assert!(times[1] < Duration::from_secs(1), "{what}: {times:?}");
    }
}

#[tokio::test]
async fn sessions_ended_by_another_process_are_refused_within_a_second() {
    let app = TestApp::start().await;
    let server = ServerProcess::start(&app.database, &[]);
    assert_ended_within_a_second(&app, &server).await;
}

#[tokio::test]
async fn hs256_sessions_ended_by_another_process_are_refused_within_a_second() {
    let app = hs256::start().await;
    let server = ServerProcess::start(&app.database, &[("JWT_SECRET", JWT_SECRET)]);
    assert_ended_within_a_second(&app, &server).await;
}

#[tokio::test]
async fn started_server_refuses_ended_sessions_from_its_first_request() {
    let app = TestApp::start().await;
    let first = ServerProcess::start(&app.database, &[]);
    let second = ServerProcess::start(&app.database, &[]);
    let id = app.add_user("alice", &[]).await.id;
    let (token, other) = (app.token_of("alice").await, {
        app.add_user("bob", &[]).await;
        app.token_of("bob").await
    });
    for server in [&first, &second] {
        assert_eq!((status(&app, server, &token).await, status(&app, server, &other).await), (200, 200));
    }
    let now = app.clock.now();
    app.write_elsewhere(move |conn, ended| sessions::end_all_of_user(conn, ended, id, EndReason::SignedOut, now)).await;
    let third = ServerProcess::start(&app.database, &[]);
    assert_eq!(status(&app, &third, &token).await, 401, "revoked sessions are loaded before the first request");
    for server in [&first, &second, &third] {
        time_until_refused(&app, server, &token).await;
        assert_eq!(status(&app, server, &other).await, 200, "another user's session is still valid");
    }
}

#[tokio::test]
async fn sign_out_at_one_server_ends_the_token_at_every_server() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let server = ServerProcess::start(&app.database, &[]);
    let browser = TestApp::browser();
    let origin = app.url.clone();
    let form = [("username", "alice"), ("password", crate::harness::PASSWORD)];
    browser.get(format!("{origin}/login")).send().await.expect("a page");
    let signed_in = browser.post(format!("{origin}/login")).header("origin", &origin).form(&form).send().await;
    let signed_in = TestResponse::read(signed_in.expect("a response")).await;
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    let mut cookies = signed_in.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let token = cookies.find_map(|cookie| cookie.strip_prefix("vestibule_token=")?.split(';').next());
    let token = token.expect("a token cookie");
    assert_eq!(status(&app, &server, token).await, 200);
    let signed_out =
        browser.post(format!("{origin}/logout")).header("origin", &origin).form(&[("csrf", "")]).send().await;
    assert!(signed_out.expect("a response").status().is_redirection());
    assert_eq!(app.get_me(token).await.status(), 401, "at once at the server that ended the session");
    let time = time_until_refused(&app, &server, token).await;
    assert!(time < Duration::from_secs(2), "{time:?}");
}
