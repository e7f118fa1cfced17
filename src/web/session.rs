//! What the encrypted session cookie holds, typed: the session's secret and the CSRF seed, nothing more. It is written at the first
//! form, at sign-in and at sign-out only: the cookie store is last-writer-wins, and a page fetched beside a sign-in must not undo it.
//! What may not live here: the session's row (`sessions`).

use std::future::Ready;

use actix_session::SessionExt as _;
use actix_session::config::{CookieContentSecurity, PersistentSession, TtlExtensionPolicy};
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::SameSite;
use actix_web::cookie::time::Duration;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::{WebConfig, cookies, extracted};
use crate::error::AppError;
use crate::secret::{PlainSecret, base64url, fill_random, from_base64url};

const SECRET: &str = "secret";
const CSRF: &str = "csrf";

/// The random bytes behind a browser's CSRF tokens.
pub type CsrfSeed = [u8; 32];

/// The middleware that carries it.
#[must_use]
pub fn middleware(config: &WebConfig) -> SessionMiddleware<CookieSessionStore> {
    let is_https = config.public_url.is_https();
    let life = PersistentSession::default()
        .session_ttl(Duration::seconds(config.session_max_seconds))
        .session_ttl_extension_policy(TtlExtensionPolicy::OnStateChanges);
    SessionMiddleware::builder(CookieSessionStore::default(), config.cookie_key.clone())
        .cookie_name(cookies::Name::Session.text(config))
        .cookie_content_security(CookieContentSecurity::Private)
        .cookie_secure(is_https)
        .cookie_same_site(SameSite::Lax)
        .cookie_http_only(true)
        .cookie_path("/".to_owned())
        .session_lifecycle(life)
        .build()
}

/// The session cookie of a request.
pub struct BrowserSession(Session);

impl FromRequest for BrowserSession {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extracted(Ok(Self(request.get_session())))
    }
}

impl BrowserSession {
    /// The secret of the session that this browser is signed in with.
    #[must_use]
    pub fn secret(&self) -> Option<PlainSecret> {
        self.0.get::<String>(SECRET).ok().flatten().and_then(|text| PlainSecret::parse(&text))
    }

    /// The CSRF seed that the browser sent back; `None` when it sent no cookie of ours.
    #[must_use]
    pub fn csrf_seed(&self) -> Option<CsrfSeed> {
        let text = self.0.get::<String>(CSRF).ok().flatten()?;
        from_base64url(&text)?.try_into().ok()
    }

    /// The CSRF seed, made now when this is the browser's first form.
    ///
    /// # Errors
    /// 500 when the cookie cannot be written, which text does not cause.
    pub fn csrf_seed_or_new(&self) -> Result<CsrfSeed, AppError> {
        self.csrf_seed().map_or_else(|| self.renew_csrf(), Ok)
    }

    /// Writes a new session into the cookie, with a new CSRF seed.
    ///
    /// # Errors
    /// 500 when the cookie cannot be written, which text does not cause.
    pub fn sign_in(&self, secret: &PlainSecret) -> Result<(), AppError> {
        self.renew_csrf()?;
        self.0.insert(SECRET, secret.reveal()).map_err(AppError::internal)
    }

    /// Takes the session out of the cookie. The cookie stays, with a new CSRF seed: a form that is open in another tab then meets a
    /// stale seed, not a browser that seems to refuse cookies.
    ///
    /// # Errors
    /// 500 when the cookie cannot be written, which text does not cause.
    pub fn sign_out(&self) -> Result<(), AppError> {
        self.0.remove(SECRET);
        self.renew_csrf().map(drop)
    }

    fn renew_csrf(&self) -> Result<CsrfSeed, AppError> {
        let mut seed = [0; 32];
        fill_random(&mut seed);
        self.0.insert(CSRF, base64url(&seed)).map_err(AppError::internal)?;
        Ok(seed)
    }
}
