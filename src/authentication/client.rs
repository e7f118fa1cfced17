//! A registered program that asks for itself (RFC 6749 §4.4). What may not live here: users, and how it proved who it is
//! (`oauth::client_auth`).

use super::{Lock, SignInError};
use crate::clients::{self, Client};
use crate::db::DbError;
use crate::scope::Scopes;
use crate::sessions::{self, NewSession, Session, SessionOrigin};
use crate::tokens::{Grant, IssuedToken, Subject};

/// What became of a program's wish for a token of its own.
pub enum ClientSignIn {
    /// Here it is.
    Done {
        /// The session that began.
        session: Box<Session>,
        /// Its access token.
        token: IssuedToken,
    },
    /// Scopes are requested, and none of them can be granted.
    ScopeRefused,
    /// The program was deleted, or its secret replaced, at this very moment.
    Gone,
}

impl Lock {
    /// Starts a session for an authenticated program and signs its token. It gets no refresh token (RFC 6749 §4.4.3).
    ///
    /// # Errors
    /// [`SignInError`] when it could not be decided.
    pub async fn sign_in_client(
        &self,
        client: Client,
        requested: Scopes,
        origin: SessionOrigin,
    ) -> Result<ClientSignIn, SignInError> {
        let scope = requested.intersection(&client.scopes);
        if scope.is_empty() && !requested.is_empty() {
            return Ok(ClientSignIn::ScopeRefused);
        }
        let (now, lifetimes) = (self.clock.now(), self.lifetimes);
        let signer = self.tokens.signer(now);
        let new = NewSession {
            user_id: None,
            client_id: Some(client.id.clone()),
            scope,
            signing_kid: signer.kid().map(str::to_owned),
            expires_at: None,
            is_remembered: false,
            origin,
        };
        let started = self
            .db
            .write(move |conn| -> Result<_, DbError> {
                // Held against the row once more, and its lock taken: deleting the program ends this session or comes before it.
                if !clients::lock_unchanged(conn, &client)? {
                    return Ok(None);
                }
                Ok(Some(sessions::start(conn, new, &lifetimes, now)?))
            })
            .await?;
        let Some(started) = started else { return Ok(ClientSignIn::Gone) };
        let session = started.session;
        let subject = Subject::Client(session.client_id.as_deref().unwrap_or_default());
        let token = self.tokens.issue(&signer, Grant { subject, scope: &session.scope, session: &session }, now)?;
        Ok(ClientSignIn::Done { session: Box::new(session), token })
    }
}
