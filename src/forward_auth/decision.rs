//! Who sends the request, and whether they may pass: session, account and roles are read from the database each time, so that somebody
//! who signed out, was turned off or lost a role is stopped at once. What may not live here: how the answer is worn (`routes.rs`).

use actix_web::HttpRequest;

use super::rule::Rule;
use crate::authentication::Lock;
use crate::db::DbError;
use crate::error::AppError;
use crate::secret::PlainSecret;
use crate::sessions::{self, Session, SessionKind};
use crate::tokens::TokenError;
use crate::web::current_user::CurrentUser;
use crate::web::{bearer, cookies};

/// The first letters of the headers that applications believe.
const IDENTITY_PREFIX: &str = "remote-";

/// The answer.
pub enum Decision {
    /// They may pass.
    Allowed(Box<CurrentUser>),
    /// They may not, whoever they are.
    Forbidden(Forbidden),
    /// Nobody is signed in, or the token that came serves nobody: the answer for a program.
    SignedOut(AppError),
}

/// Why somebody may not pass.
pub enum Forbidden {
    /// The request itself has a header, this one, that says who sends it.
    HasIdentity(String),
    /// The proxy's configuration demands something that is not understood.
    BadRule,
    /// They lack the role.
    LacksRole,
}

/// Decides on a request.
///
/// # Errors
/// When the database gives no answer.
pub async fn decide(request: &HttpRequest, lock: &Lock) -> Result<Decision, AppError> {
    if let Some(name) = find_identity_header(request) {
        return Ok(Decision::Forbidden(Forbidden::HasIdentity(name)));
    }
    let Some(rule) = Rule::parse(request.query_string()) else {
        return Ok(Decision::Forbidden(Forbidden::BadRule));
    };
    let current = match find_by_cookie(request, lock).await? {
        Some(current) => current,
        None => match find_by_bearer(request, lock).await? {
            Ok(current) => current,
            Err(refusal) => return Ok(Decision::SignedOut(refusal)),
        },
    };
    if rule.admits(&current.roles) {
        Ok(Decision::Allowed(Box::new(current)))
    } else {
        Ok(Decision::Forbidden(Forbidden::LacksRole))
    }
}

/// An application behind a proxy that forgets to overwrite one of them would believe it. `_` counts as `-`, as it does for every
/// application that gets its headers by way of CGI names.
fn find_identity_header(request: &HttpRequest) -> Option<String> {
    let name = request.headers().keys().find(|name| name.as_str().replace('_', "-").starts_with(IDENTITY_PREFIX))?;
    Some(name.as_str().chars().take(64).collect())
}

/// First: an `Authorization` header may be meant for the application.
async fn find_by_cookie(request: &HttpRequest, lock: &Lock) -> Result<Option<CurrentUser>, AppError> {
    let secret = cookies::find(request, cookies::Name::Proxy).and_then(|text| PlainSecret::parse(&text));
    let Some(secret) = secret else { return Ok(None) };
    let (now, lifetimes) = (lock.clock.now(), lock.lifetimes);
    let found = lock.db.read(move |conn| -> Result<_, DbError> {
        let session = sessions::find_by_proxy_secret(conn, &secret.hash())?;
        let session = session.filter(|session| lifetimes.is_live(session, now));
        session.map_or(Ok(None), |session| CurrentUser::read(conn, session))
    });
    let Some(current) = found.await? else { return Ok(None) };
    if lifetimes.is_use_due(&current.session, now) {
        write_use(lock, &current.session).await;
    }
    Ok(Some(current))
}

/// Work in an application is use of the session: whoever is at it all day is not signed out.
async fn write_use(lock: &Lock, session: &Session) {
    let (id, now) = (session.id.clone(), lock.clock.now());
    let written = lock.db.write(move |conn| -> Result<_, DbError> { Ok(sessions::set_used(conn, &id, now)?) }).await;
    if let Err(error) = written {
        // The next request writes it: no reason to stop this one.
        tracing::debug!(%error, "cannot record the use of a session; the next request retries");
    }
}

/// A program's access token. With HS256 whoever checks tokens could make one, so that none is taken here; nor is a browser's, which
/// reaches every application under `COOKIE_DOMAIN`.
async fn find_by_bearer(request: &HttpRequest, lock: &Lock) -> Result<Result<CurrentUser, AppError>, AppError> {
    let Some(token) = bearer::find(request) else { return Ok(Err(AppError::bearer_missing())) };
    if lock.tokens.keys().is_shared() {
        return Ok(Err(AppError::invalid_token()));
    }
    let verified = match lock.tokens.verify(token).await {
        Ok(verified) => verified,
        Err(TokenError::Database(error)) => return Err(error.into()),
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    if verified.claims.id.is_none() {
        return Ok(Err(AppError::not_a_users_token()));
    }
    let (now, lifetimes) = (lock.clock.now(), lock.lifetimes);
    let found = lock.db.read(move |conn| -> Result<_, DbError> {
        let session = sessions::find(conn, &verified.claims.sid)?;
        let session = session.filter(|session| session.kind != SessionKind::Browser && lifetimes.is_live(session, now));
        session.map_or(Ok(None), |session| CurrentUser::read(conn, session))
    });
    Ok(found.await?.ok_or_else(AppError::invalid_token))
}
