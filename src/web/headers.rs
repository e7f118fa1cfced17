//! Default response headers and content security policies.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue};
use actix_web::middleware::DefaultHeaders;

use super::WebConfig;
use super::return_to::ReturnTo;

/// Policy of pages: only this server's stylesheet and images, forms that post only to it, no framing.
pub const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Policy of the few pages with a script.
pub const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Middleware that adds the default headers; a route's own header takes precedence.
#[must_use]
pub fn defaults(config: &WebConfig) -> DefaultHeaders {
    list(config.public_url.is_https()).fold(DefaultHeaders::new(), DefaultHeaders::add)
}

/// The default headers.
pub(super) fn list(is_https: bool) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let headers = [
        ("content-security-policy", PAGE_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ("cache-control", "no-store"),
    ];
    let hsts = is_https.then_some(("strict-transport-security", "max-age=31536000"));
    let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    headers.into_iter().chain(hsts).map(pair)
}

/// Allows a page's form to redirect to the application in `next`: browsers apply `form-action` to the redirects after a
/// form post.
pub fn allow_form_redirect(response: &mut HttpResponse, next: &ReturnTo) {
    let Some(origin) = next.origin() else { return };
    let policy = response.headers().get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let policy = policy.unwrap_or(PAGE_POLICY).replace("form-action 'self'", &format!("form-action 'self' {origin}"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
}
