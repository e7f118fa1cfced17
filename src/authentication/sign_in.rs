//! The way through the lock: look, reserve a try, hash, decide. One transaction before the hash (`reservation.rs`) and one after
//! it, and no connection held while hashing. `settling.rs` counts a failure. What may not live here: HTTP.

use super::buckets::Names;
use super::devices::{self, Known, SignInPlace};
use super::reservation::{Reservation, Reserved};
use super::{Attempt, Lock, SignIn, SignInError, SignedIn, scope, store};
use crate::audit::{self, Event, EventKind};
use crate::clients::{self, GrantType};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::mail::{Mail, MailKind, Outbox};
use crate::metrics;
use crate::scope::Scopes;
use crate::secret::{DerivedKey, PlainSecret, SecretHash};
use crate::sessions::{self, EndReason, Lifetimes, NewSession, Session, SessionKind, SessionOrigin, Started};
use crate::tokens::{Grant, Signer, Subject, begin_refresh_tokens};
use crate::users::argon2id::PasswordHash;
use crate::users::{self, User, UserState};

/// How often a try starts anew because others changed the same rows between looking and reserving.
pub(super) const MAX_CONFLICTS: usize = 50;

/// The most live sessions of a user at browsers, and of their unregistered programs; older ones end, so that a script that signs in
/// anew each time leaves no more behind.
const MAX_SESSIONS: i64 = 100;

enum Finish {
    Done {
        started: Box<Started>,
        roles: Vec<String>,
        device: Option<PlainSecret>,
        refresh_token: Option<PlainSecret>,
        /// Sessions that this one takes the place of: (id, when the last of their tokens dies).
        ended: Vec<(String, Moment)>,
    },
    /// None of the requested scopes can be granted.
    ScopeRefused,
    /// The program was deleted, or its secret replaced, while the hash was computed.
    ClientGone,
    /// The account was turned off, or its password changed, while the hash was computed.
    Overtaken,
}

impl Lock {
    /// Checks a username and password and signs the person or program in.
    ///
    /// Unknown, disabled and known names take the same way with the same number of hashes and statements until the password
    /// has proved right.
    ///
    /// # Errors
    /// [`SignInError`] when it could not be decided; the reserved try then counts as failed after a minute.
    pub async fn sign_in(&self, attempt: Attempt) -> Result<SignIn, SignInError> {
        let reserved = match self.reserve(&attempt).await? {
            Reservation::Taken(reserved) => reserved,
            Reservation::Throttled(wait) => {
                metrics::SIGN_INS_THROTTLED.increment();
                return Ok(SignIn::Throttled(wait));
            }
        };
        let hash = reserved.user.as_ref().and_then(|user| user.password_hash.clone());
        let Ok(is_right) = self.hash_pool.verify(attempt.password.clone(), hash.clone()).await else {
            self.settle(&reserved).await?;
            return Ok(SignIn::Overloaded);
        };
        let (true, Some(user), Some(hash)) = (is_right, &reserved.user, hash) else {
            return self.refuse(&attempt, &reserved, SignIn::Refused).await;
        };
        match user.state {
            UserState::Active => self.finish(&attempt, &reserved, user.clone(), hash).await,
            UserState::Disabled(_) => self.refuse(&attempt, &reserved, SignIn::Disabled).await,
            UserState::Deleted(_) => self.refuse(&attempt, &reserved, SignIn::Refused).await,
        }
    }

    /// [`Self::sign_in`] on a task of its own: a client that goes away half-way cannot leave its try undecided, and so guess
    /// without being counted.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn sign_in_detached(&self, attempt: Attempt) -> Result<SignIn, SignInError> {
        let lock = self.clone();
        let task = tokio::task::spawn_local(async move { lock.sign_in(attempt).await });
        task.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    async fn refuse(&self, attempt: &Attempt, reserved: &Reserved, answer: SignIn) -> Result<SignIn, SignInError> {
        metrics::SIGN_IN_FAILURES.increment();
        self.settle_failed(attempt, reserved).await?;
        Ok(answer)
    }

