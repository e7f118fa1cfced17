//! Bounded background work, and the `Retry-After` header.

use std::future::Future;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;
use tokio::sync::Semaphore;

use crate::error::AppError;

/// The `Retry-After` of a form whose password was not verified because the hash queue is full.
pub const OVERLOADED_WAIT: Duration = Duration::from_secs(2);
/// Limit of concurrent background tasks. Beyond it a request gets a 503, whether or not its account exists.
static PERMITS: Semaphore = Semaphore::const_new(100);

/// Runs `work` after the response, whose time and content therefore do not depend on it.
///
/// # Errors
/// 503 when too many tasks are running.
pub fn spawn_bounded<E: std::fmt::Display>(
    work: impl Future<Output = Result<(), E>> + 'static,
) -> Result<(), AppError> {
    let Ok(permit) = PERMITS.try_acquire() else { return Err(AppError::unavailable()) };
    actix_web::rt::spawn(async move {
        if let Err(error) = work.await {
            tracing::warn!(%error, "background work of a request failed; the user has to request it again");
        }
        drop(permit);
    });
    Ok(())
}

/// Adds `Retry-After` (RFC 9110 §10.2.3), at least one second.
#[must_use]
pub fn retry_after(mut response: HttpResponse, wait: Duration) -> HttpResponse {
    response.headers_mut().insert(RETRY_AFTER, wait.as_secs().max(1).into());
    response
}
