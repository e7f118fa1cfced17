//! Sign-in: one transaction reserves the attempt before the hash is computed, another completes the sign-in.

use std::time::Duration;

use super::devices::{self, Known, Remembered, SignInPlace};
use super::reservation::{MAX_CONFLICTS, Requester, Reserved, release_in};
use super::service::{Verification, detached};
use super::{AuthService, PasswordAttempt, SignInError, SignInPurpose, granted_scopes};
use crate::audit::{self, Actor, Event, EventKind, FailureReason, RejectionReason};
use crate::clients::{self, GrantType};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::mail::{MailKind, Outbox};
use crate::metrics;
use crate::scope::Scopes;
use crate::secret::{DerivedKey, PlainSecret};
use crate::sessions::{self, EndReason, EndedSessions, Lifetimes, NewSession, Session, SessionKind, StartedSession};
use crate::tokens::{Grant, IssuedToken, PlainRefreshToken, Signer, Subject, create_refresh_token};
use crate::users::argon2id::PasswordHash;
use crate::users::stored_hash::StoredHash;
use crate::users::{self, User, UserState};

/// The most live browser sessions of a user, of their unregistered clients, and of each registered client. The one used
/// longest ago ends: a script that signs in on each run would otherwise fill the database.
const MAX_SESSIONS: i64 = 100;

/// Outcome of a sign-in.
pub enum SignIn {
    /// The person or client is signed in.
    Done(Box<SignedIn>),
    /// The username is unknown or the password wrong; which of them is not revealed.
    Rejected,
    /// The password is correct and the account is disabled.
    Disabled,
    /// The password is correct and the user must set a new one by a link first.
    NewPasswordRequired,
    /// The password is correct and none of the requested scopes can be granted.
    ScopeRejected,
    /// The password is correct, and the client was deleted or its secret replaced in the meantime.
    ClientGone,
    /// Too many failed attempts or, with the correct password, too many sign-ins; the time to wait.
    Throttled(Duration),
    /// The hash queue is full.
    Overloaded,
}

/// A successful sign-in.
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The new session.
    pub session: Session,
    /// The secret of a browser session.
    pub session_secret: Option<PlainSecret>,
    /// The access token.
    pub token: IssuedToken,
    /// The refresh token, for a client that may have one.
    pub refresh_token: Option<PlainRefreshToken>,
    /// A new known-device secret, for a browser that has none.
    pub device: Option<PlainSecret>,
}

/// Outcome of the transaction after the hash.
enum Completion {
    Done {
        started: Box<StartedSession>,
        roles: Vec<String>,
        device: Option<PlainSecret>,
        refresh_token: Option<PlainSecret>,
    },
    ScopeRejected,
    ClientGone,
    /// The account was disabled or its password changed while the hash was computed.
    AccountChanged,
}

impl AuthService {
    /// Verifies a username and password and starts a session.
    ///
    /// Unknown, disabled and known names take the same path, with the same number of hashes and statements, until the
    /// password has proved correct.
    ///
    /// # Errors
    /// [`SignInError`] when no decision was possible; the reserved attempt then counts as failed after a minute.
    pub async fn sign_in(&self, attempt: PasswordAttempt, purpose: SignInPurpose) -> Result<SignIn, SignInError> {
        let (reserved, hash) = match self.verify_password(&attempt, Requester::Anyone).await? {
            Verification::Correct(reserved, hash) => (reserved, hash),
            Verification::Incorrect(reserved, reason) => {
                return self.reject(&attempt, &purpose, &reserved, reason, SignIn::Rejected).await;
            }
            Verification::Throttled(wait) => return Ok(SignIn::Throttled(wait)),
            Verification::Overloaded => return Ok(SignIn::Overloaded),
        };
        match &reserved.user {
            Some(user) if user.state == UserState::Active && user.new_password_required_at.is_some() => {
                self.reject(
                    &attempt,
                    &purpose,
                    &reserved,
                    FailureReason::NewPasswordRequired,
                    SignIn::NewPasswordRequired,
                )
                .await
            }
            Some(user) if user.state == UserState::Active => {
                self.complete(&attempt, &purpose, &reserved, user.clone(), hash).await
            }
            Some(user) if matches!(user.state, UserState::Disabled(_)) => {
                self.reject(&attempt, &purpose, &reserved, FailureReason::Disabled, SignIn::Disabled).await
            }
            _ => self.reject(&attempt, &purpose, &reserved, FailureReason::UnknownUsername, SignIn::Rejected).await,
        }
    }

