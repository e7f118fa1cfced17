//! `/setup`: the first admin, and the rescue of an admin.

use std::time::Duration;

use reqwest::Method;
use vestibule::links::{self, LinkPurpose};
use vestibule::users::{self, UserId};

use crate::harness::visitor::{Page, TOKEN, Visitor};
use crate::harness::{PASSWORD, TestApp};

pub const ROOT: [(&str, &str); 3] = [("username", "root"), ("display_name", "Ada L."), ("password", PASSWORD)];

#[tokio::test]
async fn setup_link_creates_the_first_admin_and_signs_them_in() {
    let app = TestApp::start().await;
    let (visitor, form) = open(&app).await;
    assert_eq!(form.value_of("username"), None);
    assert!(form.html.contains("At least 12 characters."));
    let page = visitor.submit(&form, "/setup", &ROOT).await;
    assert_eq!((page.status, page.location()), (303, "/?notice=set-up"));
    let account = visitor.get(page.location()).await;
    for text in ["<bdi>Ada L.</bdi>", "<bdi>root</bdi>", "Administrator", "Your administrator account is ready."] {
        assert!(account.html.contains(text), "{text}: {}", account.html);
    }
    assert_eq!(visitor.get("/me").await.status, 200);
    assert_eq!(visitor.cookie("vestibule_link"), None);
    assert_eq!(Visitor::new(&app).sign_in("root").await.location(), "/");
}

#[tokio::test]
async fn link_scanner_does_not_use_up_the_setup_link() {
    let app = TestApp::start().await;
    let path = link_of(&app);
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let scanner = Visitor::new(&app);
        let page = scanner.request(method, &path, None).await;
        assert_eq!((page.status, page.location()), (303, "/setup"), "the secret is removed from the URL at once");
        assert_eq!(scanner.get("/setup").await.status, 200);
        assert_eq!(scanner.get("/setup").await.status, 200);
        // A scanner that presses buttons sends no password.
        assert_eq!(scanner.post("/setup", &[]).await.status, 422);
    }
    let (visitor, form) = open(&app).await;
    assert_eq!(visitor.submit(&form, "/setup", &ROOT).await.status, 303);
}

#[tokio::test]
async fn setup_secret_is_in_no_page_and_encrypted_in_its_cookie() {
    let app = TestApp::start().await;
    let secret = app.setup_link.clone().expect("a set-up link");
    let visitor = Visitor::new(&app);
    let page = visitor.get(&link_of(&app)).await;
    let cookie = page.set_cookie("vestibule_link").expect("set");
    assert!(!cookie.contains(&secret));
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Max-Age=900"));
    assert!(!visitor.get("/setup").await.html.contains(&secret));
}

#[tokio::test]
async fn setup_link_is_invalid_once_an_admin_exists() {
    let app = TestApp::start().await;
    let (late, late_form) = open(&app).await;
    let (visitor, form) = open(&app).await;
    assert_eq!(visitor.submit(&form, "/setup", &ROOT).await.status, 303);
    let fields = [("username", "mallory"), ("password", PASSWORD)];
    assert_link_expired(&late.submit(&late_form, "/setup", &fields).await);
    let newcomer = Visitor::new(&app);
    newcomer.get(&link_of(&app)).await;
    assert_link_expired(&newcomer.get("/setup").await);
    assert_eq!(count_users(&app).await, 1);
}

#[tokio::test]
async fn concurrent_setup_posts_create_one_admin() {
    for _ in 0..5 {
        let app = TestApp::start().await;
        let mut posts = Vec::new();
        for name in ["root", "toor", "admin", "boss"] {
            let (visitor, form) = open(&app).await;
            posts.push(async move {
                let fields = [("username", name), ("password", PASSWORD)];
                visitor.submit(&form, "/setup", &fields).await.status
            });
        }
        // After every form is open.
        let posts: Vec<_> = posts.into_iter().map(tokio::spawn).collect();
        let mut statuses = Vec::new();
        for post in posts {
            statuses.push(post.await.expect("no panic"));
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410, 410, 410]);
        assert_eq!(count_users(&app).await, 1);
    }
}

#[tokio::test]
async fn stale_setup_form_creates_no_admin() {
    let app = TestApp::start().await;
    let (visitor, _) = open(&app).await;
    let page = visitor.same_origin().post("/setup", &[&ROOT[..], &[("csrf", "stale")]].concat()).await;
    assert_eq!(page.status, 422);
    assert!(page.alert().starts_with("This form has expired"), "{}", page.alert());
    assert_eq!((page.value_of("username"), page.value_of("display_name")), (Some("root"), Some("Ada L.")));
    assert_eq!(count_users(&app).await, 0);
    assert_eq!(visitor.submit(&page, "/setup", &ROOT).await.status, 303);
}

