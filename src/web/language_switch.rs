//! `/language`, the switch on every page that chooses a language for this browser.

use actix_web::{HttpRequest, HttpResponse, web};

use super::csrf::{self, Provenance};
use super::form::Parameters;
use super::pages::see_other;
use super::return_to::ReturnTo;
use super::{cookies, error_page, other_methods};
use crate::error::AppError;
use crate::i18n;

/// Mounts `/language`.
pub fn routes(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/language")
            .wrap(actix_web::middleware::from_fn(error_page::middleware))
            .route(web::post().to(choose))
            .default_service(other_methods("POST")),
    );
}

/// Stores the choice and redirects to the page. It needs no CSRF token: browsers report a cross-site post, which is
/// rejected, and nothing but the language of pages can change.
async fn choose(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, AppError> {
    if matches!(csrf::provenance(&request), Provenance::CrossSite | Provenance::OpaqueOrigin) {
        return Ok(see_other("/"));
    }
    let parameters = Parameters::read(&request, payload).await?;
    let mut response = see_other(ReturnTo::parse_own_page(parameters.get("here").unwrap_or_default()).address());
    if let Some(words) = parameters.get("language").and_then(i18n::find) {
        cookies::set_language(&mut response, super::config(&request), words);
    }
    Ok(response)
}
