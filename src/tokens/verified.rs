//! A verified access token, and the reasons why a token is rejected.

use super::claims::{ClaimError, Claims};
use crate::db::DbError;

/// A token that passed verification.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    /// Its claims.
    pub claims: Claims,
    pub(super) kid: Option<String>,
}

/// Why a token is rejected.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It does not have the form of this server's tokens.
    #[error("the token is malformed or has an unexpected header")]
    Malformed,
    /// The signature is invalid, or the key is unknown.
    #[error("the token's signature is invalid")]
    Signature,
    /// A claim is invalid.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Its session has ended or does not exist.
    #[error("the token's session has ended or does not exist")]
    SessionEnded,
    /// With HS256: the database is unavailable.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The set of revoked sessions is too old to tell whether the session has ended.
    #[error("the revoked sessions have not been read for too long, although the database responds")]
    RevocationsStale,
}

impl TokenError {
    /// Whether the token could not be judged: the response is 503, not that of a rejected token.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Database(_) | Self::RevocationsStale)
    }
}
