//! The refresh grant (RFC 6749 §6): a new access token for the user, roles and scopes as they are now.

use std::net::IpAddr;

use crate::audit::{self, Event, EventKind};
use crate::authentication::{SignInError, granted_scopes};
use crate::clients::Client;
use crate::clock::Moment;
use crate::db::{Db, DbConnection, DbError};
use crate::metrics;
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::{
    self, EndReason, EndedSessions, Holders, Lifetimes, OwnedSession, Session, SessionIssue, SessionService,
};
use crate::tokens::{
    FoundToken, Grant, IssuedToken, PlainRefreshToken, PresentedToken, RefreshToken, RefreshTokenKey, Rotation, Signer,
    Subject, TokenService, exchange_unused_refresh_token, find_or_recognize_refresh_token, find_refresh_token,
    find_refresh_token_with_owner, rotate,
};
use crate::users::{User, UserState};

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
    // Everybody can invent a token, and one of an earlier release has no authentication code. It must be stored before a
    // transaction begins, of which SQLite runs one at a time.
    if tokens.refresh_key().find_family(&request.token).is_none() {
        let secret = request.token.secret().clone();
        let find = move |conn: &mut _| -> Result<_, DbError> { Ok(find_refresh_token(conn, &secret)?.is_some()) };
        if !db.read(find).await? {
            return Ok(Refresh::Rejected);
        }
    }
    let (signer, lifetimes) = (tokens.signer(now), sessions.lifetimes());
    let step = RefreshStep { request, key: tokens.refresh_key().clone(), lifetimes, signer: signer.clone(), now };
    // On SQLite, this would only be a second transaction for the tokens that it cannot exchange.
    let exchanged = if db.has_one_writer() {
        None
    } else {
        let step = step.clone();
        // Twice is harmless: within the grace period, a used token returns the same successor.
        db.write_statement(move |conn| step.try_exchange(conn)).await?
    };
    let outcome = match exchanged {
        Some(outcome) => outcome,
        None => sessions.write(move |conn, ended| step.run(conn, ended)).await?,
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
#[derive(Clone)]
struct RefreshStep {
    request: RefreshRequest,
    key: RefreshTokenKey,
    lifetimes: Lifetimes,
    signer: Signer,
    now: Moment,
}

/// What a token that may be exchanged gives.
struct Allowed {
    token: RefreshToken,
    session: Session,
    user: User,
    roles: Vec<String>,
    scope: Scopes,
    holders: Option<Holders>,
    issue: SessionIssue,
}

impl Allowed {
    fn outcome(self, rotation: Rotation, holders: Holders, step: &RefreshStep) -> Outcome {
        let Self { session, user, roles, scope, .. } = self;
        match rotation {
            Rotation::Successor(successor) => {
                let session = step.lifetimes.used(&session, step.now);
                Outcome::Done { session, holders, user: Box::new(user), roles, scope, successor }
            }
            Rotation::SessionEnded => Outcome::Rejected,
            Rotation::Reused => Outcome::Reused(session),
            Rotation::Contested => Outcome::Contested,
        }
    }
}

impl RefreshStep {
    /// Exchanges an unused token with two statements. `None`, and nothing has changed, if only a transaction can decide.
    fn try_exchange(&self, conn: &mut DbConnection) -> Result<Option<Outcome>, DbError> {
        let secret = self.request.token.secret();
        let Some(found) = find_refresh_token_with_owner(conn, secret)? else { return Ok(None) };
        let mut allowed = match self.check(found) {
            Ok(allowed) => allowed,
            Err(outcome) => return Ok(Some(*outcome)),
        };
        let Some(holders) = allowed.holders.take() else { return Ok(None) };
        let rotation = exchange_unused_refresh_token(conn, secret, &allowed.token, &allowed.issue, self.now)?;
        Ok(rotation.map(|rotation| allowed.outcome(rotation, holders, self)))
    }

    fn run(&self, conn: &mut DbConnection, ended: &mut EndedSessions) -> Result<Outcome, DbError> {
        let (request, now) = (&self.request, self.now);
        let found = match find_or_recognize_refresh_token(conn, &request.token, &self.key)? {
            Some(FoundToken::Stored(found)) => *found,
            // Only a copy can be that old.
            Some(FoundToken::Deleted(session))
                if session.client_id.as_deref() == self.client_id() && self.lifetimes.is_live(&session, now) =>
            {
                return end_reused(conn, ended, &session, request.client_ip, now);
            }
            Some(FoundToken::Deleted(_)) | None => return Ok(Outcome::Rejected),
        };
        let mut allowed = match self.check(found) {
            Ok(allowed) => allowed,
            Err(outcome) => return Ok(*outcome),
        };
        // Before the last check that the session is live: if it ends after that, a new generation of a holder revokes this
        // token too.
        let holders = match allowed.holders.take() {
            Some(holders) => holders,
            None => sessions::get_holders(conn, &allowed.session)?,
        };
        let rotation = rotate(conn, request.token.secret(), allowed.token.clone(), &allowed.issue, now)?;
        match allowed.outcome(rotation, holders, self) {
            Outcome::Reused(session) => end_reused(conn, ended, &session, request.client_ip, now),
            outcome => Ok(outcome),
        }
    }

    fn client_id(&self) -> Option<&str> {
        self.request.client.as_ref().map(|client| client.id.as_str())
    }

    /// Whether a stored token may be exchanged. Another client's is rejected before anything changes: only its own client
    /// can use it or end its session.
    fn check(&self, found: PresentedToken) -> Result<Allowed, Box<Outcome>> {
        let PresentedToken { token, owned: OwnedSession { session, user, roles, role_scopes, .. }, holders } = found;
        let is_own = token.client_id.as_deref() == self.client_id();
        let is_live = is_own && self.lifetimes.is_live(&session, self.now);
        let user = user
            .filter(|user| is_live && user.state == UserState::Active)
            .ok_or_else(|| Box::new(Outcome::Rejected))?;
        let scope = self.scope(&token.scope, &role_scopes).ok_or_else(|| Box::new(Outcome::ScopeRejected))?;
        let issue = self.lifetimes.issue_on_refresh(&session, self.signer.kid(), self.now);
        Ok(Allowed { token, session, user, roles, scope, holders, issue })
    }

    /// The originally granted scopes that the user's roles and the client still allow. `None` when none of the
    /// requested scopes is left.
    fn scope(&self, granted: &Scopes, role_scopes: &Scopes) -> Option<Scopes> {
        let allowed = granted_scopes::allowed(granted, role_scopes, self.request.client.as_ref());
        let requested = &self.request.scope;
        if requested.is_empty() {
            return Some(allowed);
        }
        Some(requested.intersection(&allowed)).filter(|scope| !scope.is_empty())
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
