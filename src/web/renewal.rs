//! Renewal of a browser's access token and proxy cookie when a page is used.

use actix_web::{HttpRequest, HttpResponse};

use super::cookies::{self, CookieName};
use super::current_user::CurrentUser;
use super::session::BrowserSession;
use super::{WebConfig, service};
use crate::clock::{Moment, unix_seconds};
use crate::db::{Db, DbConnection, DbError};
use crate::error::AppError;
use crate::secret::PlainSecret;
use crate::sessions::{self, Holders, Session, SessionIssue, SessionService};
use crate::tokens::{Grant, IssuedToken, Signer, Subject, TokenService};
use crate::users::UserId;

/// The cookies to set in the browser.
#[derive(Default)]
pub struct Renewed {
    token: Option<(IssuedToken, UserId)>,
    proxy_secret: Option<PlainSecret>,
    max_age_seconds: Option<i64>,
}

impl Renewed {
    /// Adds the cookies to a response.
    pub fn put_on(&self, response: &mut HttpResponse, config: &WebConfig) {
        if let Some((token, user_id)) = &self.token {
            cookies::set_token(response, config, token, *user_id);
        }
        if let Some(secret) = &self.proxy_secret {
            cookies::set_proxy(response, config, secret, self.max_age_seconds);
        }
    }
}

/// Records the use of the session when that is due, and creates the cookies that the browser lacks. `None` when the
/// session ended in the meantime.
pub async fn renew(
    request: &HttpRequest,
    browser: &BrowserSession,
    current: &CurrentUser,
) -> Result<Option<Renewed>, AppError> {
    let tokens = service::<TokenService>(request);
    let lifetimes = service::<SessionService>(request).lifetimes();
    let now = tokens.clock().now();
    let is_token_valid = match cookies::find(request, CookieName::Token) {
        Some(token) => tokens
            .verify(&token)
            .await
            .is_ok_and(|verified| verified.claims.sid == current.session.id && verified.claims.exp > unix_seconds(now)),
        None => false,
    };
    let held_proxy_secret = cookies::find(request, CookieName::Proxy);
    let proxy_secret = browser.secret().map(|secret| sessions::proxy_secret(&secret));
    let proxy_secret = proxy_secret.filter(|secret| held_proxy_secret.as_deref() != Some(secret.reveal()));
    let CurrentUser { user, roles, .. } = current;
    // A token that does not fit into a cookie is not issued again for each page.
    let needs_token = !is_token_valid && tokens.browser_token_size().fits(&user.username, user.id, roles);
    if !needs_token && proxy_secret.is_none() && !lifetimes.is_use_due(&current.session, now) {
        return Ok(Some(Renewed::default()));
    }
    let mut session = current.session.clone();
    session.last_used_at = now;
    let signer = needs_token.then(|| tokens.signer(now));
    // Written before the token is signed: if the session ends, other instances must list it as revoked until the token
    // expires.
    let token_expires_at = lifetimes.access_token_expires_at(&session, now);
    let write = RenewalWrite {
        session: session.clone(),
        token_expires_at,
        signer: signer.clone(),
        proxy_secret: proxy_secret.clone(),
    };
    let Some(holders) = service::<Db>(request).write(move |conn| write.run(conn)).await? else { return Ok(None) };
    service::<SessionService>(request).forget(&session.id);
    let token = signer.map(|signer| {
        let subject = Subject::User(user, roles);
        let grant = Grant { subject, scope: &session.scope, session: &session, holders: &holders };
        tokens.issue(&signer, grant, now).map(|token| (token, user.id))
    });
    let max_age_seconds = lifetimes.cookie_max_age_seconds(&session, now);
    Ok(Some(Renewed { token: token.transpose().map_err(AppError::internal)?, proxy_secret, max_age_seconds }))
}

/// The database write of a renewal.
struct RenewalWrite {
    session: Session,
    /// Expiry time of the new access token.
    token_expires_at: Moment,
    /// The key that signs the new access token, if one is issued.
    signer: Option<Signer>,
    /// The secret of a new proxy cookie.
    proxy_secret: Option<PlainSecret>,
}

impl RenewalWrite {
    /// Returns the holders of the new access token; `None` if the session has ended.
    fn run(&self, conn: &mut DbConnection) -> Result<Option<Holders>, DbError> {
        let Self { session, token_expires_at, signer, proxy_secret } = self;
        // It may come from memory, and its key and expiry may be old.
        let Some(mut stored) = sessions::find(conn, &session.id)? else { return Ok(None) };
        stored.last_used_at = session.last_used_at;
        let session = &stored;
        if let Some(secret) = proxy_secret {
            sessions::set_proxy_secret(conn, &session.id, secret)?;
        }
        let Some(signer) = signer else {
            let is_live = sessions::set_used(conn, &session.id, session.last_used_at)?;
            return Ok(is_live.then(Holders::default));
        };
        // First: it may lock the user's row, which every other transaction locks before a session's.
        let holders = sessions::get_holders(conn, session)?;
        let issue = SessionIssue::new(session, signer.kid(), *token_expires_at, session.last_used_at);
        let is_live = sessions::record_issue(conn, &issue)?;
        Ok(is_live.then_some(holders))
    }
}
