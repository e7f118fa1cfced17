//! The lock that both doors turn: check a username and password, throttle, start the session, sign the token.
//! `sign_in.rs` is the way through it, `reservation.rs` its first half, `settling.rs` its end and `reauthenticate.rs` the way of somebody who is in already; `refresh.rs` and `client.rs` are the ways of programs that come
//! again or for themselves, `scope.rs` says what is granted; `throttle.rs` the rule on too many tries, `buckets.rs` what
//! is counted, `devices.rs` the browsers and networks that are known, `waiting.rs` the queue for a free try, `store.rs` the rows.
//! `requests.rs` counts what strangers ask for. What may not live here: how the answer is worn (`login`, `oauth`).

mod buckets;
mod client;
mod devices;
mod reauthenticate;
mod refresh;
mod request_limits;
mod reservation;
mod scope;
mod settling;
mod sign_in;
mod store;
mod throttle;
mod wait_queue;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use tokio::sync::Semaphore;

use crate::clients::Client;
use crate::clock::Clock;
use crate::config::{Config, ThrottlingConfig};
use crate::db::{Db, DbConnection, DbError};
use crate::mail::Outbox;
use crate::scope::Scopes;
use crate::secret::{DerivedKey, PlainSecret, Purpose, ServerKey};
use crate::sessions::{Lifetimes, Session, SessionKind};
use crate::tokens::{IssuedToken, SigningError, TokenService};
use crate::users::hash_pool::HashPool;
use crate::users::password::Password;
use crate::users::{LookupName, User, Username};
pub use client::ClientSignIn;
pub use devices::{KnownPlaces, forget_all as forget_devices, forget_others as forget_other_devices};
pub use reauthenticate::Reauthentication;
pub use refresh::{Refresh, RefreshRequest, Refreshed};
pub use store::{delete_stale_attempts, delete_stale_devices};
use wait_queue::WaitQueue;

/// How many tries look and reserve at once.
const TURNS_TO_RESERVE: usize = 3;

/// A username and password as somebody presented them.
#[derive(Clone)]
pub struct Attempt {
    /// What was typed as the name.
    pub username: LookupName,
    /// What was typed as the password.
    pub password: Password,
    /// Which door it came to.
    pub kind: SessionKind,
    /// The registered program that presents it, authenticated, when there is one.
    pub client: Option<Client>,
    /// The scopes that are requested.
    pub scope: Scopes,
    /// Where it comes from.
    pub client_ip: IpAddr,
    /// Whether the person asks this browser to remember them.
    pub is_remembered: bool,
    /// What the client says it is, at most 256 bytes.
    pub user_agent: Option<String>,
    /// The tag of the page's language, for a mail to somebody who has chosen none.
    pub language: Option<&'static str>,
    /// The cookie of a browser that this account signed in from before.
    pub device: Option<PlainSecret>,
    /// The session that this browser holds already, which the new one takes the place of.
    pub previous: Option<PlainSecret>,
}

/// What became of an [`Attempt`]. `SecondFactorNeeded` can be added here without touching a door's other answers.
pub enum SignIn {
    /// Everything fits.
    Done(Box<SignedIn>),
    /// The name or the password is wrong; which, nobody is told.
    Refused,
    /// The password is right and the account is turned off.
    Disabled,
    /// The password is right, and none of the requested scopes can be granted.
    ScopeRefused,
    /// The password is right, and the program that presents it was deleted, or its secret replaced, meanwhile.
    ClientGone,
    /// Too many tries: come again after this time.
    Throttled(Duration),
    /// No room for another hash now.
    Overloaded,
}

/// A sign-in that succeeded.
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The session that began.
    pub session: Session,
    /// The browser's secret for it; programs get none.
    pub session_secret: Option<PlainSecret>,
    /// The access token.
    pub token: IssuedToken,
    /// The refresh token of a program that may have one.
    pub refresh_token: Option<PlainSecret>,
    /// A new known-device secret for this browser, when it had none.
    pub device: Option<PlainSecret>,
}

/// A fault that kept a sign-in from being decided.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The token could not be signed.
    #[error("cannot sign the access token")]
    Signing(#[from] SigningError),
}

/// The services that a sign-in needs. Cheap to clone.
#[derive(Clone)]
pub struct Lock {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// The threads that hash.
    pub hash_pool: HashPool,
    /// Signing and checking.
    pub tokens: TokenService,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// Where mails are left to be sent.
    pub mail: Outbox,
    throttling: ThrottlingConfig,
    names: DerivedKey,
    waiting: WaitQueue,
    /// Turns to look and reserve: fewer than the connections of either pool.
    reserving: Arc<Semaphore>,
}

impl Lock {
    /// Puts the services together; the clock is the one that tokens are checked by.
    #[must_use]
    pub fn new(config: &Config, server_key: &ServerKey, hash_pool: HashPool, tokens: TokenService, db: Db) -> Self {
        Self {
            db,
            clock: tokens.clock().clone(),
            hash_pool,
            tokens,
            lifetimes: Lifetimes::new(config.lifetimes),
            mail: Outbox::new(config, server_key),
            throttling: config.throttling,
            names: server_key.derive(Purpose::Throttling),
            waiting: WaitQueue::default(),
            reserving: Arc::new(Semaphore::new(TURNS_TO_RESERVE)),
        }
    }
}

/// Forgets the failures counted for an account, from all networks and devices. Returns how many buckets that were.
///
/// # Errors
/// When the query fails.
pub fn unlock(conn: &mut DbConnection, server_key: &ServerKey, username: &Username) -> QueryResult<usize> {
    let account = buckets::account_name(&server_key.derive(Purpose::Throttling), username.key());
    store::delete_attempts_of(conn, &account)
}
