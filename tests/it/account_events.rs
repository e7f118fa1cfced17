//! The events on the account page: which are recorded, how many are kept, and the cost of the page.

use std::time::Duration;

use diesel::prelude::*;
use vestibule::audit::{self, Cause, Event, EventKind};
use vestibule::db::schema::{audit_events, login_attempts};
use vestibule::links::{self, LinkPurpose};
use vestibule::users::LookupName;

use crate::harness::visitor::Visitor;
use crate::harness::{OTHER_PASSWORD, PASSWORD, ServerProcess, TestApp};
use crate::throttling;

#[tokio::test]
async fn events_by_admins_and_links_are_listed_in_the_users_language() {
    let app = TestApp::start().await;
    let user = app.add_user("alice", &[]).await;
    let (accounts, alice) = (&app.services.accounts, LookupName::parse("alice").expect("a name"));
    Visitor::new(&app).sign_in("alice").await;
    accounts.sign_out(&alice, &Cause::command()).await.expect("the database responds");
    // No session is left, and no event is recorded.
    accounts.sign_out(&alice, &Cause::command()).await.expect("the database responds");
    accounts.disable(&alice, false, &Cause::command()).await.expect("the database responds");
    accounts.disable(&alice, false, &Cause::command()).await.expect("the database responds");
    accounts.enable(&alice, &Cause::command()).await.expect("the database responds");
    accounts.enable(&alice, &Cause::command()).await.expect("the database responds");
    accounts
        .set_password(&alice, &OTHER_PASSWORD.to_owned().into(), &Cause::command())
        .await
        .expect("the database responds");
    let now = app.clock.now();
    let link = app.write(move |conn| links::create(conn, LinkPurpose::Reset, Some(user.id), now)).await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let reset = Visitor::new(&app).with("user-agent", firefox);
    reset.get(&format!("/password/reset?link={}", link.reveal())).await;
    let form = reset.get("/password/reset").await;
    assert_eq!(reset.submit(&form, "/password/reset", &[("password", PASSWORD)]).await.status, 303);
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    let page = visitor.get("/account/sessions").await;
    for (says, times) in [
        ("Signed out on all devices by an administrator", 1),
        ("Account disabled by an administrator", 1),
        ("Account enabled by an administrator", 1),
        ("Password reset by link or by an administrator", 2),
    ] {
        assert_eq!(page.html.matches(says).count(), times, "{says}: {}", page.html);
    }
    assert!(page.html.contains("Firefox, Linux · 127.0.0.1"), "the browser that used the link");
    let page = visitor.with("accept-language", "ko").get("/account/sessions").await;
    assert!(page.html.contains("관리자가 계정을 비활성화했습니다"), "{}", page.html);
}

#[tokio::test]
async fn saved_language_applies_in_every_browser() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    let path = "/account/profile";
    let form = visitor.get(path).await;
    assert!(form.html.contains("value=\"\" selected"), "browser default: {}", form.html);
    let done = visitor.submit(&form, path, &[("display_name", ""), ("language", "ko")]).await;
    assert_eq!(done.location(), "/account/profile?notice=profile-saved");
    let page = visitor.get(done.location()).await;
    assert!(
        page.html.contains("<html lang=\"ko\">") && page.html.contains("value=\"ko\" lang=\"ko\" selected"),
        "{}",
        page.html
    );
    let other = Visitor::new(&app).with("accept-language", "en");
    other.sign_in("alice").await;
    assert!(other.get("/").await.html.contains("<html lang=\"ko\">"));
    // This is not an event, and a form without the field changes nothing.
    assert!(!page.html.contains("프로필을 변경했습니다"));
    visitor.submit(&page, path, &[("display_name", "")]).await;
    assert!(visitor.get(path).await.html.contains("value=\"ko\" lang=\"ko\" selected"));
    visitor.submit(&page, path, &[("display_name", ""), ("language", "")]).await;
    assert!(visitor.get("/").await.html.contains("<html lang=\"en\">"));
    let events = visitor.get("/account/sessions").await;
    assert!(!events.html.contains("Profile updated"), "{}", events.html);
    visitor.submit(&page, path, &[("display_name", ""), ("language", "tlh")]).await;
    assert!(visitor.get(path).await.html.contains("value=\"\" selected"));
}

