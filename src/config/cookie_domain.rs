//! `COOKIE_DOMAIN`: under which names applications get the shared cookies and may be returned to.
//! What may not live here: the cookies themselves (`web::cookies`).

use url::{Host, Url};

use super::Origin;

/// A domain that one party owns whole, such as `example.com`: lower case, in ASCII, no public suffix, no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieDomain(String);

impl CookieDomain {
    /// The domain as the `Domain` attribute of a cookie has it (RFC 6265 §5.2.3), without a dot before it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a cookie of this domain reaches this host, which is in lower case and ASCII (RFC 6265 §5.1.3).
    #[must_use]
    pub fn contains(&self, host: &str) -> bool {
        // A host with a dot at its end is another one for cookies, and the end of neither name here.
        host.strip_suffix(self.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mend =
            || "write a domain such as example.com, that PUBLIC_URL and the applications have in common".to_owned();
        let text = text.strip_prefix('.').unwrap_or(text);
        let Ok(Host::Domain(domain)) = Host::parse(text) else { return Err(mend()) };
        let is_plain = domain.len() <= 253
            && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-'))
            && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        if !is_plain {
            return Err(mend());
        }
        if domain == "localhost" || domain.ends_with(".localhost") {
            return Err("browsers share no cookie under localhost: leave it empty, or give the machine names of its own, such as login.home.arpa and app.home.arpa".to_owned());
        }
        // What stands under com or github.io belongs to different people; browsers drop such a cookie.
        if psl::domain_str(&domain).is_none() {
            return Err(
                "is a public suffix, under which strangers have names too: write the domain that you own".to_owned()
            );
        }
        Ok(Self(domain))
    }

    /// Whether the pages of the server itself are under it; else the browser would drop the cookie.
    pub(super) fn covers(&self, public_url: &Origin) -> bool {
        Url::parse(public_url.as_str()).is_ok_and(|url| url.host_str().is_some_and(|host| self.contains(host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_one_party_owns_is_taken() {
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
    fn whatever_strangers_share_or_browsers_drop_is_refused() {
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
    fn only_names_under_it_are_contained() {
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
