//! The browser that is known after a password change, so that failures elsewhere do not lock its owner out.

use super::devices::{self, KnownPlaces};
use super::{AuthService, PasswordAttempt, buckets};
use crate::db::DbError;
use crate::secret::PlainSecret;
use crate::users::{LookupName, User};

impl AuthService {
    /// The browser and network of an attempt.
    #[must_use]
    pub fn known_places(&self, attempt: &PasswordAttempt) -> KnownPlaces {
        KnownPlaces::new(&self.throttle.key, attempt)
    }

    /// Stores the browser in which a person has just set a new password by a one-time link as known, and returns the
    /// secret for its cookie.
    ///
    /// Setting the password made the account forget all browsers. Without a known one, an attacker who causes failures
    /// from many networks could lock the owner out. `None`, with a line in the log, when the database fails: the
    /// password is set anyway.
    pub async fn remember_browser(&self, user: &User) -> Option<PlainSecret> {
        let username = LookupName::parse(&user.username)?;
        let secret = buckets::generate_device(&self.throttle.key, username.throttling_key());
        let id = buckets::device_id(&self.throttle.key, username.throttling_key(), &secret);
        let (user_id, now) = (user.id, self.clock.now());
        let stored = self
            .db
            .write(move |conn| -> Result<_, DbError> { Ok(devices::insert_device(conn, &id, user_id, now)?) })
            .await;
        if let Err(error) = stored {
            tracing::warn!(%error, "could not remember the browser after a password reset");
            return None;
        }
        Some(secret)
    }
}
