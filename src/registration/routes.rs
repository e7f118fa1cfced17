//! The routes of the registration pages.

use actix_web::middleware::from_fn;
use actix_web::web;

use super::{invite, register};
use crate::error::AppError;
use crate::web::{WebConfig, error_page, get, session};

/// Mounts the registration pages.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    let other_methods = || web::to(|| async { Err::<String, _>(AppError::method_not_allowed("GET, HEAD, POST")) });
    let resource = |path| {
        web::resource(path)
            .wrap(session::middleware(config))
            .wrap(from_fn(error_page::middleware))
            .default_service(other_methods())
    };
    services
        .service(resource("/register").route(get().to(register::show)).route(web::post().to(register::submit)))
        .service(resource("/invite").route(get().to(invite::show)).route(web::post().to(invite::submit)));
}
