//! Scopes: what a token may be used for (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;

/// The most characters of a scope.
const MAX_SCOPE_CHARACTERS: usize = 64;
/// The most scopes in a set.
const MAX_SCOPES: usize = 64;

/// A sorted set of scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Parses scopes separated by spaces, or an empty text. `None` if one is malformed or there are too many.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::collect(text.split(' ').filter(|scope| !scope.is_empty()))
    }

    /// Collects scopes into a set; `None` if one is malformed or there are too many.
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

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a scope that was checked before.
    #[must_use]
    pub fn with(mut self, scope: &str) -> Self {
        self.0.insert(scope.to_owned());
        self
    }

    /// The scopes that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Whether all scopes are in `other` as well.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The scopes as a response parameter; `None` if there are none, because a scope is never empty (RFC 6749 §3.3).
    #[must_use]
    pub fn to_parameter(&self) -> Option<String> {
        (!self.is_empty()).then(|| self.to_string())
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    /// Separated by spaces, as in the `scope` parameter and claim.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " " })?;
            f.write_str(scope)?;
        }
        Ok(())
    }
}

/// Whether a text is one scope: a `scope-token` (RFC 6749 §3.3) of at most 64 characters.
#[must_use]
pub fn is_scope(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=MAX_SCOPE_CHARACTERS).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// The role of administrators.
pub const ADMIN_ROLE: &str = "admin";
/// The most characters in a role's name.
pub const MAX_ROLE_CHARACTERS: usize = 64;

/// Whether a text is a role's name: 1 to [`MAX_ROLE_CHARACTERS`] lower-case letters, digits and `. _ : -`.
#[must_use]
pub fn is_role(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._:-".contains(&byte);
    (1..=MAX_ROLE_CHARACTERS).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_sorted_set() {
        let scopes = Scopes::parse("write  read write").expect("scopes");
        assert_eq!(scopes.to_string(), "read write");
        assert!(Scopes::parse("").expect("none").is_empty());
        assert_eq!(scopes.intersection(&Scopes::parse("read admin").expect("scopes")).to_string(), "read");
    }

    #[test]
    fn malformed_and_too_many_scopes_are_rejected() {
        for text in ["a\"b", "a\\b", "é", "a\tb", "a\0", &"a".repeat(65)] {
            assert_eq!(Scopes::parse(text), None, "{text:?}");
        }
        let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
        assert_eq!(Scopes::parse(&many.join(" ")), None);
        assert!(Scopes::parse(&many[..64].join(" ")).is_some());
    }
}
