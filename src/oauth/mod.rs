//! The programs' door: `token.rs` (a function per grant), `revoke.rs`, `introspect.rs`, `me.rs`, `metadata.rs` (what is public),
//! `client_auth.rs`. What may not live here: pages, cookies, and checking a password (`credentials`).

pub mod client_auth;
pub mod introspect;
pub mod me;
pub mod metadata;
pub mod revoke;
pub mod token;

use actix_cors::{Cors, CorsError};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, ResponseError as _, Route};

use crate::config::Origin;
use crate::error::AppError;
use crate::web::get;

/// Mounts the programs' routes. `allowed_origins` are those whose pages may call them.
pub fn routes(services: &mut ServiceConfig, allowed_origins: &[Origin]) {
    let open = |resource: Resource| resource.wrap(cors(allowed_origins)).wrap(from_fn(say_refused_preflight));
    let post = |path: &str, route: Route| open(only(path, route, "POST"));
    services
        .service(post("/token", web::post().to(token::post_token)))
        .service(post("/token/revoke", web::post().to(revoke::post_revoke)))
        .service(post("/token/introspect", web::post().to(introspect::post_introspect)))
        .service(open(only("/me", get().to(me::get_me), "GET, HEAD")))
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

/// A preflight that is refused is told so as everything else is; actix-cors would say it in plain text. No header of CORS is on it,
/// so that the browser refuses the page.
async fn say_refused_preflight(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let is_refused = response.response().error().is_some_and(|error| error.as_error::<CorsError>().is_some());
    Ok(if is_refused { response.into_response(AppError::preflight_refused().error_response()) } else { response })
}
