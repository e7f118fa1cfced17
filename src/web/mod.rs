//! HTTP plumbing shared by the pages and the API endpoints.

pub mod assets;
pub mod background;
pub mod bearer;
pub mod body;
pub mod brand;
pub mod client_ip;
pub mod compression;
pub mod cookies;
pub mod csrf;
pub mod current_user;
pub mod error_page;
pub mod event_rows;
pub mod form;
pub mod form_post;
pub mod headers;
pub mod language;
pub mod language_switch;
pub mod link_form;
pub mod new_account;
pub mod new_password;
pub mod notice;
pub mod one_time_link;
pub mod pages;
pub mod panics;
pub mod renewal;
pub mod request_cookies;
pub mod return_to;
pub mod session;
pub mod session_cookies;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::HttpServiceFactory;
use actix_web::guard;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpRequest, Resource, Route};
use ipnet::IpNet;

use self::brand::Brand;
use self::cookies::CookieName;
use crate::audit::ClientInfo;
use crate::authentication::AttemptOrigin;
use crate::config::{Config, CookieDomain, RegistrationMode, WebOrigin};
use crate::secret::{KeyPurpose, PlainSecret, ServerKey};
use crate::sessions;

/// The settings that the HTTP plumbing needs.
#[derive(Clone)]
pub struct WebConfig {
    /// The public origin of the server.
    pub public_url: WebOrigin,
    /// Proxies whose `X-Forwarded-*` headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The domain whose applications receive the shared cookies.
    pub cookie_domain: Option<CookieDomain>,
    /// The cookie names.
    pub cookie_names: cookies::CookieNames,
    /// The key that encrypts cookies.
    pub cookie_key: actix_web::cookie::Key,
    /// The contents of session cookies that were decrypted before.
    pub session_cookies: session_cookies::SessionCookies,
    /// Whether anyone can create an account.
    pub is_registration_open: bool,
    /// The name and look of the pages.
    pub brand: Arc<Brand>,
}

impl WebConfig {
    /// Takes the settings; derives the cookie key from the server key.
    #[must_use]
    pub fn new(config: &Config, server_key: &ServerKey) -> Self {
        Self {
            public_url: config.public_url.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            cookie_domain: config.cookie_domain.clone(),
            cookie_names: cookies::CookieNames::new(config.public_url.is_https(), config.cookie_domain.is_some()),
            is_registration_open: config.registration == RegistrationMode::Open,
            session_cookies: session_cookies::SessionCookies::default(),
            cookie_key: actix_web::cookie::Key::from(server_key.derive(KeyPurpose::Cookies).bytes()),
            brand: Arc::new(Brand::new(config)),
        }
    }
}

/// A route for GET and HEAD, which has the same response without a body (RFC 9110 §9.3.2).
#[must_use]
pub fn get() -> Route {
    actix_web::web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The route of a resource's other methods: 405 with `allow` in the Allow header (RFC 9110 §15.5.6).
#[must_use]
pub fn other_methods(allow: &'static str) -> Route {
    actix_web::web::to(move || async move { Err::<String, _>(crate::error::AppError::method_not_allowed(allow)) })
}

/// A resource with a page that has a browser session: its other methods, the session and the error page.
pub fn page_resource(resource: Resource, allow: &'static str, config: &WebConfig) -> impl HttpServiceFactory + 'static {
    resource
        .default_service(other_methods(allow))
        .wrap(from_fn(session_cookies::middleware))
        .wrap(session::middleware(config))
        .wrap(from_fn(session::keep_cookie))
        .wrap(from_fn(error_page::middleware))
}

/// Wraps an extractor's result in a ready future.
pub(crate) fn extracted<T>(result: Result<T, crate::error::AppError>) -> Ready<Result<T, crate::error::AppError>> {
    ready(result)
}

/// The settings of the HTTP plumbing.
pub(crate) fn config(request: &HttpRequest) -> &WebConfig {
    service::<WebConfig>(request)
}

/// A service that `server.rs` registered, for extractors; handlers name theirs as parameters.
pub(crate) fn service<T: 'static>(request: &HttpRequest) -> &Data<T> {
    request.app_data().expect("server.rs registers every service")
}

/// The origin of a sign-in attempt.
#[must_use]
pub fn attempt_origin(request: &HttpRequest, language: Option<&'static str>) -> AttemptOrigin {
    AttemptOrigin {
        client_ip: client_ip::ClientIp::of(request).0,
        user_agent: user_agent(request),
        device: cookies::find(request, CookieName::Device).and_then(|text| PlainSecret::parse(&text)),
        language,
    }
}

/// A header's value; `None` when it is absent, repeated or not visible ASCII.
pub(crate) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut values = request.headers().get_all(name);
    let value = visible_ascii(values.next()?);
    if values.next().is_some() { None } else { value }
}

/// [`HeaderValue::to_str`] of several bytes at a time: an access token has hundreds of them. A value has no control
/// characters but tabs.
pub(crate) fn visible_ascii(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii())
}

/// The `User-Agent`, cut to 256 characters, for the list of sessions.
#[must_use]
pub fn user_agent(request: &HttpRequest) -> Option<String> {
    let text = header(request, "user-agent")?;
    Some(text.chars().take(256).collect())
}

/// Network address and device of a request, for the account's events.
#[must_use]
pub fn client_info(request: &HttpRequest) -> ClientInfo {
    ClientInfo {
        network_address: Some(client_ip::ClientIp::of(request).0.to_canonical().to_string()),
        device: user_agent(request).as_deref().and_then(sessions::device_label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_ascii_is_what_a_header_value_says() {
        for byte in 0..=u8::MAX {
            if let Ok(value) = HeaderValue::from_bytes(&[b'a', byte, b'z']) {
                assert_eq!(visible_ascii(&value), value.to_str().ok(), "{byte:#x}");
            }
        }
    }
}
