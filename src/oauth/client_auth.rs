//! Client authentication with `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1).

use actix_web::HttpRequest;

use crate::audit::{RejectedSignIns, RejectionReason};
use crate::clients::{self, Client};
use crate::db::{Db, DbError};
use crate::error::AppError;
use crate::secret::{PlainSecret, from_base64};
use crate::sessions::SessionService;
use crate::web::client_ip::ClientIp;
use crate::web::form::{Parameters, percent_decoded};
use crate::web::service;

/// A client ID and secret from a request, not yet verified.
struct ClientCredentials {
    id: String,
    secret: String,
}

/// Returns the client that a request authenticates as; `None` when the request has no client credentials. An empty
/// client ID and secret, as Swagger UI sends them, count as none. Beside credentials in the header, the body may name the
/// same client, as Postman and Spring do: an ID alone does not authenticate (RFC 6749 §3.2.1).
///
/// # Errors
/// 401 `invalid_client` for an unknown client or a wrong secret; 400 for secrets in both the header and the body, or for
/// two clients (§2.3: one method for each request).
pub async fn authenticate(request: &HttpRequest, parameters: &Parameters, db: &Db) -> Result<Option<Client>, AppError> {
    let db = db.clone();
    let find =
        async move |id: String| db.read(move |conn| -> Result<_, DbError> { Ok(clients::find(conn, &id)?) }).await;
    authenticate_with(request, parameters, find).await
}

async fn authenticate_with(
    request: &HttpRequest,
    parameters: &Parameters,
    find: impl AsyncFnOnce(String) -> Result<Option<Client>, DbError>,
) -> Result<Option<Client>, AppError> {
    let result = verify(request, parameters, find).await;
    if result.as_ref().is_err_and(AppError::is_invalid_client) {
        service::<RejectedSignIns>(request).add(RejectionReason::InvalidClient, ClientIp::of(request).0);
    }
    result
}

async fn verify(
    request: &HttpRequest,
    parameters: &Parameters,
    find: impl AsyncFnOnce(String) -> Result<Option<Client>, DbError>,
) -> Result<Option<Client>, AppError> {
    let in_header = match request.headers().get("authorization").map(|value| value.to_str()) {
        None => None,
        Some(Err(_)) => return Err(AppError::invalid_client()),
        Some(Ok(value)) => from_basic(value)?,
    };
    let in_body = (parameters.get_non_empty("client_id"), parameters.get_non_empty("client_secret"));
    let presented = match (in_header, in_body) {
        (Some(_), (_, Some(_))) => {
            return Err(AppError::invalid_request(
                "Send the client secret in the Authorization header or in the body, not both.",
            ));
        }
        (Some(presented), (Some(id), None)) if presented.id != id => {
            return Err(AppError::invalid_request(
                "The Authorization header and the parameter client_id name different clients.",
            ));
        }
        (Some(presented), _) => presented,
        (None, (None, None)) => return Ok(None),
        (None, (id, secret)) => {
            ClientCredentials { id: id.unwrap_or_default().to_owned(), secret: secret.unwrap_or_default().to_owned() }
        }
    };
    // A secret has 256 random bits: it cannot be guessed, and needs no throttling. A malformed one is not looked up.
    let secret = PlainSecret::parse(&presented.secret).ok_or_else(AppError::invalid_client)?;
    if !clients::is_id(&presented.id) {
        return Err(AppError::invalid_client());
    }
    let found = find(presented.id).await?;
    found.filter(|client| client.has_secret(&secret)).map(Some).ok_or_else(AppError::invalid_client)
}

/// [`authenticate`], for an endpoint that requires a client.
///
/// # Errors
/// Those of [`authenticate`], and 401 `invalid_client` when the request has no client credentials.
pub async fn require(request: &HttpRequest, parameters: &Parameters, db: &Db) -> Result<Client, AppError> {
    authenticate(request, parameters, db).await?.ok_or_else(AppError::client_missing)
}

/// [`require`], with the client as [`SessionService::find_client`] returns it: for introspection, which grants nothing.
///
/// # Errors
/// Those of [`require`].
pub async fn require_known(
    request: &HttpRequest,
    parameters: &Parameters,
    sessions: &SessionService,
) -> Result<Client, AppError> {
    let find = async |id: String| sessions.find_client(&id).await;
    authenticate_with(request, parameters, find).await?.ok_or_else(AppError::client_missing)
}

/// Parses the credentials of an HTTP Basic `Authorization` header; `None` for another scheme or empty credentials.
fn from_basic(header: &str) -> Result<Option<ClientCredentials>, AppError> {
    let (scheme, credentials) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = from_base64(credentials.trim()).ok_or_else(AppError::invalid_client)?;
    if decoded.is_empty() || decoded == b":" {
        return Ok(None);
    }
    let at = decoded.iter().position(|byte| *byte == b':').ok_or_else(AppError::invalid_client)?;
    // RFC 6749 §2.3.1: the client form-encodes both before joining them.
    let [id, secret] = [&decoded[..at], &decoded[at + 1..]].map(percent_decoded);
    match (id, secret) {
        (Ok(id), Ok(secret)) => Ok(Some(ClientCredentials { id, secret })),
        _ => Err(AppError::invalid_client()),
    }
}
