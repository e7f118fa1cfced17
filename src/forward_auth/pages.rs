//! The error page for a browser, without a stylesheet because it appears at the application's URL.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::error::{AppError, ErrorNote};
use crate::web::pages::{Layout, html};

#[derive(Template)]
#[template(path = "forward_auth_error.html")]
struct ForwardAuthErrorPage {
    layout: Layout,
    title: String,
    text: String,
    request_id: Option<String>,
    link_href: String,
}

/// The 403 page for a user without the required role.
pub fn lacks_role(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    render(request, StatusCode::FORBIDDEN, "refused-role", None)
}

/// The page for a 5xx.
pub fn server_error(request: &HttpRequest, error: &AppError) -> Result<HttpResponse, AppError> {
    let json = actix_web::ResponseError::error_response(error);
    let request_id = json.extensions().get::<ErrorNote>().and_then(|note| note.request_id.clone());
    let name = if json.status() == StatusCode::SERVICE_UNAVAILABLE { "error-unavailable" } else { "error-internal" };
    let mut response = render(request, json.status(), name, request_id)?;
    if let Some(wait) = json.headers().get("retry-after") {
        response.headers_mut().insert(actix_web::http::header::RETRY_AFTER, wait.clone());
    }
    Ok(response)
}

fn render(
    request: &HttpRequest,
    status: StatusCode,
    name: &str,
    request_id: Option<String>,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(request);
    let page = ForwardAuthErrorPage {
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
    fn page_renders_in_every_language() {
        for words in i18n::languages() {
            let page = ForwardAuthErrorPage {
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
