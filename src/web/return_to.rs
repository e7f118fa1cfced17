//! Safe redirect targets: a path of this server, or a URL of an application under `COOKIE_DOMAIN`.

use url::form_urlencoded::byte_serialize;
use url::{Host, Url};

use super::WebConfig;

/// Limit of a redirect target.
pub const MAX_BYTES: usize = 2_048;
/// Pages that a sign-in must not lead to: they would redirect straight back.
const NOT_AFTER_SIGN_IN: [&str; 4] = ["/login", "/logout", "/setup", "/language"];
/// Routes to which the language switch does not return.
const NOT_A_PAGE: [&str; 2] = ["/logout", "/language"];

/// A checked address: a path of this server, or a full URL under `COOKIE_DOMAIN`, each with its query. `/` stands for
/// one that is absent or not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Parses the target in a query or form; one that is not allowed becomes `/`.
    #[must_use]
    pub fn parse(text: &str, config: &WebConfig) -> Self {
        // A full URL of this server, as sent by a reverse proxy with several applications on the same host.
        let path = text.strip_prefix(config.public_url.as_str()).filter(|rest| rest.starts_with('/')).unwrap_or(text);
        if is_plain(text) && is_own_path(path, &NOT_AFTER_SIGN_IN) {
            Self(path.to_owned())
        } else if is_plain(text) && is_under_cookie_domain(text, config) {
            Self(text.to_owned())
        } else {
            Self("/".to_owned())
        }
    }

    /// Parses the path of a page of this server, including the sign-in page; anything else becomes `/`.
    #[must_use]
    pub fn parse_own_page(text: &str) -> Self {
        Self(if is_plain(text) && is_own_path(text, &NOT_A_PAGE) { text.to_owned() } else { "/".to_owned() })
    }

    /// The address of the page at `path` with this target as its `next`.
    #[must_use]
    pub fn append_to(&self, path: &str) -> String {
        match self.field() {
            "" => path.to_owned(),
            next => format!("{path}?next={}", byte_serialize(next.as_bytes()).collect::<String>()),
        }
    }

    /// The address, for a `Location` header.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.0
    }

    /// The value of a form's hidden field; empty for `/`.
    #[must_use]
    pub fn field(&self) -> &str {
        if self.0 == "/" { "" } else { &self.0 }
    }

    /// The origin of the application, as a browser serializes it; `None` for a path of this server.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        if self.0.starts_with('/') {
            None
        } else {
            Url::parse(&self.0).ok().map(|url| url.origin().ascii_serialization())
        }
    }
}

/// Rejects what browsers rewrite: "\" becomes "/", and tabs and newlines are dropped.
fn is_plain(text: &str) -> bool {
    text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

fn is_own_path(text: &str, excluded: &[&str]) -> bool {
    // "//" begins another host.
    if !text.starts_with('/') || text.starts_with("//") {
        return false;
    }
    // Fast path for nearly all pages: every parser agrees on these.
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_')) {
        return !excluded.contains(&text);
    }
    let base = Url::parse("http://vestibule.invalid").expect("a constant URL");
    // Resolved as a browser does, with dot segments: it must stay on this host and must not become "//".
    base.join(text).is_ok_and(|url| {
        url.origin() == base.origin()
            && url.username().is_empty()
            && !url.path().starts_with("//")
            && !excluded.contains(&url.path())
    })
}

