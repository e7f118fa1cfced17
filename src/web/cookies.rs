//! The cookies beside the session's own: the access token, the known device, the one-time link being answered, the
//! language, what reverse proxies see. All `HttpOnly`, `SameSite=Lax`, `Path=/`, and on https `Secure` with the `__Host-` prefix, but for the two that are shared with the
//! applications under `COOKIE_DOMAIN`, which have `__Secure-`. What may not live here: what they let anybody do.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use super::WebConfig;
use crate::config::CookieDomain;
use crate::error::AppError;
use crate::i18n::Words;
use crate::secret::PlainSecret;

/// Browsers drop a longer one without a word, and the person would be signed out as by magic.
const MAX_BYTES: usize = 4_096;
const DEVICE_DAYS: i64 = 90;
const LINK_MINUTES: i64 = 15;
const DRAFT_MINUTES: i64 = 15;
/// Longer than one turn of a redirect loop, shorter than somebody takes who goes there again on purpose.
const RETURNS_SECONDS: i64 = 10;
const LANGUAGE_DAYS: i64 = 365;

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
    /// What a person had typed when their session ended, encrypted, until they have signed in again.
    Draft,
    /// What `/verify/…` knows a person by, and nothing else takes.
    Proxy,
    /// How often in a row this browser was sent straight back to one application.
    Returns,
    /// The language chosen at this browser: its tag and nothing more.
    Language,
}

/// What the browser sees of each [`Name`], made once.
#[derive(Clone)]
pub struct Names([String; Name::ALL.len()]);

impl Names {
    /// For a site on https or not, with or without a domain that shares cookies.
    #[must_use]
    pub fn new(is_https: bool, has_domain: bool) -> Self {
        Self(Name::ALL.map(|name| name.text_when(is_https, has_domain && name.is_shared())))
    }
}

impl Name {
    const ALL: [Self; 8] =
        [Self::Session, Self::Token, Self::Device, Self::Link, Self::Draft, Self::Proxy, Self::Returns, Self::Language];

    /// The name that the browser sees.
    #[must_use]
    pub fn text(self, config: &WebConfig) -> &str {
        &config.cookie_names.0[self as usize]
    }

    fn text_when(self, is_https: bool, is_shared: bool) -> String {
        let prefix = match (is_https, is_shared) {
            (true, false) => "__Host-",
            // The browser takes a cookie with a Domain under this prefix only.
            (true, true) => "__Secure-",
            (false, _) => "",
        };
        let stem = match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Device => "device",
            Self::Link => "link",
            Self::Draft => "draft",
            Self::Proxy => "proxy",
            Self::Returns => "returns",
            Self::Language => "language",
        };
        format!("{prefix}vestibule_{stem}")
    }

    /// The domain whose applications get it too; `None` when it is for this host alone.
    fn domain(self, config: &WebConfig) -> Option<&str> {
        config.cookie_domain.as_ref().map(CookieDomain::as_str).filter(|_| self.is_shared())
    }

    /// Whether the applications under `COOKIE_DOMAIN` get it too.
    fn is_shared(self) -> bool {
        matches!(self, Self::Token | Self::Proxy)
    }
}

