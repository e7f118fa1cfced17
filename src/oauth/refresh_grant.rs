//! The refresh grant (RFC 6749 §6): a new access token for the user, roles and scopes as they are now.

use std::net::IpAddr;

use crate::audit::{self, Event, EventKind};
use crate::authentication::{SignInError, granted_scopes};
use crate::clients::Client;
use crate::clock::{Moment, past};
use crate::db::{Db, DbConnection, DbError};
use crate::metrics;
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::{self, EndReason, EndedSessions, Holders, Lifetimes, Session, SessionService};
use crate::tokens::{
    FoundToken, Grant, IssuedToken, PlainRefreshToken, RefreshToken, Rotation, Signer, Subject, TokenService,
    find_or_recognize_refresh_token, rotate,
};
use crate::users::{self, User, UserState};

/// A refresh request.
#[derive(Clone, Debug)]
pub struct RefreshRequest {
    /// The refresh token.
    pub token: PlainRefreshToken,
    /// The authenticated client, if the request names one.
    pub client: Option<Client>,
    /// The requested scopes; empty for those granted before.
    pub scope: Scopes,
    /// The client's IP address.
    pub client_ip: IpAddr,
}

/// Outcome of a refresh request.
pub enum Refresh {
    /// A new access token and the next refresh token.
    Done(Box<Refreshed>),
    /// The token is unknown, bound to another client, expired, revoked or reused.
    Rejected,
    /// None of the requested scopes can be granted; the token stays valid.
    ScopeRejected,
}

/// A successful refresh.
pub struct Refreshed {
    /// The access token.
    pub token: IssuedToken,
    /// The next refresh token.
    pub refresh_token: PlainRefreshToken,
    /// The scopes of the access token.
    pub scope: Scopes,
}

/// Outcome of the transaction.
enum Outcome {
    Done {
        session: Session,
        holders: Holders,
        user: Box<User>,
        roles: Vec<String>,
        scope: Scopes,
        successor: PlainSecret,
    },
    Rejected,
    ScopeRejected,
    Reused(Session),
    Contested,
}

/// Exchanges a refresh token for an access token and the next refresh token.
pub async fn refresh(
    db: &Db,
    sessions: &SessionService,
    tokens: &TokenService,
    request: RefreshRequest,
) -> Result<Refresh, SignInError> {
    let now = tokens.clock().now();
    // An unknown token, or another client's, is rejected before the write lock is taken, of which SQLite has only one,
    // and before anything changes: only the token's own client can use it or end its session.
    let (token, key) = (request.token.clone(), tokens.refresh_key().clone());
    let find = move |conn: &mut _| -> Result<_, DbError> { Ok(find_or_recognize_refresh_token(conn, &token, &key)?) };
    let client_id = request.client.as_ref().map(|client| client.id.as_str());
    let found = db.read(find).await?.filter(|token| token.client_id() == client_id);
    let (signer, lifetimes) = (tokens.signer(now), sessions.lifetimes());
    let outcome = match found {
        Some(FoundToken::Stored(token)) => {
            let step = RefreshStep { request, token, lifetimes, signer: signer.clone(), now };
            sessions.write(move |conn, ended| step.run(conn, ended)).await?
        }
        // Only a copy can be that old. A session that is over needs no transaction.
        Some(FoundToken::Deleted(session)) if lifetimes.is_live(&session, now) => {
            let end = move |conn: &mut _, ended: &mut _| end_reused(conn, ended, &session, request.client_ip, now);
            sessions.write(end).await?
        }
        Some(FoundToken::Deleted(_)) | None => Outcome::Rejected,
    };
    match outcome {
        Outcome::Done { session, holders, user, roles, scope, successor } => {
            let subject = Subject::User(&user, &roles);
            let grant = Grant { subject, scope: &scope, session: &session, holders: &holders };
            let token = tokens.issue(&signer, grant, now)?;
            let refresh_token = tokens.refresh_key().complete(successor, &session.id);
            metrics::REFRESHES.increment();
            Ok(Refresh::Done(Box::new(Refreshed { token, refresh_token, scope })))
        }
        Outcome::ScopeRejected => Ok(Refresh::ScopeRejected),
        Outcome::Rejected => Ok(Refresh::Rejected),
        Outcome::Reused(session) => {
            tracing::warn!(session = session.id, "refresh token reused; session ended");
            metrics::REFRESH_TOKENS_REUSED.increment();
            Ok(Refresh::Rejected)
        }
        Outcome::Contested => Err(DbError::Busy.into()),
    }
}

