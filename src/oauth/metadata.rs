//! Public documents: the JSON Web Key Set and the authorization server metadata.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, EntityTag, Header as _, IF_NONE_MATCH, IfNoneMatch};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::clients::GrantType;
use crate::config::{Config, PasswordGrant};
use crate::error::AppError;
use crate::secret::{base64url, sha256};
use crate::tokens::TokenService;

/// `Cache-Control` of the keys and the metadata. A key is published for longer than this before it signs.
const CACHE_CONTROL: &str = "public, max-age=300";

/// Returns the public keys (RFC 7517 §5); an empty set with HS256.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "tokens",
    operation_id = "list_public_keys",
    summary = "Get the public keys that verify access tokens",
    description = "The key set is empty with HS256.",
    responses(
        (status = 200, description = "The JSON Web Key Set (RFC 7517)"),
        (status = 304, description = "Not modified"),
    )
)]
pub async fn get_jwks(request: HttpRequest, tokens: web::Data<TokenService>) -> Result<HttpResponse, AppError> {
    let body = serde_json::to_vec(&tokens.keys().public(tokens.clock().now())).map_err(AppError::internal)?;
    Ok(respond(&request, CACHE_CONTROL, &PublicDocument::new(body)))
}

/// The authorization server metadata (RFC 8414 §2).
#[derive(Serialize, utoipa::ToSchema)]
pub struct ServerMetadata {
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_documentation: Option<String>,
    /// Always empty, because there is no authorization endpoint; RFC 8414 requires the list.
    response_types_supported: [&'static str; 0],
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
}

/// Returns the authorization server metadata, without grant types that the settings disable.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    tag = "tokens",
    operation_id = "get_server_metadata",
    summary = "Authorization server metadata (RFC 8414)",
    description = "Lists only the grant types that are enabled.",
    responses(
        (status = 200, description = "The metadata", body = ServerMetadata),
        (status = 304, description = "Not modified"),
    )
)]
pub async fn get_server_metadata(
    request: HttpRequest,
    config: web::Data<Config>,
    tokens: web::Data<TokenService>,
) -> Result<HttpResponse, AppError> {
    let url = |path: &str| format!("{}{path}", config.public_url);
    let with_secret = vec!["client_secret_basic", "client_secret_post"];
    // A client that is not registered does not authenticate.
    let or_none = [with_secret.as_slice(), &["none"]].concat();
    let is_enabled = |grant: &GrantType| *grant != GrantType::Password || config.password_grant != PasswordGrant::Off;
    let grants = GrantType::ALL.iter().filter(|grant| is_enabled(grant));
    let metadata = ServerMetadata {
        issuer: config.issuer.clone(),
        token_endpoint: url("/token"),
        revocation_endpoint: url("/token/revoke"),
        introspection_endpoint: url("/token/introspect"),
        jwks_uri: (!tokens.keys().is_shared_secret()).then(|| url("/.well-known/jwks.json")),
        service_documentation: config.has_docs.then(|| url("/docs/")),
        response_types_supported: [],
        grant_types_supported: grants.map(|grant| grant.as_str()).collect(),
        token_endpoint_auth_methods_supported: or_none.clone(),
        revocation_endpoint_auth_methods_supported: or_none,
        introspection_endpoint_auth_methods_supported: with_secret,
    };
    let body = serde_json::to_vec(&metadata).map_err(AppError::internal)?;
    Ok(respond(&request, CACHE_CONTROL, &PublicDocument::new(body)))
}

/// A public JSON document with its entity tag. Clones share the bytes.
#[derive(Clone)]
pub struct PublicDocument {
    body: Bytes,
    tag: EntityTag,
}

impl PublicDocument {
    /// Takes the JSON text and computes its tag.
    pub(super) fn new(json: Vec<u8>) -> Self {
        let tag = EntityTag::new_strong(base64url(&sha256(&json)[..12]));
        Self { body: json.into(), tag }
    }

    /// The JSON text.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Builds a response for any origin, with an `ETag`; 304 when `If-None-Match` has it (RFC 9110 §13.1.2).
pub(super) fn respond(request: &HttpRequest, cache_control: &'static str, document: &PublicDocument) -> HttpResponse {
    let tag = &document.tag;
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key(IF_NONE_MATCH),
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    };
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((ETAG, tag.to_string()))
        .insert_header(("Cache-Control", cache_control))
        .insert_header(("Access-Control-Allow-Origin", "*"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"));
    if is_known { response.finish() } else { response.content_type("application/json").body(document.body.clone()) }
}
