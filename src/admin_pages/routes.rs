//! The routes of these pages.

use actix_web::web;

use super::{clients, events, invite, keys, user, users};
use crate::web::pages::see_other;
use crate::web::{WebConfig, get, page_resource};

/// Mounts the pages.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    let page = |resource, allow| page_resource(resource, allow, config);
    let (reading, form) = ("GET, HEAD", "GET, HEAD, POST");
    services
        .service(web::resource("/admin").route(get().to(|| async { see_other("/admin/users") })))
        .service(page(web::resource("/admin/users").route(get().to(users::show)), reading))
        .service(page(
            web::resource("/admin/users/{id}").route(get().to(user::show)).route(web::post().to(user::submit)),
            form,
        ))
        .service(page(
            web::resource("/admin/invite").route(get().to(invite::show)).route(web::post().to(invite::submit)),
            form,
        ))
        .service(page(web::resource("/admin/events").route(get().to(events::show)), reading))
        .service(page(web::resource("/admin/clients").route(get().to(clients::show)), reading))
        .service(page(web::resource("/admin/keys").route(get().to(keys::show)), reading));
}
