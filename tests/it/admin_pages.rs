//! The pages under `/admin`: who may open them, what they do, and what they never show.

use reqwest::Method;
use vestibule::config::Settings;
use vestibule::users::{self, User};

use crate::harness::mail::MailServer;
use crate::harness::visitor::{Page, Visitor};
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestApp};

const PAGES: [&str; 6] =
    ["/admin/users", "/admin/users/1", "/admin/invite", "/admin/events", "/admin/clients", "/admin/keys"];

fn with_support(settings: &mut Settings) {
    settings.set("SUPPORT_ROLE", "helpdesk");
}

/// A server with an administrator `root` (ID 1), `sam` of the support staff (2) and `alice` (3).
async fn app(change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::start_with(change).await;
    add_people(&app).await;
    app
}

async fn add_people(app: &TestApp) {
    for (name, roles) in [("root", &["admin"] as &[&str]), ("sam", &["helpdesk"]), ("alice", &["editor"])] {
        app.add_user(name, roles).await;
    }
}

async fn signed_in(app: &TestApp, name: &str) -> Visitor {
    let visitor = Visitor::new(app);
    visitor.sign_in(name).await;
    visitor
}

async fn find(app: &TestApp, id: i64) -> User {
    app.write(move |conn| users::find_by_id(conn, users::UserId(id))).await.expect("a user")
}

async fn roles(app: &TestApp, id: i64) -> Vec<String> {
    app.write(move |conn| users::list_roles(conn, users::UserId(id))).await
}

/// Submits an action on a user, as the page does.
async fn act(visitor: &Visitor, id: i64, fields: &[(&str, &str)]) -> Page {
    let path = format!("/admin/users/{id}");
    let form = visitor.get(&path).await;
    assert_eq!(form.status, 200, "{}", form.html);
    visitor.submit(&form, &path, fields).await
}

#[tokio::test]
async fn each_page_is_open_to_its_staff_alone() {
    let app = app(with_support).await;
    let (root, sam, alice) =
        (signed_in(&app, "root").await, signed_in(&app, "sam").await, signed_in(&app, "alice").await);
    for path in PAGES {
        let anyone = Visitor::new(&app).get(path).await;
        assert_eq!((anyone.status, anyone.location()), (303, format!("/login?next={path}").as_str()));
        assert_eq!(alice.get(path).await.status, 403, "{path}");
        let is_for_support = ["/admin/users", "/admin/users/1", "/admin/invite"].contains(&path);
        assert_eq!(sam.get(path).await.status, if is_for_support { 200 } else { 403 }, "{path}");
        let page = root.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.html);
        assert!(page.header("cache-control").contains("no-store"), "{path}");
        assert_eq!(root.request(Method::HEAD, path, None).await.status, 200, "{path}");
        assert_eq!(root.request(Method::DELETE, path, None).await.status, 405, "{path}");
    }
    assert_eq!(root.get("/admin").await.location(), "/admin/users");
    for path in ["/admin/users/999", "/admin/users/0", "/admin/users/x", "/admin/users/99999999999999999999"] {
        assert_eq!(root.get(path).await.status, 404, "{path}");
    }
    assert!(root.get("/").await.html.contains("href=\"/admin/users\""));
    assert!(!alice.get("/").await.html.contains("/admin"));
    // A disabled administrator is signed out at once.
    app.add_user("eve", &["admin"]).await;
    assert_eq!(act(&root, 4, &[("action", "disable"), ("current", PASSWORD)]).await.status, 303);
    let eve = Visitor::new(&app);
    assert!(eve.try_sign_in("eve", PASSWORD).await.alert().contains("disabled"));
    // Without SUPPORT_ROLE, the role is like any other.
    let other = TestApp::start().await;
    add_people(&other).await;
    assert_eq!(signed_in(&other, "sam").await.get("/admin/users").await.status, 403);
}

#[tokio::test]
async fn administrator_disabled_or_demoted_between_page_and_action_can_do_nothing() {
    let app = app(with_support).await;
    app.add_user("eve", &["admin"]).await;
    let (root, eve) = (signed_in(&app, "root").await, signed_in(&app, "eve").await);
    let form = eve.get("/admin/users/3").await;
    assert_eq!(act(&root, 4, &[("action", "revoke"), ("role", "admin"), ("current", PASSWORD)]).await.status, 303);
    let fields = [("action", "disable"), ("current", PASSWORD)];
    assert_eq!(eve.submit(&form, "/admin/users/3", &fields).await.status, 403);
    assert_eq!(act(&root, 4, &[("action", "grant"), ("role", "admin"), ("current", PASSWORD)]).await.status, 303);
    let form = eve.get("/admin/users/3").await;
    assert_eq!(act(&root, 4, &fields).await.status, 303);
    let late = eve.submit(&form, "/admin/users/3", &fields).await;
    assert_eq!((late.status, late.location()), (303, "/login?notice=session-ended&next=/admin/users/3"));
    assert_eq!(find(&app, 3).await.state, users::UserState::Active);
}

