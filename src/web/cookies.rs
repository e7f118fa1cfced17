//! The cookies: names, attributes, setting and removing.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use super::{WebConfig, request_cookies};
use crate::config::CookieDomain;
use crate::error::AppError;
use crate::i18n::Translation;
use crate::secret::PlainSecret;
use crate::tokens::{IssuedToken, MAX_BROWSER_TOKEN_BYTES};
use crate::users::UserId;

/// Browsers drop a longer cookie without an error, which would sign the user out.
const MAX_BYTES: usize = 4_096;
const DEVICE_DAYS: i64 = 90;
const LINK_MINUTES: i64 = 15;
const DRAFT_MINUTES: i64 = 15;
/// Long enough to reach the sign-in page, which follows at once.
const USERNAME_MINUTES: i64 = 5;
/// Longer than one turn of a redirect loop, shorter than a person needs to follow the link again.
const REDIRECT_COUNT_SECONDS: i64 = 10;
const LANGUAGE_DAYS: i64 = 365;

/// The cookies. All are `HttpOnly`, `SameSite=Lax` and `Path=/`; on https they are `Secure` with the prefix `__Host-`,
/// or `__Secure-` when they are shared with the applications under `COOKIE_DOMAIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieName {
    /// The session cookie of `actix-session`: the session's secret and the CSRF seed, encrypted.
    Session,
    /// The access token. It authenticates `GET /me` only.
    Token,
    /// The secret of a known device.
    Device,
    /// The secret of a one-time link between GET and POST, encrypted.
    Link,
    /// The text of a form whose session ended, encrypted, until the next sign-in.
    Draft,
    /// The username for the next sign-in page, encrypted, after a link created the account or reset its password.
    Username,
    /// The secret that only the forward-auth endpoints accept.
    Proxy,
    /// The number of consecutive redirects to one application.
    RedirectCount,
    /// The language tag chosen at this browser.
    Language,
    /// The nonce of a request of `vestibule doctor`, which checks that cookies come back.
    Doctor,
}

/// The name of each [`CookieName`] as the browser sees it, built once.
#[derive(Clone)]
pub struct CookieNames {
    current: [String; CookieName::ALL.len()],
    /// Without `COOKIE_DOMAIN`.
    host_only: [String; CookieName::ALL.len()],
}

impl CookieNames {
    /// Builds the names for a site on http or https, with or without `COOKIE_DOMAIN`.
    #[must_use]
    pub fn new(is_https: bool, has_domain: bool) -> Self {
        Self {
            current: CookieName::ALL.map(|name| name.with_prefix(is_https, has_domain && name.is_shared())),
            host_only: CookieName::ALL.map(|name| name.with_prefix(is_https, false)),
        }
    }
}

impl CookieName {
    pub(super) const ALL: [Self; 10] = [
        Self::Session,
        Self::Token,
        Self::Device,
        Self::Link,
        Self::Draft,
        Self::Username,
        Self::Proxy,
        Self::RedirectCount,
        Self::Language,
        Self::Doctor,
    ];

    /// The name that the browser sees.
    #[must_use]
    pub fn text(self, config: &WebConfig) -> &str {
        &config.cookie_names.current[self as usize]
    }

    /// The name that the browser sees without `COOKIE_DOMAIN`.
    pub(super) fn host_only_text(self, config: &WebConfig) -> &str {
        &config.cookie_names.host_only[self as usize]
    }

    fn with_prefix(self, is_https: bool, is_shared: bool) -> String {
        let prefix = match (is_https, is_shared) {
            (true, false) => "__Host-",
            // Browsers reject `__Host-` with a Domain attribute.
            (true, true) => "__Secure-",
            (false, _) => "",
        };
        let stem = match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Device => "device",
            Self::Link => "link",
            Self::Draft => "draft",
            Self::Username => "username",
            Self::Proxy => "proxy",
            Self::RedirectCount => "returns",
            Self::Language => "language",
            Self::Doctor => "doctor",
        };
        format!("{prefix}vestibule_{stem}")
    }

    /// The `Domain` attribute; `None` when the cookie is for this host only.
    pub(super) fn domain(self, config: &WebConfig) -> Option<&str> {
        config.cookie_domain.as_ref().map(CookieDomain::as_str).filter(|_| self.is_shared())
    }

    /// Whether the applications under `COOKIE_DOMAIN` receive it too.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Token | Self::Proxy)
    }
}

