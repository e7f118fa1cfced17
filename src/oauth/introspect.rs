//! `POST /token/introspect`: token introspection for clients (RFC 7662).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::client_auth;
use crate::authentication::granted_scopes;
use crate::clients::Client;
use crate::clock::{Moment, unix_seconds};
use crate::db::{Db, DbError};
use crate::error::{AppError, ErrorBody};
use crate::scope::Scopes;
use crate::sessions::{Lifetimes, OwnedSession, SessionKey, SessionService};
use crate::tokens::{Claims, PlainRefreshToken, RefreshToken, TokenService, find_refresh_token};
use crate::users::{User, UserId, UserState};
use crate::web::form::Parameters;

/// The parameters of `POST /token/introspect`, as a form or a JSON object.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "documents the parameters, which are read one by one to detect repeats")]
pub struct IntrospectionRequest {
    /// An access token, or a refresh token that was issued to the requesting client.
    token: String,
    /// `access_token` or `refresh_token`; ignored.
    token_type_hint: Option<String>,
}

/// The introspection response (RFC 7662 §2.2). For an inactive token it contains only `active`.
#[derive(Default, Serialize, utoipa::ToSchema)]
pub struct IntrospectionResponse {
    /// Whether the token is valid now.
    active: bool,
    /// `Bearer` for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The scopes of the token that the user's roles and the client still allow, separated by spaces. Absent if there are
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The ID of the client that the token was issued to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The username; absent when the token has no user (client credentials grant).
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The username, or the client ID when the token has no user.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The user ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    id: Option<UserId>,
    /// The user's roles now.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    /// The session ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// The expiry time, as a Unix timestamp in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// The issue time, as a Unix timestamp in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// The issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// The audience, if one is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    /// The token ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

impl IntrospectionResponse {
    fn of_access_token(claims: &Claims, rights: &Rights<'_>) -> Self {
        Self {
            active: true,
            token_type: Some("Bearer"),
            scope: rights.scope.to_parameter(),
            client_id: claims.client_id.clone(),
            username: claims.id.map(|_| claims.sub.clone()),
            sub: Some(claims.sub.clone()),
            id: claims.id,
            roles: Some(rights.roles.to_vec()),
            sid: Some(claims.sid.clone()),
            exp: Some(claims.exp),
            iat: Some(claims.iat),
            iss: Some(claims.iss.clone()),
            aud: claims.aud.clone(),
            jti: Some(claims.jti.clone()),
        }
    }
}

/// The rights of a live session.
struct Rights<'a> {
    /// The user; `None` when the client acts for itself.
    user: Option<&'a User>,
    roles: &'a [String],
    scope: Scopes,
}

impl<'a> Rights<'a> {
    /// Those of `scope` that the session, its user's roles and its client still allow. `None` when the account is disabled
    /// or deleted, or the client deleted.
    fn of(owned: &'a OwnedSession, scope: &Scopes) -> Option<Self> {
        let OwnedSession { session, user, client, roles, role_scopes } = owned;
        if client.is_none() && session.client_id.is_some() {
            return None;
        }
        let scope = scope.intersection(&session.scope);
        if session.user_id.is_none() {
            let scope = client.as_ref().map(|client| scope.intersection(&client.scopes)).unwrap_or_default();
            return Some(Self { user: None, roles: &[], scope });
        }
        let user = user.as_ref().filter(|user| user.state == UserState::Active)?;
        let scope = granted_scopes::allowed(&scope, role_scopes, client.as_ref());
        Some(Self { user: Some(user), roles, scope })
    }
}

/// Introspects a token for a client. What another instance changes, such as roles and scopes, shows within a second.
///
/// # Errors
/// The table "Errors" in docs/architecture.md.
#[utoipa::path(
    post,
    path = "/token/introspect",
    tag = "tokens",
    operation_id = "introspect_token",
    summary = "Introspect a token (RFC 7662)",
    description = "Requires client authentication. Another client's refresh token is reported as inactive.",
    request_body(content(
        (IntrospectionRequest = "application/x-www-form-urlencoded"),
        (IntrospectionRequest = "application/json"),
    )),
    responses(
        (status = 200, description = "The introspection response", body = IntrospectionResponse),
        (status = 400, description = "invalid_request", body = ErrorBody),
        (status = 401, description = "invalid_client", body = ErrorBody),
    )
)]
pub async fn post_introspect(
    request: HttpRequest,
    payload: web::Payload,
    db: web::Data<Db>,
    sessions: web::Data<SessionService>,
    tokens: web::Data<TokenService>,
) -> Result<HttpResponse, AppError> {
    let parameters = Parameters::read(&request, payload).await?;
    let client = client_auth::require_known(&request, &parameters, &sessions).await?;
    let token =
        parameters.get_non_empty("token").ok_or_else(|| AppError::invalid_request("Missing parameter: token."))?;
    let response = match PlainRefreshToken::parse(token) {
        Some(token) => of_refresh_token(&db, sessions.lifetimes(), token, client, tokens.clock().now()).await?,
        None => of_access_token(&sessions, &tokens, token).await?,
    };
    Ok(HttpResponse::Ok().json(response.unwrap_or_default()))
}

async fn of_access_token(
    sessions: &SessionService,
    tokens: &TokenService,
    token: &str,
) -> Result<Option<IntrospectionResponse>, AppError> {
    let verified = match tokens.verify_as_issuer(token) {
        Ok(verified) => verified,
        Err(error) if error.is_unavailable() => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let claims = &verified.claims;
    let Some(live) = sessions.find_live(SessionKey::Id(claims.sid.clone())).await? else { return Ok(None) };
    let session = &live.owned.session;
    let Some(scope) = Scopes::parse(&claims.scope) else { return Ok(None) };
    if session.user_id != claims.id || session.client_id != claims.client_id {
        return Ok(None);
    }
    let rights = Rights::of(&live.owned, &scope);
    Ok(rights.map(|rights| IntrospectionResponse::of_access_token(claims, &rights)))
}

/// A client may introspect only its own refresh tokens (RFC 7662 §2.2).
async fn of_refresh_token(
    db: &Db,
    lifetimes: Lifetimes,
    token: PlainRefreshToken,
    client: Client,
    now: Moment,
) -> Result<Option<IntrospectionResponse>, DbError> {
    db.read(move |conn| {
        let found = find_refresh_token(conn, token.secret())?.filter(RefreshToken::is_unused);
        let Some(token) = found.filter(|token| token.client_id.as_ref() == Some(&client.id)) else {
            return Ok(None);
        };
        let owned = SessionKey::Id(token.family_id).read(conn)?;
        let Some(owned) = owned.filter(|owned| lifetimes.is_live(&owned.session, now)) else { return Ok(None) };
        let Some(Rights { user: Some(user), scope, .. }) = Rights::of(&owned, &token.scope) else { return Ok(None) };
        Ok(Some(IntrospectionResponse {
            active: true,
            scope: scope.to_parameter(),
            client_id: token.client_id,
            username: Some(user.username.clone()),
            sub: Some(user.username.clone()),
            id: Some(user.id),
            exp: Some(unix_seconds(lifetimes.session_expires_at(&owned.session))),
            iat: Some(unix_seconds(token.created_at)),
            sid: Some(owned.session.id.clone()),
            ..IntrospectionResponse::default()
        }))
    })
    .await
}
