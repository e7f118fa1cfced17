//! The response to a successful sign-in.

use actix_web::{HttpRequest, HttpResponse};

use crate::authentication::SignedIn;
use crate::clock::Clock;
use crate::sessions::{self, SessionService};
use crate::web::cookies::{self, CookieName};
use crate::web::pages::see_other;
use crate::web::session::BrowserSession;
use crate::web::{config, service};

/// Builds the response to a successful sign-in: cookies and a redirect to `address`.
pub(super) fn signed_in_response(
    request: &HttpRequest,
    session: &BrowserSession,
    signed_in: &SignedIn,
    address: &str,
) -> HttpResponse {
    let config = config(request);
    let mut response = see_other(address);
    // Cookies from before COOKIE_DOMAIN was set would hide the new ones.
    for name in [CookieName::Token, CookieName::Proxy] {
        cookies::remove_host_variant(request, &mut response, name);
    }
    let (lifetimes, now) = (service::<SessionService>(request).lifetimes(), service::<Clock>(request).now());
    let max_age_seconds = lifetimes.cookie_max_age_seconds(&signed_in.session, now);
    if let Some(secret) = &signed_in.session_secret {
        session.sign_in(secret, max_age_seconds);
    }
    cookies::set_token(&mut response, config, &signed_in.token, signed_in.user.id);
    if let Some(secret) = &signed_in.session_secret {
        cookies::set_proxy(&mut response, config, &sessions::proxy_secret(secret), max_age_seconds);
    }
    if let Some(device) = &signed_in.device {
        cookies::set_device(&mut response, config, device);
    }
    response
}
