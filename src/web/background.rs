//! What strangers may ask for, such as a mail: the answer that says when there were too many, and work that is done after the answer, so
//! that it takes as long, and says as much, whether or not it comes to anything. What may not live here: the work.

use std::future::Future;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;
use tokio::sync::Semaphore;

use super::pages::{Alert, wait_text};
use crate::error::AppError;
use crate::i18n::Words;

/// So many at the same time; a further request is told that the server is busy, whomever it names.
static SEATS: Semaphore = Semaphore::const_new(100);

/// Does `work` in the background. What it returns is for the log only.
///
/// # Errors
/// 503 when too much is under way.
pub fn spawn_bounded<E: std::fmt::Display>(
    work: impl Future<Output = Result<(), E>> + 'static,
) -> Result<(), AppError> {
    let Ok(seat) = SEATS.try_acquire() else { return Err(AppError::unavailable()) };
    actix_web::rt::spawn(async move {
        if let Err(error) = work.await {
            tracing::warn!(%error, "background work of a request failed; the user has to request it again");
        }
        drop(seat);
    });
    Ok(())
}

/// The alert for a network that asked for too much.
#[must_use]
pub fn too_many(words: &Words, wait: Duration) -> Alert {
    let text = words.format("alert-too-many-requests-text", &[("wait", wait_text(words, wait.as_secs()).into())]);
    Alert { title: words.get("alert-too-many-requests-title").to_owned(), text }
}

/// The answer with the time to wait, for programs (RFC 9110 §10.2.3).
#[must_use]
pub fn retry_after(mut response: HttpResponse, wait: Duration) -> HttpResponse {
    response.headers_mut().insert(RETRY_AFTER, wait.as_secs().max(1).into());
    response
}
