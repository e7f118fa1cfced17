//! The authentication service, and the verification of a password under throttling.

use std::time::Duration;

use super::PasswordAttempt;
use super::reservation::{Requester, Reservation, Reserved, Throttle};
use super::sign_in_rate::SignInRate;
use crate::audit::{FailureReason, RejectedSignIns, RejectionReason};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::log_limit::LogLimit;
use crate::mail::Outbox;
use crate::metrics;
use crate::secret::ServerKey;
use crate::sessions::SessionService;
use crate::tokens::{SigningError, TokenService};
use crate::users::hash_pool::HashPool;
use crate::users::stored_hash::StoredHash;

/// Limits the log lines about a full hash queue.
static OVERLOADED_LOG: LogLimit = LogLimit::new();

/// An error that prevents a decision on an attempt.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The access token could not be signed.
    #[error("could not sign the access token")]
    Signing(#[from] SigningError),
}

/// The authentication service: sign-in and re-authentication under throttling. Cheap to clone.
#[derive(Clone)]
pub struct AuthService {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) hash_pool: HashPool,
    pub(super) sessions: SessionService,
    pub(super) tokens: TokenService,
    pub(super) outbox: Outbox,
    pub(super) throttle: Throttle,
    pub(super) sign_in_rate: SignInRate,
    pub(super) rejected: RejectedSignIns,
}

/// Outcome of a password check under throttling.
pub(super) enum Verification {
    /// The password is correct; the hash that it was verified against.
    Correct(Box<Reserved>, StoredHash),
    /// The username is unknown or the password wrong.
    Incorrect(Box<Reserved>, FailureReason),
    /// Too many failed attempts; the time to wait.
    Throttled(Duration),
    /// The hash queue is full.
    Overloaded,
}

impl AuthService {
    /// Creates the service. Its clock is the token service's.
    #[must_use]
    pub fn new(
        config: &Config,
        server_key: &ServerKey,
        db: Db,
        hash_pool: HashPool,
        sessions: SessionService,
        tokens: TokenService,
        rejected: RejectedSignIns,
    ) -> Self {
        let clock = tokens.clock().clone();
        Self {
            throttle: Throttle::new(config.throttling, server_key, db.clone(), clock.clone(), hash_pool.clone()),
            sign_in_rate: SignInRate::new(config.throttling.sign_in_burst),
            outbox: Outbox::new(config, server_key),
            db,
            clock,
            hash_pool,
            sessions,
            tokens,
            rejected,
        }
    }

    /// Reserves an attempt and a slot for its hash, then verifies the password. No connection is held while hashing. An attempt whose outcome
    /// is never stored counts as failed after a minute.
    pub(super) async fn verify_password(
        &self,
        attempt: &PasswordAttempt,
        requester: Requester,
    ) -> Result<Verification, DbError> {
        let (reserved, slot) = match self.throttle.reserve(attempt, requester).await? {
            Reservation::Reserved(reserved, slot) => (reserved, slot),
            Reservation::Overloaded => {
                metrics::SIGN_INS_OVERLOADED.increment();
                self.rejected.add(RejectionReason::Overloaded, attempt.origin.client_ip);
                if let Some(count) = OVERLOADED_LOG.admit() {
                    tracing::warn!(count, "sign-ins rejected: too many passwords are queued for hashing");
                }
                return Ok(Verification::Overloaded);
            }
            Reservation::Throttled(wait) => {
                metrics::SIGN_INS_THROTTLED.increment();
                self.rejected.add(RejectionReason::Throttled, attempt.origin.client_ip);
                return Ok(Verification::Throttled(wait));
            }
        };
        let hash = reserved.user.as_ref().and_then(|user| user.password_hash.clone());
        // Verified for its time only: without a hash of the user, the outcome is `Incorrect` below.
        let decoy = match hash {
            Some(_) => None,
            None => self.hash_pool.decoys().choose(&self.throttle.decoy_hmac(&attempt.username)),
        };
        let Ok(is_correct) = slot.verify(attempt.password.clone(), hash.clone().or(decoy)).await else {
            self.throttle.release(&reserved).await?;
            return Ok(Verification::Overloaded);
        };
        let reason = match (&reserved.user, &hash) {
            (None, _) => FailureReason::UnknownUsername,
            (Some(_), None) => FailureReason::NoPassword,
            (Some(_), Some(_)) => FailureReason::WrongPassword,
        };
        Ok(match hash.filter(|_| is_correct) {
            Some(hash) => Verification::Correct(reserved, hash),
            None => Verification::Incorrect(reserved, reason),
        })
    }

    /// Counts the reserved attempt as failed, and logs it for programs such as fail2ban. The line has no name: people
    /// type passwords into the wrong field.
    pub(super) async fn count_failure(
        &self,
        attempt: &PasswordAttempt,
        reserved: &Reserved,
        reason: FailureReason,
        client_id: Option<&str>,
    ) -> Result<(), DbError> {
        metrics::SIGN_IN_FAILURES.increment();
        self.throttle.count_failure(attempt, reserved, reason, client_id).await?;
        let user_id = reserved.user.as_ref().map(|user| user.id.0);
        tracing::warn!(
            client_ip = %attempt.origin.network_address(), reason = %reason.as_str(),
            user_id,
            "sign-in failed"
        );
        Ok(())
    }
}

/// Runs `work` as its own task, which completes even if the caller is dropped.
pub(super) async fn detached<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    tokio::task::spawn_local(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
