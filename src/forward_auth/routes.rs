//! `/verify/forward-auth` and `/verify/auth-request`: HTTP in and out. Neither sets a cookie nor signs a token. What may not live here:
//! the decision (`decision.rs`).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use serde_json::json;

use super::decision::{Decision, Forbidden, decide};
use super::{identity, original, pages};
use crate::credentials::Lock;
use crate::error::{AppError, ErrorBody};
use crate::web::get;

/// Mounts the routes of this door.
pub fn routes(services: &mut web::ServiceConfig) {
    let methods = || web::to(|| async { Err::<String, _>(AppError::method_not_allowed("GET, HEAD")) });
    services
        .service(web::resource("/verify/forward-auth").route(get().to(get_forward_auth)).default_service(methods()))
        .service(web::resource("/verify/auth-request").route(get().to(get_auth_request)).default_service(methods()));
}

#[utoipa::path(
    get,
    path = "/verify/forward-auth",
    tag = "reverse proxies",
    operation_id = "verify_forward_auth",
    summary = "May this request pass? For Caddy's forward_auth and Traefik's ForwardAuth",
    description = "The proxy passes the request's headers on, and the client gets any answer but 200. Known by the proxy cookie, or by a user's access token that no browser holds.",
    params(("role" = Option<Vec<String>>, Query, description = "Roles of which one is needed")),
    responses(
        (status = 200, description = "Yes; Remote-User, Remote-Name, Remote-Email and Remote-Groups say who it is, empty where nothing is known"),
        (status = 302, description = "Nobody is signed in, and a person opens a page: to the sign-in page and back"),
        (status = 401, description = "Nobody is signed in", body = ErrorBody),
        (status = 403, description = "The role is lacking, or the request has a Remote-* header of its own", body = ErrorBody),
        (status = 503, description = "The database gives no answer", body = ErrorBody),
    )
)]
pub(crate) async fn get_forward_auth(request: HttpRequest, lock: web::Data<Lock>) -> Result<HttpResponse, AppError> {
    match decide(&request, &lock).await {
        Ok(Decision::Allowed(current)) => Ok(identity::answer(&current)),
        Ok(Decision::Forbidden(Forbidden::LacksRole)) if original::is_navigation(&request) => {
            pages::lacks_role(&request)
        }
        Ok(Decision::Forbidden(forbidden)) => Ok(refuse(&forbidden)),
        Ok(Decision::SignedOut(error)) => match original::sign_in_address(&request) {
            Some(address) => Ok(HttpResponse::Found().insert_header((header::LOCATION, address)).finish()),
            None => Err(error),
        },
        Err(error) if original::is_navigation(&request) => pages::of_error(&request, &error),
        Err(error) => Err(error),
    }
}

#[utoipa::path(
    get,
    path = "/verify/auth-request",
    tag = "reverse proxies",
    operation_id = "verify_auth_request",
    summary = "May this request pass? For nginx's auth_request",
    description = "As /verify/forward-auth, but never anything that nginx would turn into a 500.",
    params(("role" = Option<Vec<String>>, Query, description = "Roles of which one is needed")),
    responses(
        (status = 200, description = "Yes; Remote-User, Remote-Name, Remote-Email and Remote-Groups say who it is, empty where nothing is known"),
        (status = 401, description = "Nobody is signed in: Location, when a person opens a page, leads to the sign-in page and back. Or nobody can be known now: Retry-After says when to come again", body = ErrorBody),
        (status = 403, description = "The role is lacking, or the request has a Remote-* header of its own", body = ErrorBody),
    )
)]
pub(crate) async fn get_auth_request(request: HttpRequest, lock: web::Data<Lock>) -> HttpResponse {
    match decide(&request, &lock).await {
        Ok(Decision::Allowed(current)) => identity::answer(&current),
        Ok(Decision::Forbidden(forbidden)) => refuse(&forbidden),
        Ok(Decision::SignedOut(error)) => {
            let mut response = error.error_response();
            if let Some(address) = original::sign_in_address(&request)
                && let Ok(address) = header::HeaderValue::from_str(&address)
            {
                response.headers_mut().insert(header::LOCATION, address);
            }
            response
        }
        Err(error) => {
            // Not to be taken for somebody who is signed out: there is no Location, and Retry-After says so to the configuration.
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

/// 403 in words for whoever looks after the proxy.
fn refuse(forbidden: &Forbidden) -> HttpResponse {
    let description = match forbidden {
        Forbidden::HasIdentity(name) => {
            tracing::debug!(header = name, "a request that says itself who sends it was refused");
            format!("The request has the header {name}. Only the proxy may say who sends a request: send it without.")
        }
        Forbidden::BadRule => {
            tracing::debug!("a proxy demands something in the query of /verify that is no role");
            "The proxy's configuration demands something that is not understood. Write ?role=NAME, or for Caddy a bare ?, which keeps the page's own query out."
                .to_owned()
        }
        Forbidden::LacksRole => {
            "The account lacks the role that is needed here. An administrator can grant it.".to_owned()
        }
    };
    HttpResponse::Forbidden().json(json!({"error": "access_denied", "error_description": description}))
}
