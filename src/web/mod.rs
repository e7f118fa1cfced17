//! Shared HTTP plumbing of both doors: what is read from a request and put on a response.
//! `body.rs` and `form.rs` read parameters, `form_post.rs` says which form posts are acted on, `bearer.rs`, `current_user.rs` and `client_ip.rs` say who asks, `session.rs`, `csrf.rs`,
//! `cookies.rs` and `renewal.rs` keep a browser's state, `next.rs` where it returns to, `new_account.rs` and `new_password.rs` the fields for a new account and password, `one_time_link.rs` how a link is answered, `link_form.rs` the forms behind it, `asking.rs` what strangers may ask for, `notice.rs` what it is told, `language.rs` and `brand.rs` in which
//! words and under whose name, `pages.rs`, `error_page.rs`, `assets.rs` and `headers.rs` what it
//! gets, and `compression.rs` in how many bytes. What may not live here: a route of a capability.

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
pub mod form;
pub mod form_post;
pub mod headers;
pub mod language;
pub mod link_form;
pub mod new_account;
pub mod new_password;
pub mod notice;
pub mod one_time_link;
pub mod pages;
pub mod renewal;
pub mod return_to;
pub mod session;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::guard;
use actix_web::web::Data;
use actix_web::{HttpRequest, Route};
use ipnet::IpNet;

use self::brand::Brand;
use crate::audit::ClientInfo;
use crate::authentication::AttemptOrigin;
use crate::config::{Config, CookieDomain, RegistrationMode, WebOrigin};
use crate::secret::{PlainSecret, Purpose, ServerKey};
use crate::sessions;

/// What the plumbing needs of the settings; in every application's data.
#[derive(Clone)]
pub struct WebConfig {
    /// The origin under which people reach the server.
    pub public_url: WebOrigin,
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// The domain whose applications get the shared cookies.
    pub cookie_domain: Option<CookieDomain>,
    /// What our cookies are called.
    pub cookie_names: cookies::Names,
    /// Encrypts cookies.
    pub cookie_key: actix_web::cookie::Key,
    /// Whether anybody can make an account.
    pub is_registration_open: bool,
    /// Under whose name pages appear.
    pub brand: Arc<Brand>,
}

impl WebConfig {
    /// From the settings and the server's key.
    #[must_use]
    pub fn new(config: &Config, server_key: &ServerKey) -> Self {
        Self {
            public_url: config.public_url.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            cookie_domain: config.cookie_domain.clone(),
            cookie_names: cookies::Names::new(config.public_url.is_https(), config.cookie_domain.is_some()),
            is_registration_open: config.registration == RegistrationMode::Open,
            cookie_key: actix_web::cookie::Key::from(server_key.derive(Purpose::Cookies).bytes()),
            brand: Arc::new(Brand::new(config)),
        }
    }
}

/// A route for GET, and for HEAD, which answers the same without a body (RFC 9110 §9.3.2).
#[must_use]
pub fn get() -> Route {
    actix_web::web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// An extractor's answer that is ready at once.
pub(crate) fn extracted<T>(result: Result<T, crate::error::AppError>) -> Ready<Result<T, crate::error::AppError>> {
    ready(result)
}

/// The settings of the HTTP plumbing.
pub(crate) fn config(request: &HttpRequest) -> &WebConfig {
    service::<WebConfig>(request)
}

/// A service that `server.rs` registered, for extractors; handlers name theirs as parameters.
///
/// # Panics
/// When it is not registered, which `server.rs` rules out.
pub(crate) fn service<T: 'static>(request: &HttpRequest) -> &Data<T> {
    request.app_data().expect("server.rs registers every service")
}

/// Where a sign-in attempt of this browser comes from.
#[must_use]
pub fn attempt_origin(request: &HttpRequest, language: Option<&'static str>) -> AttemptOrigin {
    AttemptOrigin {
        client_ip: client_ip::ClientIp::of(request).0,
        user_agent: user_agent(request),
        device: cookies::find(request, cookies::Name::Device).and_then(|text| PlainSecret::parse(&text)),
        language,
    }
}

/// A header's text; `None` when it is absent, repeated or not visible ASCII.
pub(crate) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut values = request.headers().get_all(name);
    let value = values.next()?.to_str().ok();
    if values.next().is_some() { None } else { value }
}

/// What the client says it is, cut to 256 bytes, for the list of sessions.
#[must_use]
pub fn user_agent(request: &HttpRequest) -> Option<String> {
    let text = header(request, "user-agent")?;
    Some(text.chars().take(256).collect())
}

/// From where a request comes, for the list of what happened to an account.
#[must_use]
pub fn client_info(request: &HttpRequest) -> ClientInfo {
    ClientInfo {
        network_address: Some(client_ip::ClientIp::of(request).0.to_canonical().to_string()),
        device: user_agent(request).as_deref().and_then(sessions::device_label),
    }
}
