//! What a page of ours does for a session that lives on: writes its use down, and gives the browser what it lacks: an access token in
//! the place of an expired one, and the cookie that reverse proxies see. What may not live here: how long either lives
//! (`sessions::lifetimes`).

use actix_web::{HttpRequest, HttpResponse};

use super::current_user::CurrentUser;
use super::session::BrowserSession;
use super::{WebConfig, cookies, service};
use crate::clock::{Moment, unix_seconds};
use crate::db::{Db, DbConnection, DbError};
use crate::error::AppError;
use crate::secret::PlainSecret;
use crate::sessions::{self, Session, SessionService};
use crate::tokens::{Grant, IssuedToken, Signer, Subject, TokenService};

/// What a browser is to be given.
#[derive(Default)]
pub struct Renewed {
    token: Option<IssuedToken>,
    proxy: Option<PlainSecret>,
    kept_seconds: Option<i64>,
}

impl Renewed {
    /// Puts it on a response.
    ///
    /// # Errors
    /// 500 when the token is too long for a cookie: the user has too many roles.
    pub fn put_on(&self, response: &mut HttpResponse, config: &WebConfig) -> Result<(), AppError> {
        if let Some(token) = &self.token {
            cookies::set_token(response, config, &token.token, token.expires_in)?;
        }
        if let Some(secret) = &self.proxy {
            cookies::set_proxy(response, config, secret, self.kept_seconds)?;
        }
        Ok(())
    }
}

/// Records the use of the session when that is due, and creates what the browser lacks. `None` when the session ended in the meantime.
///
/// # Errors
/// When the database fails or the token cannot be signed.
pub async fn renew(
    request: &HttpRequest,
    browser: &BrowserSession,
    current: &CurrentUser,
) -> Result<Option<Renewed>, AppError> {
    let (sessions, tokens) = (service::<SessionService>(request), service::<TokenService>(request));
    let (now, lifetimes) = (tokens.clock().now(), sessions.lifetimes());
    let is_token_valid = match cookies::find(request, cookies::Name::Token) {
        Some(token) => tokens
            .verify(&token)
            .await
            .is_ok_and(|verified| verified.claims.sid == current.session.id && verified.claims.exp > unix_seconds(now)),
        None => false,
    };
    let held = cookies::find(request, cookies::Name::Proxy);
    let proxy = browser.secret().map(|secret| sessions::proxy_secret(&secret));
    let proxy = proxy.filter(|secret| held.as_deref() != Some(secret.reveal()));
    if is_token_valid && proxy.is_none() && !lifetimes.is_use_due(&current.session, now) {
        return Ok(Some(Renewed::default()));
    }
    let mut session = current.session.clone();
    session.last_used_at = now;
    let signer = (!is_token_valid).then(|| tokens.signer(now));
    // Before the token is signed: other instances must know how long to remember the session should it end.
    let until = lifetimes.access_token_expires_at(&session, now);
    let write = Write { session: session.clone(), until, signer: signer.clone(), proxy: proxy.clone() };
    if !service::<Db>(request).write(move |conn| write.run(conn)).await? {
        return Ok(None);
    }
    let token = signer.map(|signer| {
        let subject = Subject::User(&current.user, &current.roles);
        tokens.issue(&signer, Grant { subject, scope: &session.scope, session: &session }, now)
    });
    let kept_seconds = lifetimes.cookie_seconds(&session, now);
    Ok(Some(Renewed { token: token.transpose().map_err(AppError::internal)?, proxy, kept_seconds }))
}

/// What a renewal stores.
struct Write {
    session: Session,
    /// Expiry of the new access token.
    until: Moment,
    /// The key that signs a new access token, if one is issued.
    signer: Option<Signer>,
    /// A new proxy cookie's secret.
    proxy: Option<PlainSecret>,
}

impl Write {
    fn run(&self, conn: &mut DbConnection) -> Result<bool, DbError> {
        let Self { session, until, signer, proxy } = self;
        if let Some(secret) = proxy {
            sessions::set_proxy_secret(conn, &session.id, secret)?;
        }
        Ok(match signer {
            Some(signer) => sessions::set_issued(conn, session, signer.kid(), *until, session.last_used_at)?,
            None => sessions::set_used(conn, &session.id, session.last_used_at)?,
        })
    }
}