#[tokio::test]
async fn one_hundred_events_of_a_kind_are_kept_for_each_account() {
    let app = TestApp::start().await;
    let user = app.add_user("alice", &[]).await.id.0;
    let now = app.clock.now();
    app.write(move |conn| {
        for second in 0..150 {
            for user_id in [None, Some(user)] {
                let at = now + chrono::TimeDelta::seconds(second);
                audit::record(conn, &Event { user_id, ..Event::new(EventKind::SignInsBlocked, at) })?;
            }
        }
        audit::record(conn, &Event::new(EventKind::SigningKeyAdded, now))
    })
    .await;
    let blocked = EventKind::SignInsBlocked.as_str();
    let kept = app.write(move |conn| {
        let oldest = |rows: Vec<vestibule::clock::Moment>| (rows.len(), rows.into_iter().min());
        let rows = audit_events::table.filter(audit_events::kind.eq(blocked)).select(audit_events::happened_at);
        Ok([
            oldest(rows.filter(audit_events::user_id.is_null()).load(conn)?),
            oldest(rows.filter(audit_events::user_id.eq(user)).load(conn)?),
        ])
    });
    let newest = (100, Some(now + chrono::TimeDelta::seconds(50)));
    assert_eq!(kept.await, [newest, newest], "the newest are kept");
    let keys = audit_events::table.filter(audit_events::kind.eq(EventKind::SigningKeyAdded.as_str())).count();
    assert!(app.write(move |conn| keys.get_result::<i64>(conn)).await >= 1, "other kinds are kept");
}

#[tokio::test]
async fn failed_sign_ins_are_shown_with_their_number_and_network() {
    let app = TestApp::start_with(throttling::behind_a_proxy).await;
    app.add_user("alice", &[]).await;
    for address in ["198.51.100.7", "198.51.100.7", "198.51.100.9", "203.0.113.1", "2001:db8::1", "2001:db8::2"] {
        throttling::sign_in_from(&app, address, "alice", throttling::WRONG).await;
        throttling::sign_in_from(&app, address, "nobody", throttling::WRONG).await;
    }
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    // Re-authentication counts too.
    let form = visitor.get("/account/password").await;
    let fields = [("current", throttling::WRONG), ("password", OTHER_PASSWORD)];
    assert_eq!(visitor.submit(&form, "/account/password", &fields).await.status, 422);
    let failed = |page: &str| -> Vec<String> {
        let rows = page.split("<li>").filter(|row| row.contains("failed sign-in attempt"));
        let text = |row: &str, open: &str| {
            row.split_once(open).and_then(|(_, rest)| rest.split_once('<')).map_or("", |(text, _)| text).to_owned()
        };
        rows.map(|row| format!("{} {}", text(row, "class=\"name\">"), text(row, "<bdi>"))).collect()
    };
    let page = visitor.get("/account/sessions").await;
    let expected = [
        "1 failed sign-in attempt 127.0.0.1",
        "2 failed sign-in attempts 2001:db8::2",
        "1 failed sign-in attempt 203.0.113.1",
        "3 failed sign-in attempts 198.51.100.9",
    ];
    assert_eq!(failed(&page.html), expected, "{}", page.html);
    let korean = visitor.clone().with("accept-language", "ko").get("/account/sessions").await;
    assert!(korean.html.contains("로그인 실패 3회"), "{}", korean.html);
    // Another day has a row of its own.
    app.clock.advance(Duration::from_hours(24));
    throttling::sign_in_from(&app, "203.0.113.1", "alice", throttling::WRONG).await;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    let page = visitor.get("/account/sessions").await;
    let rows = failed(&page.html);
    assert_eq!(rows[0], "1 failed sign-in attempt 203.0.113.1", "{rows:?}");
    assert_eq!(rows.iter().filter(|row| row.ends_with("203.0.113.1")).count(), 2, "{rows:?}");
}

