//! The size of a browser's access token, which a cookie limits.

use jsonwebtoken::{Algorithm, Header};

use super::claims::{Claims, client_id_claim, token_type};
use crate::config::{Config, KeyAlgorithm, Signing};
use crate::sessions::Holders;
use crate::users::UserId;

/// The most bytes of a token that fit into a cookie: browsers drop one of more than 4,096 bytes with its name
/// (RFC 6265 §6.1) without an error.
pub const MAX_BROWSER_TOKEN_BYTES: usize = 4_096 - LONGEST_COOKIE_NAME.len();
/// The longest name of the token cookie.
pub const LONGEST_COOKIE_NAME: &str = "__Secure-vestibule_token";
/// The length of a `kid`, the thumbprint of a key (RFC 7638) in base64url.
const KID_LENGTH: usize = 43;
/// The length of a `sid`, a holder ID and, except with HS256, a `jti`.
const ID_LENGTH: usize = 22;
/// The length of a `jti` with HS256, which authenticates the other claims.
const HS256_JTI_LENGTH: usize = 43;

/// Computes the size of the token of a browser session.
#[derive(Clone, Debug)]
pub struct BrowserTokenSize {
    issuer: String,
    audience: Option<String>,
    algorithm: Algorithm,
    /// The bytes of a signature before base64url.
    signature_bytes: usize,
}

impl BrowserTokenSize {
    /// Takes the settings that determine it.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (algorithm, signature_bytes) = match config.signing {
            Signing::Hs256(_) => (Algorithm::HS256, 32),
            Signing::KeyPair(KeyAlgorithm::Es256) => (Algorithm::ES256, 64),
            Signing::KeyPair(KeyAlgorithm::EdDsa) => (Algorithm::EdDSA, 64),
            Signing::KeyPair(KeyAlgorithm::Rs256) => (Algorithm::RS256, 384),
        };
        Self { issuer: config.issuer.clone(), audience: config.audience.clone(), algorithm, signature_bytes }
    }

    /// The bytes of a token for this user with these roles, in the first nine generations of its holder. Later ones need
    /// a few bytes more.
    #[must_use]
    pub fn bytes(&self, username: &str, id: UserId, roles: &[String]) -> usize {
        const SECONDS: i64 = 9_999_999_999;
        let is_shared_secret = self.algorithm == Algorithm::HS256;
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: username.to_owned(),
            id: Some(id),
            iat: SECONDS,
            exp: SECONDS,
            nbf: None,
            jti: "x".repeat(if is_shared_secret { HS256_JTI_LENGTH } else { ID_LENGTH }),
            sid: "x".repeat(ID_LENGTH),
            holders: Holders::from_iter([("x".repeat(ID_LENGTH), 0)]),
            // A browser session has none.
            scope: String::new(),
            roles: roles.to_vec(),
            client_id: client_id_claim(None, self.audience.as_deref()),
            aud: self.audience.clone(),
        };
        let header = Header {
            typ: Some(token_type(self.audience.as_deref()).to_owned()),
            kid: (!is_shared_secret).then(|| "x".repeat(KID_LENGTH)),
            ..Header::new(self.algorithm)
        };
        let json = [serde_json::to_vec(&header), serde_json::to_vec(&claims)];
        let json = json.map(|json| json.expect("strings and integers serialize to JSON").len());
        // Three parts in base64url without padding, with two dots (RFC 7515 §7.1).
        [json[0], json[1], self.signature_bytes].map(|bytes| (bytes * 4).div_ceil(3)).iter().sum::<usize>() + 2
    }

    /// Whether a token for this user with these roles fits into a cookie.
    #[must_use]
    pub fn fits(&self, username: &str, id: UserId, roles: &[String]) -> bool {
        self.bytes(username, id, roles) <= MAX_BROWSER_TOKEN_BYTES
    }
}
