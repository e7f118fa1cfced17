//! `POST /token/introspect`: what a token is worth, for registered programs (RFC 7662). What may not live here: checking a token
//! (`tokens`).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::client_auth;
use crate::clients::Client;
use crate::clock::unix_seconds;
use crate::credentials::Lock;
use crate::db::DbError;
use crate::error::{AppError, ErrorBody};
use crate::secret::PlainSecret;
use crate::sessions;
use crate::tokens::{Claims, RefreshToken, TokenError, find_refresh_token};
use crate::users::{self, UserId, UserState};
use crate::web::form::Parameters;

/// What a form or JSON object to `/token/introspect` holds.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "documents the parameters; they are read one by one, so that a repeated one is seen")]
pub struct IntrospectionRequest {
    /// The access token, or a refresh token of one's own.
    token: String,
    /// Which of the two it is; not needed.
    token_type_hint: Option<String>,
}

/// What a token is worth (RFC 7662 §2.2). Of one that is worth nothing only that is told.
#[derive(Default, Serialize, utoipa::ToSchema)]
pub struct IntrospectionResponse {
    /// Whether it serves now.
    active: bool,
    /// `Bearer` for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The scopes, with spaces between.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The registered program that holds it, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The username.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The username, or the client id of a program that acts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The user's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    id: Option<UserId>,
    /// The user's roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// When it dies, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// When it was made, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// For whom it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    /// Its own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

impl IntrospectionResponse {
    fn of_access_token(claims: &Claims) -> Self {
        Self {
            active: true,
            token_type: Some("Bearer"),
            scope: Some(claims.scope.clone()),
            client_id: claims.client_id.clone(),
            username: claims.id.map(|_| claims.sub.clone()),
            sub: Some(claims.sub.clone()),
            id: claims.id,
            roles: Some(claims.roles.clone()),
            sid: Some(claims.sid.clone()),
            exp: Some(claims.exp),
            iat: Some(claims.iat),
            iss: Some(claims.iss.clone()),
            aud: claims.aud.clone(),
            jti: Some(claims.jti.clone()),
        }
    }
}

/// Tells a registered program what a token is worth now: one whose session has ended is worth nothing.
///
/// # Errors
/// The table in design section 5.1.
#[utoipa::path(
    post,
    path = "/token/introspect",
    tag = "tokens",
    operation_id = "introspect_token",
    summary = "What a token is worth, for registered programs (RFC 7662)",
    description = "A token whose session has ended is worth nothing.",
    request_body(content((IntrospectionRequest = "application/x-www-form-urlencoded"), (IntrospectionRequest = "application/json"))),
    responses(
        (status = 200, description = "What it is worth", body = IntrospectionResponse),
        (status = 400, description = "invalid_request", body = ErrorBody),
        (status = 401, description = "invalid_client", body = ErrorBody),
    )
)]
pub async fn post_introspect(
    request: HttpRequest,
    payload: web::Payload,
    lock: web::Data<Lock>,
) -> Result<HttpResponse, AppError> {
    let parameters = Parameters::read(&request, payload).await?;
    let client = client_auth::require(&request, &parameters, &lock).await?;
    let token =
        parameters.get_filled("token").ok_or_else(|| AppError::invalid_request("The parameter token is missing."))?;
    let response = match PlainSecret::parse(token) {
        Some(secret) => of_refresh_token(&lock, secret, client).await?,
        None => of_access_token(&lock, token).await?,
    };
    Ok(HttpResponse::Ok().json(response.unwrap_or_default()))
}

async fn of_access_token(lock: &Lock, token: &str) -> Result<Option<IntrospectionResponse>, AppError> {
    match lock.tokens.verify(token).await {
        Ok(verified) => Ok(Some(IntrospectionResponse::of_access_token(&verified.claims))),
        Err(TokenError::Database(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Only a program's own refresh tokens: those of others are none of its business (RFC 7662 §2.2).
async fn of_refresh_token(
    lock: &Lock,
    secret: PlainSecret,
    client: Client,
) -> Result<Option<IntrospectionResponse>, DbError> {
    let (now, lifetimes) = (lock.clock.now(), lock.lifetimes);
    lock.db
        .read(move |conn| {
            let found = find_refresh_token(conn, &secret)?.filter(RefreshToken::is_unused);
            let Some(token) = found.filter(|token| token.client_id.as_ref() == Some(&client.id)) else {
                return Ok(None);
            };
            let session = sessions::find(conn, &token.family_id)?.filter(|session| lifetimes.is_live(session, now));
            let Some((session, user_id)) = session.and_then(|session| session.user_id.map(|id| (session, id))) else {
                return Ok(None);
            };
            let user = users::find_by_id(conn, user_id)?.filter(|user| user.state == UserState::Active);
            Ok(user.map(|user| IntrospectionResponse {
                active: true,
                scope: Some(token.scope.to_string()),
                client_id: token.client_id,
                username: Some(user.username.clone()),
                sub: Some(user.username),
                id: Some(user.id),
                exp: Some(unix_seconds(lifetimes.session_ends_at(&session))),
                iat: Some(unix_seconds(token.created_at)),
                sid: Some(session.id),
                ..IntrospectionResponse::default()
            }))
        })
        .await
}
