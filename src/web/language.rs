//! In which language a page is: chosen at this browser by the switch on every page, else by the account, else by `Accept-Language`.
//! What may not live here: the words (`i18n`).

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};

use super::csrf::{self, Provenance};
use super::form::Parameters;
use super::pages::see_other;
use super::return_to::ReturnTo;
use super::{cookies, error_page, header};
use crate::error::AppError;
use crate::i18n::{self, Words};

/// The language of the account that is signed in; `current_user.rs` puts it into the request's extensions, so that an error's page
/// speaks it too.
pub(super) struct AccountLanguage(pub String);

/// The words for whoever sent this request.
#[must_use]
pub fn words_for(request: &HttpRequest) -> &'static Words {
    let chosen_here = cookies::find(request, cookies::Name::Language).and_then(|tag| i18n::find(&tag));
    let of_the_account = || i18n::find(&request.extensions().get::<AccountLanguage>()?.0);
    chosen_here.or_else(of_the_account).unwrap_or_else(|| i18n::words_for(header(request, "accept-language")))
}

/// Mounts `/language`.
pub fn routes(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/language")
            .wrap(actix_web::middleware::from_fn(error_page::middleware))
            .route(web::post().to(choose))
            .default_service(web::to(|| async { Err::<String, _>(AppError::method_not_allowed("POST")) })),
    );
}

/// The switch: writes the choice down and goes back to the page. It needs no token: the worst that a foreign page could do is named
/// by browsers, and refused; at stake is the language of a page.
async fn choose(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, AppError> {
    if matches!(csrf::provenance(&request), Provenance::CrossSite | Provenance::OpaqueOrigin) {
        return Ok(see_other("/"));
    }
    let parameters = Parameters::read(&request, payload).await?;
    let mut response = see_other(ReturnTo::back_to(parameters.get("here").unwrap_or_default()).address());
    if let Some(words) = parameters.get("language").and_then(i18n::find) {
        cookies::set_language(&mut response, super::config(&request), words)?;
    }
    Ok(response)
}
