//! Signing keys in one server whose clock is moved: publication, rotation and retirement.

use std::slice;
use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use serde_json::Value;
use vestibule::admin::KeyRotation;
use vestibule::config::{KeyAlgorithm, Signing};
use vestibule::db::schema::{sessions, signing_keys};
use vestibule::secret::ServerKey;
use vestibule::sessions::{Lifetimes, SessionService};
use vestibule::tokens::{KeyRetirement, KeyState, Keys, TokenService};

use crate::harness::hs256::part;
use crate::harness::{SERVER_KEY, TestApp, TestResponse, direct_database};

const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(20);
const LEAD: TimeDelta = TimeDelta::minutes(10);

fn server_key() -> ServerKey {
    ServerKey::parse(SERVER_KEY).expect("a key")
}

async fn rotate(app: &TestApp, algorithm: KeyAlgorithm) -> KeyRotation {
    let rotation =
        app.admin().rotate_keys(algorithm, &server_key(), LEAD, TOKEN_LIFE).await.expect("the database responds");
    refresh(app).await;
    rotation
}

/// Refreshes the keys, as the server does each half second.
async fn refresh(app: &TestApp) {
    app.services.tokens.keys().refresh(&app.services.db).await.expect("the database responds");
}

/// Runs the key maintenance, as the server does each minute.
async fn run_maintenance(app: &TestApp, rotation: Option<TimeDelta>) {
    let now = app.clock.now();
    app.services
        .tokens
        .keys()
        .run_maintenance(&app.services.db, rotation, TOKEN_LIFE, now)
        .await
        .expect("the database responds");
}

/// The published keys, in their order.
async fn published(app: &TestApp) -> Vec<String> {
    let set = TestResponse::to(app.get("/.well-known/jwks.json")).await.json();
    set["keys"].as_array().expect("a list").iter().map(kid).collect()
}

fn kid(of: &Value) -> String {
    of["kid"].as_str().expect("a kid").to_owned()
}

pub async fn me(app: &TestApp, token: &str) -> u16 {
    app.get_me(token).await.status().as_u16()
}

/// Signs in and returns the token and its `kid`.
pub async fn sign_in(app: &TestApp) -> (String, String) {
    let token = app.token_of("alice").await;
    let kid = kid(&part(&token, 0));
    (token, kid)
}

/// Another server with its own keys in memory and the same clock.
async fn instance(app: &TestApp, algorithm: KeyAlgorithm) -> TokenService {
    let (db, now) = (app.services.db.clone(), app.clock.now());
    let keys = Keys::load(&db, &Signing::KeyPair(algorithm), &server_key(), now).await.expect("the keys load");
    let config = direct_database::config(&app.database);
    let sessions = SessionService::new(db.clone(), app.clock.clone(), Lifetimes::new(config.lifetimes));
    TokenService::new(keys, &server_key(), &config, app.clock.clone(), db, &sessions)
}

fn signs_with(tokens: &TokenService, app: &TestApp) -> String {
    tokens.signer(app.clock.now()).kid().expect("a kid").to_owned()
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[tokio::test]
async fn keys_are_published_before_they_sign_and_until_their_last_token_expires() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (_, first) = sign_in(&app).await;
    let rotation = rotate(&app, KeyAlgorithm::Es256).await;
    let next = rotation.next.kid.clone();
    assert!(rotation.is_new && rotation.old.expect("the first").0.kid == first);
    assert!(!rotate(&app, KeyAlgorithm::Es256).await.is_new, "a next key already exists");
    assert_eq!(published(&app).await, [first.clone(), next.clone()], "the signing key is first");
    app.clock.advance(minutes(9));
    let (last_token, kid) = sign_in(&app).await;
    assert_eq!(kid, first);
    app.clock.advance(minutes(1) + Duration::from_secs(1));
    let (_, kid) = sign_in(&app).await;
    assert_eq!(kid, next);
    assert_eq!(published(&app).await, [next.clone(), first.clone()]);
    run_maintenance(&app, None).await;
    app.clock.advance(minutes(18));
    run_maintenance(&app, None).await;
    assert_eq!(me(&app, &last_token).await, 200, "the old key's tokens are valid");
    assert_eq!(published(&app).await.len(), 2);
    app.clock.advance(minutes(5));
    run_maintenance(&app, None).await;
    assert_eq!(published(&app).await, slice::from_ref(&next));
    let sealed: Vec<String> = app
        .write(move |conn| signing_keys::table.find(first).select(signing_keys::private_key_sealed).load(conn))
        .await;
    assert_eq!(sealed, [""], "the private part is erased");
    app.clock.advance(Duration::from_hours(31 * 24));
    run_maintenance(&app, None).await;
    let keys = app.admin().list_keys(KeyAlgorithm::Es256).await.expect("the database responds");
    assert_eq!(
        keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(),
        [next],
        "the old key is deleted after a month"
    );
}

