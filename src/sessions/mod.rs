//! Sessions: their kinds, the reasons why they end, and how one starts.

mod device;
mod freshness;
mod holders;
pub mod lifetimes;
mod live;
mod revoked;
mod service;
mod store;

use diesel::QueryResult;

use crate::clients::Client;
use crate::clock::{Moment, past};
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::secret::{PlainSecret, from_base64url, random_id};
use crate::users::{User, UserId};
pub use device::{DeviceKind, device_label};
pub use freshness::STALE_AFTER;
pub use holders::Holders;
pub use lifetimes::{LEEWAY_SECONDS, Lifetimes};
pub use live::{LiveSession, SessionKey, TRUSTED_FOR};
pub use revoked::{RevocationSnapshot, RevokedHolder, RevokedSessions};
pub use service::{EndedSessions, SessionService};
pub(crate) use store::owned;
pub use store::{
    KeyUsage, MAX_LISTED, OwnedRow, SessionRow, SessionWithOrigin, delete, delete_stale_holders, end,
    end_all_of_client, end_all_of_user, end_of_user, end_others_of_user, end_surplus, find, find_by_proxy_secret,
    find_by_secret, find_end_reason, find_owned, find_owned_by_proxy_secret, find_owned_by_secret, get_holders,
    get_key_usage, is_revoked_by_holder, list_clients_with_sessions, list_ended, list_expired, list_expired_of_clients,
    list_unended_of_client, list_unended_of_user, list_users_with_sessions, list_with_origin, record_issue,
    set_proxy_secret, set_used,
};

/// How a session was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// On the login page; it expires when its cookie is no longer used.
    Browser,
    /// By a client for a user (RFC 6749 §4.3); it expires when its refresh tokens are no longer used.
    PasswordGrant,
    /// By a registered client for itself (RFC 6749 §4.4); it expires with its one access token.
    ClientCredentials,
    /// By an admin on the command line; it expires at the time that was given.
    Script,
}

impl SessionKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::PasswordGrant => "program",
            Self::ClientCredentials => "client",
            Self::Script => "script",
        }
    }

    fn from_str(text: &str) -> Option<Self> {
        [Self::Browser, Self::PasswordGrant, Self::ClientCredentials, Self::Script]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Why a session ended before it expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The user signed out.
    SignedOut,
    /// The user ended it from another session.
    EndedByOwner,
    /// The password was changed.
    PasswordChanged,
    /// The account was disabled.
    UserDisabled,
    /// The account was deleted.
    UserDeleted,
    /// The same browser signed in again.
    Replaced,
    /// An admin signed the user out.
    SignedOutByAdmin,
    /// The client revoked its token (RFC 7009).
    Revoked,
    /// A refresh token was reused.
    RefreshTokenReused,
    /// The user or client had too many sessions of this kind, and this one was used longest ago.
    TooMany,
    /// The client's secret was replaced, and its tokens were revoked.
    ClientSecretChanged,
    /// The client was deleted.
    ClientDeleted,
    /// An admin required a new password.
    NewPasswordRequired,
}

impl EndReason {
    const ALL: [Self; 13] = [
        Self::SignedOut,
        Self::EndedByOwner,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::UserDeleted,
        Self::Replaced,
        Self::SignedOutByAdmin,
        Self::Revoked,
        Self::RefreshTokenReused,
        Self::TooMany,
        Self::ClientSecretChanged,
        Self::ClientDeleted,
        Self::NewPasswordRequired,
    ];

