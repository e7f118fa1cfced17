//! `POST /token/revoke`: a program gives its token back (RFC 7009). What may not live here: what ending a session does (`sessions`).

use actix_web::{HttpRequest, HttpResponse, web};

use super::client_auth;
use crate::clients::Client;
use crate::credentials::Lock;
use crate::db::DbError;
use crate::error::{AppError, ErrorBody};
use crate::secret::PlainSecret;
use crate::sessions::{self, EndReason};
use crate::tokens::{TokenError, find_refresh_token};
use crate::web::form::Parameters;

/// What a form or JSON object to `/token/revoke` holds.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "documents the parameters; they are read one by one, so that a repeated one is seen")]
pub struct RevocationRequest {
    /// The refresh token or the access token.
    token: String,
    /// Which of the two it is; not needed.
    token_type_hint: Option<String>,
}

/// Ends the session that a token belongs to, and so all its tokens. 200 for a token that is unknown or over, too (RFC 7009 §2.2).
///
/// # Errors
/// The table in design section 5.1; 400 `unsupported_token_type` for an access token with HS256, which whoever holds the shared secret
/// could have made.
#[utoipa::path(
    post,
    path = "/token/revoke",
    tag = "tokens",
    operation_id = "revoke_token",
    summary = "End the session of a refresh or access token (RFC 7009)",
    description = "Ends the session that the token belongs to, and so all its tokens. 200 for a token that is unknown or over, too.",
    request_body(content((RevocationRequest = "application/x-www-form-urlencoded"), (RevocationRequest = "application/json"))),
    responses(
        (status = 200, description = "The token is of no use any more"),
        (status = 400, description = "invalid_request or unsupported_token_type", body = ErrorBody),
        (status = 401, description = "invalid_client", body = ErrorBody),
    )
)]
pub async fn post_revoke(
    request: HttpRequest,
    payload: web::Payload,
    lock: web::Data<Lock>,
) -> Result<HttpResponse, AppError> {
    let parameters = Parameters::read(&request, payload).await?;
    let client = client_auth::authenticate(&request, &parameters, &lock).await?;
    let token =
        parameters.get_filled("token").ok_or_else(|| AppError::invalid_request("The parameter token is missing."))?;
    if let Some(session_id) = session_of(&lock, token, client.as_ref()).await? {
        end(&lock, session_id).await?;
    }
    Ok(HttpResponse::Ok().finish())
}

/// The session of a token that this program may give back: its own, or one that is bound to no program.
async fn session_of(lock: &Lock, token: &str, client: Option<&Client>) -> Result<Option<String>, AppError> {
    let client_id = client.map(|client| client.id.clone());
    if let Some(secret) = PlainSecret::parse(token) {
        let find = move |conn: &mut _| -> Result<_, DbError> { Ok(find_refresh_token(conn, &secret)?) };
        let found = lock.db.read(find).await?;
        return Ok(found.filter(|token| token.client_id == client_id).map(|token| token.family_id));
    }
    if lock.tokens.keys().is_shared() {
        return Err(AppError::unsupported_token_type());
    }
    match lock.tokens.verify(token).await {
        Ok(verified) if verified.claims.client_id == client_id => Ok(Some(verified.claims.sid.clone())),
        Err(TokenError::Database(error)) => Err(error.into()),
        Ok(_) | Err(_) => Ok(None),
    }
}

async fn end(lock: &Lock, session_id: String) -> Result<(), DbError> {
    let now = lock.clock.now();
    let ended = lock
        .db
        .write(move |conn| -> Result<_, DbError> {
            let is_ended = sessions::end(conn, &session_id, EndReason::Revoked, now)?;
            Ok(if is_ended { sessions::find(conn, &session_id)? } else { None })
        })
        .await?;
    if let Some(session) = ended {
        lock.tokens.ended().add(&session.id, session.access_until);
    }
    Ok(())
}
