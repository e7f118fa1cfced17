//! The domain whose applications receive the shared cookies and are valid redirect targets.

use url::{Host, Url};

use super::WebOrigin;

/// A domain with one owner, such as `example.com`: lower case, ASCII, neither a public suffix nor an IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieDomain(String);

impl CookieDomain {
    /// The domain as in the `Domain` attribute of a cookie (RFC 6265 §5.2.3), without a leading dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether browsers send a cookie of this domain to `host`, which is lower case and ASCII (RFC 6265 §5.1.3).
    #[must_use]
    pub fn contains(&self, host: &str) -> bool {
        // For cookies, a host with a trailing dot is a different host, so it must not match.
        host.strip_suffix(self.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let hint = || "must be a domain such as example.com that contains PUBLIC_URL and the applications".to_owned();
        let text = text.strip_prefix('.').unwrap_or(text);
        let Ok(Host::Domain(domain)) = Host::parse(text) else { return Err(hint()) };
        let is_plain = domain.len() <= 253
            && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-'))
            && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        if !is_plain {
            return Err(hint());
        }
        if domain == "localhost" || domain.ends_with(".localhost") {
            return Err("must not be localhost, under which browsers share no cookies: leave it empty, or use host names such as login.home.arpa and app.home.arpa".to_owned());
        }
        // Names under com or github.io have different owners, and browsers drop such a cookie.
        if psl::domain_str(&domain).is_none() {
            return Err("is a public suffix, under which others have domains too: use your own domain".to_owned());
        }
        Ok(Self(domain))
    }

    /// Whether it contains the host of the server, without which browsers drop the cookie.
    pub(super) fn covers(&self, public_url: &WebOrigin) -> bool {
        Url::parse(public_url.as_str()).is_ok_and(|url| url.host_str().is_some_and(|host| self.contains(host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_with_one_owner_is_accepted() {
        for (text, domain) in [
            ("example.com", "example.com"),
            (".example.com", "example.com"),
            ("EXAMPLE.com", "example.com"),
            ("a.b.example.co.uk", "a.b.example.co.uk"),
            ("me.github.io", "me.github.io"),
            ("홍길동.kr", "xn--wk0bu0i737a.kr"),
            ("vestibule.test", "vestibule.test"),
            ("lan.home.arpa", "lan.home.arpa"),
        ] {
            assert_eq!(CookieDomain::parse(text).as_ref().map(CookieDomain::as_str), Ok(domain), "{text}");
        }
    }

    #[test]
    fn public_suffixes_addresses_and_invalid_domains_are_rejected() {
        for text in [
            "com",
            "co.uk",
            "github.io",
            "xn--3e0b707e",
            "test",
            "localhost",
            "app.localhost",
            "127.0.0.1",
            "0x7f.1",
            "[::1]",
            "2130706433",
            "https://example.com",
            "example.com/",
            "example.com:443",
            "example.com.",
            "a..com",
            "..example.com",
            "*.example.com",
            "a b.com",
            "user@example.com",
            ".",
            "-a.com",
            "ex_ample.com",
            "example.com;Secure",
        ] {
            assert!(CookieDomain::parse(text).is_err(), "{text}");
        }
        let long = format!("{}example.com", "a.".repeat(130));
        assert!(CookieDomain::parse(&long).is_err());
    }

    #[test]
    fn only_subdomains_are_contained() {
        let domain = CookieDomain::parse("example.com").expect("a domain");
        for host in ["example.com", "app.example.com", "a.b.example.com"] {
            assert!(domain.contains(host), "{host}");
        }
        for host in
            ["evil-example.com", "example.com.evil.net", "example.com.", "app.example.com.", "com", "", "127.0.0.1"]
        {
            assert!(!domain.contains(host), "{host}");
        }
    }
}
