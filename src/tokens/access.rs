//! The token service, which signs access tokens and verifies them without the database, except with HS256.

use std::sync::Arc;

use jsonwebtoken::{Header, Validation};
use quick_cache::sync::Cache;
use serde::Deserialize;

use super::claims::{Claims, client_id_claim, is_token_type, token_type};
use super::claims_key::ClaimsKey;
use super::key_pair::Signer;
use super::keys::Keys;
use super::refresh_token::RefreshTokenKey;
use super::session_check::SessionCheck;
use super::size::BrowserTokenSize;
use super::verified::{TokenError, VerifiedToken};
use crate::clock::{Clock, Moment, unix_seconds};
use crate::config::Config;
use crate::db::Db;
use crate::scope::Scopes;
use crate::secret::{ServerKey, from_base64url, random_id, sha256};
use crate::sessions::{Holders, Lifetimes, RevokedSessions, Session, SessionService};
use crate::users::User;

/// The longest token that is accepted. One with 100 roles of 64 bytes and a name of 256 bytes is shorter.
const MAX_TOKEN_BYTES: usize = 12 * 1024;
/// The number of verified tokens in the cache, which saves the signature check of a token that was seen before.
const CACHED_TOKENS: usize = 16_384;

/// A signed access token.
#[derive(Clone)]
pub struct IssuedToken {
    /// The JWT in its compact form (RFC 7515 §7.1).
    pub token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
}

/// The subject of a token.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A user, with their roles.
    User(&'a User, &'a [String]),
    /// A registered client that acts for itself, by its client ID.
    Client(&'a str),
}

/// What a token is issued for.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The subject.
    pub subject: Subject<'a>,
    /// The scopes of the session, or fewer.
    pub scope: &'a Scopes,
    /// The session.
    pub session: &'a Session,
    /// The holders of the token, read in the transaction that stores the session's `access_until`: a token with an
    /// earlier generation is revoked already.
    pub holders: &'a Holders,
}

/// Signs and verifies access tokens. Cheap to clone.
#[derive(Clone)]
pub struct TokenService(Arc<Inner>);

struct Inner {
    keys: Keys,
    claims_key: ClaimsKey,
    issuer: String,
    audience: Option<String>,
    lifetimes: Lifetimes,
    clock: Clock,
    revoked: RevokedSessions,
    verified: Cache<[u8; 32], Arc<VerifiedToken>>,
    session_check: SessionCheck,
    browser_token_size: BrowserTokenSize,
    refresh_key: RefreshTokenKey,
}

impl TokenService {
    /// Creates the service.
    #[must_use]
    pub fn new(
        keys: Keys,
        server_key: &ServerKey,
        config: &Config,
        clock: Clock,
        db: Db,
        sessions: &SessionService,
    ) -> Self {
        Self(Arc::new(Inner {
            keys,
            claims_key: ClaimsKey::new(server_key),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            lifetimes: sessions.lifetimes(),
            clock,
            revoked: sessions.revoked().clone(),
            verified: Cache::new(CACHED_TOKENS),
            // With a smaller cache than that of tokens, tokens that are used in turn would cause a query at each
            // request.
            session_check: SessionCheck::new(db, CACHED_TOKENS),
            browser_token_size: BrowserTokenSize::new(config),
            refresh_key: RefreshTokenKey::new(server_key),
        }))
    }

    /// The clock by which tokens are issued and verified.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The size of browsers' tokens.
    #[must_use]
    pub fn browser_token_size(&self) -> &BrowserTokenSize {
        &self.0.browser_token_size
    }

    /// The signing keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The key that authenticates the families of refresh tokens.
    #[must_use]
    pub fn refresh_key(&self) -> &RefreshTokenKey {
        &self.0.refresh_key
    }

    /// The key that signs at `now`. Choose it before the session is stored, because the session stores its `kid`.
    #[must_use]
    pub fn signer(&self, now: Moment) -> Signer {
        self.0.keys.signer(now)
    }