/// The value of a cookie that came with a request.
#[must_use]
pub fn find(request: &HttpRequest, name: Name) -> Option<String> {
    let name = name.text(super::config(request));
    let cookies = request.cookies().ok()?;
    cookies.iter().find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
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

/// Puts the secret that reverse proxies see on a response, for as long as the session's own cookie is kept: so many seconds, or with
/// `None` until the browser is closed.
///
/// # Errors
/// Never: it is short.
pub fn set_proxy(
    response: &mut HttpResponse,
    config: &WebConfig,
    secret: &PlainSecret,
    kept_seconds: Option<i64>,
) -> Result<(), AppError> {
    let mut cookie = build(config, Name::Proxy, secret.reveal().to_owned(), Duration::ZERO);
    cookie.set_max_age(kept_seconds.map(Duration::seconds));
    set(response, &cookie)
}

/// Puts the count of a browser's returns on a response, for the few seconds that it is worth something.
///
/// # Errors
/// Never: it is short.
pub fn set_returns(response: &mut HttpResponse, config: &WebConfig, count: String) -> Result<(), AppError> {
    set(response, &build(config, Name::Returns, count, Duration::seconds(RETURNS_SECONDS)))
}

/// Puts the language chosen at this browser on a response. It goes before the account's.
///
/// # Errors
/// Never: it is short.
pub fn set_language(response: &mut HttpResponse, config: &WebConfig, words: &Words) -> Result<(), AppError> {
    set(response, &build(config, Name::Language, words.language().to_owned(), Duration::days(LANGUAGE_DAYS)))
}

/// Puts the secret of a one-time link on a response, encrypted, so that it leaves the address bar and the history.
///
/// # Errors
/// Never: it is short.
pub fn set_link(response: &mut HttpResponse, config: &WebConfig, secret: &PlainSecret) -> Result<(), AppError> {
    set_sealed(response, config, Name::Link, (secret.reveal().to_owned(), Duration::minutes(LINK_MINUTES)))
}

/// Puts what somebody typed on a response, encrypted, until they have signed in.
///
/// # Errors
/// 500 when it is too long for a cookie.
pub fn set_draft(response: &mut HttpResponse, config: &WebConfig, text: String) -> Result<(), AppError> {
    set_sealed(response, config, Name::Draft, (text, Duration::minutes(DRAFT_MINUTES)))
}

fn set_sealed(
    response: &mut HttpResponse,
    config: &WebConfig,
    name: Name,
    (value, life): (String, Duration),
) -> Result<(), AppError> {
    let mut jar = CookieJar::new();
    jar.private_mut(&config.cookie_key).add(build(config, name, value, life));
    jar.delta().next().map_or(Ok(()), |cookie| set(response, cookie))
}

/// The secret of the one-time link that this browser is answering.
#[must_use]
pub fn find_link(request: &HttpRequest) -> Option<PlainSecret> {
    PlainSecret::parse(&find_sealed(request, Name::Link)?)
}

/// What somebody had typed at this browser when their session ended.
#[must_use]
pub fn find_draft(request: &HttpRequest) -> Option<String> {
    find_sealed(request, Name::Draft)
}

fn find_sealed(request: &HttpRequest, name: Name) -> Option<String> {
    let config = super::config(request);
    let name = name.text(config);
    let mut jar = CookieJar::new();
    jar.add_original(request.cookie(name)?);
    Some(jar.private(&config.cookie_key).get(name)?.value().to_owned())
}

/// Takes a cookie away.
///
/// # Errors
/// Never: it is short.
pub fn remove(response: &mut HttpResponse, config: &WebConfig, name: Name) -> Result<(), AppError> {
    set(response, &build(config, name, String::new(), Duration::ZERO))
}

/// Takes away whatever a request has of a cookie that may be shared: also what it was called, and where it was valid, before
/// `COOKIE_DOMAIN` was set.
///
/// # Errors
/// Never: it is short.
pub fn remove_all_forms(request: &HttpRequest, response: &mut HttpResponse, name: Name) -> Result<(), AppError> {
    remove_host_form(request, response, name)?;
    if find(request, name).is_some() { remove(response, super::config(request), name) } else { Ok(()) }
}

/// Takes away what a request has of a shared cookie from before `COOKIE_DOMAIN` was set.
///
/// # Errors
/// Never: it is short.
pub fn remove_host_form(request: &HttpRequest, response: &mut HttpResponse, name: Name) -> Result<(), AppError> {
    let config = super::config(request);
    let host_name = name.text_when(config.public_url.is_https(), false);
    if name.domain(config).is_none() || request.cookie(&host_name).is_none() {
        return Ok(());
    }
    let mut cookie = build(config, name, String::new(), Duration::ZERO);
    cookie.set_name(host_name);
    cookie.unset_domain();
    set(response, &cookie)
}

fn build(config: &WebConfig, name: Name, value: String, max_age: Duration) -> Cookie<'static> {
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

fn set(response: &mut HttpResponse, cookie: &Cookie<'static>) -> Result<(), AppError> {
    if cookie.name().len() + cookie.value().len() > MAX_BYTES {
        return Err(AppError::internal(format!(
            "the cookie {} would exceed {MAX_BYTES} bytes: the account has too many roles",
            cookie.name()
        )));
    }
    response.add_cookie(cookie).map_err(AppError::internal)
}