#[tokio::test]
async fn administrator_helps_a_user_and_every_action_names_who_did_it() {
    let app = app(with_support).await;
    let (root, alice) = (signed_in(&app, "root").await, signed_in(&app, "alice").await);
    let session = root.get("/admin/users/3").await;
    let id = session.html.split("name=\"session\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let id = id.expect("a session").to_owned();
    assert_eq!(
        act(&root, 3, &[("action", "end"), ("session", &id)]).await.location(),
        "/admin/users/3?notice=user-session-ended"
    );
    assert!(!alice.is_signed_in().await);
    for (fields, notice) in [
        (&[("action", "sign-out")] as &[(&str, &str)], "user-signed-out"),
        (&[("action", "grant"), ("role", "reviewer"), ("current", PASSWORD)], "user-role-granted"),
        (&[("action", "revoke"), ("role", "editor"), ("current", PASSWORD)], "user-role-revoked"),
        (&[("action", "email"), ("email", "alice@example.com"), ("current", PASSWORD)], "user-email-saved"),
        (&[("action", "disable"), ("current", PASSWORD)], "user-disabled"),
        (&[("action", "enable")], "user-enabled"),
        (&[("action", "unlock")], "user-unlocked"),
    ] {
        let done = act(&root, 3, fields).await;
        assert_eq!(done.location(), format!("/admin/users/3?notice={notice}"), "{fields:?}: {}", done.html);
        let page = root.get(done.location()).await;
        assert!(page.html.contains("role=\"status\""), "{}", page.html);
        // The second time, it is done already.
        assert_eq!(act(&root, 3, fields).await.status, 303, "{fields:?}");
    }
    assert_eq!(roles(&app, 3).await, ["reviewer"]);
    assert_eq!(find(&app, 3).await.email.as_deref(), Some("alice@example.com"));
    let audit = app.database.cli(&["audit", "--by", "root", "--json", "--limit", "0"]).ok().out;
    for kind in ["session_ended", "role_granted", "role_revoked", "email_changed", "disabled", "enabled"] {
        let line = audit.lines().find(|line| line.contains(&format!("\"kind\":\"{kind}\"")));
        let line = line.unwrap_or_else(|| panic!("{kind} is not in {audit}"));
        assert!(
            line.contains("\"username\":\"alice\"") && line.contains("\"network_address\":\"127.0.0.1\""),
            "{line}"
        );
    }
    let events = root.get("/admin/events?user=alice&period=day").await.html;
    assert!(events.contains("Role reviewer granted") && events.contains("by <bdi>root</bdi>"), "{events}");
}

#[tokio::test]
async fn grave_actions_ask_for_the_password_and_forged_forms_change_nothing() {
    let app = app(with_support).await;
    let root = signed_in(&app, "root").await;
    for fields in [
        &[("action", "disable")] as &[(&str, &str)],
        &[("action", "grant"), ("role", "admin")],
        &[("action", "revoke"), ("role", "editor")],
        &[("action", "email"), ("email", "evil@example.com")],
    ] {
        for wrong in ["", OTHER_PASSWORD] {
            let page = act(&root, 3, &[fields, &[("current", wrong)]].concat()).await;
            assert_eq!(page.status, 422, "{fields:?}");
            assert!(page.alert().contains("Incorrect password"), "{}", page.html);
        }
    }
    let kept = act(&root, 3, &[("action", "email"), ("email", "kept@example.com"), ("current", "no")]).await;
    assert_eq!(kept.value_of("email"), Some("kept@example.com"), "what was typed is kept");
    let invalid = act(&root, 3, &[("action", "email"), ("email", "nothing"), ("current", PASSWORD)]).await;
    assert!(invalid.alert().contains("Invalid email address"), "{}", invalid.html);
    let invalid = act(&root, 3, &[("action", "grant"), ("role", "No Role"), ("current", PASSWORD)]).await;
    assert!(invalid.alert().contains("can’t be granted"), "{}", invalid.html);
    assert_eq!(act(&root, 3, &[("action", "nothing")]).await.status, 400);
    let form = root.get("/admin/users/3").await;
    let fields = [("csrf", "stale"), ("action", "sign-out")];
    assert_eq!(root.post("/admin/users/3", &fields).await.status, 422);
    let cross = root.copy(&app).with("sec-fetch-site", "cross-site");
    assert_eq!(cross.submit(&form, "/admin/users/3", &[("action", "sign-out")]).await.status, 403);
    // The last administrator stays one.
    for fields in [
        &[("action", "disable"), ("current", PASSWORD)] as &[_],
        &[("action", "revoke"), ("role", "admin"), ("current", PASSWORD)],
    ] {
        let page = act(&root, 1, fields).await;
        assert_eq!(page.status, 422);
        assert!(page.alert().contains("The last administrator"), "{}", page.html);
    }
    assert_eq!(find(&app, 3).await.email, None);
    assert_eq!(roles(&app, 3).await, ["editor"]);
}

#[tokio::test]
async fn support_staff_help_users_without_rights_and_no_one_else() {
    let app = app(with_support).await;
    app.add_user("sue", &["helpdesk"]).await;
    let sam = signed_in(&app, "sam").await;
    let page = sam.get("/admin/users/3").await.html;
    assert!(!page.contains("value=\"grant\"") && !page.contains("name=\"email\""), "{page}");
    assert!(page.contains("value=\"disable\""), "{page}");
    for (fields, status) in [
        (&[("action", "sign-out")] as &[(&str, &str)], 303),
        (&[("action", "unlock")], 303),
        (&[("action", "disable"), ("current", PASSWORD)], 303),
        (&[("action", "enable")], 303),
        (&[("action", "grant"), ("role", "helpdesk"), ("current", PASSWORD)], 403),
        (&[("action", "revoke"), ("role", "editor"), ("current", PASSWORD)], 403),
        (&[("action", "email"), ("email", "a@example.com"), ("current", PASSWORD)], 403),
    ] {
        assert_eq!(act(&sam, 3, fields).await.status, status, "{fields:?}");
    }
    let csrf = sam.get("/admin/users/3").await;
    for id in [1, 2, 4] {
        let path = format!("/admin/users/{id}");
        let page = sam.get(&path).await.html;
        assert!(page.contains("Only administrators can see more") && !page.contains("name=\"action\""), "{page}");
        assert!(!page.contains("127.0.0.1"), "neither sessions nor events: {page}");
        for fields in [&[("action", "sign-out")] as &[_], &[("action", "disable"), ("current", PASSWORD)]] {
            assert_eq!(sam.submit(&csrf, &path, fields).await.status, 403, "{id} {fields:?}");
        }
    }
    assert_eq!(roles(&app, 3).await, ["editor"]);
}

#[tokio::test]
async fn links_and_invitations_are_mailed_and_never_shown() {
    let mail = MailServer::start();
    let app = mail
        .app_with(|settings| {
            with_support(settings);
            settings.set("REGISTRATION", "invite");
        })
        .await;
    add_people(&app).await;
    let (root, sam) = (signed_in(&app, "root").await, signed_in(&app, "sam").await);
    let page = act(&sam, 3, &[("action", "reset-link")]).await;
    assert!(page.alert().contains("No email address"), "{}", page.html);
    act(&root, 3, &[("action", "email"), ("email", "alice@example.com"), ("current", PASSWORD)]).await;
    for (action, subject) in
        [("reset-link", "Reset your password for Vestibule"), ("welcome-link", "Your account at Vestibule")]
    {
        let done = act(&sam, 3, &[("action", action)]).await;
        assert_eq!(done.location(), "/admin/users/3?notice=user-link-mailed");
        let link = mail.wait_for_one("alice@example.com", subject).await.link();
        let (_, secret) = link.split_once("link=").expect("a secret");
        for path in ["/admin/users/3", "/admin/events"] {
            assert!(!root.get(path).await.html.contains(secret), "{path}");
        }
    }
    act(&sam, 3, &[("action", "reset-link")]).await;
    assert_eq!(act(&sam, 3, &[("action", "reset-link")]).await.status, 429, "at most three mails in half an hour");
    for (visitor, role, status) in
        [(&sam, "", 303), (&sam, "editor", 403), (&root, "editor", 303), (&root, "No Role", 422)]
    {
        let form = visitor.get("/admin/invite").await;
        let fields = [("email", "new@example.com"), ("role", role)];
        assert_eq!(visitor.submit(&form, "/admin/invite", &fields).await.status, status, "{role}");
    }
    let form = root.get("/admin/invite").await;
    let again = root.submit(&form, "/admin/invite", &[("email", "nothing"), ("role", "editor")]).await;
    assert_eq!((again.status, again.value_of("email")), (422, Some("nothing")));
    assert!(!sam.get("/admin/invite").await.html.contains("name=\"role\""));
    mail.wait_for_one("new@example.com", "You’re invited to Vestibule").await;
}

#[tokio::test]
async fn users_are_searched_filtered_and_paged() {
    let app = app(with_support).await;
    for number in 0..60 {
        app.add_user(&format!("user{number:02}"), &[]).await;
    }
    app.write(|conn| users::set_display_name(conn, users::UserId(3), Some("<b>Ålice</b>"))).await;
    let root = signed_in(&app, "root").await;
    let page = async |query: &str| root.get(&format!("/admin/users{query}")).await.html;
    let names = |html: &str| html.matches("<th scope=\"row\">").count();
    let first = page("").await;
    assert_eq!(names(&first), 50);
    assert!(first.contains("href=\"/admin/users?page=2\"") && !first.contains("Previous page"), "{first}");
    let second = page("?page=2").await;
    assert_eq!(names(&second), 13);
    assert!(second.contains("href=\"/admin/users\" rel=\"prev\"") && !second.contains("Next page"), "{second}");
    assert_eq!(names(&page("?q=user1").await), 10);
    assert!(page("?q=user&page=2").await.contains("href=\"/admin/users?q=user\" rel=\"prev\""));
    let found = page("?q=%C3%A5lice").await;
    let is_sqlite = !app.database.is_postgres();
    // SQLite ignores the case of ASCII letters only.
    assert_eq!(names(&found), usize::from(!is_sqlite), "{found}");
    let found = page("?q=lice").await;
    assert!(found.contains("&#60;b&#62;Ålice") && !found.contains("<b>"), "escaped: {found}");
    assert_eq!(names(&page("?role=helpdesk").await), 1);
    assert_eq!(names(&page("?state=disabled").await), 0);
    assert!(page("?q=%22%3E%3Cscript%3E").await.contains("No users match."));
    assert_eq!(names(&page("?page=0&state=bogus&role=No+Role").await), 50, "invalid values are ignored");
    assert_eq!(names(&page(&format!("?q={}", "x".repeat(5_000))).await), 0);
}

#[tokio::test]
async fn page_with_a_query_is_not_compressed() {
    let app = app(with_support).await;
    let root = signed_in(&app, "root").await.with("accept-encoding", "gzip");
    for (path, is_compressed) in
        [("/admin/users", true), ("/admin/users?q=a", false), ("/admin/events?user=alice", false)]
    {
        let found = root.get(path).await;
        assert_eq!(found.header("content-encoding") == "gzip", is_compressed, "{path}");
    }
}

#[tokio::test]
async fn events_are_filtered_and_older_ones_are_on_the_next_page() {
    let app = app(with_support).await;
    let now = app.clock.now();
    app.write(move |conn| {
        use vestibule::audit::{Cause, Event, EventKind, record};
        for number in 0..120 {
            let event =
                Event::of_role(EventKind::RoleChanged, &format!("role{number:03}"), None, &Cause::command(), now);
            record(conn, &event)?;
        }
        Ok(())
    })
    .await;
    let root = signed_in(&app, "root").await;
    let mut path = "/admin/events?kind=role_changed&period=day".to_owned();
    let mut seen = Vec::new();
    for expected in [50, 50, 20] {
        let html = root.get(&path).await.html;
        let found: Vec<String> =
            html.split("role role").skip(1).map(|rest| rest.chars().take(3).collect::<String>()).collect();
        assert_eq!(found.len(), expected, "{html}");
        seen.extend(found);
        let older =
            html.split("<a class=\"button secondary small\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        path = older.unwrap_or_default().replace("&#38;", "&").replace("&amp;", "&");
    }
    assert_eq!(path, "", "no more");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 120, "each once, although all have the same moment");
    assert!(root.get("/admin/events?user=stranger").await.alert().contains("No such user"));
    assert!(root.get("/admin/events?kind=bogus&at=x&after=y").await.status == 200);
    let failed = Visitor::new(&app);
    failed.try_sign_in("alice", OTHER_PASSWORD).await;
    let html = root.get("/admin/events?kind=sign_in_failed&period=day").await.html;
    assert!(
        html.contains("wrong password") && html.contains("127.0.0.1") && html.contains("<bdi>alice</bdi>"),
        "{html}"
    );
}
