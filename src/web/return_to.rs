//! Where a person goes after signing in: a path of ours, or a page of an application under `COOKIE_DOMAIN`; and the page of ours to
//! come back to. What may not live here: redirects themselves.

use url::form_urlencoded::byte_serialize;
use url::{Host, Url};

use super::WebConfig;

/// The most bytes of an address to return to.
pub const MAX_BYTES: usize = 2_048;
/// Pages that would lead straight back.
const NOT_AFTER_SIGN_IN: [&str; 4] = ["/login", "/logout", "/setup", "/language"];
/// What only a form opens.
const NOT_A_PAGE: [&str; 2] = ["/logout", "/language"];

/// A checked address: a path of ours, or the whole URL of a page under `COOKIE_DOMAIN`, each with its query; `/` when nothing else was
/// asked for or allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Takes what came in a query or form; anything doubtful becomes `/`.
    #[must_use]
    pub fn parse(text: &str, config: &WebConfig) -> Self {
        // An address of ours in full, as a reverse proxy before several applications on our host gives it.
        let path = text.strip_prefix(config.public_url.as_str()).filter(|rest| rest.starts_with('/')).unwrap_or(text);
        if is_plain(text) && is_ours(path, &NOT_AFTER_SIGN_IN) {
            Self(path.to_owned())
        } else if is_plain(text) && is_shared(text, config) {
            Self(text.to_owned())
        } else {
            Self("/".to_owned())
        }
    }

    /// Takes the address of a page of ours to come back to, the sign-in page too; anything doubtful becomes `/`.
    #[must_use]
    pub fn back_to(text: &str) -> Self {
        Self(if is_plain(text) && is_ours(text, &NOT_A_PAGE) { text.to_owned() } else { "/".to_owned() })
    }

    /// The address of the page at `path` that leads on to here.
    #[must_use]
    pub fn after(&self, path: &str) -> String {
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

    /// The address as a form's hidden field; empty when it is `/`.
    #[must_use]
    pub fn field(&self) -> &str {
        if self.0 == "/" { "" } else { &self.0 }
    }

    /// The origin of the application that it leads to, as a browser writes it; `None` when it leads to a page of ours.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        if self.0.starts_with('/') {
            None
        } else {
            Url::parse(&self.0).ok().map(|url| url.origin().ascii_serialization())
        }
    }
}

/// Browsers take "\" for "/" and drop tabs and newlines.
fn is_plain(text: &str) -> bool {
    text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

fn is_ours(text: &str, not_these: &[&str]) -> bool {
    // Browsers read "//" as another host.
    if !text.starts_with('/') || text.starts_with("//") {
        return false;
    }
    // The paths of nearly all our pages: every reader reads them alike.
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_')) {
        return !not_these.contains(&text);
    }
    let base = Url::parse("http://vestibule.invalid").expect("a constant URL");
    // Read as a browser would, dot segments and all: it must stay on our host, and not become "//" on the way.
    base.join(text).is_ok_and(|url| {
        url.origin() == base.origin()
            && url.username().is_empty()
            && !url.path().starts_with("//")
            && !not_these.contains(&url.path())
    })
}

/// The whole URL of another host that the shared cookies reach.
fn is_shared(text: &str, config: &WebConfig) -> bool {
    let Some(domain) = &config.cookie_domain else { return false };
    let Ok(url) = Url::parse(text) else { return false };
    let origin = url.origin().ascii_serialization();
    // Only an address that begins with its origin as a browser would write it is read alike by everybody: no user before an "@",
    // no other spelling of a host, no slash too many or too few.
    let has_plain_origin =
        text.strip_prefix(&origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
    // From http to https one may go, not back: the cookies would be left behind, and the page could be another's.
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
    fn only_paths_of_ours_are_taken() {
        for config in [config("http://localhost:8080", ""), config("https://login.example.com", "example.com")] {
            for path in ["/", "/docs/", "/me?x=1", "/a//b", "/%2f%2fe", "/account#x", "/@e", "/a:b@c"] {
                assert_eq!(ReturnTo::parse(path, &config).address(), path);
                let whole = format!("{}{path}", config.public_url);
                assert_eq!(ReturnTo::parse(&whole, &config).address(), path, "an address of ours in full");
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
                let whole = format!("{}{path}", config.public_url);
                assert_eq!(ReturnTo::parse(&whole, &config).address(), "/", "{whole:?}");
            }
        }
    }

    #[test]
    fn a_page_to_come_back_to_keeps_what_its_next_holds() {
        let config = config("https://login.example.com", "example.com");
        let here = ReturnTo::parse("/docs/?a=1&b=%20#x", &config).after("/login");
        assert_eq!(here, "/login?next=%2Fdocs%2F%3Fa%3D1%26b%3D%2520%23x");
        assert_eq!(ReturnTo::back_to(&here).address(), here);
        let here = ReturnTo::parse("https://app.example.com/", &config).after("/login");
        assert_eq!(here, "/login?next=https%3A%2F%2Fapp.example.com%2F");
        assert_eq!(ReturnTo::parse("//e", &config).after("/login"), "/login");
        for path in ["//e", "/logout", "/language?x", "https://app.example.com/", "/\\e"] {
            assert_eq!(ReturnTo::back_to(path).address(), "/", "{path}");
        }
    }

    #[test]
    fn whole_addresses_are_taken_under_the_cookie_domain_only() {
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
