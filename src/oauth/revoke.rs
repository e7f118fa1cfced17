//! `POST /token/revoke`: token revocation (RFC 7009).

use actix_web::{HttpRequest, HttpResponse, web};

use super::client_auth;
use crate::clients::Client;
use crate::db::{Db, DbError};
use crate::error::{AppError, ErrorBody};
use crate::sessions::{EndReason, SessionService};
use crate::tokens::{PlainRefreshToken, TokenService, find_or_recognize_refresh_token};
use crate::web::form::Parameters;

/// The parameters of `POST /token/revoke`, as a form or a JSON object.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "documents the parameters, which are read one by one to detect repeats")]
pub struct RevocationRequest {
    /// A refresh token or an access token. With HS256, only a refresh token.
    token: String,
    /// `access_token` or `refresh_token`; ignored.
    token_type_hint: Option<String>,
}

/// Ends the session of a token, which revokes all its tokens. An invalid token gets 200 too (RFC 7009 §2.2).
///
/// # Errors
/// The table "Errors" in docs/architecture.md; 400 `unsupported_token_type` for an access token with HS256, which every
/// holder of the shared secret can sign.
#[utoipa::path(
    post,
    path = "/token/revoke",
    tag = "tokens",
    operation_id = "revoke_token",
    summary = "Revoke a token (RFC 7009)",
    description = "Ends the session of the token, which revokes all its tokens. An invalid token gets 200 too.",
    request_body(content(
        (RevocationRequest = "application/x-www-form-urlencoded"),
        (RevocationRequest = "application/json"),
    )),
    responses(
        (status = 200, description = "An empty JSON object: the token has been revoked, or was not valid", body = Object),
        (status = 400, description = "invalid_request or unsupported_token_type", body = ErrorBody),
        (status = 401, description = "invalid_client", body = ErrorBody),
    )
)]
pub async fn post_revoke(
    request: HttpRequest,
    payload: web::Payload,
    db: web::Data<Db>,
    sessions: web::Data<SessionService>,
    tokens: web::Data<TokenService>,
) -> Result<HttpResponse, AppError> {
    let parameters = Parameters::read(&request, payload).await?;
    let client = client_auth::authenticate(&request, &parameters, &db).await?;
    let token =
        parameters.get_non_empty("token").ok_or_else(|| AppError::invalid_request("Missing parameter: token."))?;
    if let Some(session_id) = session_of(&db, &tokens, token, client.as_ref()).await? {
        sessions.end(session_id, EndReason::Revoked).await?;
    }
    // RFC 7009 §2.2 leaves the body free. Clients that parse every response as JSON fail at an empty one.
    Ok(HttpResponse::Ok().json(serde_json::Map::new()))
}

/// Returns the session of a token that was issued to `client`, or to no client when `client` is `None`.
async fn session_of(
    db: &Db,
    tokens: &TokenService,
    token: &str,
    client: Option<&Client>,
) -> Result<Option<String>, AppError> {
    let client_id = client.map(|client| client.id.clone());
    if let Some(token) = PlainRefreshToken::parse(token) {
        let key = tokens.refresh_key().clone();
        let find =
            move |conn: &mut _| -> Result<_, DbError> { Ok(find_or_recognize_refresh_token(conn, &token, &key)?) };
        let found = db.read(find).await?.filter(|token| token.client_id() == client_id.as_deref());
        return Ok(found.map(|token| token.session_id().to_owned()));
    }
    if tokens.keys().is_shared_secret() {
        return Err(AppError::unsupported_token_type());
    }
    // Also a token that its holder's entry has revoked: its session may be live.
    let verified = tokens.verify_except_revocation(token).ok();
    let own = verified.filter(|verified| verified.claims.client_id == client_id);
    Ok(own.map(|verified| verified.claims.sid.clone()))
}
