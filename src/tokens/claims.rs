//! The claims of an access token (RFC 7519 §4.1, RFC 9068 §2.2) and their checks.

use serde::{Deserialize, Deserializer, Serialize};

use crate::clock::{Moment, unix_seconds};
use crate::sessions::{Holders, LEEWAY_SECONDS};
use crate::users::UserId;

/// The `client_id` claim of a token that was issued to a person's browser or to an unregistered application. No client can
/// have this ID, since all begin with `client_`.
const UNREGISTERED_CLIENT: &str = "unregistered";

/// The claims of an access token, typed strictly: a number as text, a fraction or a null is rejected (CVE-2026-25537).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The username or, in a client's own token, the client ID (RFC 9068 §2.2).
    pub sub: String,
    /// The user ID, which the FastAPI tutorial's code expects; `None` in a client's own token.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "non_null_id")]
    pub id: Option<UserId>,
    /// When it was issued, in seconds since 1970, rounded down.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// When it becomes valid, in seconds since 1970. This server never sets it, but checks it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "non_null_integer")]
    pub nbf: Option<i64>,
    /// A unique ID: 22 characters of base64url, with HS256 43, which authenticate the other claims.
    pub jti: String,
    /// The session ID.
    pub sid: String,
    /// The holders of the token, of whom one entry can revoke many tokens.
    #[serde(default, skip_serializing_if = "Holders::is_empty")]
    pub holders: Holders,
    /// The scopes, separated by spaces (RFC 8693 §4.2).
    pub scope: String,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The registered client that the token was issued to (RFC 8693 §4.3). With an audience, a token for no client has
    /// `unregistered`, which is read as `None`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "registered_client_id")]
    pub client_id: Option<String>,
    /// The audience, if one is configured.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "non_null_text")]
    pub aud: Option<String>,
}

/// Why a token's claims are invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` is in the future, or negative.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// `iss` is another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` is not the configured audience.
    #[error("the token is for another audience")]
    Audience,
}

impl Claims {
    /// Checks `iat`, `nbf` and `exp` against `now`, with [`LEEWAY_SECONDS`].
    pub fn check_time(&self, now: Moment) -> Result<(), ClaimError> {
        self.check_time_with(now, LEEWAY_SECONDS)
    }

    /// As [`Self::check_time`], but without leeway on `exp`, whose clock is the issuer's own.
    pub(super) fn check_time_as_issuer(&self, now: Moment) -> Result<(), ClaimError> {
        self.check_time_with(now, 0)
    }

    fn check_time_with(&self, now: Moment, exp_leeway_seconds: i64) -> Result<(), ClaimError> {
        let now = unix_seconds(now);
        let valid_from = self.nbf.unwrap_or(self.iat).max(self.iat);
        if self.iat < 0 || self.nbf.is_some_and(|nbf| nbf < 0) || valid_from > now + LEEWAY_SECONDS {
            return Err(ClaimError::NotYetValid);
        }
        if self.exp.saturating_add(exp_leeway_seconds) <= now {
            return Err(ClaimError::Expired);
        }
        Ok(())
    }

    pub(super) fn check_issuer_and_audience(&self, issuer: &str, audience: Option<&str>) -> Result<(), ClaimError> {
        if self.iss != issuer {
            return Err(ClaimError::Issuer);
        }
        if self.aud.as_deref() != audience {
            return Err(ClaimError::Audience);
        }
        Ok(())
    }
}

/// The `typ` of a token's header. `at+jwt` promises an audience and a client ID (RFC 9068 §2), which a token has only
/// with the setting AUDIENCE.
pub(super) fn token_type(audience: Option<&str>) -> &'static str {
    if audience.is_some() { "at+jwt" } else { "JWT" }
}

/// Whether `typ` can be that of an access token. Those issued before AUDIENCE changed, or by an earlier release, have the
/// other one.
pub(super) fn is_token_type(typ: &str) -> bool {
    matches!(typ, "at+jwt" | "JWT")
}

/// The `client_id` of a new token: the registered client or, if a token type promises one, [`UNREGISTERED_CLIENT`].
pub(super) fn client_id_claim(registered: Option<&str>, audience: Option<&str>) -> Option<String> {
    registered.or(audience.map(|_| UNREGISTERED_CLIENT)).map(str::to_owned)
}

fn registered_client_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(|id| (id != UNREGISTERED_CLIENT).then_some(id))
}

/// Rejects null, which `Option` would accept as absent.
fn non_null_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

fn non_null_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    UserId::deserialize(deserializer).map(Some)
}

fn non_null_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}