    async fn finish(
        &self,
        attempt: &Attempt,
        reserved: &Reserved,
        user: User,
        checked: PasswordHash,
    ) -> Result<SignIn, SignInError> {
        let stronger = self.stronger_hash(attempt, &checked).await;
        for _ in 0..MAX_CONFLICTS {
            let now = self.clock.now();
            let signer = self.tokens.signer(now);
            let step = self.finish_step(attempt, reserved, &user, (&checked, stronger.as_ref()), &signer);
            let result = self.db.write(move |conn| step.run(conn, now)).await;
            match result {
                // Two first sign-ins from one network remember it at the same moment.
                Err(error) if error.is_unique_violation() => {}
                Err(error) => return Err(error.into()),
                Ok(Finish::Overtaken) => return self.refuse(attempt, reserved, SignIn::Refused).await,
                Ok(Finish::ClientGone) => {
                    self.signal(&reserved.keys);
                    return Ok(SignIn::ClientGone);
                }
                Ok(Finish::ScopeRefused) => {
                    self.signal(&reserved.keys);
                    return Ok(SignIn::ScopeRefused);
                }
                Ok(Finish::Done { started, roles, device, refresh_token, ended }) => {
                    self.signal(&reserved.keys);
                    for (id, access_until) in ended {
                        self.tokens.revoked().add(&id, access_until);
                    }
                    metrics::SIGN_INS.increment();
                    let Started { session, secret } = *started;
                    let grant =
                        Grant { subject: Subject::User(&user, &roles), scope: &session.scope, session: &session };
                    let token = self.tokens.issue(&signer, grant, now)?;
                    return Ok(SignIn::Done(Box::new(SignedIn {
                        user,
                        session,
                        session_secret: secret,
                        token,
                        refresh_token,
                        device,
                    })));
                }
            }
        }
        Err(DbError::Busy.into())
    }

    /// A new hash at today's cost when the stored one is weaker. Not worth failing a sign-in for: the next one tries again.
    async fn stronger_hash(&self, attempt: &Attempt, checked: &PasswordHash) -> Option<PasswordHash> {
        if !checked.cost().is_weaker_than(self.hash_pool.cost()) {
            return None;
        }
        self.hash_pool.hash(attempt.password.clone()).await.ok()
    }

    fn finish_step(
        &self,
        attempt: &Attempt,
        reserved: &Reserved,
        user: &User,
        hashes: (&PasswordHash, Option<&PasswordHash>),
        signer: &Signer,
    ) -> FinishStep {
        FinishStep {
            names: Names::new(&self.names, attempt),
            names_key: self.names.clone(),
            lifetimes: self.lifetimes,
            attempt: attempt.clone(),
            user: user.clone(),
            known: reserved.known,
            keys: reserved.keys.clone(),
            checked: hashes.0.clone(),
            stronger: hashes.1.cloned(),
            signing_kid: signer.kid().map(str::to_owned),
            mail: self.mail.with_fallback_language(attempt.language),
        }
    }
}

/// The one transaction after a password has proved right.
struct FinishStep {
    names: Names,
    names_key: DerivedKey,
    lifetimes: Lifetimes,
    attempt: Attempt,
    user: User,
    known: Known,
    keys: Vec<String>,
    checked: PasswordHash,
    stronger: Option<PasswordHash>,
    signing_kid: Option<String>,
    mail: Outbox,
}

