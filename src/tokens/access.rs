//! Signing and verifying access tokens, without the database except for what an HS256 signature does not prove.

use std::sync::Arc;

use jsonwebtoken::{Header, Validation};
use quick_cache::sync::Cache;
use serde::Deserialize;

use super::claims::{ClaimError, Claims};
use super::session_check::SessionCheck;
use super::{Keys, Signer};
use crate::clock::{Clock, Moment, unix_seconds};
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::scope::Scopes;
use crate::secret::{from_base64url, random_id, sha256};
use crate::sessions::{Lifetimes, RevokedSessions, Session, SessionService};
use crate::users::User;

/// A token longer than this is not one of ours: at most 100 roles of 64 bytes and a name of 256 fit into it.
const MAX_TOKEN_BYTES: usize = 12 * 1024;
/// Verified tokens kept, so that a token in use costs one signature check, not one each request.
const CACHED_TOKENS: usize = 16_384;

/// Why a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is not a token of ours.
    #[error("the token is malformed or has an unexpected header")]
    Malformed,
    /// The signature does not fit.
    #[error("the token's signature is invalid")]
    Signature,
    /// A claim does not hold.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Its session ended, or never was.
    #[error("the token's session has ended or does not exist")]
    Ended,
    /// With HS256: the database could not be asked.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A token that has just been signed.
#[derive(Clone)]
pub struct IssuedToken {
    /// The JWT in its compact form (RFC 7515 §7.1).
    pub token: String,
    /// Seconds until it dies.
    pub expires_in: i64,
}

/// Whom a token speaks for.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A user, with their roles.
    User(&'a User, &'a [String]),
    /// A registered program that acts for itself, by its client id.
    Client(&'a str),
}

/// What a token is issued for.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// Whom it speaks for.
    pub subject: Subject<'a>,
    /// Its scopes: those of the session, or fewer.
    pub scope: &'a Scopes,
    /// The session it belongs to.
    pub session: &'a Session,
}

/// A token that was checked.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    /// What it claims.
    pub claims: Claims,
    kid: Option<String>,
}

/// Signs and checks access tokens. Cheap to clone.
#[derive(Clone)]
pub struct TokenService(Arc<Inner>);

struct Inner {
    keys: Keys,
    issuer: String,
    audience: Option<String>,
    lifetimes: Lifetimes,
    clock: Clock,
    revoked: RevokedSessions,
    verified: Cache<[u8; 32], Arc<VerifiedToken>>,
    session_check: SessionCheck,
}

impl TokenService {
    /// Puts signing and checking together.
    #[must_use]
    pub fn new(keys: Keys, config: &Config, clock: Clock, db: Db, sessions: &SessionService) -> Self {
        Self(Arc::new(Inner {
            keys,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            lifetimes: sessions.lifetimes(),
            clock,
            revoked: sessions.revoked().clone(),
            verified: Cache::new(CACHED_TOKENS),
            // As many as tokens: with fewer, tokens in turn would ask the database at each request.
            session_check: SessionCheck::new(db, CACHED_TOKENS),
        }))
    }

    /// The clock that tokens are issued and checked by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The keys in use.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The key to sign with at `now`. Asked for before the session is written, which keeps its `kid`.
    #[must_use]
    pub fn signer(&self, now: Moment) -> Signer {
        self.0.keys.signer(now)
    }

    /// Signs a token, valid from `now` to [`Lifetimes::access_token_expires_at`].
    ///
    /// # Errors
    /// When signing fails, which a key that was loaded does not do.
    pub fn issue(
        &self,
        signer: &Signer,
        grant: Grant<'_>,
        now: Moment,
    ) -> Result<IssuedToken, jsonwebtoken::errors::Error> {
        let session = grant.session;
        let ends_at = self.0.lifetimes.access_token_expires_at(session, now);
        let (sub, id, roles) = match grant.subject {
            Subject::User(user, roles) => (user.username.clone(), Some(user.id), roles.to_vec()),
            Subject::Client(client_id) => (client_id.to_owned(), None, Vec::new()),
        };
        let claims = Claims {
            iss: self.0.issuer.clone(),
            sub,
            id,
            iat: unix_seconds(now),
            exp: unix_seconds(ends_at),
            nbf: None,
            jti: random_id(),
            sid: session.id.clone(),
            scope: grant.scope.to_string(),
            roles,
            client_id: session.client_id.clone(),
            aud: self.0.audience.clone(),
        };
        let key = signer.key();
        let header = Header { typ: Some(key.typ.to_owned()), kid: key.kid.clone(), ..Header::new(key.algorithm) };
        let token = jsonwebtoken::encode(&header, &claims, signer.encoding())?;
        Ok(IssuedToken { token, expires_in: claims.exp - claims.iat })
    }

    /// Checks a token. Only the signature check is skipped for one seen before: its time, its key and its session are
    /// looked at each time.
    ///
    /// # Errors
    /// [`TokenError`] says why it is refused.
    pub async fn verify(&self, token: &str) -> Result<Arc<VerifiedToken>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        // The whole token is the key, signature included: a cache of claims by anything shorter could be poisoned.
        let digest = sha256(token.as_bytes());
        let verified = if let Some(verified) = self.0.verified.get(&digest) {
            verified
        } else {
            let verified = Arc::new(self.check_signature(token)?);
            self.0.verified.insert(digest, Arc::clone(&verified));
            verified
        };
        let now = self.0.clock.now();
        verified.claims.check_time(now)?;
        if self.0.keys.find(verified.kid.as_deref()).is_none() {
            return Err(TokenError::Signature);
        }
        if self.0.revoked.contains(&verified.claims.sid) {
            return Err(TokenError::Ended);
        }
        if self.0.keys.is_shared() {
            self.0.session_check.check_against_session(verified, now).await
        } else {
            Ok(verified)
        }
    }

    fn check_signature(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        let header = token.split('.').next().and_then(from_base64url).ok_or(TokenError::Malformed)?;
        let header: OurHeader = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        let key = self.0.keys.find(header.kid.as_deref()).ok_or(TokenError::Signature)?;
        if header.alg != format!("{:?}", key.algorithm) || header.typ != key.typ {
            return Err(TokenError::Malformed);
        }
        let mut validation = Validation::new(key.algorithm);
        validation.required_spec_claims.clear();
        // Time and audience are checked by our own code, on each use and with our clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::Signature,
                _ => TokenError::Malformed,
            })?
            .claims;
        claims.check_names(&self.0.issuer, self.0.audience.as_deref())?;
        Ok(VerifiedToken { claims, kid: header.kid })
    }
}

/// Exactly what our headers hold: anything more (`jwk`, `jku`, `x5u`, `crit`) is an attempt to have a key or rule taken from
/// the token, and is refused by its mere presence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OurHeader {
    alg: String,
    typ: String,
    #[serde(default)]
    kid: Option<String>,
}
