//! The use cases behind the set-up page: the first admin and the rescue of an admin.

use vestibule::accounts::{FirstAdmin, create_first_admin};
use vestibule::audit::ClientInfo;
use vestibule::clock::Clock;
use vestibule::db::{Db, DbError, Rollback};
use vestibule::links::{self, Link};
use vestibule::mail::Outbox;
use vestibule::recovery::{Reset, ResetRequest, reset_password};
use vestibule::secret::PlainSecret;
use vestibule::users::argon2id::{Cost, Hasher, PasswordHash};
use vestibule::users::{self, NewUser, Username};

use crate::harness::cli::block_on;
use crate::harness::{OTHER_PASSWORD, PASSWORD, TestDatabase};

fn hash(password: &str) -> PasswordHash {
    Hasher::default().hash(password.as_bytes(), Cost { memory_kib: 64, iterations: 1, parallelism: 1 })
}

fn new_user(name: &str) -> NewUser {
    let username = Username::parse(name, None).expect("a valid name");
    NewUser { id: None, username, display_name: None, email: None, password_hash: Some(hash(PASSWORD).into()) }
}

fn secret_of(db: &TestDatabase, args: &[&str]) -> PlainSecret {
    let response = db.cli(&[&["setup-link", "--json"], args].concat()).json();
    let (_, secret) = response["url"].as_str().and_then(|url| url.split_once("link=")).expect("a link");
    PlainSecret::parse(secret).expect("a secret")
}

async fn find(pool: &Db, secret: &PlainSecret) -> Option<Link> {
    let secret = secret.clone();
    pool.read(move |conn| links::find(conn, &secret, Clock::system().now()).map_err(DbError::from))
        .await
        .expect("the database responds")
}

async fn create(pool: &Db, link: Link, name: &str) -> FirstAdmin {
    let new = new_user(name);
    let created =
        pool.write(move |conn| create_first_admin(conn, &link, new, ClientInfo::default(), Clock::system().now()));
    Rollback::settle(created.await).expect("the database responds")
}

#[test]
fn setup_link_used_concurrently_creates_one_admin() {
    let db = TestDatabase::create();
    let secret = secret_of(&db, &[]);
    let pool = db.pool();
    let outcomes = block_on(async {
        let link = find(&pool, &secret).await.expect("a live link");
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let (pool, link) = (pool.clone(), link.clone());
                tokio::spawn(async move { create(&pool, link, &format!("root{number}")).await })
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.expect("no panic"));
        }
        assert!(find(&pool, &secret).await.is_none());
        outcomes
    });
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, FirstAdmin::Created(_))).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, FirstAdmin::LinkExpired)).count(), 3, "{outcomes:?}");
    let users = db.users();
    assert_eq!((users.len(), &users[0]["roles"]), (1, &serde_json::json!(["admin"])));
}

#[test]
fn setup_link_survives_a_taken_name_and_is_invalid_once_an_admin_exists() {
    let db = TestDatabase::create();
    db.add("alice", &[]);
    let secret = secret_of(&db, &[]);
    let pool = db.pool();
    block_on(async {
        let link = find(&pool, &secret).await.expect("a live link");
        assert!(matches!(create(&pool, link, "Alice").await, FirstAdmin::NameTaken));
        let link = find(&pool, &secret).await.expect("still a live link");
        assert!(matches!(create(&pool, link.clone(), "root1").await, FirstAdmin::Created(_)));
        assert!(matches!(create(&pool, link, "root2").await, FirstAdmin::LinkExpired));
    });
    assert!(db.can_sign_in("root1", PASSWORD));
}

#[test]
fn rescue_link_works_once_and_for_an_admin_only() {
    let db = TestDatabase::create();
    db.add("root1", &["--role", "admin"]);
    assert!(db.can_sign_in("root1", PASSWORD));
    let pool = db.pool();
    let secret = secret_of(&db, &["--user", "root1"]);
    let link = block_on(find(&pool, &secret)).expect("a live link");
    let use_it = |link: &Link| {
        let outbox = Outbox::disabled();
        let reset =
            ResetRequest { link: link.clone(), hash: hash(OTHER_PASSWORD), client_info: ClientInfo::default(), outbox };
        block_on(reset_password(&db.accounts(), reset)).expect("the database responds")
    };
    let as_setup = block_on(create(&pool, link.clone(), "root9"));
    assert!(matches!(as_setup, FirstAdmin::LinkExpired), "{as_setup:?}");
    let first = use_it(&link);
    assert!(matches!(&first, Reset::Done { ended_sessions: 1, .. }), "{first:?}");
    assert!(matches!(use_it(&link), Reset::LinkExpired));
    assert!(db.can_sign_in("root1", OTHER_PASSWORD) && !db.can_sign_in("root1", PASSWORD));

    let link = block_on(find(&pool, &secret_of(&db, &["--user", "root1"]))).expect("a live link");
    let id = first_id(&db);
    block_on(pool.write(move |conn| users::revoke_role(conn, id, "admin").map_err(DbError::from)))
        .expect("the database responds");
    assert!(matches!(use_it(&link), Reset::LinkExpired));
}

fn first_id(db: &TestDatabase) -> users::UserId {
    users::UserId(db.users()[0]["id"].as_i64().expect("a number"))
}
