//! The programs' door: `token.rs` (a function per grant), `revoke.rs`, `introspect.rs`, `me.rs`, `metadata.rs` (what is public),
//! `client_auth.rs`. What may not live here: pages, cookies, and checking a password (`credentials`).

mod client_auth;
pub mod introspect;
pub mod me;
pub mod metadata;
pub mod revoke;
pub mod token;

use actix_cors::Cors;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route};

use crate::config::Origin;
use crate::error::AppError;
use crate::web::get;

/// Mounts the programs' routes. `allowed_origins` are those whose pages may call them.
pub fn routes(services: &mut ServiceConfig, allowed_origins: &[Origin]) {
    let post = |path: &str, route: Route| only(path, route, "POST").wrap(cors(allowed_origins));
    services
        .service(post("/token", web::post().to(token::post_token)))
        .service(post("/token/revoke", web::post().to(revoke::post_revoke)))
        .service(post("/token/introspect", web::post().to(introspect::post_introspect)))
        .service(only("/me", get().to(me::get_me), "GET, HEAD").wrap(cors(allowed_origins)))
        .service(only("/revoked", get().to(metadata::get_revoked), "GET, HEAD"))
        .service(only("/.well-known/jwks.json", get().to(metadata::get_jwks), "GET, HEAD"))
        .service(only("/.well-known/oauth-authorization-server", get().to(metadata::get_server_metadata), "GET, HEAD"));
}

/// One route at a path; other methods are told which it takes.
fn only(path: &str, route: Route, allow: &'static str) -> Resource {
    web::resource(path)
        .route(route)
        .default_service(web::to(move || async move { Err::<String, _>(AppError::method_not_allowed(allow)) }))
}

/// Answers preflights, and marks answers, errors too, for the origins that the settings name. Without credentials: a page of
/// another origin never acts with a browser's cookies here.
fn cors(allowed_origins: &[Origin]) -> Cors {
    allowed_origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin.as_str()))
        .allowed_methods(["GET", "POST"])
        .allowed_headers(["authorization", "content-type", "accept", "x-requested-with"])
        .expose_headers(["www-authenticate", "retry-after", "etag"])
        .max_age(3_600)
}
