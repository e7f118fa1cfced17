//! The encrypted session cookie.

use std::future::Ready;

use actix_session::SessionExt as _;
use actix_session::config::{BrowserSession as EndsWithBrowser, CookieContentSecurity};
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware, SessionStatus};
use actix_web::body::MessageBody;
use actix_web::cookie::SameSite;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest};
use serde::Serialize;

use super::cookies::CookieName;
use super::{WebConfig, extracted};
use crate::error::AppError;
use crate::secret::{PlainSecret, base64url, fill_random, from_base64url};
use crate::users::UserId;

const SECRET: &str = "secret";
const CSRF: &str = "csrf";
const LAST_USER: &str = "left_by";

/// The random bytes from which a browser's CSRF tokens are created.
pub type CsrfSeed = [u8; 32];

/// Middleware that reads and writes the session cookie.
#[must_use]
pub fn middleware(config: &WebConfig) -> SessionMiddleware<CookieSessionStore> {
    let is_https = config.public_url.is_https();
    SessionMiddleware::builder(CookieSessionStore::default(), config.cookie_key.clone())
        .cookie_name(CookieName::Session.text(config).to_owned())
        .cookie_content_security(CookieContentSecurity::Private)
        .cookie_secure(is_https)
        .cookie_same_site(SameSite::Lax)
        .cookie_http_only(true)
        .cookie_path("/".to_owned())
        // Deleted when the browser closes, unless `keep_cookie` adds a `Max-Age`.
        .session_lifecycle(EndsWithBrowser::default())
        .build()
}

/// `Max-Age` in seconds of the session cookie in this response.
#[derive(Clone, Copy)]
struct MaxAge(i64);

/// Middleware around [`middleware`], where sessions begin: adds a `Max-Age` to the cookie of a remembered browser.
pub async fn keep_cookie(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let max_age = response.request().extensions().get::<MaxAge>().copied();
    let Some(MaxAge(seconds)) = max_age else { return Ok(response) };
    let name = CookieName::Session.text(super::config(response.request())).to_owned();
    let lines: Vec<HeaderValue> = response.headers_mut().remove(SET_COOKIE).collect();
    for line in lines {
        let kept = line.to_str().ok().filter(|text| text.split('=').next() == Some(name.as_str()));
        let kept = kept.and_then(|text| HeaderValue::from_str(&format!("{text}; Max-Age={seconds}")).ok());
        response.headers_mut().append(SET_COOKIE, kept.unwrap_or(line));
    }
    Ok(response)
}

/// The session cookie of a request: the session's secret, the CSRF seed, and after a sign-out the user ID. It is
/// written only at the first form, at sign-in and at sign-out: the last response wins, and a page fetched during a
/// sign-in must not undo it.
pub struct BrowserSession {
    session: Session,
    request: HttpRequest,
}

impl FromRequest for BrowserSession {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extracted(Ok(Self::of(request)))
    }
}

/// What a session cookie contains.
#[derive(Clone, Default)]
pub struct CookieContents {
    secret: Option<PlainSecret>,
    csrf_seed: Option<CsrfSeed>,
    last_user: Option<UserId>,
}

impl BrowserSession {
    /// The session cookie of this request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        Self { session: request.get_session(), request: request.clone() }
    }

    fn contents(&self) -> CookieContents {
        if let Some(known) = self.request.extensions().get::<CookieContents>() {
            return known.clone();
        }
        let text = |key| self.session.get::<String>(key).ok().flatten();
        CookieContents {
            secret: text(SECRET).and_then(|text| PlainSecret::parse(&text)),
            csrf_seed: text(CSRF).and_then(|text| from_base64url(&text)?.try_into().ok()),
            last_user: self.session.get::<i64>(LAST_USER).ok().flatten().map(UserId),
        }
    }

    /// What the cookie of the request contains, unless the response changes it.
    #[must_use]
    pub fn unchanged_contents(&self) -> Option<CookieContents> {
        (self.session.status() == SessionStatus::Unchanged).then(|| self.contents())
    }

    /// The secret of the browser's session.
    #[must_use]
    pub fn secret(&self) -> Option<PlainSecret> {
        self.contents().secret
    }

    /// The user who signed out here last, unless a sign-in followed. Another tab may still show a form of this user.
    #[must_use]
    pub fn last_user(&self) -> Option<UserId> {
        self.contents().last_user
    }

    /// The CSRF seed in the cookie; `None` when the browser sent no session cookie.
    #[must_use]
    pub fn csrf_seed(&self) -> Option<CsrfSeed> {
        self.contents().csrf_seed
    }

    /// The CSRF seed, created when this is the browser's first form.
    #[must_use]
    pub fn csrf_seed_or_new(&self) -> CsrfSeed {
        self.csrf_seed().unwrap_or_else(|| self.renew_csrf_seed())
    }

    /// Writes a new session and CSRF seed into the cookie. The browser keeps it for `max_age_seconds`, or until it
    /// closes.
    pub fn sign_in(&self, secret: &PlainSecret, max_age_seconds: Option<i64>) {
        if let Some(seconds) = max_age_seconds {
            self.request.extensions_mut().insert(MaxAge(seconds));
        }
        self.renew_csrf_seed();
        self.session.remove(LAST_USER);
        self.insert(SECRET, secret.reveal());
    }

    /// Removes the session of `user` from the cookie. The cookie stays, with a new CSRF seed, so a form in another tab
    /// is reported as stale and not as a browser that blocks cookies.
    pub fn sign_out(&self, user: Option<UserId>) {
        self.take_known();
        self.session.remove(SECRET);
        if let Some(UserId(id)) = user {
            self.insert(LAST_USER, id);
        }
        self.renew_csrf_seed();
    }

    /// Before the first change: gives what is known of the cookie to the session, which writes it again.
    fn take_known(&self) {
        let Some(known) = self.request.extensions_mut().remove::<CookieContents>() else { return };
        if let Some(secret) = known.secret {
            self.insert(SECRET, secret.reveal());
        }
        if let Some(UserId(id)) = known.last_user {
            self.insert(LAST_USER, id);
        }
        if let Some(seed) = known.csrf_seed {
            self.insert(CSRF, base64url(&seed));
        }
    }

    fn renew_csrf_seed(&self) -> CsrfSeed {
        self.take_known();
        let mut seed = [0; 32];
        fill_random(&mut seed);
        self.insert(CSRF, base64url(&seed));
        seed
    }

    fn insert(&self, key: &str, value: impl Serialize) {
        self.session.insert(key, value).expect("strings and integers serialize to JSON");
    }
}
