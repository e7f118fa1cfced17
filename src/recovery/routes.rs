//! The routes of the password-reset and email-verification pages.

use actix_web::middleware::from_fn;
use actix_web::web;

use super::{forgot, reset, verify};
use crate::web::{WebConfig, error_page, get, other_methods, session};

/// Mounts the password-reset and email-verification pages.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    let resource = |path| {
        web::resource(path)
            .wrap(session::middleware(config))
            .wrap(from_fn(error_page::middleware))
            .default_service(other_methods("GET, HEAD, POST"))
    };
    services
        .service(resource("/password/forgot").route(get().to(forgot::show)).route(web::post().to(forgot::submit)))
        .service(resource("/password/reset").route(get().to(reset::show)).route(web::post().to(reset::submit)))
        .service(resource("/email/verify").route(get().to(verify::show)).route(web::post().to(verify::submit)));
}
