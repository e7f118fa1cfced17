//! Protection against cross-site request forgery.

use actix_web::HttpRequest;
use url::Url;

use super::client_ip;
use super::session::CsrfSeed;
use crate::secret::{base64url, constant_time_eq, fill_random, from_base64url};

/// The origin of a request as the browser reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// A page of this server.
    SameOrigin,
    /// Another site. Rejected even with a valid token.
    CrossSite,
    /// `Origin: null`, as sent by a sandboxed frame. The token must be valid.
    OpaqueOrigin,
    /// Not reported. The token must be valid.
    Unknown,
}

/// Reads `Sec-Fetch-Site`, which scripts cannot set; `Origin` if it is absent.
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
    let is_public = origin.origin().ascii_serialization() == super::config(request).public_url.as_str();
    if is_public || is_own(request, &origin, client_ip::scheme(request)) {
        Provenance::SameOrigin
    } else {
        Provenance::CrossSite
    }
}

/// Whether a page of this server that was opened over http, where browsers keep no `Secure` cookie, sent the request.
#[must_use]
pub fn is_own_page_over_http(request: &HttpRequest) -> bool {
    let origin = super::header(request, "origin").and_then(|origin| Url::parse(origin).ok());
    let is_unreported = super::config(request).public_url.is_https() && !client_ip::is_https(request);
    is_unreported && origin.is_some_and(|origin| is_own(request, &origin, "http"))
}

/// Whether an origin is this server's at the host name of the request: the pages work under any. Scheme, host and port
/// must be the same (RFC 6454 §5): somebody on the network can replace a page that is loaded over http.
fn is_own(request: &HttpRequest, origin: &Url, scheme: &str) -> bool {
    super::header(request, "host").is_some_and(|host| {
        Url::parse(&format!("{scheme}://{host}")).is_ok_and(|host| host.origin() == origin.origin())
    })
}

/// Creates a form token of 86 base64url characters: the seed under a fresh mask, so a compressed page does not leak it
/// byte by byte (BREACH).
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

/// Whether a form token was created from this seed.
#[must_use]
pub fn is_valid_token(seed: &CsrfSeed, token: &str) -> bool {
    let Some(token) = from_base64url(token).filter(|token| token.len() == 64) else { return false };
    let (mask, masked) = token.split_at(32);
    let unmasked: Vec<u8> = mask.iter().zip(masked).map(|(left, right)| left ^ right).collect();
    constant_time_eq(&unmasked, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_valid_for_its_seed_only_and_differs_each_time() {
        let seed = [7; 32];
        let first = token(&seed);
        assert_ne!(first, token(&seed));
        assert!(is_valid_token(&seed, &first));
        assert!(!is_valid_token(&[8; 32], &first));
        assert!(!is_valid_token(&seed, "") && !is_valid_token(&seed, &first[1..]));
    }
}
