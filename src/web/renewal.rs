//! What a page of ours does for a session that lives on: writes its use down, and gives the browser what it lacks: an access token in
//! the place of an expired one, and the cookie that reverse proxies see. What may not live here: how long either lives
//! (`sessions::lifetimes`).

use actix_web::{HttpRequest, HttpResponse};

use super::current_user::CurrentUser;
use super::session::BrowserSession;
use super::{WebConfig, cookies};
use crate::authentication::Lock;
use crate::clock::{Moment, unix_seconds};
use crate::db::DbError;
use crate::error::AppError;
use crate::secret::PlainSecret;
use crate::sessions::{self, Session};
use crate::tokens::{Grant, IssuedToken, Signer, Subject};

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

/// Writes the use of the session down when that is due, and makes what the browser lacks. `None` when the session ended meanwhile.
///
/// # Errors
/// When the database gives no answer, or the token cannot be signed.
pub async fn renew(
    request: &HttpRequest,
    browser: &BrowserSession,
    lock: &Lock,
    current: &CurrentUser,
) -> Result<Option<Renewed>, AppError> {
    let now = lock.clock.now();
    let serves =
        match cookies::find(request, cookies::Name::Token) {
            Some(token) => lock.tokens.verify(&token).await.is_ok_and(|verified| {
                verified.claims.sid == current.session.id && verified.claims.exp > unix_seconds(now)
            }),
            None => false,
        };
    let held = cookies::find(request, cookies::Name::Proxy);
    let proxy = browser.secret().map(|secret| sessions::proxy_secret(&secret));
    let proxy = proxy.filter(|secret| held.as_deref() != Some(secret.reveal()));
    if serves && proxy.is_none() && !lock.lifetimes.is_use_due(&current.session, now) {
        return Ok(Some(Renewed::default()));
    }
    let mut session = current.session.clone();
    session.last_used_at = now;
    let signer = (!serves).then(|| lock.tokens.signer(now));
    if !write(lock, &session, signer.clone(), proxy.clone()).await? {
        return Ok(None);
    }
    let token = signer.map(|signer| {
        let subject = Subject::User(&current.user, &current.roles);
        lock.tokens.issue(&signer, Grant { subject, scope: &session.scope, session: &session }, now)
    });
    let kept_seconds = lock.lifetimes.cookie_seconds(&session, now);
    Ok(Some(Renewed { token: token.transpose().map_err(AppError::internal)?, proxy, kept_seconds }))
}

/// Before the token is signed: other instances must know until when to remember the session, should it end.
async fn write(
    lock: &Lock,
    session: &Session,
    signer: Option<Signer>,
    proxy: Option<PlainSecret>,
) -> Result<bool, DbError> {
    let now: Moment = session.last_used_at;
    let until = lock.lifetimes.access_token_ends_at(session, now);
    let session = session.clone();
    lock.db
        .write(move |conn| {
            if let Some(secret) = proxy {
                sessions::set_proxy_secret(conn, &session.id, &secret)?;
            }
            Ok(match signer {
                Some(signer) => sessions::set_issued(conn, &session, signer.kid(), until, now)?,
                None => sessions::set_used(conn, &session.id, now)?,
            })
        })
        .await
}
