//! A token's header, the key that it names, and its signature. What may not live here: what the token says (`claims.rs`).

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::{Look, Verdict, text_of};
use crate::clock::unix_seconds;
use crate::config::{KeyAlgorithm, Signing};
use crate::tokens::inspect::{self, from_now, plain};

impl Look<'_> {
    fn alg(&self) -> String {
        plain(text_of(self.unchecked, "alg").unwrap_or_default())
    }

    pub(super) fn header(&self) -> Verdict {
        let more: Vec<String> = self
            .unchecked
            .header
            .keys()
            .filter(|name| !["alg", "typ", "kid"].contains(&name.as_str()))
            .map(|name| plain(name))
            .collect();
        if !more.is_empty() {
            let more = more.join(", ");
            return Err(format!(
                "contains {more}, which tokens of this server never do: the token was issued elsewhere or forged"
            ));
        }
        let expected = if self.is_shared() { "JWT" } else { "at+jwt" };
        match text_of(self.unchecked, "typ") {
            Some(typ) if typ == expected => Ok(format!("typ {typ}, alg {}", self.alg())),
            typ => Err(format!(
                "typ is {}, but access tokens of this server have {expected}: it may be an ID token, or from another server. Pass the access_token",
                typ.map_or_else(|| "missing".to_owned(), plain)
            )),
        }
    }

    /// The key to check the signature with.
    pub(super) fn key(&self) -> Result<((DecodingKey, Algorithm), String), String> {
        let (alg, kid) = (self.alg(), self.unchecked.header.get("kid").map(inspect::shown));
        if alg.is_empty() || alg.eq_ignore_ascii_case("none") {
            return Err(
                "the token is not signed, so anyone could have written it: request a token from /token".to_owned()
            );
        }
        match (&self.config.signing, kid) {
            (Signing::Hs256(secret), None) if alg == "HS256" => {
                Ok(((DecodingKey::from_secret(secret), Algorithm::HS256), "HS256 with JWT_SECRET".to_owned()))
            }
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
            (Signing::KeyPair(_), Some(kid)) => self.known_key(&alg, &kid),
        }
    }

    fn known_key(&self, alg: &str, kid: &str) -> Result<((DecodingKey, Algorithm), String), String> {
        let Some(key) = &self.facts.key else {
            return Err(format!(
                "key {kid} not found: the token is from another server, or DATABASE_URL is not the server's database"
            ));
        };
        if let Some(retired_at) = key.retired_at.filter(|retired_at| *retired_at <= self.now) {
            let ago = from_now(unix_seconds(retired_at), self.now);
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
        Ok(((decoding, algorithm), format!("{alg} with key {kid}")))
    }

    pub(super) fn signature(&self, (key, algorithm): &(DecodingKey, Algorithm)) -> Verdict {
        let mut validation = Validation::new(*algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        match jsonwebtoken::decode::<Value>(self.token, key, &validation) {
            Ok(_) => Ok("matches".to_owned()),
            Err(_) if self.is_shared() => Err(
                "does not match: the token was signed with a different JWT_SECRET, or modified in transit. Compare the secrets, or request a new token".to_owned(),
            ),
            Err(_) => Err("does not match: the token was modified in transit, or forged. Request a new one".to_owned()),
        }
    }
}
