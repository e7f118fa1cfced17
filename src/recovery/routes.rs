//! The routes of the password-reset and email-verification pages.

use actix_web::middleware::from_fn;
use actix_web::web;

use super::{forgot, reset, verify};
use crate::error::AppError;
use crate::web::{WebConfig, error_page, get, session};

/// Mounts the password-reset and email-verification pages.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    let other_methods = || web::to(|| async { Err::<String, _>(AppError::method_not_allowed("GET, HEAD, POST")) });
    let resource = |path| {
        web::resource(path)
            .wrap(session::middleware(config))
            .wrap(from_fn(error_page::middleware))
            .default_service(other_methods())
    };
    services
        .service(resource("/password/forgot").route(get().to(forgot::show)).route(web::post().to(forgot::submit)))
        .service(resource("/password/reset").route(get().to(reset::show)).route(web::post().to(reset::submit)))
        .service(resource("/email/verify").route(get().to(verify::show)).route(web::post().to(verify::submit)));
}