/// The value of a cookie in a request; `None` if it is absent, or if it is unclear which of several values is ours.
#[must_use]
pub fn find(request: &HttpRequest, name: CookieName) -> Option<String> {
    request_cookies::find(request, name)
}

/// Sets the access token of a user until it expires. One that is too long for a cookie, because the user has too many
/// roles, is not set: everything but `GET /me` works without it.
pub fn set_token(response: &mut HttpResponse, config: &WebConfig, token: &IssuedToken, user_id: UserId) {
    let IssuedToken { token, expires_in } = token;
    if token.len() > MAX_BROWSER_TOKEN_BYTES {
        tracing::warn!(
            user_id = user_id.0,
            bytes = token.len(),
            limit = MAX_BROWSER_TOKEN_BYTES,
            "no token cookie was set, because the access token is too long for one: revoke roles of the account"
        );
        // Otherwise the cookie of an earlier session would stay.
        return remove(response, config, CookieName::Token);
    }
    set(response, &build(config, CookieName::Token, token.clone(), Duration::seconds(*expires_in)));
}

/// Sets the secret of a known device.
pub fn set_device(response: &mut HttpResponse, config: &WebConfig, secret: &PlainSecret) {
    set(response, &build(config, CookieName::Device, secret.reveal().to_owned(), Duration::days(DEVICE_DAYS)));
}

/// Sets the secret for reverse proxies. The browser keeps it as long as the session cookie: for `max_age_seconds`, or
/// until it closes.
pub fn set_proxy(response: &mut HttpResponse, config: &WebConfig, secret: &PlainSecret, max_age_seconds: Option<i64>) {
    let mut cookie = build(config, CookieName::Proxy, secret.reveal().to_owned(), Duration::ZERO);
    cookie.set_max_age(max_age_seconds.map(Duration::seconds));
    set(response, &cookie);
}

/// Sets the nonce of a request of `vestibule doctor`.
pub fn set_doctor(response: &mut HttpResponse, config: &WebConfig, nonce: &str) {
    set(response, &build(config, CookieName::Doctor, nonce.to_owned(), Duration::minutes(1)));
}

/// Sets the redirect count of a browser.
pub fn set_redirect_count(response: &mut HttpResponse, config: &WebConfig, count: String) {
    set(response, &build(config, CookieName::RedirectCount, count, Duration::seconds(REDIRECT_COUNT_SECONDS)));
}

/// Sets the language of this browser, which takes precedence over the account's.
pub fn set_language(response: &mut HttpResponse, config: &WebConfig, words: &Translation) {
    let tag = words.language().to_owned();
    set(response, &build(config, CookieName::Language, tag, Duration::days(LANGUAGE_DAYS)));
}

/// Sets the encrypted secret of a one-time link, so it leaves the address bar and the history.
pub fn set_link(response: &mut HttpResponse, config: &WebConfig, secret: &str) {
    let max_age = Duration::minutes(LINK_MINUTES);
    set(response, &build_encrypted(config, CookieName::Link, secret.to_owned(), max_age));
}

/// Sets the encrypted text of a form until the next sign-in.
///
/// # Errors
/// 500 when it is too long for a cookie.
pub fn set_draft(response: &mut HttpResponse, config: &WebConfig, text: String) -> Result<(), AppError> {
    set_bounded(response, &build_encrypted(config, CookieName::Draft, text, Duration::minutes(DRAFT_MINUTES)))
}

/// Sets the encrypted username that the next sign-in page fills in, so it appears in no URL. It signs no one in: a value
/// that another host planted can only name an account that this server has, in a field that the person sees.
pub fn set_username(response: &mut HttpResponse, config: &WebConfig, username: &str) {
    let max_age = Duration::minutes(USERNAME_MINUTES);
    set(response, &build_encrypted(config, CookieName::Username, username.to_owned(), max_age));
}

