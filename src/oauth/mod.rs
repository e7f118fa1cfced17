//! The OAuth 2.0 endpoints.

pub mod client_auth;
pub mod client_credentials_grant;
pub mod introspect;
pub mod me;
pub mod metadata;
pub mod refresh_grant;
pub mod revoke;
pub mod revoked;
pub mod token;

use actix_cors::{Cors, CorsError};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, ResponseError as _, Route};

use crate::config::WebOrigin;
use crate::error::AppError;
use crate::web::{get, other_methods};

/// Mounts the OAuth endpoints. Pages of `allowed_origins` may call them (CORS).
pub fn routes(services: &mut ServiceConfig, allowed_origins: &[WebOrigin]) {
    let with_cors =
        |resource: Resource| resource.wrap(cors(allowed_origins)).wrap(from_fn(describe_rejected_preflight));
    let post = |path: &str, route: Route| with_cors(single_method_resource(path, route, "POST"));
    let read_only = |path: &str, route: Route| single_method_resource(path, route, "GET, HEAD");
    services
        .service(post("/token", web::post().to(token::post_token)))
        .service(post("/token/revoke", web::post().to(revoke::post_revoke)))
        .service(post("/token/introspect", web::post().to(introspect::post_introspect)))
        .service(with_cors(read_only("/me", get().to(me::get_me))))
        .service(read_only("/revoked", get().to(revoked::get_revoked)))
        .service(read_only("/.well-known/jwks.json", get().to(metadata::get_jwks)))
        .service(read_only("/.well-known/oauth-authorization-server", get().to(metadata::get_server_metadata)));
}

/// A resource with one route. Other methods get 405 with `allow` in the Allow header.
fn single_method_resource(path: &str, route: Route, allow: &'static str) -> Resource {
    web::resource(path).route(route).default_service(other_methods(allow))
}

/// The CORS middleware for `allowed_origins`. It does not allow credentials, so a request from another origin never
/// carries cookies.
fn cors(allowed_origins: &[WebOrigin]) -> Cors {
    allowed_origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin.as_str()))
        .allowed_methods(["GET", "POST"])
        .allowed_headers(["authorization", "content-type", "accept", "x-requested-with"])
        .expose_headers(["www-authenticate", "retry-after", "etag"])
        .max_age(3_600)
}

/// Replaces the plain-text error of actix-cors for a rejected preflight with an [`AppError`]. The response has no CORS
/// header, so the browser blocks the request.
async fn describe_rejected_preflight(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let is_rejected = response.response().error().is_some_and(|error| error.as_error::<CorsError>().is_some());
    Ok(if is_rejected { response.into_response(AppError::preflight_rejected().error_response()) } else { response })
}
