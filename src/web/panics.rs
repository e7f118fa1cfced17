//! Responses to requests whose handler panicked: 500, as for any other internal error.

use std::future::Future;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError};

use super::headers;
use crate::error::AppError;
use crate::metrics;
use crate::supervisor::catch_panic;

/// The outermost middleware: a panic becomes a JSON error instead of a closed connection. `error_page` catches those of
/// the pages before.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_https = super::config(request.request()).public_url.is_https();
    match catch(async { next.call(request).await }).await {
        Ok(result) => result.map(ServiceResponse::map_into_boxed_body),
        // The request is gone, and with it the way back through the middleware that adds the default headers.
        Err(error) => Err(OutermostError { error, is_https }.into()),
    }
}

/// Runs a handler. A panic becomes an [`AppError`] with status 500; the log has its text.
pub async fn catch<F: Future>(handler: F) -> Result<F::Output, AppError> {
    catch_panic(handler).await.map_err(|panic| {
        metrics::REQUEST_PANICS.increment();
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref().map(String::as_str));
        AppError::internal(format!("the handler panicked: {}", text.unwrap_or_default()))
    })
}

/// An error that passes no other middleware.
#[derive(Debug)]
struct OutermostError {
    error: AppError,
    is_https: bool,
}

impl std::fmt::Display for OutermostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for OutermostError {
    fn error_response(&self) -> HttpResponse {
        let mut response = self.error.error_response();
        for (name, value) in headers::list(self.is_https) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
