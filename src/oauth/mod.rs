//! The OAuth 2.0 endpoints.

pub mod client_auth;
pub mod client_credentials_grant;
mod cors;
pub mod introspect;
pub mod me;
pub mod metadata;
pub mod refresh_grant;
pub mod revoke;
pub mod revoked;
pub mod token;

use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route};

use crate::config::WebOrigin;
use crate::web::{get, other_methods};

/// Mounts the OAuth endpoints. Pages of `allowed_origins` may call them (CORS).
pub fn routes(services: &mut ServiceConfig, allowed_origins: &[WebOrigin]) {
    let with_cors = |resource: Resource| cors::with_cors(resource, allowed_origins);
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
