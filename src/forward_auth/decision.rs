//! The decision whether a proxied request is allowed, and the identification of its user.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use super::original_request;
use super::rule::Rule;
use crate::db::{DbConnection, DbError};
use crate::error::AppError;
use crate::secret::PlainSecret;
use crate::sessions::{self, LiveSession, SessionKey, SessionKind, SessionService};
use crate::tokens::TokenService;
use crate::web::cookies::CookieName;
use crate::web::{bearer, request_cookies};

/// The prefix of the headers that applications trust.
const IDENTITY_PREFIX: &str = "remote-";

/// The decision on a request.
pub enum Decision {
    /// The request is allowed; its session, which has an active user.
    Allowed(Arc<LiveSession>),
    /// The request is forbidden.
    Forbidden(Forbidden),
    /// The request has no valid session or access token; the response for a client.
    SignedOut(AppError),
}

/// Why a request is forbidden.
pub enum Forbidden {
    /// The request itself has this identity header.
    HasIdentity(String),
    /// The query that the proxy sends is not a list of roles.
    BadRule,
    /// The user has none of the required roles.
    LacksRole,
}

/// Decides on a request. Signing out, disabling the account or revoking a role takes effect at once, and within a second if
/// another instance did it.
pub async fn decide(
    request: &HttpRequest,
    sessions: &SessionService,
    tokens: &TokenService,
) -> Result<Decision, AppError> {
    request_cookies::set_application(request, || original_request::url(request));
    if let Some(name) = find_identity_header(request) {
        return Ok(Decision::Forbidden(Forbidden::HasIdentity(name)));
    }
    let Some(rule) = Rule::parse(request.query_string()) else {
        return Ok(Decision::Forbidden(Forbidden::BadRule));
    };
    let live = match find_by_cookie(request, sessions).await? {
        Some(live) => live,
        None => match find_by_bearer(request, sessions, tokens).await? {
            Identification::Known(live) => live,
            Identification::Unknown(error) => return Ok(Decision::SignedOut(error)),
        },
    };
    if rule.allows(&live.owned.roles) {
        Ok(Decision::Allowed(live))
    } else {
        Ok(Decision::Forbidden(Forbidden::LacksRole))
    }
}

/// Finds a header that an application would trust if the proxy forgot to overwrite it. `_` counts as `-`, because both
/// become `_` in CGI variables.
fn find_identity_header(request: &HttpRequest) -> Option<String> {
    let is_identity = |name: &HeaderName| {
        let prefix = name.as_str().bytes().take(IDENTITY_PREFIX.len());
        prefix.map(|byte| if byte == b'_' { b'-' } else { byte }).eq(IDENTITY_PREFIX.bytes())
    };
    let name = request.headers().keys().find(|name| is_identity(name))?;
    Some(name.as_str().chars().take(64).collect())
}

/// Finds the user of the proxy cookie. It is read first, because an `Authorization` header may be for the application.
/// Of several values, those that name sessions of one user are interchangeable, for example after `COOKIE_DOMAIN` was
/// changed. If they name different users, none counts, even if only one session is live: any host under the domain can
/// set such a cookie, and a person must not become another user when their own session ends.
async fn find_by_cookie(
    request: &HttpRequest,
    sessions: &SessionService,
) -> Result<Option<Arc<LiveSession>>, AppError> {
    let values = request_cookies::candidates(request, CookieName::Proxy);
    let secrets: Vec<PlainSecret> = values.iter().filter_map(|text| PlainSecret::parse(text)).collect();
    if secrets.is_empty() {
        return Ok(None);
    }
    let key = match <[PlainSecret; 1]>::try_from(secrets) {
        Ok([secret]) => Some(SessionKey::ProxySecret(secret.hash())),
        Err(secrets) => find_interchangeable(sessions, secrets).await?,
    };
    let live = match key {
        Some(key) => sessions.find_live(key).await?,
        None => None,
    };
    let Some(live) = live.filter(|live| live.active_user().is_some()) else {
        request_cookies::reject(request, CookieName::Proxy);
        return Ok(None);
    };
    // A person who works in an application all day stays signed in.
    if let Err(error) = sessions.record_use(&live).await {
        // The next request records it: no reason to reject this one.
        tracing::debug!(%error, "could not record the use of a session");
    }
    Ok(Some(live))
}

/// The first live session of several, if all belong to one user.
async fn find_interchangeable(
    sessions: &SessionService,
    secrets: Vec<PlainSecret>,
) -> Result<Option<SessionKey>, DbError> {
    let (lifetimes, now) = (sessions.lifetimes(), sessions.now());
    let find = move |conn: &mut DbConnection| -> Result<_, DbError> {
        let mut found = Vec::new();
        for secret in &secrets {
            let hash = secret.hash();
            found.extend(sessions::find_by_proxy_secret(conn, &hash)?.map(|session| (hash, session)));
        }
        let is_of_one_user = found.windows(2).all(|pair| pair[0].1.user_id == pair[1].1.user_id);
        let live = found.into_iter().find(|(_, session)| is_of_one_user && lifetimes.is_live(session, now));
        Ok(live.map(|(hash, _)| SessionKey::ProxySecret(hash)))
    };
    sessions.read(find).await
}

/// Finds the user of an access token. Tokens signed with HS256 are rejected, because every verifier could forge one;
/// tokens of browser sessions too, because they reach every application under `COOKIE_DOMAIN`.
async fn find_by_bearer(
    request: &HttpRequest,
    sessions: &SessionService,
    tokens: &TokenService,
) -> Result<Identification, AppError> {
    let Some(token) = bearer::find(request) else { return Ok(Identification::Unknown(AppError::bearer_missing())) };
    if tokens.keys().is_shared_secret() {
        return Ok(Identification::Unknown(AppError::invalid_token()));
    }
    let verified = match tokens.verify(token).await {
        Ok(verified) => verified,
        Err(error) if error.is_unavailable() => return Err(error.into()),
        Err(rejection) => return Ok(Identification::Unknown(rejection.into())),
    };
    if verified.claims.id.is_none() {
        return Ok(Identification::Unknown(AppError::not_a_users_token()));
    }
    let live = sessions.find_live(SessionKey::Id(verified.claims.sid.clone())).await?;
    let is_accepted =
        |live: &Arc<LiveSession>| live.owned.session.kind != SessionKind::Browser && live.active_user().is_some();
    Ok(match live.filter(is_accepted) {
        Some(live) => Identification::Known(live),
        None => Identification::Unknown(AppError::invalid_token()),
    })
}

/// The user of an access token.
enum Identification {
    Known(Arc<LiveSession>),
    /// No user; the response for a client.
    Unknown(AppError),
}
