//! The routes of the sign-in, sign-out and set-up pages.

use actix_web::middleware::from_fn;
use actix_web::web;

use super::{setup, sign_in, sign_out};
use crate::web::{WebConfig, error_page, get, other_methods, page_resource, session, session_cookies};

/// Mounts the sign-in, sign-out and set-up pages.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    services
        .service(page_resource(
            web::resource("/login").route(get().to(sign_in::show)).route(web::post().to(sign_in::submit)),
            "GET, HEAD, POST",
            config,
        ))
        .service(
            web::resource("/logout")
                .wrap(from_fn(session_cookies::middleware))
                .wrap(session::middleware(config))
                .wrap(from_fn(error_page::middleware))
                .route(get().to(sign_out::show))
                .route(web::post().to(sign_out::submit))
                .default_service(other_methods("GET, HEAD, POST")),
        )
        .service(
            web::resource("/setup")
                .wrap(from_fn(session_cookies::middleware))
                .wrap(session::middleware(config))
                .wrap(from_fn(error_page::middleware))
                .route(get().to(setup::show))
                .route(web::post().to(setup::submit))
                .default_service(other_methods("GET, HEAD, POST")),
        );
}
