//! The client credentials grant (RFC 6749 §4.4): an access token for the client itself.

use crate::authentication::SignInError;
use crate::clients::{self, Client};
use crate::db::DbError;
use crate::scope::Scopes;
use crate::sessions::{self, NewSession, Session, SessionOrigin, SessionService, StartedSession};
use crate::tokens::{Grant, IssuedToken, Subject, TokenService};

/// The most live sessions of a client for itself, each with one token. The oldest ends: a client that requests tokens all
/// the time must not fill the database. There may be more than of a user, because every process of a client needs one.
const MAX_SESSIONS: i64 = 1_000;

/// Outcome of a client credentials request.
pub enum ClientGrant {
    /// The token is issued.
    Done {
        /// The new session.
        session: Box<Session>,
        /// Its access token.
        token: IssuedToken,
    },
    /// None of the requested scopes can be granted.
    ScopeRejected,
    /// The client was deleted, or its secret replaced, in the meantime.
    ClientGone,
}

/// Starts a session for an authenticated client and signs its token. There is no refresh token (RFC 6749 §4.4.3).
pub async fn issue(
    sessions: &SessionService,
    tokens: &TokenService,
    client: Client,
    requested: Scopes,
    origin: SessionOrigin,
) -> Result<ClientGrant, SignInError> {
    let scope = requested.intersection(&client.scopes);
    if scope.is_empty() && !requested.is_empty() {
        return Ok(ClientGrant::ScopeRejected);
    }
    let (now, lifetimes) = (tokens.clock().now(), sessions.lifetimes());
    let signer = tokens.signer(now);
    let new = NewSession {
        user_id: None,
        client_id: Some(client.id.clone()),
        scope,
        signing_kid: signer.kid().map(str::to_owned),
        expires_at: None,
        is_remembered: false,
        origin,
    };
    let started = sessions
        .write(move |conn, ended| -> Result<_, DbError> {
            // Locks the client: deleting it or replacing its secret comes after this and ends the session, or before it
            // and is seen here.
            if !clients::lock_unchanged(conn, &client)? {
                return Ok(None);
            }
            let mut started = sessions::start(conn, new, &lifetimes, now)?;
            sessions::end_surplus(conn, ended, &mut started, MAX_SESSIONS, now)?;
            Ok(Some(started))
        })
        .await?;
    let Some(started) = started else { return Ok(ClientGrant::ClientGone) };
    let StartedSession { session, holders, .. } = started;
    let subject = Subject::Client(session.client_id.as_deref().unwrap_or_default());
    let token =
        tokens.issue(&signer, Grant { subject, scope: &session.scope, session: &session, holders: &holders }, now)?;
    Ok(ClientGrant::Done { session: Box::new(session), token })
}
