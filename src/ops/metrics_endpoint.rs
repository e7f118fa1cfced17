//! The `/metrics` route, served on a separate address.

use actix_web::{HttpResponse, web};

use crate::metrics::render;
use crate::web::get;

/// Mounts `/metrics`.
pub fn routes(services: &mut web::ServiceConfig) {
    services.service(web::resource("/metrics").route(get().to(show)));
}

async fn show() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(render())
}