/// Whether this is a full URL of an application that receives the shared cookies.
fn is_under_cookie_domain(text: &str, config: &WebConfig) -> bool {
    let Some(domain) = &config.cookie_domain else { return false };
    let Ok(url) = Url::parse(text) else { return false };
    let origin = url.origin().ascii_serialization();
    // All parsers agree only on a URL that begins with its serialized origin: no user before an "@", no other spelling
    // of the host, no missing or extra slash.
    let has_plain_origin =
        text.strip_prefix(&origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
    // Not from https to http: browsers would withhold the cookies, and an attacker on the network could replace the
    // page.
    let has_scheme = url.scheme() == "https" || (url.scheme() == "http" && !config.public_url.is_https());
    let has_host = matches!(url.host(), Some(Host::Domain(host)) if domain.contains(host));
    has_plain_origin && has_scheme && has_host && origin != config.public_url.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::secret::ServerKey;

    fn config(public_url: &str, cookie_domain: &str) -> WebConfig {
        let mut settings = Settings::default();
        settings.set("PUBLIC_URL", public_url);
        settings.set("COOKIE_DOMAIN", cookie_domain);
        WebConfig::new(&settings.check().expect("fit"), &ServerKey::generate())
    }

    #[test]
    fn only_own_paths_are_accepted() {
        for config in [config("http://localhost:8080", ""), config("https://login.example.com", "example.com")] {
            for path in ["/", "/docs/", "/me?x=1", "/a//b", "/%2f%2fe", "/account#x", "/@e", "/a:b@c"] {
                assert_eq!(ReturnTo::parse(path, &config).address(), path);
                let url = format!("{}{path}", config.public_url);
                assert_eq!(ReturnTo::parse(&url, &config).address(), path, "{url}");
            }
            let long = format!("/{}", "a".repeat(10_000));
            for path in [
                "",
                "e",
                "//e",
                "///e",
                "/\\e",
                "\\\\e",
                "/\te",
                "/\n/e",
                "http://e",
                "https:e",
                "javascript:alert(1)",
                "/ /e",
                "//user@e",
                "/\u{e9}",
                "/\0",
                "/.//e",
                "/x/..//e",
                "/language",
                "/login",
                "/login?next=/x",
                "/a/../logout",
                "http:/e",
                "data:,x",
                long.as_str(),
            ] {
                assert_eq!(ReturnTo::parse(path, &config).address(), "/", "{path:?}");
                let url = format!("{}{path}", config.public_url);
                assert_eq!(ReturnTo::parse(&url, &config).address(), "/", "{url:?}");
            }
        }
    }

    #[test]
    fn next_of_the_sign_in_page_survives_a_language_switch() {
        let config = config("https://login.example.com", "example.com");
        let here = ReturnTo::parse("/docs/?a=1&b=%20#x", &config).append_to("/login");
        assert_eq!(here, "/login?next=%2Fdocs%2F%3Fa%3D1%26b%3D%2520%23x");
        assert_eq!(ReturnTo::parse_own_page(&here).address(), here);
        let here = ReturnTo::parse("https://app.example.com/", &config).append_to("/login");
        assert_eq!(here, "/login?next=https%3A%2F%2Fapp.example.com%2F");
        assert_eq!(ReturnTo::parse("//e", &config).append_to("/login"), "/login");
        for path in ["//e", "/logout", "/language?x", "https://app.example.com/", "/\\e"] {
            assert_eq!(ReturnTo::parse_own_page(path).address(), "/", "{path}");
        }
    }

    #[test]
    fn full_urls_are_accepted_only_under_the_cookie_domain() {
        let https = config("https://login.example.com", "example.com");
        let http = config("http://login.example.com:8080", "example.com");
        let none = config("https://login.example.com", "");
        for url in ["https://app.example.com", "https://example.com/?x=1", "https://a.b.example.com:8443/x//y?z=@#w"] {
            assert_eq!(ReturnTo::parse(url, &https).address(), url);
            assert!(url.starts_with(&ReturnTo::parse(url, &https).origin().expect("another origin")), "{url}");
            assert_eq!(ReturnTo::parse(url, &http).address(), url);
            assert_eq!(ReturnTo::parse(url, &none).address(), "/", "{url}");
        }
        let url = "http://app.example.com/";
        assert_eq!((ReturnTo::parse(url, &http).address(), ReturnTo::parse(url, &https).address()), (url, "/"));
        assert_eq!(ReturnTo::parse("/x", &https).origin(), None);
        let long = format!("https://app.example.com/{}", "a".repeat(MAX_BYTES));
        for url in [
            "https://evil-example.com/",
            "https://example.com.evil.net/",
            "https://example.comevil.net/",
            "https://app.example.com@evil.net/",
            "https://user@app.example.com/",
            "https://user:password@app.example.com/",
            "https://:@app.example.com/",
            "https://evil.net#.example.com/",
            "https://evil.net?.example.com/",
            "https://evil.net/.example.com/",
            "https://evil.net\\.example.com/",
            "https://app.example.com./",
            "https://app.example.com:443/",
            "https://app.example.com:8443@evil.net/",
            "https://app.example.com:99999/",
            "https://app.example.com:/",
            "https://app.example.com:0443/",
            "https://APP.example.com/",
            "HTTPS://app.example.com/",
            "https:app.example.com/",
            "https:/app.example.com/",
            "https:///app.example.com/",
            "//app.example.com/",
            "app.example.com/",
            "https://app.example\u{ff0e}com/",
            "https://ex\u{e4}mple.com/",
            "https://app%2eexample.com/",
            "https://app.example.com%00.evil.net/",
            "https://app.example.com\t/",
            "https://app.example.com/\n",
            "https://app.example.com/\u{ac00}",
            " https://app.example.com/",
            "ftp://app.example.com/",
            "wss://app.example.com/",
            "javascript://app.example.com/%0aalert(1)",
            "blob:https://app.example.com/x",
            "https://login.example.com/login",
            "https://login.example.com",
            long.as_str(),
        ] {
            assert_eq!(ReturnTo::parse(url, &https).address(), "/", "{url:?}");
        }
    }
}
