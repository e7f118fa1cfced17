//! The programs' door: `token.rs` (a function per grant), `me.rs`, `metadata.rs` (public keys), `client_auth.rs`.
//! What may not live here: pages, cookies, and checking a password (`credentials`).

mod client_auth;
pub mod me;
pub mod metadata;
pub mod token;

use actix_cors::Cors;
use actix_web::web;

use crate::config::Origin;
use crate::error::AppError;
use crate::web::get;

/// Mounts the programs' routes. `allowed_origins` are those whose pages may call them.
pub fn routes(services: &mut web::ServiceConfig, allowed_origins: &[Origin]) {
    services
        .service(
            web::resource("/token")
                .wrap(cors(allowed_origins))
                .route(web::post().to(token::post))
                .default_service(web::to(|| async { Err::<String, _>(AppError::method_not_allowed("POST")) })),
        )
        .service(
            web::resource("/me")
                .wrap(cors(allowed_origins))
                .route(get().to(me::get))
                .default_service(web::to(|| async { Err::<String, _>(AppError::method_not_allowed("GET, HEAD")) })),
        )
        .service(
            web::resource("/.well-known/jwks.json")
                .route(get().to(metadata::jwks))
                .default_service(web::to(|| async { Err::<String, _>(AppError::method_not_allowed("GET, HEAD")) })),
        );
}

/// Answers preflights, and marks answers, errors too, for the origins that the settings name. Without credentials: a page of
/// another origin never acts with a browser's cookies here.
fn cors(allowed_origins: &[Origin]) -> Cors {
    allowed_origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin.as_str()))
        .allowed_methods(["GET", "POST"])
        .allowed_headers(["authorization", "content-type", "accept", "x-requested-with"])
        .expose_headers(["www-authenticate", "retry-after"])
        .max_age(3_600)
}
