//! `GET /me`: who the bearer is. What may not live here: checking the token (`web::bearer`).

use actix_web::HttpResponse;
use serde::Serialize;

use crate::error::{AppError, ErrorBody};
use crate::users::UserId;
use crate::web::bearer::Bearer;

/// Who the bearer is.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Me<'a> {
    /// The user's number.
    #[schema(value_type = i64)]
    id: UserId,
    /// The username.
    username: &'a str,
    /// The username again, under the name it has in tokens.
    sub: &'a str,
    /// The user's roles.
    roles: &'a [String],
    /// The token's scopes, with spaces between.
    scope: &'a str,
    /// The session that the token belongs to.
    sid: &'a str,
    /// The registered program that holds the token, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// When the token dies, in seconds since 1970.
    exp: i64,
}

/// Who the bearer of the access token is, without asking the database (with HS256 the database is asked every 30 seconds).
#[utoipa::path(
    get,
    path = "/me",
    tag = "tokens",
    operation_id = "get_me",
    summary = "Who the bearer of the access token is",
    description = "Answered without the database, but with HS256, where it is asked every 30 seconds.",
    responses(
        (status = 200, description = "The user", body = Me),
        (status = 401, description = "No token, or one that is expired, ended or not from here", body = ErrorBody),
    ),
    security(("password" = []))
)]
///
/// # Errors
/// 401 for a token of a program that acts for itself: there is no user whom it could tell of.
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