    fn from_str(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// The reason in English, for an admin.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::SignedOut => "the user signed out",
            Self::EndedByOwner => "the user ended it from another session",
            Self::PasswordChanged => "the password was changed",
            Self::UserDisabled => "the account was disabled",
            Self::UserDeleted => "the account was deleted",
            Self::Replaced => "the same browser signed in again",
            Self::SignedOutByAdmin => "an admin signed the user out",
            Self::Revoked => "the client revoked its token",
            Self::RefreshTokenReused => "a refresh token was reused, which suggests theft",
            Self::TooMany => "there were too many sessions of this kind, and this one was used longest ago",
            Self::ClientSecretChanged => "the client's secret was replaced and its tokens were revoked",
            Self::ClientDeleted => "the client was deleted",
            Self::NewPasswordRequired => "an admin required a new password",
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::EndedByOwner => "ended_by_owner",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::UserDeleted => "user_deleted",
            Self::Replaced => "replaced",
            Self::SignedOutByAdmin => "signed_out_by_admin",
            Self::Revoked => "revoked",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::TooMany => "too_many",
            Self::ClientSecretChanged => "client_secret_changed",
            Self::ClientDeleted => "client_deleted",
            Self::NewPasswordRequired => "new_password_required",
        }
    }
}

/// Where a session was started, which the account page shows.
#[derive(Clone, Debug)]
pub struct SessionOrigin {
    /// How it was started.
    pub kind: SessionKind,
    /// The network address.
    pub network_address: Option<String>,
    /// The `User-Agent` header, at most 256 characters.
    pub user_agent: Option<String>,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The token's `sid`: 22 characters of base64url, not a secret.
    pub id: String,
    /// How it was started.
    pub kind: SessionKind,
    /// The user; `None` with client credentials.
    pub user_id: Option<UserId>,
    /// The registered client that holds it.
    pub client_id: Option<String>,
    /// The granted scopes.
    pub scope: Scopes,
    /// The key that signed its newest access token; `None` with HS256.
    pub signing_kid: Option<String>,
    /// When it started.
    pub created_at: Moment,
    /// When the password was last verified.
    pub authenticated_at: Moment,
    /// When it was last used, to the minute.
    pub last_used_at: Moment,
    /// When the last of its access tokens expires.
    pub access_until: Moment,
    /// A fixed expiry time, besides the lifetimes of its kind.
    pub expires_at: Option<Moment>,
    /// When it ended; `None` if it has not, or has only expired.
    pub ended_at: Option<Moment>,
    /// Whether the user chose "Keep me signed in".
    pub is_remembered: bool,
}

/// A session with its owner, as the database has them.
#[derive(Clone)]
pub struct OwnedSession {
    /// The session.
    pub session: Session,
    /// The user, in any state; `None` with client credentials.
    pub user: Option<User>,
    /// The registered client that holds it. `None` also if it was deleted.
    pub client: Option<Client>,
    /// The user's roles, sorted.
    pub roles: Vec<String>,
    /// The scopes that these roles allow together.
    pub role_scopes: Scopes,
}

/// What to store of a session that gets an access token.
#[derive(Clone, Debug)]
pub struct SessionIssue {
    /// The session.
    pub session_id: String,
    /// The new values; `None` if the row covers the token already, and only has to be live.
    pub update: Option<IssueUpdate>,
}

/// New values of a session that gets an access token.
#[derive(Clone, Debug)]
pub struct IssueUpdate {
    /// When the last of its access tokens expires.
    pub access_until: Moment,
    /// When it was last used.
    pub last_used_at: Moment,
    /// When it started: corrected if that was while the clock was ahead.
    pub created_at: Moment,
    /// The key that signs the token; `None` with HS256.
    pub signing_kid: Option<String>,
    /// The key of the tokens before this one, if another one signed them. It must be kept until they have expired.
    pub earlier: Option<EarlierKey>,
}

/// The key that signed the tokens of a session before the present one.
#[derive(Clone, Debug)]
pub struct EarlierKey {
    /// The key; `None` with HS256.
    pub kid: Option<String>,
    /// When the last of these tokens expires.
    pub access_until: Moment,
}

impl SessionIssue {
    /// Stores that a token of this session is signed by a key and expires at `access_until` at the latest.
    #[must_use]
    pub fn new(session: &Session, signing_kid: Option<&str>, access_until: Moment, now: Moment) -> Self {
        let is_same_key = session.signing_kid.as_deref() == signing_kid;
        let update = IssueUpdate {
            access_until: access_until.max(session.access_until),
            last_used_at: now.max(past(session.last_used_at, now)),
            created_at: past(session.created_at, now),
            signing_kid: signing_kid.map(str::to_owned),
            earlier: (!is_same_key)
                .then(|| EarlierKey { kid: session.signing_kid.clone(), access_until: session.access_until }),
        };
        Self { session_id: session.id.clone(), update: Some(update) }
    }
}

