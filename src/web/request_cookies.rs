//! The cookies of a request: which values count, and the removal of duplicates that another host has set.

use actix_web::body::MessageBody;
use actix_web::cookie::{Cookie, CookieJar};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, COOKIE, HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use url::{Host, Url};

use super::WebConfig;
use super::cookies::CookieName;
use crate::secret::PlainSecret;

/// The most different values of one cookie that are looked at. More of them count as none.
const MAX_VALUES: usize = 4;
/// The most paths for which a duplicate is removed.
const MAX_PATHS: usize = 7;
/// The most domains for which a duplicate is removed, besides the host itself.
const MAX_DOMAINS: usize = 4;
/// The most lines that remove duplicates, about 2 KiB: nginx accepts a head of 4 KiB by default.
const MAX_REMOVALS: usize = 24;

/// The values of this server's cookies in a request.
///
/// Names are compared byte by byte (RFC 6265 §5.4). A parser that decodes `%5F` or trims Unicode space would accept a
/// name that another host under the domain may set although browsers protect `__Host-` names.
#[derive(Default)]
struct RequestCookies {
    /// Each value that counts, in the order of the request. Several of one name only if it may have candidates.
    values: Vec<(CookieName, String)>,
    /// The shared cookies whose host-only name, from before `COOKIE_DOMAIN` was set, is in the request.
    host_only: Vec<CookieName>,
    /// The names that occur more than once.
    repeated: Vec<CookieName>,
    /// The repeated names of which no value counts.
    rejected: Vec<CookieName>,
    /// Where the browser stores the cookies of the response.
    destination: Destination,
}

/// Where the browser stores the cookies of a response.
#[derive(Default)]
enum Destination {
    /// At the address of the request.
    #[default]
    Own,
    /// At the address of an application, if a reverse proxy has named it. The proxy passes on only rejections.
    Application(Option<Url>),
}

/// Middleware around everything: leaves only the session cookie in the request, with one value, for `actix-session`;
/// [`find`] and [`candidates`] read the others. The response removes duplicates.
pub async fn middleware(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if !request.headers().contains_key(COOKIE) {
        return next.call(request).await;
    }
    let cookies = RequestCookies::read(request.request());
    let session = cookies.single(CookieName::Session).and_then(|value| {
        HeaderValue::from_str(&format!("{}={value}", CookieName::Session.text(super::config(request.request())))).ok()
    });
    // A form post may change the cookie, and decrypts it again.
    let is_page = request.method().is_safe();
    let known = session
        .as_ref()
        .filter(|_| is_page)
        .and_then(|session| super::config(request.request()).session_cookies.find(session));
    match (session, known) {
        (Some(_), Some(contents)) => {
            request.headers_mut().remove(COOKIE);
            request.extensions_mut().insert(contents);
        }
        (Some(session), None) => drop(request.headers_mut().insert(COOKIE, session)),
        (None, _) => drop(request.headers_mut().remove(COOKIE)),
    }
    request.extensions_mut().insert(cookies);
    let mut response = next.call(request).await?;
    let lines = removals(&response);
    for line in lines {
        response.headers_mut().append(SET_COOKIE, line);
    }
    Ok(response)
}

/// The value of a cookie; `None` if it is absent, or if several values count.
pub(super) fn find(request: &HttpRequest, name: CookieName) -> Option<String> {
    request.extensions().get::<RequestCookies>()?.single(name).map(str::to_owned)
}

/// The values of a shared cookie, at most [`MAX_VALUES`]. The caller accepts one only if no other belongs to another
/// user; if it accepts none of several, it calls [`reject`].
#[must_use]
pub fn candidates(request: &HttpRequest, name: CookieName) -> Vec<String> {
    let extensions = request.extensions();
    let Some(cookies) = extensions.get::<RequestCookies>() else { return Vec::new() };
    cookies.of(name).map(str::to_owned).collect()
}

/// Removes every value of a cookie of which several were sent and none was accepted.
pub fn reject(request: &HttpRequest, name: CookieName) {
    if let Some(cookies) = request.extensions_mut().get_mut::<RequestCookies>()
        && cookies.repeated.contains(&name)
        && !cookies.rejected.contains(&name)
    {
        cookies.rejected.push(name);
    }
}

/// Whether the host-only name of a shared cookie, from before `COOKIE_DOMAIN` was set, is in the request.
pub(super) fn has_host_only(request: &HttpRequest, name: CookieName) -> bool {
    let config = super::config(request);
    let extensions = request.extensions();
    extensions.get::<RequestCookies>().is_some_and(|cookies| {
        cookies.host_only.contains(&name)
            // On http, both have one name.
            || (name.host_only_text(config) == name.text(config) && cookies.of(name).next().is_some())
    })
}

