//! A page in the place of an error's JSON, for people. What may not live here: what went wrong (`error`).

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse};
use askama::Template;

use super::compression;
use super::pages::{Layout, html};
use crate::error::{AppError, ErrorNote};

/// What went wrong and where to go from here: fields ready to print.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The frame.
    pub layout: Layout,
    /// In a few words.
    pub title: String,
    /// What to do next.
    pub text: String,
    /// With a 5xx: what names the line in the log.
    pub request_id: Option<String>,
    /// Where the link leads.
    pub link_href: &'static str,
    /// What the link says.
    pub link_text: String,
}

/// Middleware of the people's routes: an [`AppError`] becomes a page when the client takes HTML, and every page goes out packed.
///
/// # Errors
/// Passes on what is no `AppError`.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let note = response.response().extensions().get::<ErrorNote>().cloned();
    let (request, mut response) = response.into_parts();
    if let Some(note) = note {
        match takes_html(&request).then(|| render(&request, &response, note)).flatten() {
            Some(page) => response = page,
            None => return Ok(ServiceResponse::new(request, response)),
        }
    }
    let response = compression::page(&request, response);
    Ok(ServiceResponse::new(request, response))
}

/// The answer where there is nothing: a page for people, JSON for programs.
///
/// # Errors
/// 404 as JSON.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let error = AppError::not_found();
    if !takes_html(&request) {
        return Err(error);
    }
    let plain = actix_web::ResponseError::error_response(&error);
    let page = render(&request, &plain, ErrorNote { request_id: None }).ok_or(error)?;
    Ok(compression::page(&request, page))
}

/// Whether the client takes a page, as a browser that opens one does.
#[must_use]
pub fn takes_html(request: &HttpRequest) -> bool {
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
    let mut answer = html(status, &page).ok()?;
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    Some(answer)
}
