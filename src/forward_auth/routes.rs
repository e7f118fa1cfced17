//! `/verify/forward-auth` and `/verify/auth-request`: the endpoints for reverse proxies.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, Route, web};
use serde_json::json;

use super::decision::{Decision, Forbidden, decide};
use super::{identity, original_request, pages};
use crate::error::{AppError, ErrorBody};
use crate::sessions::SessionService;
use crate::tokens::TokenService;
use crate::web::{get, other_methods};

/// Mounts the endpoints. Neither sets a cookie nor signs a token.
pub fn routes(services: &mut web::ServiceConfig) {
    let resource = |path, route: Route| web::resource(path).route(route).default_service(other_methods("GET, HEAD"));
    services
        .service(resource("/verify/forward-auth", get().to(get_forward_auth)))
        .service(resource("/verify/auth-request", get().to(get_auth_request)));
}

#[utoipa::path(
    get,
    path = "/verify/forward-auth",
    tag = "reverse proxies",
    operation_id = "verify_forward_auth",
    summary = "Authorize a proxied request (Caddy forward_auth, Traefik ForwardAuth)",
    description = "The proxy forwards the request headers, and returns any response but 200 to the client. Authenticates by the proxy cookie, or by a user's access token from the token endpoint.",
    params(("role" = Option<Vec<String>>, Query, description = "The required roles; one of them is enough")),
    responses(
        (status = 200, description = "Authorized; Remote-User, Remote-Name, Remote-Email and Remote-Groups identify the user, empty where unknown"),
        (status = 302, description = "A browser navigation without a valid session: redirect to the sign-in page, which leads back to the application"),
        (status = 401, description = "Neither a valid session nor a valid access token", body = ErrorBody),
        (status = 403, description = "The user does not have the role, or the request has a Remote-* header", body = ErrorBody),
        (status = 503, description = "The database is busy or unreachable", body = ErrorBody),
    )
)]
pub(crate) async fn get_forward_auth(
    request: HttpRequest,
    sessions: web::Data<SessionService>,
    tokens: web::Data<TokenService>,
) -> Result<HttpResponse, AppError> {
    match decide(&request, &sessions, &tokens).await {
        Ok(Decision::Allowed(live)) => Ok(identity::allowed_response(&live)),
        Ok(Decision::Forbidden(Forbidden::LacksRole)) if original_request::is_navigation(&request) => {
            pages::lacks_role(&request)
        }
        Ok(Decision::Forbidden(forbidden)) => Ok(forbidden_response(&forbidden)),
        Ok(Decision::SignedOut(error)) => match original_request::sign_in_url(&request) {
            Some(url) => Ok(HttpResponse::Found().insert_header((header::LOCATION, url)).finish()),
            None => Err(error),
        },
        Err(error) if original_request::is_navigation(&request) => pages::server_error(&request, &error),
        Err(error) => Err(error),
    }
}

#[utoipa::path(
    get,
    path = "/verify/auth-request",
    tag = "reverse proxies",
    operation_id = "verify_auth_request",
    summary = "Authorize a proxied request (nginx auth_request)",
    description = "Like /verify/forward-auth, but responds only with 200, 401 and 403: nginx turns any other status into 500.",
    params(("role" = Option<Vec<String>>, Query, description = "The required roles; one of them is enough")),
    responses(
        (status = 200, description = "Authorized; Remote-User, Remote-Name, Remote-Email and Remote-Groups identify the user, empty where unknown"),
        (status = 401, description = "Neither a valid session nor a valid access token: for a browser navigation, Location is the sign-in page. Or the request cannot be authorized now: see Retry-After", body = ErrorBody),
        (status = 403, description = "The user does not have the role, or the request has a Remote-* header", body = ErrorBody),
    )
)]
pub(crate) async fn get_auth_request(
    request: HttpRequest,
    sessions: web::Data<SessionService>,
    tokens: web::Data<TokenService>,
) -> HttpResponse {
    match decide(&request, &sessions, &tokens).await {
        Ok(Decision::Allowed(live)) => identity::allowed_response(&live),
        Ok(Decision::Forbidden(forbidden)) => forbidden_response(&forbidden),
        Ok(Decision::SignedOut(error)) => {
            let mut response = error.error_response();
            if let Some(url) = original_request::sign_in_url(&request)
                && let Ok(url) = header::HeaderValue::from_str(&url)
            {
                response.headers_mut().insert(header::LOCATION, url);
            }
            response
        }
        Err(error) => {
            // Not a signed-out user: without Location, and with a Retry-After that the nginx configuration evaluates.
            let wait = error.retry_after().unwrap_or("1").to_owned();
            let mut response = error.error_response();
            *response.status_mut() = actix_web::http::StatusCode::UNAUTHORIZED;
            if let Ok(wait) = header::HeaderValue::from_str(&wait) {
                response.headers_mut().insert(header::RETRY_AFTER, wait);
            }
            response
        }
    }
}

/// The 403 response, with a description for the administrator of the proxy.
fn forbidden_response(forbidden: &Forbidden) -> HttpResponse {
    let description = match forbidden {
        Forbidden::HasIdentity(name) => {
            tracing::debug!(header = name, "request rejected: it has an identity header");
            format!("Clients must not send {name}; remove it.")
        }
        Forbidden::BadRule => {
            tracing::debug!("request rejected: the query that the proxy sends to /verify is not a list of roles");
            "The proxy sends an invalid query. Configure ?role=NAME, or in Caddy a bare ?, which omits the query of the page."
                .to_owned()
        }
        Forbidden::LacksRole => {
            "The account does not have the required role. An administrator can grant it.".to_owned()
        }
    };
    HttpResponse::Forbidden().json(json!({"error": "access_denied", "error_description": description}))
}
