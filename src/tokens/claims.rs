//! What stands in an access token (RFC 7519 §4.1, RFC 9068 §2.2), and the checks that need no key.
//! What may not live here: signatures, and the database.

use serde::{Deserialize, Deserializer, Serialize};

use crate::clock::{Moment, unix_seconds};
use crate::users::UserId;

/// How far two machines' clocks may differ, in seconds.
pub const LEEWAY_SECONDS: i64 = 30;

/// The claims of an access token, typed strictly: a number as text, a fraction or a null is no number (CVE-2026-25537).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who made the token.
    pub iss: String,
    /// The username, or the client id of a program that acts for itself (RFC 9068 §2.2).
    pub sub: String,
    /// The user's number, as the FastAPI tutorial's code expects it; `None` when no user stands behind the token.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "an_id_when_present")]
    pub id: Option<UserId>,
    /// When it was made, in seconds since 1970, rounded down.
    pub iat: i64,
    /// When it dies, in seconds since 1970.
    pub exp: i64,
    /// Not valid before: ours never say so, but a forger's may, and it is honoured.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "a_number_when_present")]
    pub nbf: Option<i64>,
    /// Unique for each token: 22 characters.
    pub jti: String,
    /// The session it belongs to.
    pub sid: String,
    /// Scopes with spaces between (RFC 8693 §4.2).
    pub scope: String,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The registered program that the token was issued to, when there is one (RFC 8693 §4.3).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "a_text_when_present")]
    pub client_id: Option<String>,
    /// For whom it is, when an audience is configured.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "a_text_when_present")]
    pub aud: Option<String>,
}

/// Why a token's claims do not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` is still to come, or negative.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// `iss` is not ours.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` is not the one configured.
    #[error("the token is for another audience")]
    Audience,
}

impl Claims {
    /// Whether the token is within its time at `now`.
    ///
    /// # Errors
    /// [`ClaimError::Expired`] or [`ClaimError::NotYetValid`].
    pub fn check_time(&self, now: Moment) -> Result<(), ClaimError> {
        let now = unix_seconds(now);
        let begins = self.nbf.unwrap_or(self.iat).max(self.iat);
        if self.iat < 0 || self.nbf.is_some_and(|nbf| nbf < 0) || begins > now + LEEWAY_SECONDS {
            return Err(ClaimError::NotYetValid);
        }
        if self.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(ClaimError::Expired);
        }
        Ok(())
    }

    pub(super) fn check_names(&self, issuer: &str, audience: Option<&str>) -> Result<(), ClaimError> {
        if self.iss != issuer {
            return Err(ClaimError::Issuer);
        }
        if self.aud.as_deref() != audience {
            return Err(ClaimError::Audience);
        }
        Ok(())
    }
}

/// `Option` alone would take a null for absent.
fn a_number_when_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

fn an_id_when_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    UserId::deserialize(deserializer).map(Some)
}

fn a_text_when_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}
