//! The request that the proxy was asked for and asks us about. What a proxy says of it counts only from `TRUSTED_PROXIES`.
//! What may not live here: who sent it (`decision.rs`).

use std::sync::Once;

use actix_web::HttpRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::web::return_to::{self, ReturnTo};
use crate::web::{self, client_ip, error_page, header};

/// What a value in a query needs escaped (RFC 3986 §3.4, and `&`, `+`, `=` of forms).
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');
/// What proxies send of it: nginx the first, as our example does, Caddy and Traefik the others.
const FORWARDED: [&str; 5] =
    ["x-original-url", "x-forwarded-host", "x-forwarded-uri", "x-forwarded-method", "x-forwarded-proto"];

static WARN_OF_STRANGER: Once = Once::new();

/// Where to send somebody who is not signed in; `None` when the request is no navigation, so that a redirect would only confuse: a
/// program, a script's `fetch`, a form post whose body would be lost.
#[must_use]
pub fn sign_in_address(request: &HttpRequest) -> Option<String> {
    is_navigation(request).then(|| {
        let config = web::config(request);
        let next = ReturnTo::parse(&address(request).unwrap_or_default(), config);
        match next.field() {
            "" => format!("{}/login", config.public_url),
            field => format!("{}/login?next={}", config.public_url, utf8_percent_encode(field, QUERY_VALUE)),
        }
    })
}

/// Whether a person at a browser opens a page.
#[must_use]
pub fn is_navigation(request: &HttpRequest) -> bool {
    let method = forwarded(request, "x-forwarded-method").unwrap_or(request.method().as_str());
    let is_opened = match header(request, "sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => error_page::takes_html(request),
    };
    matches!(method, "GET" | "HEAD") && is_opened
}

/// The address that was asked for, as a browser writes it, from what the proxy says.
fn address(request: &HttpRequest) -> Option<String> {
    let whole = forwarded(request, "x-original-url").map(str::to_owned).or_else(|| {
        let [proto, host, uri] =
            ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"].map(|name| forwarded(request, name));
        Some(format!("{}://{}{}", proto?, host?, uri?))
    })?;
    let url = Url::parse(&whole).ok()?;
    // Too long to be carried: the application's front page is nearer than our own.
    if url.as_str().len() > return_to::MAX_BYTES { url.join("/").ok().map(String::from) } else { Some(url.into()) }
}

fn forwarded<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    if client_ip::is_from_trusted_proxy(request) {
        return header(request, name);
    }
    if FORWARDED.iter().any(|name| request.headers().contains_key(*name)) {
        // Once: a stranger could else fill the log. Without the word, an admin would wonder why nobody is led back.
        WARN_OF_STRANGER.call_once(|| {
            tracing::warn!(
                peer = request.peer_addr().map(|peer| peer.ip().to_string()),
                "ignoring the X-Forwarded headers of a request to /verify: its sender is not in TRUSTED_PROXIES, so users are \
                 not sent back to the application after signing in"
            );
        });
    }
    None
}