#[tokio::test]
async fn missing_invalid_or_expired_setup_link_is_410() {
    let app = TestApp::start().await;
    let visitor = Visitor::new(&app);
    assert_link_expired(&visitor.get("/setup").await);
    assert_link_expired(&visitor.post("/setup", &ROOT).await);
    for link in ["", "x", &"A".repeat(43), "%20", &"A".repeat(9_000)] {
        let page = visitor.get(&format!("/setup?link={link}")).await;
        assert_eq!((page.status, page.location()), (303, "/setup"), "{link:.10}");
        assert_link_expired(&visitor.get("/setup").await);
    }
    let (visitor, form) = open(&app).await;
    app.clock.advance(Duration::from_secs(3_601));
    assert_link_expired(&visitor.submit(&form, "/setup", &ROOT).await);
    assert_eq!(count_users(&app).await, 0);
    let korean = Visitor::new(&app).with("accept-language", "ko").get("/setup").await;
    assert!(korean.html.contains("유효하지 않은 링크입니다"));
}

#[tokio::test]
async fn rescue_link_sets_a_password_and_ends_other_sessions() {
    let app = TestApp::start().await;
    let admin = app.add_user("root", &["admin"]).await;
    let earlier = Visitor::new(&app);
    earlier.sign_in("root").await;
    let now = app.clock.now();
    let link = app.write(move |conn| links::create(conn, LinkPurpose::Rescue, Some(admin.id), now)).await;
    let visitor = Visitor::new(&app);
    visitor.get(&format!("/setup?link={}", link.reveal())).await;
    let form = visitor.get("/setup").await;
    assert_eq!((form.status, form.value_of("username")), (200, Some("root")));
    let form = visitor.submit(&form, "/setup", &[("password", "short")]).await;
    assert!(form.alert().starts_with("Your password wasn’t changed. This password is too short."), "{}", form.alert());
    let page = visitor.submit(&form, "/setup", &[("username", "other"), ("password", "a new horse, a new stable")]);
    assert_eq!(page.await.location(), "/?notice=rescued");
    assert!(visitor.get("/?notice=rescued").await.html.contains("Your password has been reset."));
    assert!(!earlier.is_signed_in().await);
    assert_eq!(Visitor::new(&app).try_sign_in("root", PASSWORD).await.status, 422);
    let token = earlier.cookie(TOKEN).expect("signed in");
    app.services.sessions.revoked().refresh(&app.services.db, app.clock.now()).await.expect("the database responds");
    assert_eq!(app.get_me(&token).await.status(), 401);
    visitor.get(&format!("/setup?link={}", link.reveal())).await;
    assert_link_expired(&visitor.get("/setup").await);
}

fn link_of(app: &TestApp) -> String {
    format!("/setup?link={}", app.setup_link.as_deref().expect("a set-up link"))
}

/// Opens the link and returns the browser and the form.
pub async fn open(app: &TestApp) -> (Visitor, Page) {
    let visitor = Visitor::new(app);
    let page = visitor.get(&link_of(app)).await;
    assert_eq!((page.status, page.location()), (303, "/setup"));
    let form = visitor.get("/setup").await;
    assert_eq!(form.status, 200, "{}", form.html);
    (visitor, form)
}

fn assert_link_expired(page: &Page) {
    assert_eq!(page.status, 410);
    assert!(page.html.contains("This link is no longer valid") && page.html.contains("vestibule setup-link"));
}

async fn count_users(app: &TestApp) -> usize {
    app.write(|conn| users::list(conn, UserId(0), 100)).await.len()
}

#[tokio::test]
async fn invalid_username_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    app.add_user("taken", &[]).await;
    let (visitor, mut form) = open(&app).await;
    let long = "a".repeat(65);
    for (name, why) in [
        ("", "This username can’t be used. Use 1 to 64 letters"),
        ("123", "(not only numbers)."),
        ("two words", "This username can’t be used."),
        ("client_x", "This username can’t be used."),
        (long.as_str(), "This username can’t be used."),
        ("root@example.com", "Choose one without @."),
        ("TAKEN", "This username is taken. Choose another."),
    ] {
        let page = visitor.submit(&form, "/setup", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(page.status, 422, "{name:.20}");
        assert!(page.alert().contains(why), "{name:.20}: {}", page.alert());
        form = page;
    }
    let display_name = "a".repeat(101);
    let fields = [("username", "root"), ("display_name", display_name.as_str()), ("password", PASSWORD)];
    let page = visitor.submit(&form, "/setup", &fields).await;
    assert!(page.status == 422 && page.alert().contains("at most 100 characters"), "{}", page.alert());
    assert_eq!(visitor.submit(&page, "/setup", &ROOT).await.status, 303);
}