/// Sets the address that the browser has opened, for a request of a reverse proxy, which passes the response on.
pub fn set_application(request: &HttpRequest, find_address: impl FnOnce() -> Option<Url>) {
    let is_needed = request.extensions().get::<RequestCookies>().is_some_and(|cookies| !cookies.repeated.is_empty());
    if is_needed {
        let destination = Destination::Application(find_address());
        if let Some(cookies) = request.extensions_mut().get_mut::<RequestCookies>() {
            cookies.destination = destination;
        }
    }
}

impl RequestCookies {
    fn read(request: &HttpRequest) -> Self {
        let config = super::config(request);
        let mut cookies = Self::default();
        let headers = request.headers().get_all(COOKIE);
        for header in headers {
            // A value that is not UTF-8 is none of this server's, and must not hide the others.
            for pair in String::from_utf8_lossy(header.as_bytes()).split(';') {
                if let Some((name, value)) = pair.trim_ascii().split_once('=') {
                    cookies.add(name, value, config);
                }
            }
        }
        for name in cookies.repeated.clone() {
            cookies.settle(name, config);
        }
        cookies
    }

    fn add(&mut self, name: &str, value: &str, config: &WebConfig) {
        let Some(found) = CookieName::ALL.into_iter().find(|own| own.text(config) == name) else {
            let host_only = CookieName::ALL.into_iter().find(|own| own.host_only_text(config) == name);
            self.host_only.extend(host_only.filter(|own| !self.host_only.contains(own)));
            return;
        };
        // No value of this server has other characters. A fold, because `all` looks at one byte at a time.
        if value.is_empty() || !value.bytes().fold(true, |is_value, byte| is_value & is_cookie_octet(byte)) {
            return;
        }
        if self.of(found).next().is_some() && !self.repeated.contains(&found) {
            self.repeated.push(found);
        }
        if self.of(found).all(|other| other != value) && self.of(found).count() <= MAX_VALUES {
            self.values.push((found, value.to_owned()));
        }
    }

    /// Decides which values of a repeated name count: those that this server may have set. If several remain, the
    /// shared cookies have candidates, which the database or the signature tells apart; of the others none counts,
    /// because any of them may be an attacker's.
    fn settle(&mut self, name: CookieName, config: &WebConfig) {
        let has_too_many = self.of(name).count() > MAX_VALUES;
        self.values.retain(|(other, value)| *other != name || (!has_too_many && may_be_own(name, value, config)));
        let count = self.of(name).count();
        if count == 0 || (count > 1 && !name.is_shared()) {
            self.values.retain(|(other, _)| *other != name);
            self.rejected.push(name);
        }
    }

    fn of(&self, name: CookieName) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(other, _)| *other == name).map(|(_, value)| value.as_str())
    }

    fn single(&self, name: CookieName) -> Option<&str> {
        let mut values = self.of(name);
        values.next().filter(|_| values.next().is_none())
    }
}

/// `cookie-octet` of RFC 6265 §4.1.1: visible ASCII without `"`, `,`, `;` and `\`.
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// Whether a value may have been set by this server.
fn may_be_own(name: CookieName, value: &str, config: &WebConfig) -> bool {
    match name {
        CookieName::Session | CookieName::Link | CookieName::Draft | CookieName::Username => {
            let name = name.text(config);
            // `actix-session` encodes the value.
            let Ok(cookie) = Cookie::parse_encoded(format!("{name}={value}")) else { return false };
            let mut jar = CookieJar::new();
            jar.add_original(cookie.into_owned());
            jar.private(&config.cookie_key).get(name).is_some()
        }
        CookieName::Device | CookieName::Proxy => PlainSecret::parse(value).is_some(),
        CookieName::Token | CookieName::RedirectCount | CookieName::Language | CookieName::Doctor => true,
    }
}