/// The transaction of a refresh.
struct RefreshStep {
    request: RefreshRequest,
    /// The token as it was read before the transaction. Its client never changes, and `rotate` detects other changes.
    token: RefreshToken,
    lifetimes: Lifetimes,
    signer: Signer,
    now: Moment,
}

impl RefreshStep {
    fn run(&self, conn: &mut DbConnection, ended: &mut EndedSessions) -> Result<Outcome, DbError> {
        let (request, token, now) = (&self.request, &self.token, self.now);
        let session = sessions::find(conn, &token.family_id)?.filter(|session| self.lifetimes.is_live(session, now));
        let Some(session) = session else { return Ok(Outcome::Rejected) };
        let user = session.user_id.map(|id| users::find_by_id(conn, id)).transpose()?.flatten();
        let Some(user) = user.filter(|user| user.state == UserState::Active) else { return Ok(Outcome::Rejected) };
        let roles = users::list_roles(conn, user.id)?;
        let Some(scope) = self.scope(conn, &roles)? else { return Ok(Outcome::ScopeRejected) };
        match rotate(conn, request.token.secret(), token.clone(), now)? {
            Rotation::Successor(successor) => {
                // Before the last check that the session is live: if it ends after that, a new generation of a holder
                // revokes this token too.
                let holders = sessions::get_holders(conn, &session)?;
                let Some(session) = self.set_issued(conn, session)? else { return Ok(Outcome::Rejected) };
                Ok(Outcome::Done { session, holders, user: Box::new(user), roles, scope, successor })
            }
            Rotation::Reused => end_reused(conn, ended, &session, request.client_ip, now),
            Rotation::Contested => Ok(Outcome::Contested),
        }
    }

    /// The originally granted scopes that the user's roles and the client still allow. `None` when none of the
    /// requested scopes is left.
    fn scope(&self, conn: &mut DbConnection, roles: &[String]) -> Result<Option<Scopes>, DbError> {
        let allowed = granted_scopes::allowed(conn, &self.token.scope, roles, self.request.client.as_ref())?;
        let requested = &self.request.scope;
        if requested.is_empty() {
            return Ok(Some(allowed));
        }
        Ok(Some(requested.intersection(&allowed)).filter(|scope| !scope.is_empty()))
    }

    /// Stores the expiry time of the new access token, unless the row covers it already: an ended session is listed as
    /// revoked until then. `None` when the session ended in the meantime.
    fn set_issued(&self, conn: &mut DbConnection, mut session: Session) -> Result<Option<Session>, DbError> {
        let is_use_due = self.lifetimes.is_use_due(&session, self.now);
        session.last_used_at = past(session.last_used_at, self.now).max(self.now);
        let expires_at = self.lifetimes.access_token_expires_at(&session, self.now);
        if !is_use_due && session.access_until >= expires_at && session.signing_kid.as_deref() == self.signer.kid() {
            let live = sessions::find(conn, &session.id)?.filter(|session| session.ended_at.is_none());
            return Ok(live.map(|_| session));
        }
        let until = self.lifetimes.stored_access_until(expires_at);
        let is_live = sessions::set_issued(conn, &session, self.signer.kid(), until, self.now)?;
        Ok(is_live.then_some(session))
    }
}

/// Ends the session of a reused token and records the event, unless the session has ended in the meantime.
fn end_reused(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    session: &Session,
    client_ip: IpAddr,
    now: Moment,
) -> Result<Outcome, DbError> {
    if sessions::end(conn, ended, &session.id, EndReason::RefreshTokenReused, now)? {
        let event = Event {
            user_id: session.user_id.map(|id| id.0),
            client_id: session.client_id.clone(),
            session_id: Some(session.id.clone()),
            network_address: Some(client_ip.to_canonical().to_string()),
            ..Event::new(EventKind::RefreshTokenReused, now)
        };
        audit::record(conn, &event)?;
    }
    Ok(Outcome::Reused(session.clone()))
}
