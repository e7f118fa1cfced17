//! Email addresses: their check, and the canonical form by which they are looked up and compared.

use url::Host;

/// Whether a text looks like an email address; only a delivered mail can prove it.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let has_parts = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'));
    text.len() <= 254 && has_parts && !text.chars().any(|character| character.is_control() || character.is_whitespace())
}

/// Returns the canonical form of an address: the domain as in DNS (IDNA, lower case), the local part in lower case.
///
/// RFC 5321 §2.4 allows a case-sensitive local part, but mail servers ignore case, and people type it either way. Dots
/// and `+tags` stay, because only the mailbox's server knows whether they matter. A mail goes to the address as the
/// account has it, never as it was typed: a look-alike address does not get another account's link.
#[must_use]
pub fn email_key(text: &str) -> Option<String> {
    if !is_email(text) {
        return None;
    }
    let (local, domain) = text.split_once('@')?;
    let Ok(Host::Domain(domain)) = Host::parse(domain) else { return None };
    Some(format!("{}@{domain}", local.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A changed form would no longer match stored keys.
    #[test]
    fn canonical_forms_never_change() {
        for (text, key) in [
            ("alice@example.com", Some("alice@example.com")),
            ("Alice.B+tag@EXAMPLE.com", Some("alice.b+tag@example.com")),
            ("hana@예시.한국", Some("hana@xn--vv4b11d.xn--3e0b707e")),
            ("ＡＬＩＣＥ@ｅｘａｍｐｌｅ.com", Some("ａｌｉｃｅ@example.com")),
            ("alice@xn--vv4b11d.xn--3e0b707e", Some("alice@xn--vv4b11d.xn--3e0b707e")),
            ("alice", None),
            ("alice@nowhere", None),
            ("a lice@example.com", None),
            ("alice@exam ple.com", None),
            ("alice@b@example.com", None),
            ("@example.com", None),
        ] {
            assert_eq!(email_key(text).as_deref(), key, "{text}");
        }
    }
}
