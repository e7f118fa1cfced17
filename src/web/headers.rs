//! The headers that every answer carries, unless its route says otherwise.
//! What may not live here: headers of one route.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::middleware::DefaultHeaders;

use super::WebConfig;
use super::return_to::ReturnTo;

/// Nothing but our own stylesheet and pictures; forms go only to us; nobody frames us.
pub const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for the few pages that have a script of ours.
pub const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The middleware that adds them.
#[must_use]
pub fn defaults(config: &WebConfig) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add(("Content-Security-Policy", PAGE_POLICY))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "same-origin"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"))
        .add(("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"))
        .add(("Cache-Control", "no-store"));
    if config.public_url.is_https() { headers.add(("Strict-Transport-Security", "max-age=31536000")) } else { headers }
}

/// Lets a page's form end at the application that `next` leads to: browsers hold `form-action` against every redirect that follows a
/// form post.
pub fn allow_form_to_lead_to(response: &mut HttpResponse, next: &ReturnTo) {
    let Some(origin) = next.origin() else { return };
    let policy = PAGE_POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
}