#[tokio::test]
async fn flood_of_failed_sign_ins_is_bounded_and_hides_no_other_event() {
    let app = TestApp::start().await;
    let user = app.add_user("alice", &[]).await.id.0;
    let visitor = Visitor::new(&app);
    visitor.sign_in("alice").await;
    let now = app.clock.now();
    app.write(move |conn| {
        for user_id in [None, Some(user)] {
            for network in 0..300 {
                let at = now + chrono::TimeDelta::milliseconds(network);
                let event = Event { user_id, ..Event::new(EventKind::SignInFailed, at) };
                for _ in 0..2 {
                    audit::record_in(conn, &format!("{user_id:?} {network}"), &event)?;
                }
            }
        }
        Ok(())
    })
    .await;
    let rows = audit_events::table.filter(audit_events::kind.eq(EventKind::SignInFailed.as_str()));
    let rows: Vec<(Option<i64>, i64)> =
        app.write(move |conn| rows.select((audit_events::user_id, audit_events::occurrences)).load(conn)).await;
    let of = |id: Option<i64>| rows.iter().filter(|(user_id, _)| *user_id == id).count();
    for kept in [of(None), of(Some(user))] {
        // One failure in 16 deletes those beyond 100.
        assert!((100..300).contains(&kept), "{kept}");
    }
    assert!(rows.iter().all(|(_, occurrences)| *occurrences == 2), "{rows:?}");
    let page = visitor.get("/account/sessions").await;
    assert_eq!(page.html.matches("2 failed sign-in attempts<").count(), 5, "{}", page.html);
    assert!(page.html.contains("190 failed sign-in attempts from other networks"), "{}", page.html);
    assert!(page.html.contains(">Signed in<"), "{}", page.html);
}

#[tokio::test]
async fn failures_at_the_same_time_are_all_counted() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let wrong = || tokio::spawn(app.post("/token").form(&[("username", "alice"), ("password", "wrong")]).send());
    for response in [wrong(), wrong(), wrong(), wrong(), wrong()] {
        assert_eq!(response.await.expect("no panic").expect("a response").status(), 400);
    }
    let rows = audit_events::table.filter(audit_events::kind.eq(EventKind::SignInFailed.as_str()));
    let counts: Vec<i64> = app.write(move |conn| rows.select(audit_events::occurrences).load(conn)).await;
    assert_eq!(counts, [5]);
}

#[tokio::test]
async fn blocked_sign_ins_are_recorded_once() {
    let app = TestApp::start_with(|settings| {
        settings.set("ARGON2_MEMORY_KIB", "65536");
        settings.set("ARGON2_ITERATIONS", "12");
        settings.set("THROTTLE_ACCOUNT_NETWORK", "2");
    })
    .await;
    app.add_user("alice", &[]).await;
    let wrong = || tokio::spawn(app.post("/token").form(&[("username", "alice"), ("password", "wrong")]).send());
    let late = wrong();
    wait_for_attempts(&app, &[1]).await;
    // The first attempt now counts as failed, and the next one is the second of two.
    app.clock.advance(Duration::from_secs(61));
    let next = wrong();
    for response in [late, next] {
        assert_eq!(response.await.expect("no panic").expect("a response").status(), 400);
    }
    wait_for_attempts(&app, &[0]).await;
    let blocked = audit_events::table.filter(audit_events::kind.eq(EventKind::SignInsBlocked.as_str())).count();
    assert_eq!(app.write(move |conn| blocked.get_result::<i64>(conn)).await, 1);
}

/// Waits until the number of attempts in flight in each row is one of `expected`.
async fn wait_for_attempts(app: &TestApp, expected: &'static [i64]) {
    let began = std::time::Instant::now();
    loop {
        let rows: Vec<i64> = app.write(|conn| login_attempts::table.select(login_attempts::in_flight).load(conn)).await;
        if !rows.is_empty() && rows.iter().all(|count| expected.contains(count)) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{rows:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn session_list_takes_the_same_statements_for_any_number_of_sessions() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let server = ServerProcess::start(&app.database, &[]);
    let visitor = Visitor::new(&app).at(&server.url);
    visitor.sign_in("alice").await;
    app.token_of("alice").await;
    let mut costs = Vec::new();
    for more in [0, 10, 30] {
        for _ in 0..more {
            Visitor::new(&app).sign_in("alice").await;
            app.token_of("alice").await;
        }
        let mut fewest = u64::MAX;
        for _ in 0..6 {
            let before = server.counter("vestibule_database_statements_total").await;
            let page = visitor.get("/account/sessions").await;
            assert!(page.html.matches("name=\"end\"").count() > 2 * more, "{}", page.html);
            // The server also reads revoked sessions twice a second; the minimum is that of the page alone.
            fewest = fewest.min(server.counter("vestibule_database_statements_total").await - before);
        }
        costs.push(fewest);
    }
    assert!(costs.iter().all(|cost| *cost == costs[0] && *cost > 0), "{costs:?}");
}
