//! The way through the lock: look, reserve a try, hash, decide. One transaction before the hash (`reservation.rs`) and one after
//! it, and no connection held while hashing. What may not live here: HTTP.

use super::buckets::Names;
use super::devices::{self, SignInPlace};
use super::reservation::{Reservation, Reserved};
use super::{Attempt, Lock, SignIn, SignInError, SignedIn, store};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::metrics;
use crate::secret::{PlainSecret, SecretHash};
use crate::sessions::{self, EndReason, Origin, Session, SessionKind, Started};
use crate::users::argon2id::PasswordHash;
use crate::users::{self, User, UserState};

/// How often a try starts anew because others changed the same rows between looking and reserving.
pub(super) const MAX_CONFLICTS: usize = 50;

enum Finish {
    Done {
        started: Started,
        roles: Vec<String>,
        device: Option<PlainSecret>,
        ended: Option<Box<Session>>,
    },
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
            self.settle(&reserved.keys, false).await?;
            return Ok(SignIn::Full);
        };
        let (true, Some(user), Some(hash)) = (is_right, &reserved.user, hash) else {
            return self.refuse(&reserved.keys, SignIn::Refused).await;
        };
        match user.state {
            UserState::Active => self.finish(&attempt, &reserved, user.clone(), hash).await,
            UserState::Disabled(_) => self.refuse(&reserved.keys, SignIn::Disabled).await,
            UserState::Deleted(_) => self.refuse(&reserved.keys, SignIn::Refused).await,
        }
    }

    /// [`Self::sign_in`] on a task of its own: a client that goes away half-way cannot leave its try undecided, and so guess
    /// without being counted.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn sign_in_whole(&self, attempt: Attempt) -> Result<SignIn, SignInError> {
        let lock = self.clone();
        let task = tokio::task::spawn_local(async move { lock.sign_in(attempt).await });
        task.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    async fn refuse(&self, keys: &[String], answer: SignIn) -> Result<SignIn, SignInError> {
        metrics::SIGN_IN_FAILURES.increment();
        self.settle(keys, true).await?;
        Ok(answer)
    }

    async fn settle(&self, keys: &[String], has_failed: bool) -> Result<(), DbError> {
        let (now, owned) = (self.clock.now(), keys.to_vec());
        self.db
            .write(move |conn| -> Result<(), DbError> {
                for key in &owned {
                    store::settle(conn, key, has_failed, now)?;
                }
                Ok(())
            })
            .await?;
        self.signal(keys);
        Ok(())
    }

    fn signal(&self, keys: &[String]) {
        for key in keys {
            self.waiting.signal(key, false);
        }
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
            let result = self.try_finish(attempt, reserved, &user, (&checked, stronger.as_ref()), now).await;
            match result {
                // Two first sign-ins from one network remember it at the same moment.
                Err(error) if error.is_unique_violation() => {}
                Err(error) => return Err(error.into()),
                Ok(Finish::Overtaken) => return self.refuse(&reserved.keys, SignIn::Refused).await,
                Ok(Finish::Done { started, roles, device, ended }) => {
                    self.signal(&reserved.keys);
                    if let Some(ended) = ended {
                        self.tokens.ended().add(&ended.id, ended.access_until);
                    }
                    metrics::SIGN_INS.increment();
                    let token = self.tokens.issue(&user, &roles, &started.session, now)?;
                    let Started { session, secret } = started;
                    return Ok(SignIn::Done(Box::new(SignedIn {
                        user,
                        session,
                        session_secret: secret,
                        token,
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

    async fn try_finish(
        &self,
        attempt: &Attempt,
        reserved: &Reserved,
        user: &User,
        hashes: (&PasswordHash, Option<&PasswordHash>),
        now: Moment,
    ) -> Result<Finish, DbError> {
        let (names, key, lifetimes) = (Names::new(&self.names, attempt), self.names.clone(), self.lifetimes);
        let (checked, stronger) = (hashes.0.clone(), hashes.1.cloned());
        let (user_id, known, keys) = (user.id, reserved.known, reserved.keys.clone());
        let (kind, username_key, previous) =
            (attempt.kind, attempt.username.key().to_owned(), attempt.previous.clone());
        let origin = Origin {
            kind,
            network_address: Some(attempt.client_ip.to_canonical().to_string()),
            user_agent: attempt.user_agent.clone(),
        };
        self.db
            .write(move |conn| {
                if !users::set_signed_in(conn, user_id, &checked, now)? {
                    return Ok(Finish::Overtaken);
                }
                if let Some(stronger) = stronger {
                    users::set_password_hash(conn, user_id, &stronger, Some(&checked), now)?;
                }
                for key in &keys {
                    store::settle(conn, key, false, now)?;
                }
                let place = SignInPlace {
                    names: &names,
                    user_id,
                    username_key: &username_key,
                    is_browser: kind == SessionKind::Browser,
                };
                let device = devices::remember(conn, &key, &place, known, now)?;
                let ended = previous.map(|secret| end_previous(conn, &secret.hash(), now)).transpose()?.flatten();
                let started = sessions::start(conn, user_id, &origin, &lifetimes, now)?;
                let roles = users::list_roles(conn, user_id)?;
                Ok(Finish::Done { started, roles, device, ended: ended.map(Box::new) })
            })
            .await
    }
}

/// A browser that signs in again leaves no session behind that nobody can end.
fn end_previous(conn: &mut DbConnection, secret: &SecretHash, now: Moment) -> Result<Option<Session>, DbError> {
    let Some(session) = sessions::find_by_secret(conn, secret)? else { return Ok(None) };
    let was_live = sessions::end(conn, &session.id, EndReason::Replaced, now)?;
    Ok(was_live.then_some(session))
}
