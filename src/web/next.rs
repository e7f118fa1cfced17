//! Where a person goes after signing in: only ever a path of ours. What may not live here: redirects themselves.

use url::Url;

const MAX_BYTES: usize = 2_048;
/// Pages that would lead straight back.
const NOT_THESE: [&str; 3] = ["/login", "/logout", "/setup"];

/// A checked path of ours, with its query; `/` when nothing else was asked for or allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next(String);

impl Next {
    /// Takes what came in a query or form; anything doubtful becomes `/`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if is_ours(text) { Self(text.to_owned()) } else { Self("/".to_owned()) }
    }

    /// The path, for a `Location` header.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0
    }

    /// The path as a form's hidden field; empty when it is `/`.
    #[must_use]
    pub fn field(&self) -> &str {
        if self.0 == "/" { "" } else { &self.0 }
    }
}

fn is_ours(text: &str) -> bool {
    // Browsers take "\" for "/", drop tabs and newlines, and read "//" as another host.
    let is_plain = text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !is_plain || !text.starts_with('/') || text.starts_with("//") {
        return false;
    }
    let base = Url::parse("http://vestibule.invalid").expect("a constant URL");
    // Read as a browser would, dot segments and all: it must stay on our host, and not become "//" on the way.
    base.join(text).is_ok_and(|url| {
        url.origin() == base.origin()
            && url.username().is_empty()
            && !url.path().starts_with("//")
            && !NOT_THESE.contains(&url.path())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_taken() {
        for path in ["/", "/docs/", "/me?x=1", "/a//b", "/%2f%2fe", "/account#x", "/@e", "/a:b@c"] {
            assert_eq!(Next::parse(path).path(), path);
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
            "/login",
            "/login?next=/x",
            "/a/../logout",
            "http:/e",
            "data:,x",
            long.as_str(),
        ] {
            assert_eq!(Next::parse(path).path(), "/", "{path:?}");
        }
    }
}
