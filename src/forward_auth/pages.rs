//! The page for a person who may not pass. It is shown under the application's address, where our stylesheet is out of reach.
//! What may not live here: words (`locales/`) and decisions.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::error::{AppError, ErrorNote};
use crate::web::pages::{Layout, html};

/// Why they may not pass: fields ready to print.
#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    layout: Layout,
    title: String,
    text: String,
    request_id: Option<String>,
    link_href: String,
}

/// 403: the account lacks the role.
///
/// # Errors
/// 500 when it cannot be rendered, which its types rule out.
pub fn lacks_role(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    refuse(request, StatusCode::FORBIDDEN, "refused-role", None)
}

/// The answer to an error, as a page.
///
/// # Errors
/// As above.
pub fn of_error(request: &HttpRequest, error: &AppError) -> Result<HttpResponse, AppError> {
    let plain = actix_web::ResponseError::error_response(error);
    let request_id = plain.extensions().get::<ErrorNote>().and_then(|note| note.request_id.clone());
    let name = if plain.status() == StatusCode::SERVICE_UNAVAILABLE { "error-unavailable" } else { "error-internal" };
    let mut response = refuse(request, plain.status(), name, request_id)?;
    if let Some(wait) = plain.headers().get("retry-after") {
        response.headers_mut().insert(actix_web::http::header::RETRY_AFTER, wait.clone());
    }
    Ok(response)
}

fn refuse(
    request: &HttpRequest,
    status: StatusCode,
    name: &str,
    request_id: Option<String>,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(request);
    let page = RefusedPage {
        title: layout.words.get(&format!("{name}-title")).to_owned(),
        text: layout.words.get(&format!("{name}-text")).to_owned(),
        request_id,
        link_href: format!("{}/", crate::web::config(request).public_url),
        layout,
    };
    html(status, &page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;

    #[test]
    fn the_page_renders_in_every_language() {
        for words in i18n::languages() {
            let page = RefusedPage {
                layout: Layout::in_language(words),
                title: words.get("refused-role-title").to_owned(),
                text: words.get("refused-role-text").to_owned(),
                request_id: Some("<id>".to_owned()),
                link_href: "https://login.example.com/".to_owned(),
            };
            let html = page.render().expect("renders");
            assert!(!html.contains("<id>") && html.contains(&format!("lang=\"{}\"", words.language())));
            assert!(!html.contains("refused-role") && !html.contains("error-link") && !html.contains("error-request"));
        }
    }
}