#[tokio::test]
async fn key_is_kept_until_its_last_token_expires() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (_, first) = sign_in(&app).await;
    let until = app.clock.now() + TimeDelta::days(7);
    app.write(move |conn| diesel::update(sessions::table).set(sessions::access_until.eq(until)).execute(conn)).await;
    rotate(&app, KeyAlgorithm::Es256).await;
    app.clock.advance(Duration::from_hours(7 * 24));
    run_maintenance(&app, None).await;
    assert!(published(&app).await.contains(&first), "within the leeway");
    app.clock.advance(Duration::from_secs(31));
    run_maintenance(&app, None).await;
    assert!(!published(&app).await.contains(&first));
}

#[tokio::test]
async fn refreshed_session_still_counts_for_its_old_key() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let response = app.post_token("alice", crate::harness::PASSWORD).await;
    let body: Value = response.json().await.expect("JSON");
    let (token, refresh) =
        (body["access_token"].as_str().expect("a token"), body["refresh_token"].as_str().expect("one"));
    let next = rotate(&app, KeyAlgorithm::Es256).await.next.kid;
    app.clock.advance(minutes(11));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let refreshed = TestResponse::to(app.post("/token").form(&form)).await.json();
    let new_token = refreshed["access_token"].as_str().expect("a token");
    assert_eq!(kid(&part(new_token, 0)), next);
    let keys = app.admin().list_keys(KeyAlgorithm::Es256).await.expect("the database responds");
    let live: Vec<_> = keys.iter().map(|key| (key.state, key.usage.live_sessions)).collect();
    assert_eq!(live, [(KeyState::Signing, 1), (KeyState::Old, 1)]);
    assert_eq!((me(&app, token).await, me(&app, new_token).await), (200, 200));
}

#[tokio::test]
async fn new_algorithm_signs_after_the_lead_time_and_a_known_one_at_once() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (token, old) = sign_in(&app).await;
    // Two servers restarted at once with the new setting create one key.
    let (rsa, twin) = tokio::join!(instance(&app, KeyAlgorithm::Rs256), instance(&app, KeyAlgorithm::Rs256));
    refresh(&app).await;
    let keys = published(&app).await;
    assert_eq!((keys.len(), &keys[0]), (2, &old));
    assert_eq!((signs_with(&rsa, &app), signs_with(&twin, &app)), (old.clone(), old.clone()));
    let listed = app.admin().list_keys(KeyAlgorithm::Rs256).await.expect("the database responds");
    let signs_from = listed.iter().find(|key| key.state == KeyState::Next).expect("a next key").signs_from;
    let described = format!("ES256 {old}, RS256 {} from {} on", keys[1], signs_from.format("%FT%TZ"));
    assert_eq!(rsa.keys().describe(app.clock.now()), described);
    app.clock.advance(minutes(10) + Duration::from_secs(1));
    assert_eq!((signs_with(&rsa, &app), signs_with(&twin, &app)), (keys[1].clone(), keys[1].clone()));
    assert_eq!(sign_in(&app).await.1, old, "an instance with the old setting is not affected");
    for (tokens, token) in [(&rsa, &token), (&twin, &token)] {
        assert!(tokens.verify(token).await.is_ok());
    }
    assert_eq!(signs_with(&instance(&app, KeyAlgorithm::Es256).await, &app), old, "all servers already know its key");
    // During a deployment, neither instance retires the other's key.
    app.clock.advance(minutes(60));
    run_maintenance(&app, None).await;
    assert_eq!(published(&app).await.len(), 2);
}

