//! CORS: which web pages may call the client endpoints (Fetch Standard §3.3).

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use actix_cors::{Cors, CorsError};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderValue, ORIGIN,
};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Resource, ResponseError as _};

use crate::config::WebOrigin;
use crate::error::AppError;
use crate::log_limit::LogLimit;
use crate::web;

/// The methods of the client endpoints.
const METHODS: [&str; 2] = ["GET", "POST"];
/// The request headers that a page may send. The last four are those of tracing libraries, which are ignored.
const HEADERS: [&str; 8] = [
    "authorization",
    "content-type",
    "accept",
    "x-requested-with",
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
];
/// The blocked origins that are remembered, so that each is logged once.
const MAX_LOGGED_ORIGINS: usize = 100;
/// The longest origin in the log.
const MAX_LOGGED_BYTES: usize = 256;

/// Limits the log lines about blocked origins: a client can invent any number of them.
static LOG_LIMIT: LogLimit = LogLimit::new();
static LOGGED_ORIGINS: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Lets pages of `allowed_origins` call a resource, without credentials: a request from another origin never carries
/// cookies.
pub fn with_cors(resource: Resource, allowed_origins: &[WebOrigin]) -> impl HttpServiceFactory + use<> {
    let cors = allowed_origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin.as_str()))
        .allowed_methods(METHODS)
        .allowed_headers(HEADERS)
        .expose_headers(["www-authenticate", "retry-after", "etag"])
        .max_age(3_600);
    let allowed_origins: Vec<String> = allowed_origins.iter().map(|origin| origin.as_str().to_owned()).collect();
    resource.wrap(cors).wrap(from_fn(move |request, next| explain(allowed_origins.clone(), request, next)))
}

/// Answers a preflight from an allowed origin with what is allowed, whatever it asks for: the browser compares, and names
/// the header or method that is not in the list. Logs an origin that is not allowed, once.
async fn explain(
    allowed_origins: Vec<String>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Some(origin) = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok()) {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let is_own = web::config(request.request()).public_url.as_str() == origin
            || origin.split_once("://").map(|(_, origin_host)| origin_host) == host;
        if !is_own && !allowed_origins.iter().any(|allowed| allowed == origin) {
            log_blocked(origin);
        }
    }
    let is_other_method = request
        .headers()
        .get(ACCESS_CONTROL_REQUEST_METHOD)
        .is_some_and(|method| !METHODS.iter().any(|allowed| method == allowed));
    // actix-cors rejects what is not in its lists, instead of showing them.
    request.headers_mut().remove(ACCESS_CONTROL_REQUEST_HEADERS);
    if is_other_method {
        request.headers_mut().insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static(METHODS[0]));
    }
    let response = next.call(request).await?.map_into_boxed_body();
    let is_rejected = response.response().error().is_some_and(|error| error.as_error::<CorsError>().is_some());
    Ok(if is_rejected { response.into_response(AppError::preflight_rejected().error_response()) } else { response })
}

fn log_blocked(origin: &str) {
    if origin == "null" || origin.len() > MAX_LOGGED_BYTES {
        return;
    }
    let mut logged = LOGGED_ORIGINS.lock().unwrap_or_else(PoisonError::into_inner);
    if logged.contains(origin) || LOG_LIMIT.admit().is_none() {
        return;
    }
    if logged.len() >= MAX_LOGGED_ORIGINS {
        logged.clear();
    }
    logged.insert(origin.to_owned());
    tracing::warn!(
        origin,
        "the browser of a page of this origin may not read the response; if the page is yours, add the origin to \
         ALLOWED_ORIGINS, exactly as it is here: http://localhost:8000 and http://127.0.0.1:8000 are different origins"
    );
}
