//! `GET /me`: the user of an access token.

use actix_web::HttpResponse;
use serde::Serialize;

use crate::error::{AppError, ErrorBody};
use crate::users::UserId;
use crate::web::bearer::Bearer;

/// The user of an access token.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Me<'a> {
    /// The user ID.
    #[schema(value_type = i64)]
    id: UserId,
    /// The username.
    username: &'a str,
    /// The username again, under its claim name.
    sub: &'a str,
    /// The user's roles.
    roles: &'a [String],
    /// The token's scopes, separated by spaces.
    scope: &'a str,
    /// The session ID.
    sid: &'a str,
    /// The ID of the client that the token was issued to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// The expiry time of the token, as a Unix timestamp in seconds.
    exp: i64,
}

/// Returns the user of the access token, without a database query (with HS256, one every 30 seconds).
///
/// # Errors
/// 401 `invalid_token` also for a token without a user (client credentials grant).
#[utoipa::path(
    get,
    path = "/me",
    tag = "tokens",
    operation_id = "get_me",
    summary = "Get the user of the access token",
    description = "Reads the claims of the token, without a database query (with HS256, one every 30 seconds).",
    responses(
        (status = 200, description = "The user", body = Me),
        (status = 401, description = "The access token is missing, invalid, or was issued to a client", body = ErrorBody),
    ),
    security(("password" = []))
)]
pub async fn get_me(Bearer(token): Bearer) -> Result<HttpResponse, AppError> {
    let claims = &token.claims;
    let id = claims.id.ok_or_else(AppError::not_a_users_token)?;
    Ok(HttpResponse::Ok().json(Me {
        id,
        username: &claims.sub,
        sub: &claims.sub,
        roles: &claims.roles,
        scope: &claims.scope,
        sid: &claims.sid,
        client_id: claims.client_id.as_deref(),
        exp: claims.exp,
    }))
}