#[tokio::test]
async fn old_key_is_rotated_automatically_by_one_server() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (_, first) = sign_in(&app).await;
    let rotation = TimeDelta::days(30);
    app.clock.advance(Duration::from_hours(30 * 24 - 1));
    run_maintenance(&app, Some(rotation)).await;
    assert_eq!(published(&app).await, slice::from_ref(&first));
    app.clock.advance(Duration::from_hours(2));
    let other = instance(&app, KeyAlgorithm::Es256).await;
    let now = app.clock.now();
    let theirs = other.keys().run_maintenance(&app.services.db, Some(rotation), TOKEN_LIFE, now);
    let (result, ()) = tokio::join!(theirs, run_maintenance(&app, Some(rotation)));
    result.expect("the database responds");
    run_maintenance(&app, Some(rotation)).await;
    let keys = published(&app).await;
    assert_eq!((keys.len(), &keys[0]), (2, &first));
    app.clock.advance(minutes(10) + Duration::from_secs(1));
    assert_eq!(sign_in(&app).await.1, keys[1]);
    refresh(&app).await;
    app.clock.advance(minutes(30));
    run_maintenance(&app, Some(rotation)).await;
    assert_eq!(published(&app).await, keys[1..]);
}

#[tokio::test]
async fn concurrent_rotations_create_one_key() {
    let app = TestApp::start().await;
    for round in 1..=20 {
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let admin = app.admin();
            requests
                .spawn(async move { admin.rotate_keys(KeyAlgorithm::EdDsa, &server_key(), LEAD, TOKEN_LIFE).await });
        }
        let outcomes = requests.join_all().await;
        let made = outcomes.into_iter().filter(|outcome| outcome.as_ref().expect("the database responds").is_new);
        assert_eq!(made.count(), 1, "round {round}");
        let keys = app.admin().list_keys(KeyAlgorithm::EdDsa).await.expect("the database responds");
        assert_eq!(keys.len(), round + 1);
        app.clock.advance(minutes(11));
    }
}

#[tokio::test]
async fn retiring_a_key_activates_the_next_and_the_only_key_cannot_be_retired() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let (token, first) = sign_in(&app).await;
    let end = async |kid: &str| {
        let outcome = app.admin().retire_key(KeyAlgorithm::Es256, kid).await.expect("the database responds");
        refresh(&app).await;
        outcome
    };
    assert!(matches!(end(&first).await, KeyRetirement::OnlyKey(_)));
    assert!(matches!(end("nothing").await, KeyRetirement::NoSuchKey));
    assert_eq!(me(&app, &token).await, 200);
    let next = rotate(&app, KeyAlgorithm::Es256).await.next.kid;
    let KeyRetirement::Retired { key, signing } = end(&first).await else { panic!("another key can sign") };
    assert_eq!((key.usage.live_sessions, signing.kid.as_str()), (1, next.as_str()));
    assert_eq!(me(&app, &token).await, 401, "refused although its claims are cached");
    assert_eq!(published(&app).await, slice::from_ref(&next));
    assert_eq!(sign_in(&app).await.1, next, "before its scheduled time, because no other key can sign");
    assert!(matches!(end(&first).await, KeyRetirement::AlreadyRetired(_)));
}

#[tokio::test]
async fn key_changes_are_recorded_as_audit_events() {
    let app = TestApp::start().await;
    let first = published(&app).await.remove(0);
    app.clock.advance(Duration::from_secs(1));
    let next = rotate(&app, KeyAlgorithm::Es256).await.next.kid;
    app.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        app.admin().retire_key(KeyAlgorithm::Es256, &first).await.expect("the database responds");
    }
    app.clock.advance(Duration::from_secs(1));
    let other = ServerKey::generate();
    for _ in 0..2 {
        app.admin().reseal_keys(&server_key(), &other).await.expect("the keys are decrypted");
    }
    let events = "SELECT kind || ' ' || COALESCE(detail, '-') AS text FROM audit_events ORDER BY happened_at";
    let expected = [
        format!("signing_key_added {first}"),
        format!("signing_key_added {next}"),
        format!("signing_key_retired {first}"),
        "signing_keys_resealed -".to_owned(),
    ];
    assert_eq!(direct_database::DirectConnection::open(&app.database).texts(events), expected);
}
