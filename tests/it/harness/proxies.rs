//! The requests of reverse proxies, and a server that trusts them.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use vestibule::config::Settings;

use super::visitor::Visitor;
use super::{TestApp, TestResponse};

/// The route that Caddy and Traefik call.
pub const FORWARD_AUTH: &str = "/verify/forward-auth";
/// The route that nginx calls.
pub const AUTH_REQUEST: &str = "/verify/auth-request";
/// The name, over http, of the cookie that proxies see.
pub const PROXY: &str = "vestibule_proxy";
/// The headers of a browser that opens a page, and of the proxy.
pub const NAVIGATION: [(&str, &str); 5] = [
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("x-forwarded-method", "GET"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-host", "app.vestibule.test"),
    ("x-forwarded-uri", "/a?b=c&d"),
];

/// A server that trusts proxies on this machine and shares its cookies under `vestibule.test`.
pub async fn start() -> TestApp {
    start_with(|_| {}).await
}

/// Like [`start`], with some settings changed.
pub async fn start_with(change: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::start_with(|settings| {
        settings.set("PUBLIC_URL", "http://login.vestibule.test");
        settings.set("COOKIE_DOMAIN", "vestibule.test");
        settings.set("TRUSTED_PROXIES", "127.0.0.1");
        change(settings);
    })
    .await
}

/// Sends a check with these headers; a later one replaces an earlier one of the same name.
pub async fn check(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.insert(name, HeaderValue::from_str(value).expect("a value"));
    }
    TestResponse::to(app.get(path).headers(map)).await
}

/// Sends the same check to both routes.
pub async fn check_both(app: &TestApp, headers: &[(&str, &str)]) -> [TestResponse; 2] {
    [check(app, FORWARD_AUTH, headers).await, check(app, AUTH_REQUEST, headers).await]
}

/// A signed-in visitor, and the value of a `Cookie` header with their proxy cookie.
pub async fn sign_in(app: &TestApp, name: &str) -> (Visitor, String) {
    let visitor = Visitor::new(app);
    visitor.sign_in(name).await;
    let secret = visitor.cookie(PROXY).expect("set at sign-in");
    (visitor, format!("{PROXY}={secret}"))
}
