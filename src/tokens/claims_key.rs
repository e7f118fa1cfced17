//! The key that authenticates the claims of HS256 tokens, because every resource server with the secret can sign any.

use std::collections::BTreeMap;

use serde_json::Value;

use super::claims::Claims;
use crate::secret::{DerivedKey, KeyPurpose, ServerKey, base64url, constant_time_eq, fill_random, from_base64url};

/// The random bytes of a token ID.
const RANDOM_BYTES: usize = 16;
/// The bytes of the HMAC in a token ID: half of HMAC-SHA256, the least that RFC 2104 §5 recommends.
const HMAC_BYTES: usize = 16;
const JTI: &str = "jti";

/// Creates token IDs that only this server can create, and recognizes them.
///
/// A token ID is 43 characters of base64url: random bytes, then an HMAC of them and of all other claims. Its key is
/// derived from the server key, which resource servers do not have.
pub(super) struct ClaimsKey(DerivedKey);

impl ClaimsKey {
    pub fn new(server_key: &ServerKey) -> Self {
        Self(server_key.derive(KeyPurpose::TokenClaims))
    }

    /// Creates the token ID of these claims. Their own `jti` is ignored.
    pub fn create_jti(&self, claims: &Claims) -> Result<String, serde_json::Error> {
        let mut random = [0; RANDOM_BYTES];
        fill_random(&mut random);
        let hmac = self.hmac(&random, &serde_json::to_vec(claims)?)?;
        Ok(base64url(&[random, hmac].concat()))
    }

    /// Whether this server issued exactly these claims, as JSON. Claims that this release does not know are included.
    pub fn is_issued_here(&self, claims_json: &[u8], jti: &str) -> bool {
        let Some(id) = from_base64url(jti).filter(|id| id.len() == RANDOM_BYTES + HMAC_BYTES) else { return false };
        let (random, presented) = id.split_at(RANDOM_BYTES);
        self.hmac(random, claims_json).is_ok_and(|expected| constant_time_eq(&expected, presented))
    }

    fn hmac(&self, random: &[u8], claims_json: &[u8]) -> Result<[u8; HMAC_BYTES], serde_json::Error> {
        // Sorted by name: the order in a token's JSON does not matter.
        let mut claims: BTreeMap<String, Value> = serde_json::from_slice(claims_json)?;
        claims.remove(JTI);
        let hmac = self.0.hmac(&[random, &serde_json::to_vec(&claims)?]);
        let mut half = [0; HMAC_BYTES];
        half.copy_from_slice(&hmac[..HMAC_BYTES]);
        Ok(half)
    }
}
