//! The original request that the proxy received, as headers from `TRUSTED_PROXIES` describe it.

use std::sync::Once;

use actix_web::HttpRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::web::return_to::{self, ReturnTo};
use crate::web::{self, client_ip, error_page, header};

/// The characters to escape in a query value (RFC 3986 §3.4, and `&`, `+`, `=` of forms).
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');
/// The headers that describe the original request: the first from nginx as in `examples/`, the others from Caddy and
/// Traefik.
const FORWARDED: [&str; 5] =
    ["x-original-url", "x-forwarded-host", "x-forwarded-uri", "x-forwarded-method", "x-forwarded-proto"];

static UNTRUSTED_WARNING: Once = Once::new();

/// The URL of the sign-in page, which leads back to the application. `None` unless the request is a navigation: a
/// client or a `fetch` call cannot follow the redirect, and a form post would lose its body.
#[must_use]
pub fn sign_in_url(request: &HttpRequest) -> Option<String> {
    is_navigation(request).then(|| {
        let config = web::config(request);
        let next = ReturnTo::parse(&url(request).map(short_address).unwrap_or_default(), config);
        match next.field() {
            "" => format!("{}/login", config.public_url),
            field => format!("{}/login?next={}", config.public_url, utf8_percent_encode(field, QUERY_VALUE)),
        }
    })
}

/// Whether a browser opens a page.
#[must_use]
pub fn is_navigation(request: &HttpRequest) -> bool {
    let method = forwarded(request, "x-forwarded-method").unwrap_or(request.method().as_str());
    let is_page = match header(request, "sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => error_page::accepts_html(request),
    };
    matches!(method, "GET" | "HEAD") && is_page
}

/// The URL of the original request; `None` if no trusted proxy describes it.
pub fn url(request: &HttpRequest) -> Option<Url> {
    let text = forwarded(request, "x-original-url").map(str::to_owned).or_else(|| {
        let [proto, host] = ["x-forwarded-proto", "x-forwarded-host"]
            .map(|name| forwarded(request, name).and_then(|_| client_ip::first_entry(request, name)));
        Some(format!("{}://{}{}", proto?, host?, forwarded(request, "x-forwarded-uri")?))
    })?;
    Url::parse(&text).ok()
}

/// A URL serialized as a browser does; one that is too long to return to becomes the application's front page.
fn short_address(url: Url) -> String {
    if url.as_str().len() > return_to::MAX_BYTES {
        url.join("/").map_or_else(|_| url.into(), String::from)
    } else {
        url.into()
    }
}

fn forwarded<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    if client_ip::is_from_trusted_proxy(request) {
        return header(request, name);
    }
    if FORWARDED.iter().any(|name| request.headers().contains_key(*name)) {
        // Once, because any client can send such requests and would fill the log.
        UNTRUSTED_WARNING.call_once(|| {
            tracing::warn!(
                peer = request.peer_addr().map(|peer| peer.ip().to_string()),
                "ignoring the X-Forwarded headers of a request to /verify: its sender is not in TRUSTED_PROXIES, so users are \
                 not sent back to the application after signing in"
            );
        });
    }
    None
}
