//! One sign-in is one session, whichever door it came through: start, use, end.
//! `lifetimes.rs` says how long, `store.rs` holds the rows. What may not live here: cookies (`web`) and tokens (`tokens`).

pub mod lifetimes;
mod store;

use diesel::QueryResult;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::secret::{PlainSecret, from_base64url, random_id};
use crate::users::UserId;
pub use lifetimes::Lifetimes;
pub use store::{
    delete_dead, end, end_all_of_user, find, find_by_secret, list_ended, list_live_of_user, set_access_until, set_used,
};

/// Which door a session came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A person at a browser; it lives as long as its cookie is used.
    Browser,
    /// A program; until it can refresh, it lives as long as its access token.
    Program,
}

impl SessionKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Program => "program",
        }
    }
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out.
    SignedOut,
    /// The password was changed.
    PasswordChanged,
    /// The account was turned off.
    UserDisabled,
    /// The account was deleted.
    UserDeleted,
    /// The same browser signed in anew.
    Replaced,
}

impl EndReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::UserDeleted => "user_deleted",
            Self::Replaced => "replaced",
        }
    }
}

/// Where a sign-in comes from, as the account page will tell its owner.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's network address.
    pub network_address: Option<String>,
    /// The browser's or program's own description, at most 256 bytes.
    pub user_agent: Option<String>,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The token's `sid`: 22 characters of base64url, not a secret.
    pub id: String,
    /// Which door it came through.
    pub kind: SessionKind,
    /// Whose it is.
    pub user_id: UserId,
    /// When it began.
    pub created_at: Moment,
    /// When the password was last checked for it.
    pub authenticated_at: Moment,
    /// When it was last used, to the minute.
    pub last_used_at: Moment,
    /// When the last of its access tokens dies.
    pub access_until: Moment,
    /// When it was ended early, if it was.
    pub ended_at: Option<Moment>,
}

/// A session that has just begun, with the secret that its holder presents.
#[derive(Debug)]
pub struct Started {
    /// The session.
    pub session: Session,
    /// The browser's secret; programs hold none.
    pub secret: Option<PlainSecret>,
}

/// Whether a text has the shape of a session's id: 22 characters of base64url.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 22 && from_base64url(text).is_some()
}

/// Begins a session for a user who has proved who they are.
///
/// # Errors
/// When the query fails.
pub fn start(
    conn: &mut DbConnection,
    user_id: UserId,
    kind: SessionKind,
    origin: &Origin,
    lifetimes: &Lifetimes,
    now: Moment,
) -> QueryResult<Started> {
    let secret = (kind == SessionKind::Browser).then(PlainSecret::generate);
    let secret_hash = secret.as_ref().map(PlainSecret::hash);
    let session = Session {
        id: random_id(),
        kind,
        user_id,
        created_at: now,
        authenticated_at: now,
        last_used_at: now,
        access_until: lifetimes.access_token_ends_at(kind, now, now, now),
        ended_at: None,
    };
    store::insert(conn, &session, secret_hash.as_ref(), origin)?;
    Ok(Started { session, secret })
}