    /// Signs a token, valid from `now` to [`Lifetimes::access_token_expires_at`].
    ///
    /// # Errors
    /// If signing fails, which does not happen with a loaded key.
    pub fn issue(
        &self,
        signer: &Signer,
        grant: Grant<'_>,
        now: Moment,
    ) -> Result<IssuedToken, jsonwebtoken::errors::Error> {
        let session = grant.session;
        let expires_at = self.0.lifetimes.access_token_expires_at(session, now);
        let (sub, id, roles) = match grant.subject {
            Subject::User(user, roles) => (user.username.clone(), Some(user.id), roles.to_vec()),
            Subject::Client(client_id) => (client_id.to_owned(), None, Vec::new()),
        };
        let mut claims = Claims {
            iss: self.0.issuer.clone(),
            sub,
            id,
            iat: unix_seconds(now),
            exp: unix_seconds(expires_at),
            nbf: None,
            jti: random_id(),
            sid: session.id.clone(),
            holders: grant.holders.clone(),
            scope: grant.scope.to_string(),
            roles,
            client_id: client_id_claim(session.client_id.as_deref(), self.0.audience.as_deref()),
            aud: self.0.audience.clone(),
        };
        if self.0.keys.is_shared_secret() {
            claims.jti = self.0.claims_key.create_jti(&claims)?;
        }
        let key = signer.key();
        let typ = token_type(self.0.audience.as_deref());
        let header = Header { typ: Some(typ.to_owned()), kid: key.kid.clone(), ..Header::new(key.algorithm) };
        let token = jsonwebtoken::encode(&header, &claims, signer.encoding())?;
        Ok(IssuedToken { token, expires_in: claims.exp - claims.iat })
    }

    /// Verifies a token. For one that was seen before, only the signature check is skipped: its time, its key and its
    /// session are checked each time.
    pub async fn verify(&self, token: &str) -> Result<Arc<VerifiedToken>, TokenError> {
        let (verified, now) = (self.check_signature_cached(token)?, self.0.clock.now());
        verified.claims.check_time(now)?;
        self.check_key_and_session(&verified)?;
        if self.0.keys.is_shared_secret() {
            self.0.session_check.check_against_session(verified, now).await
        } else {
            Ok(verified)
        }
    }

    /// Verifies a token as its issuer, for introspection: with no leeway after `exp`, and with HS256 only if this
    /// server issued the token, because other holders of the secret can sign, too. The caller compares the claims with the database.
    pub fn verify_as_issuer(&self, token: &str) -> Result<Arc<VerifiedToken>, TokenError> {
        let verified = self.check_signature_cached(token)?;
        verified.claims.check_time_as_issuer(self.0.clock.now())?;
        self.check_key_and_session(&verified)?;
        if self.0.keys.is_shared_secret() {
            let claims = token.split('.').nth(1).and_then(from_base64url).ok_or(TokenError::Malformed)?;
            if !self.0.claims_key.is_issued_here(&claims, &verified.claims.jti) {
                return Err(TokenError::Signature);
            }
        }
        Ok(verified)
    }

    fn check_signature_cached(&self, token: &str) -> Result<Arc<VerifiedToken>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        // The key is the hash of the whole token with its signature: a cache with a shorter key could be poisoned.
        let digest = sha256(token.as_bytes());
        if let Some(verified) = self.0.verified.get(&digest) {
            return Ok(verified);
        }
        let verified = Arc::new(self.check_signature(token)?);
        self.0.verified.insert(digest, Arc::clone(&verified));
        Ok(verified)
    }

    /// Verifies a token, but not whether it was revoked: to end its session.
    pub fn verify_except_revocation(&self, token: &str) -> Result<Arc<VerifiedToken>, TokenError> {
        let verified = self.check_signature_cached(token)?;
        verified.claims.check_time(self.0.clock.now())?;
        self.check_key(&verified)?;
        Ok(verified)
    }

    fn check_key(&self, verified: &VerifiedToken) -> Result<(), TokenError> {
        self.0.keys.find(verified.kid.as_deref()).map(drop).ok_or(TokenError::Signature)
    }

    fn check_key_and_session(&self, verified: &VerifiedToken) -> Result<(), TokenError> {
        self.check_key(verified)?;
        if self.0.revoked.is_stale() {
            return Err(TokenError::RevocationsStale);
        }
        if self.0.revoked.contains(&verified.claims.sid, &verified.claims.holders) {
            return Err(TokenError::SessionEnded);
        }
        Ok(())
    }

    fn check_signature(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        let header = token.split('.').next().and_then(from_base64url).ok_or(TokenError::Malformed)?;
        let header: TokenHeader = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        let key = self.0.keys.find(header.kid.as_deref()).ok_or(TokenError::Signature)?;
        if header.alg != format!("{:?}", key.algorithm) || !is_token_type(&header.typ) {
            return Err(TokenError::Malformed);
        }
        let mut validation = Validation::new(key.algorithm);
        validation.required_spec_claims.clear();
        // Checked below: the audience here, the time at each use and by this service's clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::Signature,
                _ => TokenError::Malformed,
            })?
            .claims;
        claims.check_issuer_and_audience(&self.0.issuer, self.0.audience.as_deref())?;
        Ok(VerifiedToken { claims, kid: header.kid })
    }
}

/// The header of this server's tokens. Any other field (`jwk`, `jku`, `x5u`, `crit`) is an attempt to supply a key or a
/// rule, and the token is rejected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    typ: String,
    #[serde(default)]
    kid: Option<String>,
}
