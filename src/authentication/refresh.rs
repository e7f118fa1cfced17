//! A program that comes again with its refresh token: who it is and what it may do are read anew each time (RFC 6749 §6).
//! What may not live here: the states of a refresh token (`tokens::refresh`), and HTTP.

use std::net::IpAddr;

use super::{Lock, SignInError, scope};
use crate::audit::{self, Event, EventKind};
use crate::clients::Client;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::metrics;
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::{self, EndReason, Lifetimes, Session};
use crate::tokens::{Grant, IssuedToken, RefreshToken, Rotation, Signer, Subject, find_refresh_token, rotate};
use crate::users::{self, User, UserState};

/// A refresh token as somebody request it.
#[derive(Clone, Debug)]
pub struct RefreshRequest {
    /// The token.
    pub token: PlainSecret,
    /// The registered program that presents it, authenticated, when there is one.
    pub client: Option<Client>,
    /// The scopes that are requested; none for as many as before.
    pub scope: Scopes,
    /// Where it comes from.
    pub client_ip: IpAddr,
}

/// What became of a request refresh token.
pub enum Refresh {
    /// A new access token, and the refresh token to come with next.
    Done(Box<Refreshed>),
    /// It is unknown, bound to another program, over, or was used twice.
    Refused,
    /// None of the requested scopes can be granted; the token still serves.
    ScopeRefused,
}

/// A refresh that succeeded.
pub struct Refreshed {
    /// The access token.
    pub token: IssuedToken,
    /// The refresh token to present next.
    pub refresh_token: PlainSecret,
    /// The scopes of the access token.
    pub scope: Scopes,
}

enum Outcome {
    Done { session: Session, user: Box<User>, roles: Vec<String>, scope: Scopes, successor: PlainSecret },
    Refused,
    ScopeRefused,
    Stolen(Session),
    Contested,
}

impl Lock {
    /// Exchanges a refresh token for an access token and the next refresh token.
    ///
    /// # Errors
    /// [`SignInError`] when it could not be decided.
    pub async fn refresh(&self, request: RefreshRequest) -> Result<Refresh, SignInError> {
        let (now, lifetimes) = (self.clock.now(), self.lifetimes);
        // What is no token of ours, or another program's, is turned away without the right to write, of which SQLite has one, and before
        // anything is changed: whoever is not the token's own program can neither use it nor end its session.
        let token = request.token.clone();
        let found = self.db.read(move |conn| -> Result<_, DbError> { Ok(find_refresh_token(conn, &token)?) }).await?;
        let program = request.client.as_ref().map(|client| client.id.as_str());
        let Some(token) = found.filter(|token| token.client_id.as_deref() == program) else {
            return Ok(Refresh::Refused);
        };
        let signer = self.tokens.signer(now);
        let step = Step { request, token, lifetimes, signer: signer.clone(), now };
        match self.db.write(move |conn| step.run(conn)).await? {
            Outcome::Done { session, user, roles, scope, successor } => {
                let grant = Grant { subject: Subject::User(&user, &roles), scope: &scope, session: &session };
                let token = self.tokens.issue(&signer, grant, now)?;
                metrics::REFRESHES.increment();
                Ok(Refresh::Done(Box::new(Refreshed { token, refresh_token: successor, scope })))
            }
            Outcome::ScopeRefused => Ok(Refresh::ScopeRefused),
            Outcome::Refused => Ok(Refresh::Refused),
            Outcome::Stolen(session) => {
                self.tokens.revoked().add(&session.id, session.access_until);
                tracing::warn!(session = session.id, "refresh token reused; its session was ended");
                metrics::REFRESH_TOKENS_REUSED.increment();
                Ok(Refresh::Refused)
            }
            Outcome::Contested => Err(DbError::Busy.into()),
        }
    }
}

/// The one transaction of a refresh.
struct Step {
    request: RefreshRequest,
    /// As it was just before: whose it is never changes, and `rotate` looks again when the rest has.
    token: RefreshToken,
    lifetimes: Lifetimes,
    signer: Signer,
    now: Moment,
}

impl Step {
    fn run(&self, conn: &mut DbConnection) -> Result<Outcome, DbError> {
        let (request, token, now) = (&self.request, &self.token, self.now);
        let session = sessions::find(conn, &token.family_id)?.filter(|session| self.lifetimes.is_live(session, now));
        let Some(session) = session else { return Ok(Outcome::Refused) };
        let user = session.user_id.map(|id| users::find_by_id(conn, id)).transpose()?.flatten();
        let Some(user) = user.filter(|user| user.state == UserState::Active) else { return Ok(Outcome::Refused) };
        let roles = users::list_roles(conn, user.id)?;
        let Some(scope) = self.scope(conn, token, &roles)? else { return Ok(Outcome::ScopeRefused) };
        match rotate(conn, &request.token, token.clone(), now)? {
            Rotation::Successor(successor) => {
                let Some(session) = self.set_issued(conn, session)? else { return Ok(Outcome::Refused) };
                Ok(Outcome::Done { session, user: Box::new(user), roles, scope, successor })
            }
            Rotation::Stolen => {
                self.end(conn, &session)?;
                Ok(Outcome::Stolen(session))
            }
            Rotation::Contested => Ok(Outcome::Contested),
        }
    }

    /// What was granted when the family began, as far as the user's roles and the program allow it now, never more.
    fn scope(
        &self,
        conn: &mut DbConnection,
        token: &RefreshToken,
        roles: &[String],
    ) -> Result<Option<Scopes>, DbError> {
        let allowed = scope::allowed(conn, &token.scope, roles, self.request.client.as_ref())?;
        let requested = &self.request.scope;
        if requested.is_empty() {
            return Ok(Some(allowed));
        }
        Ok(Some(requested.intersection(&allowed)).filter(|scope| !scope.is_empty()))
    }

    /// Writes down until when the new access token lives; `None` when the session ended meanwhile. Not written when the row says so
    /// already: should the session end, it is then remembered for long enough.
    fn set_issued(&self, conn: &mut DbConnection, mut session: Session) -> Result<Option<Session>, DbError> {
        let is_used_due = self.lifetimes.is_use_due(&session, self.now);
        session.last_used_at = session.last_used_at.max(self.now);
        let ends_at = self.lifetimes.access_token_ends_at(&session, self.now);
        if !is_used_due && session.access_until >= ends_at && session.signing_kid.as_deref() == self.signer.kid() {
            return Ok(Some(session));
        }
        let until = self.lifetimes.access_until_of(ends_at);
        let is_live = sessions::set_issued(conn, &session, self.signer.kid(), until, self.now)?;
        Ok(is_live.then_some(session))
    }

    fn end(&self, conn: &mut DbConnection, session: &Session) -> Result<(), DbError> {
        if sessions::end(conn, &session.id, EndReason::RefreshTokenReused, self.now)? {
            let event = Event {
                user_id: session.user_id.map(|id| id.0),
                client_id: session.client_id.clone(),
                session_id: Some(session.id.clone()),
                network_address: Some(self.request.client_ip.to_canonical().to_string()),
                ..Event::new(EventKind::RefreshTokenReused, self.now)
            };
            audit::record(conn, &event)?;
        }
        Ok(())
    }
}
