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
}
