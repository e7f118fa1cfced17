//! The checks of a token's header, key and signature.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::{CheckResult, TokenChecks, header_text};
use crate::clock::unix_seconds;
use crate::config::{KeyAlgorithm, Signing};
use crate::tokens::claims::is_token_type;
use crate::tokens::display::{escape_hidden, relative_time, value_text};

/// The key to check a signature with.
pub(super) struct SignatureKey {
    decoding: DecodingKey,
    algorithm: Algorithm,
    /// The algorithm and the key's name.
    pub description: String,
}

impl TokenChecks<'_> {
    fn alg(&self) -> String {
        escape_hidden(header_text(self.decoded, "alg").unwrap_or_default())
    }

    pub(super) fn header(&self) -> CheckResult {
        let unexpected: Vec<String> = self
            .decoded
            .header
            .keys()
            .filter(|name| !["alg", "typ", "kid"].contains(&name.as_str()))
            .map(|name| escape_hidden(name))
            .collect();
        if !unexpected.is_empty() {
            let unexpected = unexpected.join(", ");
            return Err(format!(
                "contains {unexpected}, which tokens of this server never do: the token was issued elsewhere or forged"
            ));
        }
        match header_text(self.decoded, "typ") {
            Some(typ) if is_token_type(typ) => Ok(format!("typ {typ}, alg {}", self.alg())),
            typ => Err(format!(
                "typ is {}, but access tokens of this server have at+jwt or JWT: it may be an ID token, or from another server. Pass the access_token",
                typ.map_or_else(|| "missing".to_owned(), escape_hidden)
            )),
        }
    }

    /// Returns the key to check the signature with.
    pub(super) fn key(&self) -> Result<SignatureKey, String> {
        let (alg, kid) = (self.alg(), self.decoded.header.get("kid").map(value_text));
        if alg.is_empty() || alg.eq_ignore_ascii_case("none") {
            return Err(
                "the token is not signed, so anyone could have written it: request a token from /token".to_owned()
            );
        }
        match (&self.config.signing, kid) {
            (Signing::Hs256(secret), None) if alg == "HS256" => Ok(SignatureKey {
                decoding: DecodingKey::from_secret(secret),
                algorithm: Algorithm::HS256,
                description: "HS256 with JWT_SECRET".to_owned(),
            }),
            (Signing::Hs256(_), _) => Err(format!(
                "signed with {alg}, but only HS256 is accepted because JWT_SECRET is set: request a new token, or use the settings of the server that issued it"
            )),
            (Signing::KeyPair(_), _) if alg == "HS256" => {
                Err("signed with HS256, but JWT_SECRET is not set: use the settings of the server that issued it"
                    .to_owned())
            }
            (Signing::KeyPair(_), None) => {
                Err("no key ID (kid), which tokens of this server have: the token is from another server".to_owned())
            }
            (Signing::KeyPair(_), Some(kid)) => self.stored_key(&alg, &kid),
        }
    }

    fn stored_key(&self, alg: &str, kid: &str) -> Result<SignatureKey, String> {
        let Some(key) = &self.records.key else {
            return Err(format!(
                "key {kid} not found: the token is from another server, or DATABASE_URL is not the server's database"
            ));
        };
        if let Some(retired_at) = key.retired_at.filter(|retired_at| *retired_at <= self.now) {
            let ago = relative_time(unix_seconds(retired_at), self.now);
            return Err(format!(
                "key {kid} was retired {ago}, which invalidated its tokens: refresh the token, or sign in again"
            ));
        }
        let algorithm = match KeyAlgorithm::from_name(&key.algorithm) {
            Some(KeyAlgorithm::Es256) => Algorithm::ES256,
            Some(KeyAlgorithm::EdDsa) => Algorithm::EdDSA,
            Some(KeyAlgorithm::Rs256) => Algorithm::RS256,
            None => {
                return Err(format!(
                    "key {kid} has an algorithm that this release does not support: use the server's release"
                ));
            }
        };
        if alg != key.algorithm {
            return Err(format!(
                "alg is {alg}, but key {kid} signs with {}: the token was forged or modified. Request a new one",
                key.algorithm
            ));
        }
        let decoding =
            serde_json::from_str::<Jwk>(&key.public_jwk).ok().and_then(|jwk| DecodingKey::from_jwk(&jwk).ok());
        let decoding = decoding.ok_or_else(|| {
            format!("the public key {kid} in the database cannot be read: restore the database from a backup")
        })?;
        Ok(SignatureKey { decoding, algorithm, description: format!("{alg} with key {kid}") })
    }

    pub(super) fn signature(&self, key: &SignatureKey) -> CheckResult {
        let mut validation = Validation::new(key.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        match jsonwebtoken::decode::<Value>(self.token, &key.decoding, &validation) {
            Ok(_) => Ok("matches".to_owned()),
            Err(_) if self.is_shared_secret() => Err(
                "does not match: the token was signed with a different JWT_SECRET, or modified in transit. Compare the secrets, or request a new token".to_owned(),
            ),
            Err(_) => Err("does not match: the token was modified in transit, or forged. Request a new one".to_owned()),
        }
    }
}
