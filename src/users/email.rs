//! E-mail addresses: what passes for one, and the canonical form by which alone they are looked up and compared.
//! What may not live here: the only proof that one is somebody's, which is a mail that is answered (`admin`).

use url::Host;

/// Checks an e-mail address roughly: the only proof is a mail that arrives.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let has_parts = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'));
    text.len() <= 254 && has_parts && !text.chars().any(|character| character.is_control() || character.is_whitespace())
}

/// The form in which addresses are compared: the domain as DNS has it (IDNA, lower case), the local part in lower case. RFC 5321 §2.4
/// would let the case of the local part matter; no mail server in use does, and people type it as they like. Dots and `+tags` stay:
/// which of them are one mailbox only its server knows. A mail always goes to the address as the account has it, never to what was
/// typed, so that two addresses that look alike never share a link.
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

    /// Canonical forms must never change under a stored key.
    #[test]
    fn canonical_forms_stay_as_they_are() {
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