/// The `Set-Cookie` lines that remove the duplicates of a request: for its host and each parent domain, for its path
/// and each prefix. The cookie as this server sets it stays, unless no value was accepted.
fn removals<B>(response: &ServiceResponse<B>) -> Vec<HeaderValue> {
    let request = response.request();
    let extensions = request.extensions();
    let Some(cookies) = extensions.get::<RequestCookies>().filter(|cookies| !cookies.repeated.is_empty()) else {
        return Vec::new();
    };
    // A cache could give the lines to other browsers.
    let cache_control = response.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    if !cache_control.is_some_and(|text| text.contains("no-store")) {
        return Vec::new();
    }
    let config = super::config(request);
    let (domains, paths) = match &cookies.destination {
        Destination::Application(_) if response.status().is_success() => return Vec::new(),
        Destination::Application(Some(url)) => {
            (parent_domains(url.host_str().unwrap_or_default()), path_prefixes(url.path()))
        }
        Destination::Application(None) | Destination::Own => {
            (parent_domains(own_host(request).unwrap_or_default()), path_prefixes(request.path()))
        }
    };
    let mut lines = Vec::new();
    for name in &cookies.repeated {
        let text = name.text(config);
        let secure = if config.public_url.is_https() { "; Secure" } else { "" };
        let is_set = response.headers().get_all(SET_COOKIE).any(|line| is_line_of(line, text, name.domain(config)));
        for path in &paths {
            for domain in std::iter::once(None).chain(domains.iter().map(|domain| Some(domain.as_str()))) {
                let is_own = path == "/" && domain == name.domain(config);
                let is_kept = is_own && (is_set || !cookies.rejected.contains(name));
                // Browsers reject a `__Host-` cookie with another path or a domain.
                let is_impossible = text.starts_with("__Host-") && !is_own;
                if is_kept || is_impossible {
                    continue;
                }
                let domain = domain.map(|domain| format!("Domain={domain}; ")).unwrap_or_default();
                lines.extend(HeaderValue::from_str(&format!("{text}=; {domain}Path={path}; Max-Age=0{secure}")));
            }
        }
    }
    lines.truncate(MAX_REMOVALS);
    lines
}

/// The host that the browser has opened: of `Host` or, behind a proxy that replaces it, of `PUBLIC_URL`.
fn own_host(request: &HttpRequest) -> Option<&str> {
    let public = super::config(request).public_url.as_str().split_once("://").map(|(_, host)| host);
    let own = super::header(request, "host").filter(|host| !parent_domains(host).is_empty());
    own.or(public)
}

/// Whether a `Set-Cookie` line sets or removes the cookie of this name and domain.
fn is_line_of(line: &HeaderValue, name: &str, domain: Option<&str>) -> bool {
    let Ok(line) = line.to_str() else { return false };
    let line_domain = line.split("; ").find_map(|attribute| attribute.strip_prefix("Domain="));
    line.split('=').next() == Some(name) && line_domain == domain
}

/// The domains of cookies that browsers send to a host: the host itself and its parents, without public suffixes. None
/// for an IP address.
fn parent_domains(host: &str) -> Vec<String> {
    let host = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host });
    let Ok(Host::Domain(host)) = Host::parse(host) else { return Vec::new() };
    // The parser allows `;`, which would end the attribute.
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) {
        return Vec::new();
    }
    let Some(top) = psl::domain_str(&host) else { return Vec::new() };
    let starts = std::iter::once(0).chain(host.match_indices('.').map(|(at, _)| at + 1));
    let domains = starts.map(|at| &host[at..]).filter(|domain| domain.len() >= top.len());
    // The widest first, because every host under it can set a cookie there.
    let mut domains: Vec<String> = domains.map(str::to_owned).collect();
    domains.reverse();
    domains.truncate(MAX_DOMAINS);
    domains
}

/// The paths of cookies that browsers send with a path (RFC 6265 §5.1.4): its prefixes, each with and without a slash
/// at the end.
fn path_prefixes(path: &str) -> Vec<String> {
    // As a `Path` attribute other paths cannot be written.
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';');
    let mut prefixes = vec!["/".to_owned()];
    if is_plain && path.starts_with('/') {
        for (at, _) in path.match_indices('/').skip(1) {
            prefixes.extend([path[..at].to_owned(), path[..=at].to_owned()]);
        }
        prefixes.push(path.to_owned());
    }
    prefixes.dedup();
    prefixes.truncate(MAX_PATHS);
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_domain_of_a_host_without_its_public_suffix_is_listed() {
        for (host, domains) in [
            ("login.example.com:8443", &["example.com", "login.example.com"][..]),
            ("LOGIN.example.co.uk", &["example.co.uk", "login.example.co.uk"]),
            ("example.com", &["example.com"]),
            ("me.github.io", &["me.github.io"]),
            ("localhost:8080", &[]),
            ("127.0.0.1:8080", &[]),
            ("[::1]:8080", &[]),
            ("", &[]),
            ("a;Domain=b.example.com", &[]),
        ] {
            assert_eq!(parent_domains(host), domains, "{host}");
        }
        assert_eq!(parent_domains(&format!("{}example.com", "a.".repeat(100))).len(), MAX_DOMAINS);
    }

    #[test]
    fn every_path_whose_cookies_are_sent_is_listed() {
        for (path, prefixes) in [
            ("/", &["/"][..]),
            ("/me", &["/", "/me"]),
            ("/account/profile", &["/", "/account", "/account/", "/account/profile"]),
            ("/a/", &["/", "/a", "/a/"]),
            ("/a;b/c", &["/"]),
            ("/\u{e9}", &["/"]),
            ("*", &["/"]),
        ] {
            assert_eq!(path_prefixes(path), prefixes, "{path}");
        }
        assert_eq!(path_prefixes(&"/a".repeat(1_000)).len(), MAX_PATHS);
    }
}
