//! Scopes: what a token may be used for (RFC 6749 §3.3). What may not live here: who may have which (`users`, `clients`).

use std::collections::BTreeSet;
use std::fmt;

/// The most characters of one scope.
const MAX_SCOPE: usize = 64;
/// The most scopes together.
const MAX_SCOPES: usize = 64;

/// A set of scopes, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads scopes with spaces between; an empty text is none. `None` when one is malformed or there are too many.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::collect(text.split(' ').filter(|scope| !scope.is_empty()))
    }

    /// The set of these scopes; `None` when one is malformed or there are too many.
    #[must_use]
    pub fn collect<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut set = BTreeSet::new();
        for scope in scopes {
            if !is_scope(scope) || (set.len() == MAX_SCOPES && !set.contains(scope)) {
                return None;
            }
            set.insert(scope.to_owned());
        }
        Some(Self(set))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This set and one more scope, which was checked before.
    #[must_use]
    pub fn with(mut self, scope: &str) -> Self {
        self.0.insert(scope.to_owned());
        self
    }

    /// Those that stand in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Whether all of these stand in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    /// With spaces between, as the `scope` parameter and claim have them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { " " })?;
            f.write_str(scope)?;
        }
        Ok(())
    }
}

/// Whether a text is one scope: `scope-token` of RFC 6749 §3.3, at most 64 characters.
#[must_use]
pub fn is_scope(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=MAX_SCOPE).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_set_written_in_order() {
        let scopes = Scopes::parse("write  read write").expect("scopes");
        assert_eq!(scopes.to_string(), "read write");
        assert!(Scopes::parse("").expect("none").is_empty());
        assert_eq!(scopes.intersection(&Scopes::parse("read admin").expect("scopes")).to_string(), "read");
    }

    #[test]
    fn what_no_scope_may_hold_is_refused() {
        for text in ["a\"b", "a\\b", "é", "a\tb", "a\0", &"a".repeat(65)] {
            assert_eq!(Scopes::parse(text), None, "{text:?}");
        }
        let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
        assert_eq!(Scopes::parse(&many.join(" ")), None);
        assert!(Scopes::parse(&many[..64].join(" ")).is_some());
    }
}
