//! Re-authentication: verifying the password of a signed-in person again.

use std::time::Duration;

use super::reservation::Requester;
use super::service::{Verification, detached};
use super::{AuthService, PasswordAttempt, SignInError};
use crate::users::stored_hash::StoredHash;

/// Outcome of a re-authentication.
pub enum Reauthentication {
    /// The password is correct; the hash that it was verified against, for a conditional update.
    Correct(StoredHash),
    /// The password is wrong.
    Incorrect,
    /// Too many failed attempts; the time to wait.
    Throttled(Duration),
    /// The hash queue is full.
    Overloaded,
}

impl AuthService {
    /// Verifies the password of a signed-in person. A wrong one counts toward the sign-in throttle: a stolen session
    /// cannot be used to guess it. Runs detached, as [`Self::sign_in_detached`].
    pub async fn reauthenticate(&self, attempt: PasswordAttempt) -> Result<Reauthentication, SignInError> {
        let service = self.clone();
        detached(async move {
            Ok(match service.verify_password(&attempt, Requester::SignedIn).await? {
                Verification::Correct(reserved, hash) => {
                    service.throttle.release(&reserved).await?;
                    Reauthentication::Correct(hash)
                }
                Verification::Incorrect(reserved, reason) => {
                    service.count_failure(&attempt, &reserved, reason, None).await?;
                    Reauthentication::Incorrect
                }
                Verification::Throttled(wait) => Reauthentication::Throttled(wait),
                Verification::Overloaded => Reauthentication::Overloaded,
            })
        })
        .await
    }
}
