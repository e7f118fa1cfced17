//! The routes of the account pages.

use actix_web::web;

use super::{deletion, email, overview, password, profile, sessions};
use crate::web::pages::see_other;
use crate::web::{WebConfig, get, page_resource};

/// Mounts the account pages.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    let page = |resource, allow| page_resource(resource, allow, config);
    let form = "GET, HEAD, POST";
    services
        .service(page(web::resource("/").route(get().to(overview::show)), "GET, HEAD"))
        .service(page(
            web::resource("/account/profile").route(get().to(profile::show)).route(web::post().to(profile::submit)),
            form,
        ))
        .service(page(
            web::resource("/account/email").route(get().to(email::show)).route(web::post().to(email::submit)),
            form,
        ))
        .service(page(
            web::resource("/account/sessions").route(get().to(sessions::show)).route(web::post().to(sessions::submit)),
            form,
        ))
        .service(page(
            web::resource("/account/password").route(get().to(password::show)).route(web::post().to(password::submit)),
            form,
        ))
        .service(page(
            web::resource("/account/delete").route(get().to(deletion::show)).route(web::post().to(deletion::submit)),
            form,
        ))
        // Password managers send users here (W3C, A Well-Known URL for Changing Passwords).
        .service(
            web::resource("/.well-known/change-password").route(get().to(|| async { see_other("/account/password") })),
        );
}
