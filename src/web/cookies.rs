//! The cookies beside the session's own: the access token, the known device, the one-time link being answered. All `HttpOnly`,
//! `SameSite=Lax`, `Path=/`, and on https `Secure` with the `__Host-` prefix. What may not live here: what they let anybody do.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use super::WebConfig;
use crate::error::AppError;
use crate::secret::PlainSecret;

/// Browsers drop a longer one without a word, and the person would be signed out as by magic.
const MAX_BYTES: usize = 4_096;
const DEVICE_DAYS: i64 = 90;
const LINK_MINUTES: i64 = 15;

/// Which cookie.
#[derive(Clone, Copy, Debug)]
pub enum Name {
    /// actix-session's: the session's secret and the CSRF seed, encrypted.
    Session,
    /// The access token; it authenticates `GET /me` and nothing else here.
    Token,
    /// A browser that the account signed in from before.
    Device,
    /// The secret of a one-time link, encrypted, between its GET and its POST.
    Link,
}

impl Name {
    /// The name that the browser sees.
    #[must_use]
    pub fn text(self, is_https: bool) -> &'static str {
        match (self, is_https) {
            (Self::Session, true) => "__Host-vestibule_session",
            (Self::Session, false) => "vestibule_session",
            (Self::Token, true) => "__Host-vestibule_token",
            (Self::Token, false) => "vestibule_token",
            (Self::Device, true) => "__Host-vestibule_device",
            (Self::Device, false) => "vestibule_device",
            (Self::Link, true) => "__Host-vestibule_link",
            (Self::Link, false) => "vestibule_link",
        }
    }
}

/// The value of a cookie that came with a request.
#[must_use]
pub fn find(request: &HttpRequest, name: Name) -> Option<String> {
    let name = name.text(super::config(request).public_url.is_https());
    request.cookie(name).map(|cookie| cookie.value().to_owned())
}

/// Puts the access token on a response, for as long as it lives.
///
/// # Errors
/// 500 when the token is too long for a cookie: the user has too many roles.
pub fn set_token(
    response: &mut HttpResponse,
    config: &WebConfig,
    token: &str,
    expires_in: i64,
) -> Result<(), AppError> {
    set(response, &build(config, Name::Token, token.to_owned(), Duration::seconds(expires_in)))
}

/// Puts the known-device secret on a response.
///
/// # Errors
/// Never: it is short.
pub fn set_device(response: &mut HttpResponse, config: &WebConfig, secret: &PlainSecret) -> Result<(), AppError> {
    set(response, &build(config, Name::Device, secret.reveal().to_owned(), Duration::days(DEVICE_DAYS)))
}

/// Puts the secret of a one-time link on a response, encrypted, so that it leaves the address bar and the history.
///
/// # Errors
/// Never: it is short.
pub fn set_link(response: &mut HttpResponse, config: &WebConfig, secret: &PlainSecret) -> Result<(), AppError> {
    let mut jar = CookieJar::new();
    jar.private_mut(&config.cookie_key).add(build(
        config,
        Name::Link,
        secret.reveal().to_owned(),
        Duration::minutes(LINK_MINUTES),
    ));
    match jar.delta().next() {
        Some(cookie) => set(response, cookie),
        None => Ok(()),
    }
}

/// The secret of the one-time link that this browser is answering.
#[must_use]
pub fn find_link(request: &HttpRequest) -> Option<PlainSecret> {
    let config = super::config(request);
    let cookie = request.cookie(Name::Link.text(config.public_url.is_https()))?;
    let mut jar = CookieJar::new();
    jar.add_original(cookie);
    let opened = jar.private(&config.cookie_key).get(Name::Link.text(config.public_url.is_https()))?;
    PlainSecret::parse(opened.value())
}

/// Takes a cookie away.
///
/// # Errors
/// Never: it is short.
pub fn remove(response: &mut HttpResponse, config: &WebConfig, name: Name) -> Result<(), AppError> {
    set(response, &build(config, name, String::new(), Duration::ZERO))
}

fn build(config: &WebConfig, name: Name, value: String, max_age: Duration) -> Cookie<'static> {
    let is_https = config.public_url.is_https();
    Cookie::build(name.text(is_https), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_https)
        .max_age(max_age)
        .finish()
}

fn set(response: &mut HttpResponse, cookie: &Cookie<'static>) -> Result<(), AppError> {
    if cookie.name().len() + cookie.value().len() > MAX_BYTES {
        return Err(AppError::internal(format!(
            "the cookie {} would be over {MAX_BYTES} bytes: the account has too many roles",
            cookie.name()
        )));
    }
    response.add_cookie(cookie).map_err(AppError::internal)
}