impl FinishStep {
    fn run(self, conn: &mut DbConnection, now: Moment) -> Result<Finish, DbError> {
        if !users::set_signed_in(conn, self.user.id, &self.checked, now)? {
            return Ok(Finish::Overtaken);
        }
        if let Some(stronger) = &self.stronger {
            users::set_password_hash(conn, self.user.id, stronger, Some(&self.checked), now)?;
        }
        for key in &self.keys {
            store::settle(conn, key, false, now)?;
        }
        let place = SignInPlace {
            names: &self.names,
            user_id: self.user.id,
            username_key: self.attempt.username.key(),
            is_browser: self.attempt.kind == SessionKind::Browser,
        };
        let device = devices::remember(conn, &self.names_key, &place, self.known, now)?;
        let roles = users::list_roles(conn, self.user.id)?;
        let client = self.attempt.client.as_ref();
        // Deleting the program or replacing its secret comes after this, and finds the session, or before it, and there is none.
        if let Some(client) = client
            && !clients::lock_unchanged(conn, client)?
        {
            return Ok(Finish::ClientGone);
        }
        let Some(scope) = scope::granted(conn, &self.attempt.scope, &roles, client)? else {
            return Ok(Finish::ScopeRefused);
        };
        let mut ended = Vec::new();
        if let Some(secret) = &self.attempt.previous {
            ended.extend(end_previous(conn, &secret.hash(), now)?);
        }
        let started = self.start(conn, scope, now)?;
        self.record(conn, &started.session, now)?;
        let is_program = started.session.kind == SessionKind::PasswordGrant;
        let may_refresh = is_program && client.is_none_or(|client| client.may(GrantType::RefreshToken));
        let refresh_token = may_refresh.then(|| begin_refresh_tokens(conn, &started.session, now)).transpose()?;
        // A right password, again and again, must not fill the database.
        if client.is_none() {
            ended.extend(sessions::end_oldest(conn, self.user.id, (started.session.kind, MAX_SESSIONS), now)?);
        }
        Ok(Finish::Done { started: Box::new(started), roles, device, refresh_token, ended })
    }

    /// Programs come again and again: only from a network that the account does not know is it worth telling.
    fn record(&self, conn: &mut DbConnection, session: &Session, now: Moment) -> Result<(), DbError> {
        let is_first = self.user.last_signed_in_at.is_none();
        let kind = match session.kind {
            SessionKind::Browser if !self.known.device && !is_first => EventKind::SignedInFromNewDevice,
            SessionKind::Browser => EventKind::SignedIn,
            _ if !self.known.network => EventKind::SignedIn,
            _ => return Ok(()),
        };
        let mut event = Event::new(kind, now);
        event.user_id = Some(self.user.id.0);
        event.client_id.clone_from(&session.client_id);
        event.session_id = Some(session.id.clone());
        event.network_address = Some(self.attempt.client_ip.to_canonical().to_string());
        event.detail = self.attempt.user_agent.as_deref().and_then(sessions::device_label);
        audit::record(conn, &event)?;
        if kind == EventKind::SignedInFromNewDevice {
            self.queue_notification(conn, event, now)?;
        }
        Ok(())
    }

    /// A mail about a browser that the account did not know.
    fn queue_notification(&self, conn: &mut DbConnection, event: Event, now: Moment) -> Result<(), DbError> {
        let Some(to) = self.user.email.clone() else { return Ok(()) };
        let kind = MailKind::NewDevice {
            username: self.user.username.clone(),
            device: event.detail.unwrap_or_else(|| "?".to_owned()),
            address: event.network_address.unwrap_or_default(),
            at: now,
        };
        let (display_name, language) = (self.user.display_name.clone(), self.user.language.clone());
        self.mail.queue(conn, Mail { kind, to, display_name, language, user_id: event.user_id }, now)?;
        Ok(())
    }

    fn start(&self, conn: &mut DbConnection, scope: Scopes, now: Moment) -> Result<Started, DbError> {
        let attempt = &self.attempt;
        let cannot_refresh = attempt.client.as_ref().is_some_and(|client| !client.may(GrantType::RefreshToken));
        let new = NewSession {
            user_id: Some(self.user.id),
            client_id: attempt.client.as_ref().map(|client| client.id.clone()),
            scope,
            signing_kid: self.signing_kid.clone(),
            is_remembered: attempt.is_remembered,
            expires_at: cannot_refresh.then(|| self.lifetimes.one_access_token(now)),
            origin: SessionOrigin {
                kind: attempt.kind,
                network_address: Some(attempt.client_ip.to_canonical().to_string()),
                user_agent: attempt.user_agent.clone(),
            },
        };
        Ok(sessions::start(conn, new, &self.lifetimes, now)?)
    }
}

/// A browser that signs in again leaves no session behind that nobody can end.
fn end_previous(
    conn: &mut DbConnection,
    secret: &SecretHash,
    now: Moment,
) -> Result<Option<(String, Moment)>, DbError> {
    let Some(session) = sessions::find_by_secret(conn, secret)? else { return Ok(None) };
    let was_live = sessions::end(conn, &session.id, EndReason::Replaced, now)?;
    Ok(was_live.then_some((session.id, session.access_until)))
}