    /// [`Self::sign_in`] as its own task: a client that disconnects does not stop it, and its attempt is counted.
    pub async fn sign_in_detached(
        &self,
        attempt: PasswordAttempt,
        purpose: SignInPurpose,
    ) -> Result<SignIn, SignInError> {
        let service = self.clone();
        detached(async move { service.sign_in(attempt, purpose).await }).await
    }

    async fn reject(
        &self,
        attempt: &PasswordAttempt,
        purpose: &SignInPurpose,
        reserved: &Reserved,
        reason: FailureReason,
        outcome: SignIn,
    ) -> Result<SignIn, SignInError> {
        let client_id = purpose.client().map(|client| client.id.as_str());
        self.count_failure(attempt, reserved, reason, client_id).await?;
        Ok(outcome)
    }

    async fn complete(
        &self,
        attempt: &PasswordAttempt,
        purpose: &SignInPurpose,
        reserved: &Reserved,
        user: User,
        verified: StoredHash,
    ) -> Result<SignIn, SignInError> {
        // Only after the password has proved correct: it reveals nothing to somebody who does not know it.
        if let Some(wait) = self.sign_in_rate.take(user.id, purpose.kind(), self.clock.now()) {
            metrics::SIGN_INS_THROTTLED.increment();
            self.rejected.add(RejectionReason::Throttled, attempt.origin.client_ip);
            self.throttle.release(reserved).await?;
            return Ok(SignIn::Throttled(wait));
        }
        let upgraded = self.upgraded_hash(attempt, &verified).await;
        for _ in 0..MAX_CONFLICTS {
            let now = self.clock.now();
            let signer = self.tokens.signer(now);
            let step = CompletionStep {
                key: self.throttle.key.clone(),
                lifetimes: self.sessions.lifetimes(),
                attempt: attempt.clone(),
                purpose: purpose.clone(),
                user: user.clone(),
                typed_known: reserved.known,
                keys: reserved.keys.clone(),
                verified: verified.clone(),
                upgraded: upgraded.clone(),
                signer: signer.clone(),
                outbox: self.outbox.with_fallback_language(attempt.origin.language),
            };
            match self.sessions.write(move |conn, ended| step.run(conn, ended, now)).await {
                // Another first sign-in from this network has just stored it.
                Err(error) if error.is_unique_violation() => {}
                Err(error) => return Err(error.into()),
                Ok(Completion::AccountChanged) => {
                    return self.reject(attempt, purpose, reserved, FailureReason::Changed, SignIn::Rejected).await;
                }
                Ok(Completion::ClientGone) => {
                    self.throttle.signal(&reserved.keys);
                    return Ok(SignIn::ClientGone);
                }
                Ok(Completion::ScopeRejected) => {
                    self.throttle.signal(&reserved.keys);
                    return Ok(SignIn::ScopeRejected);
                }
                Ok(Completion::Done { started, roles, device, refresh_token }) => {
                    self.throttle.signal(&reserved.keys);
                    metrics::SIGN_INS.increment();
                    let StartedSession { session, holders, secret: session_secret } = *started;
                    let subject = Subject::User(&user, &roles);
                    let grant = Grant { subject, scope: &session.scope, session: &session, holders: &holders };
                    let token = self.tokens.issue(&signer, grant, now)?;
                    let refresh_token =
                        refresh_token.map(|secret| self.tokens.refresh_key().complete(secret, &session.id));
                    let signed_in = SignedIn { user, session, session_secret, token, refresh_token, device };
                    return Ok(SignIn::Done(Box::new(signed_in)));
                }
            }
        }
        Err(DbError::Busy.into())
    }

    /// A new hash at the current cost if the stored one is weaker or of another system. `None` also if the hash queue is full; the next
    /// sign-in upgrades it then.
    async fn upgraded_hash(&self, attempt: &PasswordAttempt, verified: &StoredHash) -> Option<PasswordHash> {
        if !verified.should_be_replaced(self.hash_pool.cost()) {
            return None;
        }
        self.hash_pool.hash(attempt.password.clone()).await.ok()
    }
}

/// The transaction after a password has proved correct.
struct CompletionStep {
    key: DerivedKey,
    lifetimes: Lifetimes,
    attempt: PasswordAttempt,
    purpose: SignInPurpose,
    user: User,
    /// What the account knows of the place under the name that was typed.
    typed_known: Known,
    keys: Vec<String>,
    verified: StoredHash,
    upgraded: Option<PasswordHash>,
    signer: Signer,
    outbox: Outbox,
}

