//! Whether a form post comes from a page of ours: what the browser vouches for, and the token in the form.
//! What may not live here: what a door does with a refusal.

use actix_web::HttpRequest;
use url::Url;

use super::session::CsrfSeed;
use crate::secret::{base64url, constant_time_eq, fill_random, from_base64url};

/// What the browser itself says of where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// From a page of this origin.
    SameOrigin,
    /// From somewhere else: to be refused whatever token it has.
    CrossSite,
    /// It says only that it does not say (`Origin: null`), as for a frame without an origin of its own; the token must fit.
    OpaqueOrigin,
    /// It does not say; the token must fit.
    Unknown,
}

/// Reads `Sec-Fetch-Site`, which scripts cannot set, and else `Origin`.
#[must_use]
pub fn provenance(request: &HttpRequest) -> Provenance {
    match super::header(request, "sec-fetch-site") {
        Some("same-origin") => return Provenance::SameOrigin,
        Some("cross-site" | "same-site") => return Provenance::CrossSite,
        _ => {}
    }
    let Some(origin) = super::header(request, "origin") else { return Provenance::Unknown };
    if origin == "null" {
        return Provenance::OpaqueOrigin;
    }
    let Ok(origin) = Url::parse(origin) else { return Provenance::CrossSite };
    let config = super::config(request);
    // The pages work under any host name that reaches us, so that Origin is held against Host; behind a proxy that writes
    // another Host, against the public URL.
    let is_host = super::header(request, "host").is_some_and(|host| {
        Url::parse(&format!("{}://{host}", origin.scheme())).is_ok_and(|host| host.origin() == origin.origin())
    });
    let is_public = origin.origin().ascii_serialization() == config.public_url.as_str();
    if is_host || is_public { Provenance::SameOrigin } else { Provenance::CrossSite }
}

/// A token for a form: the seed under a fresh mask, so that a compressed page does not leak it byte by byte (BREACH).
/// 86 characters of base64url.
#[must_use]
pub fn token(seed: &CsrfSeed) -> String {
    let mut token = [0; 64];
    let (mask, masked) = token.split_at_mut(32);
    fill_random(mask);
    for (at, byte) in masked.iter_mut().enumerate() {
        *byte = mask[at] ^ seed[at];
    }
    base64url(&token)
}

/// Whether a form's token was made from this browser's seed.
#[must_use]
pub fn fits(seed: &CsrfSeed, token: &str) -> bool {
    let Some(token) = from_base64url(token).filter(|token| token.len() == 64) else { return false };
    let (mask, masked) = token.split_at(32);
    let unmasked: Vec<u8> = mask.iter().zip(masked).map(|(left, right)| left ^ right).collect();
    constant_time_eq(&unmasked, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_own_seed_only_and_is_new_each_time() {
        let seed = [7; 32];
        let made = token(&seed);
        assert_ne!(made, token(&seed));
        assert!(fits(&seed, &made));
        assert!(!fits(&[8; 32], &made));
        assert!(!fits(&seed, "") && !fits(&seed, &made[1..]));
    }
}