/// A new session with its secret.
#[derive(Debug)]
pub struct StartedSession {
    /// The session.
    pub session: Session,
    /// The holders of its first access token.
    pub holders: Holders,
    /// The secret for the browser's cookie; `None` for other kinds.
    pub secret: Option<PlainSecret>,
}

/// Whether a text has the form of a session ID: 22 characters of base64url.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 22 && from_base64url(text).is_some()
}

/// The fields of a new session.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The user; `None` with client credentials.
    pub user_id: Option<UserId>,
    /// The registered client that holds it.
    pub client_id: Option<String>,
    /// The granted scopes.
    pub scope: Scopes,
    /// The key that signs its first access token; `None` with HS256.
    pub signing_kid: Option<String>,
    /// A fixed expiry time, besides the lifetimes of its kind.
    pub expires_at: Option<Moment>,
    /// Whether the user chose "Keep me signed in".
    pub is_remembered: bool,
    /// Where it is started.
    pub origin: SessionOrigin,
}

/// Starts a session for a user or client that has authenticated.
pub fn start(
    conn: &mut DbConnection,
    new: NewSession,
    lifetimes: &Lifetimes,
    now: Moment,
) -> QueryResult<StartedSession> {
    let NewSession { user_id, client_id, scope, signing_kid, expires_at, is_remembered, origin } = new;
    let secret = (origin.kind == SessionKind::Browser).then(PlainSecret::generate);
    let mut session = Session {
        id: random_id(),
        kind: origin.kind,
        user_id,
        client_id,
        scope,
        signing_kid,
        created_at: now,
        authenticated_at: now,
        last_used_at: now,
        access_until: now,
        expires_at,
        ended_at: None,
        is_remembered,
    };
    session.access_until = lifetimes.access_token_expires_at(&session, now);
    store::insert(conn, &session, secret.as_ref(), &origin)?;
    let holders = get_holders(conn, &session)?;
    Ok(StartedSession { session, holders, secret })
}

/// Replaces a session whose user has authenticated again: ends it, and starts one with a new ID and secret. A copy of
/// the old cookies and access tokens becomes useless. The new session keeps the kind, the scopes, the origin, the start
/// and with it the absolute timeout. `None` if the session had ended already. Call it when the transaction ends no other
/// session after it: the holders of the new one are then those of a valid token.
pub fn replace(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    replaced: &Session,
    signing_kid: Option<&str>,
    lifetimes: &Lifetimes,
    reason: EndReason,
    now: Moment,
) -> QueryResult<Option<StartedSession>> {
    if !end(conn, ended, &replaced.id, reason, now)? {
        return Ok(None);
    }
    let Some(origin) = store::find_origin(conn, &replaced.id)? else { return Ok(None) };
    ended.settle(conn, now)?;
    let secret = (replaced.kind == SessionKind::Browser).then(PlainSecret::generate);
    let mut session = Session {
        id: random_id(),
        signing_kid: signing_kid.map(str::to_owned),
        authenticated_at: now,
        last_used_at: now,
        ..replaced.clone()
    };
    session.access_until = lifetimes.access_token_expires_at(&session, now);
    store::insert(conn, &session, secret.as_ref(), &origin)?;
    let holders = get_holders(conn, &session)?;
    Ok(Some(StartedSession { session, holders, secret }))
}

/// Derives the secret of the proxy cookie from the session's with a one-way function: it can be set again at any time,
/// and an application that reads the cookie cannot use it as the session cookie.
#[must_use]
pub fn proxy_secret(session_secret: &PlainSecret) -> PlainSecret {
    session_secret.derive("vestibule proxy cookie v1")
}
