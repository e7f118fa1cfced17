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
                "it holds {more}, which our tokens never do: it was made elsewhere, perhaps to attack"
            ));
        }
        let expected = if self.is_shared() { "JWT" } else { "at+jwt" };
        match text_of(self.unchecked, "typ") {
            Some(typ) if typ == expected => Ok(format!("typ {typ}, alg {}", self.alg())),
            typ => Err(format!(
                "its typ is {}, and an access token of this server has {expected}: is it an ID token, or from another server?",
                typ.map_or_else(|| "missing".to_owned(), plain)
            )),
        }
    }

    /// The key to check the signature with.
    pub(super) fn key(&self) -> Result<((DecodingKey, Algorithm), String), String> {
        let (alg, kid) = (self.alg(), self.unchecked.header.get("kid").map(inspect::shown));
        if alg.is_empty() || alg.eq_ignore_ascii_case("none") {
            return Err("it is not signed, and anybody could have written it: ask for a token at /token".to_owned());
        }
        match (&self.config.signing, kid) {
            (Signing::Hs256(secret), None) if alg == "HS256" => {
                Ok(((DecodingKey::from_secret(secret), Algorithm::HS256), "HS256 with JWT_SECRET".to_owned()))
            }
            (Signing::Hs256(_), _) => Err(format!(
                "it is signed with {alg}, and JWT_SECRET is set here, so that only HS256 is taken: ask for a new token, or run this with the settings of the server that made it"
            )),
            (Signing::KeyPair(_), _) if alg == "HS256" => Err(
                "it is signed with HS256, and no JWT_SECRET is set here: run this with the settings of the server that made it".to_owned(),
            ),
            (Signing::KeyPair(_), None) => {
                Err("it names no key (kid), and tokens of this server do: it comes from another server".to_owned())
            }
            (Signing::KeyPair(_), Some(kid)) => self.known_key(&alg, &kid),
        }
    }

    fn known_key(&self, alg: &str, kid: &str) -> Result<((DecodingKey, Algorithm), String), String> {
        let Some(key) = &self.facts.key else {
            return Err(format!(
                "its key {kid} is unknown here: the token comes from another server, or DATABASE_URL names another database than the server's"
            ));
        };
        if let Some(retired_at) = key.retired_at.filter(|retired_at| *retired_at <= self.now) {
            let ago = from_now(unix_seconds(retired_at), self.now);
            return Err(format!(
                "its key {kid} was retired {ago}, and its tokens with it: refresh it, or sign in again"
            ));
        }
        let algorithm = match KeyAlgorithm::from_name(&key.algorithm) {
            Some(KeyAlgorithm::Es256) => Algorithm::ES256,
            Some(KeyAlgorithm::EdDsa) => Algorithm::EdDSA,
            Some(KeyAlgorithm::Rs256) => Algorithm::RS256,
            None => {
                return Err(format!(
                    "its key {kid} is of a kind that this release does not know: use the server's release"
                ));
            }
        };
        if alg != key.algorithm {
            return Err(format!(
                "it says {alg}, and its key {kid} signs with {}: it was forged or changed",
                key.algorithm
            ));
        }
        let decoding =
            serde_json::from_str::<Jwk>(&key.public_jwk).ok().and_then(|jwk| DecodingKey::from_jwk(&jwk).ok());
        let decoding = decoding.ok_or_else(|| {
            format!(
                "the public half of its key {kid} in the database cannot be read: put the database back from a backup"
            )
        })?;
        Ok(((decoding, algorithm), format!("{alg} with the key {kid}")))
    }

    pub(super) fn signature(&self, (key, algorithm): &(DecodingKey, Algorithm)) -> Verdict {
        let mut validation = Validation::new(*algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        match jsonwebtoken::decode::<Value>(self.token, key, &validation) {
            Ok(_) => Ok("it fits".to_owned()),
            Err(_) if self.is_shared() => Err(
                "it does not fit: JWT_SECRET here is another than the one it was signed with, or the token was changed on its way. Compare the secrets, or ask for a new token".to_owned(),
            ),
            Err(_) => Err("it does not fit: the token was changed on its way, or forged. Ask for a new one".to_owned()),
        }
    }
}
