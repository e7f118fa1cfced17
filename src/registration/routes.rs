//! Mounts the routes of making an account, and says in words when none can be made. What may not live here: what they do.

use actix_web::middleware::from_fn;
use actix_web::web;

use super::{invite, register};
use crate::error::AppError;
use crate::web::{WebConfig, error_page, get, session};

/// Mounts the routes of making an account.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    let others = || web::to(|| async { Err::<String, _>(AppError::method_not_allowed("GET, HEAD, POST")) });
    let resource = |path| {
        web::resource(path)
            .wrap(session::middleware(config))
            .wrap(from_fn(error_page::middleware))
            .default_service(others())
    };
    services
        .service(resource("/register").route(get().to(register::show)).route(web::post().to(register::submit)))
        .service(resource("/invite").route(get().to(invite::show)).route(web::post().to(invite::submit)));
}