/// The secret of the one-time link that this browser has opened.
#[must_use]
pub fn find_link(request: &HttpRequest) -> Option<String> {
    find_encrypted(request, CookieName::Link)
}

/// The text of a form whose session ended.
#[must_use]
pub fn find_draft(request: &HttpRequest) -> Option<String> {
    find_encrypted(request, CookieName::Draft)
}

/// The username for the sign-in page.
#[must_use]
pub fn find_username(request: &HttpRequest) -> Option<String> {
    find_encrypted(request, CookieName::Username)
}

fn find_encrypted(request: &HttpRequest, name: CookieName) -> Option<String> {
    let config = super::config(request);
    let mut jar = CookieJar::new();
    jar.add_original(Cookie::new(name.text(config).to_owned(), find(request, name)?));
    Some(jar.private(&config.cookie_key).get(name.text(config))?.value().to_owned())
}

/// Removes a cookie.
pub fn remove(response: &mut HttpResponse, config: &WebConfig, name: CookieName) {
    set(response, &build(config, name, String::new(), Duration::ZERO));
}

/// Removes a shared cookie that the request has, and its host-only variant from before `COOKIE_DOMAIN` was set.
pub fn remove_all_variants(request: &HttpRequest, response: &mut HttpResponse, name: CookieName) {
    remove_host_variant(request, response, name);
    if !request_cookies::candidates(request, name).is_empty() {
        remove(response, super::config(request), name);
    }
}

/// Removes the host-only variant of a shared cookie, from before `COOKIE_DOMAIN` was set, if the request has it.
pub fn remove_host_variant(request: &HttpRequest, response: &mut HttpResponse, name: CookieName) {
    let config = super::config(request);
    if name.domain(config).is_none() || !request_cookies::has_host_only(request, name) {
        return;
    }
    let mut cookie = build(config, name, String::new(), Duration::ZERO);
    cookie.set_name(name.host_only_text(config).to_owned());
    cookie.unset_domain();
    set(response, &cookie);
}

fn build(config: &WebConfig, name: CookieName, value: String, max_age: Duration) -> Cookie<'static> {
    let mut cookie = Cookie::build(name.text(config).to_owned(), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(config.public_url.is_https())
        .max_age(max_age)
        .finish();
    if let Some(domain) = name.domain(config) {
        cookie.set_domain(domain.to_owned());
    }
    cookie
}

fn build_encrypted(config: &WebConfig, name: CookieName, value: String, max_age: Duration) -> Cookie<'static> {
    let mut jar = CookieJar::new();
    jar.private_mut(&config.cookie_key).add(build(config, name, value, max_age));
    jar.get(name.text(config)).cloned().expect("the jar contains the cookie that was added")
}

fn set_bounded(response: &mut HttpResponse, cookie: &Cookie<'static>) -> Result<(), AppError> {
    if cookie.name().len() + cookie.value().len() > MAX_BYTES {
        return Err(AppError::internal(format!("the cookie {} would exceed {MAX_BYTES} bytes", cookie.name())));
    }
    set(response, cookie);
    Ok(())
}

fn set(response: &mut HttpResponse, cookie: &Cookie<'static>) {
    response.add_cookie(cookie).expect("names, values and the domain are visible ASCII");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::LONGEST_COOKIE_NAME;

    #[test]
    fn limit_of_the_token_is_computed_for_the_longest_name_of_its_cookie() {
        let names = [(false, false), (true, false), (false, true), (true, true)]
            .map(|(is_https, is_shared)| CookieName::Token.with_prefix(is_https, is_shared));
        assert_eq!(names.iter().max_by_key(|name| name.len()).map(String::as_str), Some(LONGEST_COOKIE_NAME));
        assert_eq!(MAX_BROWSER_TOKEN_BYTES + LONGEST_COOKIE_NAME.len(), MAX_BYTES);
    }
}
