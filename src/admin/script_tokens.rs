//! Access tokens that an admin issues for scripts, each with a session of a fixed length.

use chrono::TimeDelta;

use super::AdminService;
use crate::accounts::fields::{self, FieldError};
use crate::accounts::find_user;
use crate::audit::{self, Cause, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError, IsTransient};
use crate::scope::Scopes;
use crate::sessions::{self, NewSession, Session, SessionKind, SessionOrigin, StartedSession};
use crate::tokens::{Grant, SigningError, Subject, TokenService};
use crate::users::{self, LookupName, User, UserState};

/// The shortest lifetime of a script token.
pub const MIN_TTL: TimeDelta = TimeDelta::minutes(1);
/// The longest lifetime of a script token.
pub const MAX_TTL: TimeDelta = TimeDelta::days(90);

/// A request for a script token.
#[derive(Clone, Debug)]
pub struct ScriptToken {
    /// The name of the user that the token is for.
    pub name: LookupName,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// The lifetime, from [`MIN_TTL`] to [`MAX_TTL`].
    pub ttl: TimeDelta,
}

/// Outcome of issuing a script token.
#[derive(Clone, Debug)]
pub enum Issuing {
    /// The token was issued.
    Done {
        /// The user.
        user: User,
        /// The session.
        session: Box<Session>,
        /// The token.
        token: String,
    },
    /// No user has this name.
    NoSuchUser,
    /// The account is disabled.
    Disabled(User),
    /// None of the user's roles allows these scopes.
    NotAllowed(User, Scopes),
    /// A scope is malformed, or there are too many.
    Invalid(FieldError),
}

/// An error that prevents issuing a script token; no session is started.
#[derive(Debug, thiserror::Error)]
pub enum IssuingError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The token could not be signed.
    #[error("the access token could not be signed")]
    Signing(#[from] SigningError),
}

impl IsTransient for IssuingError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_transient())
    }
}

impl AdminService {
    /// Issues a script token.
    pub async fn issue_token(&self, tokens: &TokenService, request: ScriptToken) -> Result<Issuing, IssuingError> {
        let scope = match fields::check_scopes(&request.scopes) {
            Ok(scope) => scope,
            Err(error) => return Ok(Issuing::Invalid(error)),
        };
        let (tokens, name) = (tokens.clone(), request.name);
        let ttl = request.ttl.clamp(MIN_TTL, MAX_TTL);
        let lifetimes = self.sessions.lifetimes();
        self.write(move |conn, _| {
            let now = tokens.clock().now();
            let signer = tokens.signer(now);
            let (user, roles) = match find_owner(conn, &name, &scope)? {
                TokenOwner::Allowed(user, roles) => (user, roles),
                TokenOwner::Rejected(outcome) => return Ok(outcome),
            };
            let new = new_session(&user, scope.clone(), signer.kid(), now + ttl);
            let started = sessions::start(conn, new, &lifetimes, now).map_err(DbError::from)?;
            let StartedSession { session, holders, .. } = started;
            let event = Event::of_user(EventKind::ScriptTokenIssued, user.id.0, &Cause::command(), now);
            let event = Event { session_id: Some(session.id.clone()), ..event };
            audit::record(conn, &event).map_err(DbError::from)?;
            let subject = Subject::User(&user, &roles);
            let grant = Grant { subject, scope: &session.scope, session: &session, holders: &holders };
            let token = tokens.issue(&signer, grant, now)?.token;
            Ok(Issuing::Done { user, session: Box::new(session), token })
        })
        .await
    }
}

fn new_session(user: &User, scope: Scopes, signing_kid: Option<&str>, expires_at: Moment) -> NewSession {
    NewSession {
        user_id: Some(user.id),
        client_id: None,
        scope,
        signing_kid: signing_kid.map(str::to_owned),
        expires_at: Some(expires_at),
        is_remembered: false,
        origin: SessionOrigin { kind: SessionKind::Script, network_address: None, user_agent: None },
    }
}

/// Whether a user may have a script token.
enum TokenOwner {
    Allowed(User, Vec<String>),
    Rejected(Issuing),
}

/// Finds the user and their roles, if they may have a token with these scopes.
fn find_owner(conn: &mut DbConnection, name: &LookupName, scope: &Scopes) -> Result<TokenOwner, DbError> {
    let no_such_user = || Ok(TokenOwner::Rejected(Issuing::NoSuchUser));
    let Some(user) = find_user(conn, name)? else { return no_such_user() };
    // Locks the row: disabling the account comes before this and is seen, or after it and ends the session.
    users::lock(conn, user.id)?;
    let Some(user) = find_user(conn, name)? else { return no_such_user() };
    if user.state != UserState::Active {
        return Ok(TokenOwner::Rejected(Issuing::Disabled(user)));
    }
    let (roles, allowed) = users::list_roles_with_scopes(conn, user.id)?;
    // Unlike /token, which drops scopes that are not allowed: a script would notice only when a request fails.
    let rejected: Vec<&str> =
        scope.iter().filter(|requested| !allowed.iter().any(|scope| scope == *requested)).collect();
    if rejected.is_empty() {
        return Ok(TokenOwner::Allowed(user, roles));
    }
    let rejected = Scopes::collect(rejected).unwrap_or_default();
    Ok(TokenOwner::Rejected(Issuing::NotAllowed(user, rejected)))
}
