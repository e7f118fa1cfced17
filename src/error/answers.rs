//! The answers that are no success, each with its status, its code and what to do next: the table of design section 5.1.
//! What may not live here: how they are sent (`error.rs`).

use std::error::Error;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};

use super::AppError;

/// What a request is told when it is busy here.
const COME_AGAIN: Duration = Duration::from_secs(1);

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

    /// 400 `invalid_grant`: the same for an unknown user, a disabled one and a wrong password.
    #[must_use]
    pub fn invalid_grant() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", "The username or password is not right.")
    }

    /// 400 `invalid_scope`.
    #[must_use]
    pub fn invalid_scope() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            "None of the wished scopes can be granted. Leave the scope out.",
        )
    }

    /// 401 `invalid_client` with the challenge that RFC 6749 §5.2 asks for.
    #[must_use]
    pub fn invalid_client() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "The client id or secret is not right. Send neither when the program is not registered.",
        )
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"vestibule\", charset=\"UTF-8\""))
    }

    /// 401 `invalid_client` on a route that only registered programs may use, to one that named none.
    #[must_use]
    pub fn client_missing() -> Self {
        Self {
            description: "This needs a registered program: send its client id and secret.",
            ..Self::invalid_client()
        }
    }

    /// 400 `unauthorized_client`: the program is registered, and not for this (RFC 6749 §5.2).
    #[must_use]
    pub fn unauthorized_client() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "unauthorized_client",
            "This program is not allowed this grant. An administrator can allow it.",
        )
    }

    /// 400 `unsupported_token_type` (RFC 7009 §2.2.1).
    #[must_use]
    pub fn unsupported_token_type() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "unsupported_token_type",
            "With HS256 an access token proves nothing here. Send the refresh token.",
        )
    }

    /// 400 `invalid_grant` for a refresh token that does not serve.
    #[must_use]
    pub fn invalid_refresh_token() -> Self {
        let description = "The refresh token is unknown, over, used up or another program's. Sign in anew.";
        Self { description, ..Self::invalid_grant() }
    }

    /// 401 `invalid_token` for the token of a program that acts for itself, where a user is needed.
    #[must_use]
    pub fn not_a_users_token() -> Self {
        let description = "This token speaks for a program, and this route is for users. Send a user's token.";
        Self { description, ..Self::invalid_token() }
    }

    /// 401 with a challenge that has no error: no token came (RFC 6750 §3.1).
    #[must_use]
    pub fn bearer_missing() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request", "Send an access token: Authorization: Bearer …")
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"vestibule\""))
    }

    /// 401 `invalid_token` (RFC 6750 §3.1). Which check failed is nobody's business but the log's.
    #[must_use]
    pub fn invalid_token() -> Self {
        let challenge = "Bearer realm=\"vestibule\", error=\"invalid_token\", error_description=\"The access token is expired, ended or not from here\"";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "The access token is expired, ended or not from here. Get a new one.",
        )
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 429 with the time to wait.
    #[must_use]
    pub fn too_many_requests(wait: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "There were too many wrong passwords. Wait as long as Retry-After says.",
        )
        .with_wait(wait)
    }

    /// 503: no capacity now.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "The server has too much to do. Come again as Retry-After says.",
        )
        .with_wait(COME_AGAIN)
    }

    /// 403 to a preflight that is not granted. The Fetch Standard (§3.3.3) encourages this status for whoever is not let in.
    #[must_use]
    pub fn preflight_refused() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "access_denied",
            "Pages of this origin may not call this with this method and these headers. An administrator can add the origin to ALLOWED_ORIGINS.",
        )
    }

    /// 404.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.")
    }

    /// 405 with the methods that are allowed here.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not take this method; Allow names those it takes.",
        )
        .with_header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// 408: the body did not come.
    #[must_use]
    pub fn body_too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request", "The request's body did not come in time.")
    }

    /// 413.
    #[must_use]
    pub fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The request's body is over 16 KiB.")
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_request",
            "Send application/x-www-form-urlencoded or application/json.",
        )
    }

    /// 500. The cause goes to the log only.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Something went wrong on our side. Try again; if it stays, tell the administrator the request id.",
        );
        error.cause = Some(cause.into());
        error
    }
}
