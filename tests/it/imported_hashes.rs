//! Users with the password hashes of other systems.

use vestibule::users::argon2id::{Cost, Hasher, PasswordHash};
use vestibule::users::imported_hash::{FirebaseParameters, HashFormat, ImportedHash};
use vestibule::users::stored_hash::StoredHash;
use vestibule::users::{self, UserId};

use crate::harness::visitor::Visitor;
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestResponse};
use crate::throttling::sign_in;

const VECTORS: &str = include_str!("../hashes/vectors.tsv");
const CHEAP: Cost = Cost { memory_kib: 8, iterations: 1, parallelism: 1 };

/// A format, a password and its hash, as stored: the first vector of each format.
fn vectors() -> Vec<(HashFormat, String, StoredHash)> {
    let firebase = FirebaseParameters::parse(include_str!("../hashes/firebase.txt")).expect("parameters");
    let mut vectors = Vec::new();
    for format in HashFormat::ALL {
        let line = VECTORS.lines().find(|line| line.split('\t').next() == Some(format.name())).expect("a vector");
        let fields: Vec<&str> = line.split('\t').collect();
        let hash = ImportedHash::parse(fields[2], Some(format), Some(&firebase)).expect("a hash");
        let password = serde_json::from_str(fields[1]).expect("a JSON string");
        vectors.push((format, password, hash.into_stored(&mut Hasher::default(), CHEAP)));
    }
    vectors
}

async fn stored_hash(app: &TestApp, id: UserId) -> StoredHash {
    let user = app.write(move |conn| users::find_by_id(conn, id)).await.expect("a user");
    user.password_hash.expect("a hash")
}

/// The work of the hashes that a sign-in with a wrong password costs, in KiB of Argon2.
async fn work_of_rejection(app: &TestApp, server: &ServerProcess, name: &str) -> u64 {
    let before = server.counter("vestibule_password_hash_work_kib_total").await;
    let form = [("username", name), ("password", PASSWORD)];
    let response = TestResponse::to(app.client.post(format!("{}/token", server.url)).form(&form)).await;
    assert_eq!(response.status, 400, "{name}: {response:?}");
    server.counter("vestibule_password_hash_work_kib_total").await - before
}

#[tokio::test]
async fn user_with_each_hash_signs_in_at_token_and_the_second_time_with_argon2id() {
    let app = TestApp::start().await;
    let today = app.services.accounts.hash_pool().cost();
    for (format, password, hash) in vectors() {
        let name = format.name();
        let id = app.add_user_with_hash(name, &[], hash.clone()).await.id;
        assert_eq!(sign_in(&app, name, "another password").await.status, 400, "{name}");
        assert!(stored_hash(&app, id).await == hash, "{name}: a failed sign-in replaces nothing");
        assert_eq!(sign_in(&app, name, &password).await.status, 200, "{name}");
        let replaced = stored_hash(&app, id).await;
        assert_eq!(replaced.argon2id().map(PasswordHash::cost), Some(today), "{name}");
        assert_eq!(sign_in(&app, name, &password).await.status, 200, "{name}, on Argon2id");
        assert!(stored_hash(&app, id).await == replaced, "{name}: replaced once only");
        assert_eq!(sign_in(&app, name, "another password").await.status, 400, "{name}, on Argon2id");
    }
}

#[tokio::test]
async fn user_with_each_hash_signs_in_at_the_page_and_the_second_time_with_argon2id() {
    let app = TestApp::start().await;
    for (format, password, hash) in vectors() {
        let name = format.name();
        let id = app.add_user_with_hash(name, &[], hash).await.id;
        let page = Visitor::new(&app).try_sign_in(name, &password).await;
        assert_eq!((page.status, page.location()), (303, "/"), "{name}");
        assert!(stored_hash(&app, id).await.argon2id().is_some(), "{name}");
        let page = Visitor::new(&app).try_sign_in(name, &password).await;
        assert_eq!((page.status, page.location()), (303, "/"), "{name}, on Argon2id");
    }
}

#[tokio::test]
async fn imported_hash_that_costs_less_takes_the_work_of_an_unknown_name() {
    let app = TestApp::start().await;
    let vectors = vectors();
    for (format, _, hash) in &vectors {
        app.add_user_with_hash(format.name(), &[], hash.clone()).await;
    }
    let server = ServerProcess::start(&app.database, &[("ARGON2_MEMORY_KIB", "19456")]);
    let work_of = async |name: &str| work_of_rejection(&app, &server, name).await;
    let unknown = work_of("nobody").await;
    let mut cheaper = 0;
    for (format, _, hash) in &vectors {
        if hash.work_kib() < unknown {
            cheaper += 1;
            let work = work_of(format.name()).await;
            assert!((unknown..=unknown + unknown / 1_000 + 8).contains(&work), "{}: {work}, {unknown}", format.name());
        }
    }
    assert!(cheaper > 10, "{cheaper}");
}

#[tokio::test]
async fn unknown_name_takes_the_work_of_the_imported_hashes_that_cost_more() {
    let app = TestApp::start().await;
    let (_, _, hash) = vectors().into_iter().find(|(format, ..)| *format == HashFormat::Bcrypt).expect("a vector");
    app.add_user_with_hash("alice", &[], hash.clone()).await;
    assert!(hash.work_kib() > app.services.accounts.hash_pool().cost().work_kib());
    let server = ServerProcess::start(&app.database, &[]);
    let work_of = async |name: &str| work_of_rejection(&app, &server, name).await;
    let known = work_of("alice").await;
    assert_eq!(known, hash.work_kib());
    // The server counts the hashes in the background of its start.
    for attempt in 0.. {
        let unknown = work_of(&format!("nobody{attempt}")).await;
        if unknown == known {
            break;
        }
        assert!(attempt < 50, "{unknown} for an unknown name, {known} for one with a bcrypt hash");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for attempt in 0..5 {
        assert_eq!(work_of(&format!("stranger{attempt}")).await, known);
    }
}
