//! Which registered program asks (RFC 6749 §2.3.1). None can be registered yet, so that any that names itself is refused.
//! What may not live here: users.

use actix_web::HttpRequest;

use crate::error::AppError;
use crate::secret::from_base64;
use crate::web::form::Parameters;

/// Checks that the request names no client. A client without id and secret, as Swagger UI sends it, counts as none.
///
/// # Errors
/// 401 `invalid_client` for any client, 400 when it is named in the header and in the body.
pub fn check(request: &HttpRequest, parameters: &Parameters) -> Result<(), AppError> {
    let in_header = match request.headers().get("authorization").map(|value| value.to_str()) {
        None => false,
        Some(Err(_)) => return Err(AppError::invalid_client()),
        Some(Ok(value)) => names_client(value)?,
    };
    let in_body = parameters.get_filled("client_id").is_some() || parameters.get_filled("client_secret").is_some();
    match (in_header, in_body) {
        (true, true) => {
            Err(AppError::invalid_request("The client is named in the Authorization header and in the body."))
        }
        (false, false) => Ok(()),
        _ => Err(AppError::invalid_client()),
    }
}

/// Whether an `Authorization` header is HTTP Basic with an id or a secret. Another scheme says nothing about a client.
fn names_client(header: &str) -> Result<bool, AppError> {
    let (scheme, credentials) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(false);
    }
    let decoded = from_base64(credentials.trim()).ok_or_else(AppError::invalid_client)?;
    Ok(decoded != b":" && !decoded.is_empty())
}
