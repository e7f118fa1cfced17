//! Reading of a request body, bounded in size and time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::error::AppError;

/// Limit of a request body.
pub const MAX_BYTES: usize = 16 * 1024;
/// Bounds how long a client that sends a byte a minute holds a connection.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Reads the whole body.
///
/// # Errors
/// 413 over 16 KiB, 408 after ten seconds, 400 when the connection is lost.
pub async fn read(request: &HttpRequest, payload: Payload) -> Result<BytesMut, AppError> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BYTES) {
        return Err(AppError::body_too_large());
    }
    tokio::time::timeout(MAX_TIME, collect(payload)).await.unwrap_or_else(|_| Err(AppError::body_too_slow()))
}

async fn collect(mut payload: Payload) -> Result<BytesMut, AppError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| AppError::invalid_request("The request body ended unexpectedly."))?;
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(AppError::body_too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
