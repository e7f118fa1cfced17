//! What the encrypted session cookie holds, typed: the session's secret and the CSRF seed, and after a sign-out whose session it was. It is written at the first
//! form, at sign-in and at sign-out only: the cookie store is last-writer-wins, and a page fetched beside a sign-in must not undo it.
//! What may not live here: the session's row (`sessions`).

use std::future::Ready;

use actix_session::SessionExt as _;
use actix_session::config::{BrowserSession as EndsWithBrowser, CookieContentSecurity};
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::body::MessageBody;
use actix_web::cookie::SameSite;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest};

use super::{WebConfig, cookies, extracted};
use crate::error::AppError;
use crate::secret::{PlainSecret, base64url, fill_random, from_base64url};
use crate::users::UserId;

const SECRET: &str = "secret";
const CSRF: &str = "csrf";
const LAST_USER: &str = "left_by";

/// The random bytes behind a browser's CSRF tokens.
pub type CsrfSeed = [u8; 32];

/// The middleware that carries it.
#[must_use]
pub fn middleware(config: &WebConfig) -> SessionMiddleware<CookieSessionStore> {
    let is_https = config.public_url.is_https();
    SessionMiddleware::builder(CookieSessionStore::default(), config.cookie_key.clone())
        .cookie_name(cookies::Name::Session.text(config).to_owned())
        .cookie_content_security(CookieContentSecurity::Private)
        .cookie_secure(is_https)
        .cookie_same_site(SameSite::Lax)
        .cookie_http_only(true)
        .cookie_path("/".to_owned())
        // It ends with the browser, unless `keep_cookie` says otherwise.
        .session_lifecycle(EndsWithBrowser::default())
        .build()
}

/// For how many seconds the browser is to keep the cookie that this answer sets.
#[derive(Clone, Copy)]
struct KeptFor(i64);

/// Middleware around [`middleware`], where sessions begin: gives the cookie of a browser that remembers its person a life of its own.
///
/// # Errors
/// Those of the service.
pub async fn keep_cookie(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let kept = response.request().extensions().get::<KeptFor>().copied();
    let Some(KeptFor(seconds)) = kept else { return Ok(response) };
    let name = cookies::Name::Session.text(super::config(response.request())).to_owned();
    let lines: Vec<HeaderValue> = response.headers_mut().remove(SET_COOKIE).collect();
    for line in lines {
        let longer = line.to_str().ok().filter(|text| text.split('=').next() == Some(name.as_str()));
        let longer = longer.and_then(|text| HeaderValue::from_str(&format!("{text}; Max-Age={seconds}")).ok());
        response.headers_mut().append(SET_COOKIE, longer.unwrap_or(line));
    }
    Ok(response)
}

/// The session cookie of a request.
pub struct BrowserSession {
    session: Session,
    request: HttpRequest,
}

impl FromRequest for BrowserSession {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extracted(Ok(Self { session: request.get_session(), request: request.clone() }))
    }
}

impl BrowserSession {
    /// The secret of the session that this browser is signed in with.
    #[must_use]
    pub fn secret(&self) -> Option<PlainSecret> {
        self.session.get::<String>(SECRET).ok().flatten().and_then(|text| PlainSecret::parse(&text))
    }

    /// Who signed out here last, when nobody has signed in since: a form of theirs may be open in another tab still.
    #[must_use]
    pub fn last_user(&self) -> Option<UserId> {
        self.session.get::<i64>(LAST_USER).ok().flatten().map(UserId)
    }

    /// The CSRF seed that the browser sent back; `None` when it sent no cookie of ours.
    #[must_use]
    pub fn csrf_seed(&self) -> Option<CsrfSeed> {
        let text = self.session.get::<String>(CSRF).ok().flatten()?;
        from_base64url(&text)?.try_into().ok()
    }

    /// The CSRF seed, made now when this is the browser's first form.
    ///
    /// # Errors
    /// 500 when the cookie cannot be written, which text does not cause.
    pub fn csrf_seed_or_new(&self) -> Result<CsrfSeed, AppError> {
        self.csrf_seed().map_or_else(|| self.renew_csrf(), Ok)
    }

    /// Writes a new session into the cookie, with a new CSRF seed. The browser keeps it for so many seconds, and until it is closed
    /// with `None`.
    ///
    /// # Errors
    /// 500 when the cookie cannot be written, which text does not cause.
    pub fn sign_in(&self, secret: &PlainSecret, kept_seconds: Option<i64>) -> Result<(), AppError> {
        if let Some(seconds) = kept_seconds {
            self.request.extensions_mut().insert(KeptFor(seconds));
        }
        self.renew_csrf()?;
        self.session.remove(LAST_USER);
        self.session.insert(SECRET, secret.reveal()).map_err(AppError::internal)
    }

    /// Takes the session out of the cookie; `user` is whose it was, if it was anybody's. The cookie stays, with a new CSRF seed: a form that is open in another tab then meets a
    /// stale seed, not a browser that seems to refuse cookies.
    ///
    /// # Errors
    /// 500 when the cookie cannot be written, which text does not cause.
    pub fn sign_out(&self, user: Option<UserId>) -> Result<(), AppError> {
        self.session.remove(SECRET);
        if let Some(UserId(id)) = user {
            self.session.insert(LAST_USER, id).map_err(AppError::internal)?;
        }
        self.renew_csrf().map(drop)
    }

    fn renew_csrf(&self) -> Result<CsrfSeed, AppError> {
        let mut seed = [0; 32];
        fill_random(&mut seed);
        self.session.insert(CSRF, base64url(&seed)).map_err(AppError::internal)?;
        Ok(seed)
    }
}