impl CompletionStep {
    fn run(self, conn: &mut DbConnection, ended: &mut EndedSessions, now: Moment) -> Result<Completion, DbError> {
        if !users::set_signed_in(conn, self.user.id, &self.verified, now)? {
            return Ok(Completion::AccountChanged);
        }
        if let Some(upgraded) = &self.upgraded {
            users::set_password_hash(conn, self.user.id, upgraded, Some(&self.verified), now)?;
        }
        release_in(conn, &self.keys)?;
        let place = SignInPlace {
            user: &self.user,
            typed_name: &self.attempt.username,
            origin: &self.attempt.origin,
            is_browser: self.purpose.kind() == SessionKind::Browser,
        };
        let Remembered { known, device } = devices::remember(conn, &self.key, &place, self.typed_known, now)?;
        let (roles, role_scopes) = users::list_roles_with_scopes(conn, self.user.id)?;
        let client = self.purpose.client();
        // Locks the client: deleting it or replacing its secret comes after this and ends the session, or before it and
        // is seen here.
        if let Some(client) = client
            && !clients::lock_unchanged(conn, client)?
        {
            return Ok(Completion::ClientGone);
        }
        let Some(scope) = granted_scopes::granted(&self.purpose.scope(), &role_scopes, client) else {
            return Ok(Completion::ScopeRejected);
        };
        self.end_previous(conn, ended, now)?;
        let mut started = self.start(conn, scope, now)?;
        self.record_event(conn, &started.session, known, now)?;
        let is_password_grant = started.session.kind == SessionKind::PasswordGrant;
        let may_refresh = is_password_grant && client.is_none_or(|client| client.is_allowed(GrantType::RefreshToken));
        let refresh_token = may_refresh.then(|| create_refresh_token(conn, &started.session, now)).transpose()?;
        sessions::end_surplus(conn, ended, &mut started, MAX_SESSIONS, now)?;
        Ok(Completion::Done { started: Box::new(started), roles, device, refresh_token })
    }

    /// Ends the browser's previous session. The new secret replaces its secret in the cookie, after which the browser
    /// could not sign it out.
    fn end_previous(&self, conn: &mut DbConnection, ended: &mut EndedSessions, now: Moment) -> Result<(), DbError> {
        let Some(secret) = self.purpose.previous() else { return Ok(()) };
        if let Some(session) = sessions::find_by_secret(conn, &secret.hash())? {
            sessions::end(conn, ended, &session.id, EndReason::Replaced, now)?;
        }
        Ok(())
    }

    fn start(&self, conn: &mut DbConnection, scope: Scopes, now: Moment) -> Result<StartedSession, DbError> {
        let client = self.purpose.client();
        let cannot_refresh = client.is_some_and(|client| !client.is_allowed(GrantType::RefreshToken));
        let new = NewSession {
            user_id: Some(self.user.id),
            client_id: client.map(|client| client.id.clone()),
            scope,
            signing_kid: self.signer.kid().map(str::to_owned),
            is_remembered: self.purpose.is_remembered(),
            expires_at: cannot_refresh.then(|| self.lifetimes.single_token_session_expires_at(now)),
            origin: self.purpose.session_origin(&self.attempt.origin),
        };
        Ok(sessions::start(conn, new, &self.lifetimes, now)?)
    }

    /// Records the sign-in. Clients sign in often: theirs is recorded only from a network that the account does not
    /// know.
    fn record_event(
        &self,
        conn: &mut DbConnection,
        session: &Session,
        known: Known,
        now: Moment,
    ) -> Result<(), DbError> {
        let is_first = self.user.last_signed_in_at.is_none();
        let kind = match session.kind {
            SessionKind::Browser if !known.device && !is_first => EventKind::SignedInFromNewDevice,
            SessionKind::Browser => EventKind::SignedIn,
            _ if !known.network => EventKind::SignedIn,
            _ => return Ok(()),
        };
        let mut event = Event::new(kind, now);
        event.user_id = Some(self.user.id.0);
        event.actor = Actor::User(self.user.id.0);
        event.client_id.clone_from(&session.client_id);
        event.session_id = Some(session.id.clone());
        event.network_address = Some(self.attempt.origin.network_address());
        event.detail = self.attempt.origin.user_agent.as_deref().and_then(sessions::device_label);
        audit::record(conn, &event)?;
        if kind == EventKind::SignedInFromNewDevice {
            self.queue_new_device_mail(conn, event, now)?;
        }
        Ok(())
    }

    fn queue_new_device_mail(&self, conn: &mut DbConnection, event: Event, now: Moment) -> Result<(), DbError> {
        let kind =
            MailKind::NewDevice { device: event.detail, address: event.network_address.unwrap_or_default(), at: now };
        let Some(mail) = self.user.mail(kind) else { return Ok(()) };
        self.outbox.queue(conn, mail, now)?;
        Ok(())
    }
}
