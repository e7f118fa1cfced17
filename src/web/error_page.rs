//! Error pages, which replace an error's JSON in browsers.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;

use super::pages::{Layout, html};
use super::{compression, panics};
use crate::error::{AppError, ErrorNote};

/// A page that explains an error and links to the next step.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The layout.
    pub layout: Layout,
    /// The title.
    pub title: String,
    /// What happened and what to do next.
    pub text: String,
    /// The ID of the log line, on a 5xx.
    pub request_id: Option<String>,
    /// The link's target.
    pub link_href: &'static str,
    /// The link's label.
    pub link_text: String,
}

/// Middleware of the pages: turns an [`AppError`] or a panic into a page when the client accepts HTML, and compresses
/// pages.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // Held for the page of a panic, which takes the request with it.
    let held = request.request().clone();
    let response = match panics::catch(async { next.call(request).await }).await {
        Ok(response) => response?.map_into_boxed_body(),
        Err(error) => ServiceResponse::new(held, error.error_response()),
    };
    let note = response.response().extensions().get::<ErrorNote>().cloned();
    let (request, mut response) = response.into_parts();
    if let Some(note) = note {
        match accepts_html(&request).then(|| render(&request, &response, note)).flatten() {
            Some(page) => response = page,
            None => return Ok(ServiceResponse::new(request, response)),
        }
    }
    let response = compression::compress_page(&request, response);
    Ok(ServiceResponse::new(request, response))
}

/// The 404 response: a page when the client accepts HTML, otherwise JSON.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let error = AppError::not_found();
    if !accepts_html(&request) {
        return Err(error);
    }
    let json = error.error_response();
    let page = render(&request, &json, ErrorNote { request_id: None }).ok_or(error)?;
    Ok(compression::compress_page(&request, page))
}

/// Whether the client accepts HTML, as a browser that navigates does.
#[must_use]
pub fn accepts_html(request: &HttpRequest) -> bool {
    super::header(request, "accept").is_some_and(|accept| accept.contains("text/html"))
}

fn render(request: &HttpRequest, response: &HttpResponse, note: ErrorNote) -> Option<HttpResponse> {
    let layout = Layout::new(request);
    let status = response.status();
    let words = layout.words;
    let name = match status {
        StatusCode::NOT_FOUND => "error-not-found",
        StatusCode::METHOD_NOT_ALLOWED => "error-method",
        StatusCode::PAYLOAD_TOO_LARGE => "error-too-large",
        StatusCode::SERVICE_UNAVAILABLE => "error-unavailable",
        _ if status.is_server_error() => "error-internal",
        _ => "error-bad-request",
    };
    let page = ErrorPage {
        title: words.get(&format!("{name}-title")).to_owned(),
        text: words.get(&format!("{name}-text")).to_owned(),
        request_id: note.request_id,
        link_href: "/",
        link_text: words.get("error-link-home").to_owned(),
        layout,
    };
    let mut error_page = html(status, &page).ok()?;
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            error_page.headers_mut().insert(name, value.clone());
        }
    }
    Some(error_page)
}
