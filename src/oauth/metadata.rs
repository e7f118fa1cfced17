//! What programs read to work by themselves: the public keys, what this server can do, and which sessions ended early. All public,
//! for pages of any origin. What may not live here: private keys.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, EntityTag, Header as _, IF_NONE_MATCH, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::clients::GrantType;
use crate::clock::unix_seconds;
use crate::config::{Config, PasswordGrant};
use crate::credentials::Lock;
use crate::error::AppError;
use crate::secret::{base64url, sha256};

/// For how long a resource server may keep the public keys, in seconds; a key is published for longer before it signs.
const KEYS_MAX_AGE: &str = "public, max-age=300";
/// The most ended sessions that are told.
const MAX_REVOKED: usize = 100_000;

/// The public keys (RFC 7517 §5); an empty list with HS256.
///
/// # Errors
/// Never: keys that were loaded can be written.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "tokens",
    operation_id = "list_public_keys",
    summary = "The public keys that check access tokens",
    description = "An empty list with HS256.",
    responses((status = 200, description = "A JSON Web Key Set (RFC 7517)"), (status = 304, description = "As before"))
)]
pub async fn get_jwks(request: HttpRequest, lock: web::Data<Lock>) -> Result<HttpResponse, AppError> {
    let body = serde_json::to_vec(&lock.tokens.keys().public(lock.clock.now())).map_err(AppError::internal)?;
    Ok(public(&request, KEYS_MAX_AGE, body))
}

/// What this server can do (RFC 8414 §2).
#[derive(Serialize, utoipa::ToSchema)]
pub struct ServerMetadata {
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    service_documentation: String,
    /// There is no authorization endpoint: no response type is possible, and RFC 8414 wants the list all the same.
    response_types_supported: [&'static str; 0],
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
}

/// Tells what this server can do, true to what is switched on.
///
/// # Errors
/// Never: it can be written.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    tag = "tokens",
    operation_id = "get_server_metadata",
    summary = "What this server can do (RFC 8414)",
    description = "True to what is switched on.",
    responses((status = 200, description = "The metadata", body = ServerMetadata), (status = 304, description = "As before"))
)]
pub async fn get_server_metadata(
    request: HttpRequest,
    config: web::Data<Config>,
    lock: web::Data<Lock>,
) -> Result<HttpResponse, AppError> {
    let url = |path: &str| format!("{}{path}", config.public_url);
    let with_secret = vec!["client_secret_basic", "client_secret_post"];
    // A program that is not registered names none.
    let or_none = [with_secret.as_slice(), &["none"]].concat();
    let is_on = |grant: &GrantType| *grant != GrantType::Password || config.password_grant != PasswordGrant::Off;
    let metadata = ServerMetadata {
        issuer: config.issuer.clone(),
        token_endpoint: url("/token"),
        revocation_endpoint: url("/token/revoke"),
        introspection_endpoint: url("/token/introspect"),
        jwks_uri: (!lock.tokens.keys().is_shared()).then(|| url("/.well-known/jwks.json")),
        service_documentation: url("/docs/"),
        response_types_supported: [],
        grant_types_supported: GrantType::ALL.iter().filter(|grant| is_on(grant)).map(|grant| grant.as_str()).collect(),
        token_endpoint_auth_methods_supported: or_none.clone(),
        revocation_endpoint_auth_methods_supported: or_none,
        introspection_endpoint_auth_methods_supported: with_secret,
    };
    let body = serde_json::to_vec(&metadata).map_err(AppError::internal)?;
    Ok(public(&request, KEYS_MAX_AGE, body))
}

/// The sessions that ended before their access tokens did.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Revoked {
    /// The sessions; those whose tokens live longest first, at most 100,000.
    sessions: Vec<RevokedSession>,
}

/// A session that ended early.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RevokedSession {
    /// The `sid` of its tokens.
    sid: String,
    /// When the last of its tokens dies, in seconds since 1970: it can be forgotten then.
    until: i64,
}

/// Tells which sessions ended early, for resource servers that check tokens by themselves. The ids are random and no secrets.
///
/// # Errors
/// Never: it can be written.
#[utoipa::path(
    get,
    path = "/revoked",
    tag = "tokens",
    operation_id = "list_revoked_sessions",
    summary = "The sessions that ended before their access tokens did",
    description = "For resource servers that check tokens by themselves: a token whose sid stands here is refused.",
    responses((status = 200, description = "The sessions", body = Revoked), (status = 304, description = "As before"))
)]
pub async fn get_revoked(request: HttpRequest, lock: web::Data<Lock>) -> Result<HttpResponse, AppError> {
    let ended = lock.tokens.ended().list(lock.clock.now(), MAX_REVOKED);
    let sessions = ended.into_iter().map(|(sid, until)| RevokedSession { sid, until: unix_seconds(until) }).collect();
    let body = serde_json::to_vec(&Revoked { sessions }).map_err(AppError::internal)?;
    Ok(public(&request, "public, no-cache", body))
}

/// A JSON answer for everybody, with an entity tag; 304 to whoever has it already (RFC 9110 §13.1.2).
fn public(request: &HttpRequest, cache_control: &'static str, body: Vec<u8>) -> HttpResponse {
    let tag = EntityTag::new_strong(base64url(&sha256(&body)[..12]));
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key(IF_NONE_MATCH),
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((ETAG, tag.to_string()))
        .insert_header(("Cache-Control", cache_control))
        .insert_header(("Access-Control-Allow-Origin", "*"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"));
    if is_known { response.finish() } else { response.content_type("application/json").body(body) }
}
