//! Who sends the request, and whether they may pass: session, account and roles are read from the database each time, so that somebody
//! who signed out, was turned off or lost a role is stopped at once. What may not live here: how the answer is worn (`routes.rs`).

use actix_web::HttpRequest;
use diesel::QueryResult;

use super::rule::Rule;
use crate::error::AppError;
use crate::secret::PlainSecret;
use crate::sessions::{self, SessionKind, SessionService};
use crate::tokens::{TokenError, TokenService};
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
pub async fn decide(
    request: &HttpRequest,
    sessions: &SessionService,
    tokens: &TokenService,
) -> Result<Decision, AppError> {
    if let Some(name) = find_identity_header(request) {
        return Ok(Decision::Forbidden(Forbidden::HasIdentity(name)));
    }
    let Some(rule) = Rule::parse(request.query_string()) else {
        return Ok(Decision::Forbidden(Forbidden::BadRule));
    };
    let current = match find_by_cookie(request, sessions).await? {
        Some(current) => current,
        None => match find_by_bearer(request, sessions, tokens).await? {
            Identification::Known(current) => *current,
            Identification::Unknown(error) => return Ok(Decision::SignedOut(error)),
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

/// The user of the proxy cookie. It is read first, because an `Authorization` header may be meant for the application.
async fn find_by_cookie(request: &HttpRequest, sessions: &SessionService) -> Result<Option<CurrentUser>, AppError> {
    let secret = cookies::find(request, cookies::Name::Proxy).and_then(|text| PlainSecret::parse(&text));
    let Some(secret) = secret else { return Ok(None) };
    let find = move |conn: &mut _| sessions::find_by_proxy_secret(conn, &secret.hash());
    let Some(current) = sessions.read_live(find, CurrentUser::read).await? else { return Ok(None) };
    // Work in an application is use of the session: a person who works there all day stays signed in.
    if let Err(error) = sessions.record_use(&current.session).await {
        // The next request records it: no reason to reject this one.
        tracing::debug!(%error, "could not record the use of a session");
    }
    Ok(Some(current))
}

/// The user of a client's access token. With HS256 every verifier could forge one, therefore none is accepted here. Neither is a
/// browser's token, which reaches every application under `COOKIE_DOMAIN`.
async fn find_by_bearer(
    request: &HttpRequest,
    sessions: &SessionService,
    tokens: &TokenService,
) -> Result<Identification, AppError> {
    let Some(token) = bearer::find(request) else { return Ok(Identification::Unknown(AppError::bearer_missing())) };
    if tokens.keys().is_shared() {
        return Ok(Identification::Unknown(AppError::invalid_token()));
    }
    let verified = match tokens.verify(token).await {
        Ok(verified) => verified,
        Err(TokenError::Database(error)) => return Err(error.into()),
        Err(rejection) => return Ok(Identification::Unknown(rejection.into())),
    };
    if verified.claims.id.is_none() {
        return Ok(Identification::Unknown(AppError::not_a_users_token()));
    }
    let find = move |conn: &mut _| -> QueryResult<_> {
        let session = sessions::find(conn, &verified.claims.sid)?;
        Ok(session.filter(|session| session.kind != SessionKind::Browser))
    };
    Ok(match sessions.read_live(find, CurrentUser::read).await? {
        Some(current) => Identification::Known(Box::new(current)),
        None => Identification::Unknown(AppError::invalid_token()),
    })
}

/// Who sends a request, as far as its bearer token tells.
enum Identification {
    Known(Box<CurrentUser>),
    /// Nobody; the response for a client.
    Unknown(AppError),
}
