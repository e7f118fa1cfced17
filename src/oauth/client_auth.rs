//! Which registered program asks: `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1).
//! What may not live here: what it may ask for (`clients`).

use actix_web::HttpRequest;

use crate::clients::{self, Client};
use crate::credentials::Lock;
use crate::db::DbError;
use crate::error::AppError;
use crate::secret::{PlainSecret, from_base64};
use crate::web::form::{Parameters, percent_decoded};

/// A client id and secret as they were presented.
struct ClientCredentials {
    id: String,
    secret: String,
}

/// The registered program that a request names and proves to be; `None` when it names none. A client without id and secret, as
/// Swagger UI sends it, counts as none.
///
/// # Errors
/// 401 `invalid_client` for an unknown client or a wrong secret, 400 when it is named in the header and in the body.
pub async fn authenticate(
    request: &HttpRequest,
    parameters: &Parameters,
    lock: &Lock,
) -> Result<Option<Client>, AppError> {
    let in_header = match request.headers().get("authorization").map(|value| value.to_str()) {
        None => None,
        Some(Err(_)) => return Err(AppError::invalid_client()),
        Some(Ok(value)) => from_basic(value)?,
    };
    let in_body = match (parameters.get_filled("client_id"), parameters.get_filled("client_secret")) {
        (None, None) => None,
        (id, secret) => Some(ClientCredentials {
            id: id.unwrap_or_default().to_owned(),
            secret: secret.unwrap_or_default().to_owned(),
        }),
    };
    let presented = match (in_header, in_body) {
        (Some(_), Some(_)) => {
            return Err(AppError::invalid_request("The client is named in the Authorization header and in the body."));
        }
        (None, None) => return Ok(None),
        (Some(presented), None) | (None, Some(presented)) => presented,
    };
    // A secret has 256 random bits, so that nobody guesses it and no throttling is needed; what has not its shape is not looked up.
    let secret = PlainSecret::parse(&presented.secret).ok_or_else(AppError::invalid_client)?;
    if !clients::is_id(&presented.id) {
        return Err(AppError::invalid_client());
    }
    let found = lock.db.read(move |conn| -> Result<_, DbError> { Ok(clients::find(conn, &presented.id)?) }).await?;
    found.filter(|client| client.has_secret(&secret)).map(Some).ok_or_else(AppError::invalid_client)
}

/// [`authenticate`], for a route that is for registered programs only.
///
/// # Errors
/// As there, and 401 `invalid_client` when the request names none.
pub async fn require(request: &HttpRequest, parameters: &Parameters, lock: &Lock) -> Result<Client, AppError> {
    authenticate(request, parameters, lock).await?.ok_or_else(AppError::client_missing)
}

/// The client of an `Authorization` header that is HTTP Basic and names one. Another scheme says nothing about a client.
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
    // Both are form-encoded before they are joined (RFC 6749 §2.3.1).
    let [id, secret] = [&decoded[..at], &decoded[at + 1..]].map(percent_decoded);
    match (id, secret) {
        (Ok(id), Ok(secret)) => Ok(Some(ClientCredentials { id, secret })),
        _ => Err(AppError::invalid_client()),
    }
}
