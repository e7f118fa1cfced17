//! The services of a server on a new database, with one issued access token and one client.

use std::future::Future;

use actix_web::web::Data;
use tokio::runtime::{Builder, Runtime};
use vestibule::clients::{self, Client, GrantType};
use vestibule::clock::Clock;
use vestibule::config::{Config, Settings};
use vestibule::db::{Db, DbError, migrations};
use vestibule::scope::Scopes;
use vestibule::secret::{PlainSecret, ServerKey, random_id};
use vestibule::sessions::{Holders, Lifetimes, Session, SessionKind, SessionService};
use vestibule::tokens::{Grant, Keys, Subject, TokenService};
use vestibule::users::{User, UserId, UserState};
use vestibule::web::WebConfig;

/// The services that the targets share.
pub(super) struct World {
    pub runtime: Runtime,
    pub db: Db,
    pub tokens: Data<TokenService>,
    pub web_config: Data<WebConfig>,
    /// A valid access token.
    pub token: String,
    /// The ID of a client and its secret.
    pub client: (String, PlainSecret),
    _folder: tempfile::TempDir,
}

thread_local! {
    static WORLD: World = World::make();
}

/// Runs a target with this thread's world.
pub(super) fn with<T>(target: impl FnOnce(&World) -> T) -> T {
    WORLD.with(target)
}

impl World {
    /// Runs a future to completion.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::default();
        settings.set("DATABASE_URL", format!("sqlite://{}", folder.path().join("vestibule.db").display()));
        settings.set("TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8, ::1");
        let config = settings.check().expect("settings of a test");
        let server_key = ServerKey::generate();
        migrations::run_pending(&config.database).expect("the migrations run");
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let db = Db::for_start(&config.database);
        let tokens = runtime.block_on(start_tokens(&config, &server_key, &db));
        let client = runtime.block_on(add_client(&db));
        let token = issue(&tokens);
        let web_config = Data::new(WebConfig::new(&config, &server_key));
        let tokens = Data::new(tokens);
        Self { runtime, db, tokens, web_config, token, client, _folder: folder }
    }
}

async fn start_tokens(config: &Config, server_key: &ServerKey, db: &Db) -> TokenService {
    let clock = Clock::system();
    let keys = Keys::load(db, &config.signing, server_key, clock.now()).await.expect("a key");
    let sessions = SessionService::new(db.clone(), clock.clone(), Lifetimes::new(config.lifetimes));
    TokenService::new(keys, server_key, config, clock, db.clone(), &sessions)
}

async fn add_client(db: &Db) -> (String, PlainSecret) {
    let secret = PlainSecret::generate();
    let grants = vec![GrantType::ClientCredentials];
    let client = Client::new("fuzz".to_owned(), &secret, grants, Scopes::default(), Clock::system().now());
    let id = client.id.clone();
    db.write(move |conn| -> Result<_, DbError> { Ok(clients::create(conn, &client)?) }).await.expect("it is stored");
    (id, secret)
}

/// Signs a token for a session that is not in the database: with a key pair, verification reads no session.
fn issue(tokens: &TokenService) -> String {
    let now = tokens.clock().now();
    let session = Session {
        id: random_id(),
        kind: SessionKind::PasswordGrant,
        user_id: Some(UserId(1)),
        client_id: None,
        scope: Scopes::default(),
        signing_kid: None,
        created_at: now,
        authenticated_at: now,
        last_used_at: now,
        access_until: now,
        expires_at: None,
        ended_at: None,
        is_remembered: false,
    };
    let user = User {
        new_password_required_at: None,
        id: UserId(1),
        username: "alice".to_owned(),
        display_name: None,
        email: None,
        email_verified_at: None,
        language: None,
        password_hash: None,
        created_at: now,
        last_signed_in_at: None,
        state: UserState::Active,
    };
    let holders = Holders::default();
    let subject = Subject::User(&user, &[]);
    let grant = Grant { subject, scope: &session.scope, session: &session, holders: &holders };
    tokens.issue(&tokens.signer(now), grant, now).expect("signed").token
}
