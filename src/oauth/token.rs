//! `POST /token`: a function per grant. What may not live here: the check itself (`credentials`).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::client_auth;
use crate::config::{Config, PasswordGrant};
use crate::credentials::{Attempt, Lock, SignIn};
use crate::error::{AppError, ErrorBody};
use crate::sessions::SessionKind;
use crate::users::LookupName;
use crate::users::password::Password;
use crate::web::client_ip::ClientIp;
use crate::web::form::Parameters;
use crate::web::user_agent;

/// The answer to a grant (RFC 6749 §5.1).
#[derive(Serialize, utoipa::ToSchema)]
pub struct TokenResponse {
    /// The JWT.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until it dies.
    expires_in: i64,
    /// The scopes granted, with spaces between.
    scope: &'static str,
    /// The JWT once more, for clients of the tutorial that look here.
    token: String,
}

/// What a form or JSON object to `/token` holds.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "documents the parameters; they are read one by one, so that a repeated one is seen")]
pub struct TokenRequest {
    /// `password`; may be left out when `username` is there.
    #[schema(example = "password")]
    grant_type: Option<String>,
    /// The username.
    username: String,
    /// The password.
    #[schema(format = Password)]
    password: String,
    /// Wished scopes, with spaces between.
    scope: Option<String>,
}

/// Exchanges credentials for an access token.
///
/// # Errors
/// The table in design section 5.1.
#[utoipa::path(
    post,
    path = "/token",
    tag = "tokens",
    summary = "Exchange a username and password for an access token",
    description = "The password grant of OAuth 2.0 (RFC 6749 §4.3), for one's own programs. Takes a form or JSON, each parameter once.",
    request_body(content((TokenRequest = "application/x-www-form-urlencoded"), (TokenRequest = "application/json"))),
    responses(
        (status = 200, description = "The access token", body = TokenResponse),
        (status = 400, description = "invalid_request, invalid_grant, invalid_scope or unsupported_grant_type", body = ErrorBody),
        (status = 401, description = "invalid_client", body = ErrorBody),
        (status = 413, description = "The body is over 16 KiB", body = ErrorBody),
        (status = 415, description = "Neither a form nor JSON", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords: wait as long as Retry-After says", body = ErrorBody),
        (status = 503, description = "No capacity: come again as Retry-After says", body = ErrorBody),
    )
)]
pub async fn post(
    request: HttpRequest,
    payload: web::Payload,
    lock: web::Data<Lock>,
    config: web::Data<Config>,
    client_ip: ClientIp,
) -> Result<HttpResponse, AppError> {
    let parameters = Parameters::read(&request, payload).await?;
    if parameters.is_empty() {
        return Err(AppError::invalid_request("The request has no parameters."));
    }
    client_auth::check(&request, &parameters)?;
    let grant_type = match parameters.get_filled("grant_type") {
        Some(grant_type) => grant_type,
        // FastAPI's form may leave it out.
        None if parameters.get("username").is_some() => "password",
        None => return Err(AppError::invalid_request("The parameter grant_type is missing.")),
    };
    match grant_type {
        "password" if config.password_grant == PasswordGrant::Off => {
            Err(AppError::unsupported_grant_type("The password grant is turned off here."))
        }
        "password" => password_grant(&request, &parameters, &lock, client_ip).await,
        _ => Err(AppError::unsupported_grant_type("This grant_type is not known here. Send grant_type=password.")),
    }
}

async fn password_grant(
    request: &HttpRequest,
    parameters: &Parameters,
    lock: &web::Data<Lock>,
    client_ip: ClientIp,
) -> Result<HttpResponse, AppError> {
    let typed_name = parameters
        .get_filled("username")
        .ok_or_else(|| AppError::invalid_request("The parameter username is missing."))?;
    let typed_password = parameters
        .get_filled("password")
        .ok_or_else(|| AppError::invalid_request("The parameter password is missing."))?;
    // Before the password is looked at: the answer must not tell whether it was right.
    if parameters.get("scope").is_some_and(|scope| !scope.trim().is_empty()) {
        return Err(AppError::invalid_scope());
    }
    let (Some(username), Ok(password)) = (LookupName::parse(typed_name), Password::parse(typed_password)) else {
        return Err(AppError::invalid_grant());
    };
    let attempt = Attempt {
        username,
        password,
        kind: SessionKind::Program,
        client_ip: client_ip.0,
        user_agent: user_agent(request),
        device: None,
        previous: None,
    };
    match lock.sign_in_whole(attempt).await? {
        SignIn::Done(signed_in) => {
            let issued = signed_in.token;
            let body = TokenResponse {
                token: issued.token.clone(),
                access_token: issued.token,
                token_type: "Bearer",
                expires_in: issued.expires_in,
                scope: "",
            };
            Ok(HttpResponse::Ok().insert_header(("Pragma", "no-cache")).json(body))
        }
        SignIn::Refused | SignIn::Disabled => Err(AppError::invalid_grant()),
        SignIn::Throttled(wait) => Err(AppError::too_many_requests(wait)),
        SignIn::Full => Err(AppError::unavailable()),
    }
}
