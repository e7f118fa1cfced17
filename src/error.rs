//! [`AppError`], the error of every HTTP handler, and its JSON response.

mod responses;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::authentication::SignInError;
use crate::db::DbError;
use crate::log_limit::LogLimit;
use crate::metrics;
use crate::secret::random_id;
use crate::tokens::TokenError;

/// Limits the log lines about rejected requests.
static REJECTION_LOG: LogLimit = LogLimit::new();

/// An error response: a status, a code and a description (RFC 6749 §5.2).
///
/// The response is JSON; `web::error_page` replaces it with a page for browsers. Building a 5xx logs it with its cause.
#[derive(Debug)]
pub struct AppError {
    status: StatusCode,
    code: &'static str,
    description: Cow<'static, str>,
    header: Option<Box<(header::HeaderName, HeaderValue)>>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// The JSON body of an error response.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody<'a> {
    /// The error code, such as `invalid_grant`.
    error: &'a str,
    /// What happened and what to do next.
    error_description: &'a str,
    /// The ID of the log line of a 5xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// A response extension for `web::error_page`.
#[derive(Clone, Debug)]
pub struct ErrorNote {
    /// The request ID in the log line and in the JSON body.
    pub request_id: Option<String>,
}

impl AppError {
    /// Whether a client could not authenticate.
    #[must_use]
    pub fn is_invalid_client(&self) -> bool {
        self.code == "invalid_client"
    }

    fn new(status: StatusCode, code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, description: description.into(), header: None, cause: None }
    }

    fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    fn with_retry_after(self, wait: Duration) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)))
    }

    /// The value of `Retry-After`, in seconds; `None` when the response has no such header.
    #[must_use]
    pub fn retry_after(&self) -> Option<&str> {
        let (name, value) = self.header.as_deref()?;
        (*name == header::RETRY_AFTER).then(|| value.to_str().ok()).flatten()
    }

    /// Logs the error and returns the request ID of the log line. Rejections without a cause, as under overload, share
    /// one line a second.
    fn log(&self) -> String {
        let request_id = random_id();
        metrics::SERVER_ERRORS.increment();
        match &self.cause {
            Some(cause) => {
                let cause = Chain(cause.as_ref());
                tracing::error!(request_id, status = self.status.as_u16(), %cause, "request failed");
            }
            // A flood must not fill the log.
            None => {
                if let Some(count) = REJECTION_LOG.admit() {
                    tracing::warn!(request_id, status = self.status.as_u16(), count, "requests rejected");
                }
            }
        }
        request_id
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Busy => Self::unavailable(),
            DbError::Unreachable(_)
            | DbError::Unavailable(_)
            | DbError::TimedOut
            | DbError::FileReplaced(_)
            | DbError::NoSpace => {
                let mut unavailable = Self::unavailable();
                unavailable.cause = Some(Box::new(error));
                unavailable
            }
            DbError::Query(_) => Self::internal(error),
        }
    }
}

impl From<SignInError> for AppError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Database(error) => error.into(),
            SignInError::Signing(error) => Self::internal(error),
        }
    }
}

impl From<TokenError> for AppError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Database(error) => error.into(),
            stale @ TokenError::RevocationsStale => {
                let mut unavailable = Self::unavailable();
                unavailable.cause = Some(Box::new(stale));
                unavailable
            }
            rejected => {
                tracing::debug!(reason = %rejected, "access token rejected");
                Self::invalid_token()
            }
        }
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let request_id = self.status.is_server_error().then(|| self.log());
        let mut response = HttpResponse::build(self.status);
        if let Some((name, value)) = self.header.as_deref() {
            response.insert_header((name.clone(), value.clone()));
        }
        let body = ErrorBody { error: self.code, error_description: &self.description, request_id: request_id.clone() };
        let mut response = response.json(body);
        response.extensions_mut().insert(ErrorNote { request_id });
        response
    }
}

/// An error and its sources on one line.
struct Chain<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
