//! Sessions: one sign-in is one session, from its start to its end.

mod device;
pub mod lifetimes;
mod revoked;
mod service;
mod store;

use diesel::QueryResult;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::secret::{PlainSecret, from_base64url, random_id};
use crate::users::UserId;
pub use device::device_label;
pub use lifetimes::Lifetimes;
pub use revoked::RevokedSessions;
pub use service::{EndedSessions, SessionService};
pub use store::{
    KeyUse, SessionWithOrigin, delete_ended, delete_expired, end, end_all_of_client, end_all_of_user, end_of_user,
    end_oldest, end_others_of_user, find, find_by_proxy_secret, find_by_secret, find_end_reason, find_key_use,
    list_live_of_client, list_live_of_user, list_with_origin, renew_secret, set_issued, set_proxy_secret, set_used,
};

/// Which door a session came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A person at a browser; it lives as long as its cookie is used.
    Browser,
    /// A program that acts for a user; it lives as long as its refresh tokens are used.
    PasswordGrant,
    /// A registered program that acts for itself; it lives as long as its access token.
    ClientCredentials,
    /// A token that an admin made on the command line; it lives as long as it was made for.
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

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out.
    SignedOut,
    /// The person ended it from another one.
    EndedByOwner,
    /// The password was changed.
    PasswordChanged,
    /// The account was turned off.
    UserDisabled,
    /// The account was deleted.
    UserDeleted,
    /// The same browser signed in anew.
    Replaced,
    /// An admin signed the user out.
    SignedOutByAdmin,
    /// A program gave its token back (RFC 7009).
    Revoked,
    /// A refresh token came that only a thief could still hold.
    RefreshTokenReused,
    /// The user's programs hold too many sessions, and this was the oldest.
    TooMany,
    /// The client's secret was replaced, and its tokens with it.
    ClientSecretChanged,
    /// The client was deleted.
    ClientDeleted,
}

impl EndReason {
    const ALL: [Self; 12] = [
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
    ];

    fn from_str(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// The reason in words, for an admin.
    #[must_use]
    pub fn words(self) -> &'static str {
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
            Self::TooMany => "the user had too many sessions in clients, and this was the oldest",
            Self::ClientSecretChanged => "the client's secret was replaced and its tokens were revoked",
            Self::ClientDeleted => "the client was deleted",
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
        }
    }
}

/// Where a sign-in comes from, as the account page will tell its owner.
#[derive(Clone, Debug)]
pub struct SessionOrigin {
    /// Which door it came through.
    pub kind: SessionKind,
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
    /// Whose it is; `None` for a registered program that acts for itself.
    pub user_id: Option<UserId>,
    /// The registered program that holds it, when there is one.
    pub client_id: Option<String>,
    /// The scopes that were granted.
    pub scope: Scopes,
    /// The key that its newest access token was signed with; `None` with HS256.
    pub signing_kid: Option<String>,
    /// When it began.
    pub created_at: Moment,
    /// When the password was last checked for it.
    pub authenticated_at: Moment,
    /// When it was last used, to the minute.
    pub last_used_at: Moment,
    /// When the last of its access tokens dies.
    pub access_until: Moment,
    /// Its end, when it was made for a fixed time.
    pub expires_at: Option<Moment>,
    /// When it was ended early, if it was.
    pub ended_at: Option<Moment>,
    /// Whether the person asked this browser to remember them.
    pub is_remembered: bool,
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

/// What a session is begun with.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose it is; `None` for a registered program that acts for itself.
    pub user_id: Option<UserId>,
    /// The registered program that holds it, when there is one.
    pub client_id: Option<String>,
    /// The scopes that are granted.
    pub scope: Scopes,
    /// The key that its first access token is signed with; `None` with HS256.
    pub signing_kid: Option<String>,
    /// Its end, when it is made for a fixed time.
    pub expires_at: Option<Moment>,
    /// Whether the person asked this browser to remember them.
    pub is_remembered: bool,
    /// Where it comes from.
    pub origin: SessionOrigin,
}

/// Begins a session for somebody who has proved who they are.
///
/// # Errors
/// When the query fails.
pub fn start(conn: &mut DbConnection, new: NewSession, lifetimes: &Lifetimes, now: Moment) -> QueryResult<Started> {
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
    Ok(Started { session, secret })
}

/// The secret of the cookie that reverse proxies see, made of the session's own by a one-way function: it can be given out anew at
/// any time, and whoever reads it on its way to an application cannot come back with it as the session.
#[must_use]
pub fn proxy_secret(session_secret: &PlainSecret) -> PlainSecret {
    session_secret.derive("vestibule proxy cookie v1")
}
