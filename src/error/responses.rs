//! The error responses: the status, code and description of each.

use std::error::Error;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};

use super::AppError;
use crate::scope::Scopes;

/// `Retry-After` of a 503.
const RETRY_AFTER_UNAVAILABLE: Duration = Duration::from_secs(1);

impl AppError {
    /// 400 `invalid_request`: a parameter is missing, repeated or malformed (RFC 6749 §5.2).
    #[must_use]
    pub fn invalid_request(description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// 400 `unsupported_grant_type`.
    #[must_use]
    pub fn unsupported_grant_type(description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", description)
    }

    /// 400 `invalid_grant`: the same response for an unknown user, a disabled user and a wrong password.
    #[must_use]
    pub fn invalid_grant() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", "Incorrect username or password.")
    }

    /// 400 `invalid_scope`: none of the requested scopes can be granted.
    ///
    /// The description repeats the request. [`Scopes`] bounds its length, and a scope has only characters that RFC 6749
    /// §5.2 allows in `error_description`.
    #[must_use]
    pub fn invalid_scope(requested: &Scopes) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", format!("Unknown or disallowed scope: {requested}"))
    }

    /// 400 `invalid_scope`: the `scope` parameter cannot be parsed. The description does not repeat unchecked text.
    #[must_use]
    pub fn malformed_scope() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", "A requested scope is malformed, or there are too many.")
    }

    /// 400 `invalid_request`: the parts of a `multipart/form-data` cannot be told apart.
    #[must_use]
    pub fn malformed_multipart() -> Self {
        Self::invalid_request("The multipart body is malformed, or its boundary is not the one in Content-Type.")
    }

    /// 401 `invalid_client` with the challenge that RFC 6749 §5.2 requires.
    #[must_use]
    pub fn invalid_client() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Incorrect client ID or secret. Omit both if the application is not a registered client.",
        )
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"vestibule\", charset=\"UTF-8\""))
    }

    /// 401 `invalid_client`: the request has no client credentials but needs them.
    #[must_use]
    pub fn client_missing() -> Self {
        Self {
            description: "Client authentication is required. Send a client ID and secret.".into(),
            ..Self::invalid_client()
        }
    }

    /// 400 `unauthorized_client` (RFC 6749 §5.2).
    #[must_use]
    pub fn unauthorized_client() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "unauthorized_client",
            "The client is not authorized to use this grant type.",
        )
    }

    /// 400 `unsupported_token_type` (RFC 7009 §2.2.1).
    #[must_use]
    pub fn unsupported_token_type() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "unsupported_token_type",
            "Access tokens signed with HS256 cannot be revoked. Send the refresh token.",
        )
    }

    /// 400 `invalid_grant`: the refresh token cannot be used.
    #[must_use]
    pub fn invalid_refresh_token() -> Self {
        let description = "The refresh token is invalid, expired, revoked, or was issued to another client.";
        Self { description: description.into(), ..Self::invalid_grant() }
    }

    /// 401 `invalid_token`: the token has no user (client credentials grant), and the endpoint needs one.
    #[must_use]
    pub fn not_a_users_token() -> Self {
        let description = "This access token was issued to a client; this endpoint requires a user's access token.";
        Self { description: description.into(), ..Self::invalid_token() }
    }

    /// 401: the request has no access token. The challenge has no error code (RFC 6750 §3.1).
    #[must_use]
    pub fn bearer_missing() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_request",
            "An access token is required. Send it in the header Authorization: Bearer TOKEN.",
        )
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"vestibule\""))
    }

    /// 401 `invalid_token` (RFC 6750 §3.1). Only the log says which check failed.
    #[must_use]
    pub fn invalid_token() -> Self {
        let challenge = "Bearer realm=\"vestibule\", error=\"invalid_token\", error_description=\"The access token is expired, revoked, or not issued by this server\"";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "The access token is expired, revoked, or not issued by this server. Request a new one.",
        )
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 429: too many attempts to authenticate.
    #[must_use]
    pub fn too_many_requests(wait: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many attempts. Retry after the interval in Retry-After.",
        )
        .with_retry_after(wait)
    }

    /// 503: the server is overloaded, or the database is busy or unreachable.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "The server is temporarily unavailable. Retry after the interval in Retry-After.",
        )
        .with_retry_after(RETRY_AFTER_UNAVAILABLE)
    }

    /// 403: the CORS preflight is rejected (Fetch Standard §3.3.3 encourages this status).
    #[must_use]
    pub fn preflight_rejected() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "access_denied",
            "CORS rejects this origin. An administrator can add it to ALLOWED_ORIGINS.",
        )
    }

    /// 403: the page is for administrators or, if `SUPPORT_ROLE` is set, for support staff.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "access_denied", "Your account may not do this. Ask an administrator.")
    }

    /// 404.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "No resource exists at this URL.")
    }

    /// 405 with the allowed methods.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed. See the Allow header.")
            .with_header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// 408.
    #[must_use]
    pub fn body_too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request", "Timed out waiting for the request body.")
    }

    /// 413.
    #[must_use]
    pub fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The request body exceeds 16 KiB.")
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_request",
            "Unsupported media type. Send application/x-www-form-urlencoded, multipart/form-data or application/json.",
        )
    }

    /// 500. Only the log contains the cause.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Internal server error. If the problem persists, contact the administrator and quote the request ID.",
        );
        error.cause = Some(cause.into());
        error
    }
}
