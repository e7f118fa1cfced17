//! The routes of the registration pages.

use actix_web::middleware::from_fn;
use actix_web::web;

use super::{invite, register};
use crate::web::{WebConfig, error_page, get, other_methods, session};

/// Mounts the registration pages.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    let resource = |path| {
        web::resource(path)
            .wrap(session::middleware(config))
            .wrap(from_fn(error_page::middleware))
            .default_service(other_methods("GET, HEAD, POST"))
    };
    services
        .service(resource("/register").route(get().to(register::show)).route(web::post().to(register::submit)))
        .service(resource("/invite").route(get().to(invite::show)).route(web::post().to(invite::submit)));
}
