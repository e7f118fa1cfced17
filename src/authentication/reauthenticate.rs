//! Asking somebody who is signed in for their password once more, through the same lock: a stolen session is no way to guess it.
//! What may not live here: what they may do then (`account`).

use std::time::Duration;

use super::reservation::Reservation;
use super::{Attempt, Lock, SignInError};
use crate::metrics;
use crate::users::argon2id::PasswordHash;

/// What became of a password that was asked for once more.
pub enum Reauthentication {
    /// It is right; the hash it was held against, for a change that must not overtake another.
    Right(PasswordHash),
    /// It is not.
    Wrong,
    /// Too many tries: come again after this time.
    Throttled(Duration),
    /// No room for another hash now.
    Overloaded,
}

impl Lock {
    /// Checks the password of somebody who is signed in; a wrong one counts as at the door. On a task of its own, as
    /// [`Self::sign_in_detached`].
    ///
    /// # Errors
    /// [`SignInError`] when it could not be decided.
    pub async fn reauthenticate(&self, attempt: Attempt) -> Result<Reauthentication, SignInError> {
        let lock = self.clone();
        let task = tokio::task::spawn_local(async move { lock.reauthenticate_inline(&attempt).await });
        task.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    async fn reauthenticate_inline(&self, attempt: &Attempt) -> Result<Reauthentication, SignInError> {
        let reserved = match self.reserve(attempt).await? {
            Reservation::Taken(reserved) => reserved,
            Reservation::Throttled(wait) => {
                metrics::SIGN_INS_THROTTLED.increment();
                return Ok(Reauthentication::Throttled(wait));
            }
        };
        let hash = reserved.user.as_ref().and_then(|user| user.password_hash.clone());
        let Ok(is_right) = self.hash_pool.verify(attempt.password.clone(), hash.clone()).await else {
            self.settle(&reserved).await?;
            return Ok(Reauthentication::Overloaded);
        };
        match hash.filter(|_| is_right) {
            Some(hash) => {
                self.settle(&reserved).await?;
                Ok(Reauthentication::Right(hash))
            }
            None => {
                metrics::SIGN_IN_FAILURES.increment();
                self.settle_failed(attempt, &reserved).await?;
                Ok(Reauthentication::Wrong)
            }
        }
    }
}
