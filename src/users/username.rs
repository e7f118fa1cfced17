//! Usernames: the rules on them, and the canonical form by which they are looked up and compared.

use super::{email_key, precis};
use crate::clients;

/// The most characters in a username.
pub const MAX_CHARACTERS: usize = 64;
/// The longest username that is looked up.
const MAX_TYPED_BYTES: usize = 256;

/// Why a username is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Anything but 1 to 64 letters, digits and `. _ - + @`, or only digits.
    #[error("a username must have 1 to 64 letters, digits and . _ - + and must not be digits only")]
    Invalid,
    /// An `@` in a name that is not the account's email address.
    #[error("a username with @ must be the account's own email address")]
    AtSign,
    /// The prefix of client IDs.
    #[error("a username must not begin with client_, which is reserved for client IDs")]
    Reserved,
}

/// A username that an account may have, with its canonical form, the `key` (PRECIS `UsernameCaseMapped`, RFC 8265
/// §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    given: String,
    key: String,
}

impl Username {
    /// Checks a username for an account with this email address.
    pub fn parse(text: &str, email: Option<&str>) -> Result<Self, UsernameError> {
        if text.len() > MAX_TYPED_BYTES {
            return Err(UsernameError::Invalid);
        }
        let key = precis_key(text).ok_or(UsernameError::Invalid)?;
        let length = text.chars().count().max(key.chars().count());
        let is_allowed =
            |character: char| character.is_alphanumeric() || is_mark(character) || "._-+@".contains(character);
        if length > MAX_CHARACTERS
            || !text.chars().chain(key.chars()).all(is_allowed)
            || key.chars().all(char::is_numeric)
        {
            return Err(UsernameError::Invalid);
        }
        if key.contains('@') && email.and_then(precis_key).as_deref() != Some(key.as_str()) {
            return Err(UsernameError::AtSign);
        }
        if key.starts_with(clients::ID_PREFIX) {
            return Err(UsernameError::Reserved);
        }
        Ok(Self { given: text.to_owned(), key })
    }

    /// The username as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// The canonical form.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The canonical forms of a username or email address that was typed to sign in. An invalid one is accepted as well: it
/// must be handled like an unknown one.
#[derive(Clone, Debug)]
pub struct LookupName {
    key: String,
    email_key: Option<String>,
}

impl LookupName {
    /// `None` if the text is empty, over 256 bytes, or contains U+0000, which PostgreSQL rejects.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let is_searchable = !typed.is_empty() && typed.len() <= MAX_TYPED_BYTES && !typed.contains('\0');
        // Text that PRECIS rejects stays as it is. It matches no stored key, because PRECIS accepted all of those.
        is_searchable.then(|| Self {
            key: precis_key(typed).unwrap_or_else(|| typed.to_owned()),
            email_key: email_key(typed.trim()),
        })
    }

    /// The canonical form as a username.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The form by which attempts are counted: all spellings that find the same account by its address have one.
    #[must_use]
    pub fn throttling_key(&self) -> &str {
        self.email_key.as_deref().unwrap_or(&self.key)
    }

    /// The canonical form as an email address; `None` if it cannot be one.
    #[must_use]
    pub fn email_key(&self) -> Option<&str> {
        self.email_key.as_deref()
    }
}

fn precis_key(text: &str) -> Option<String> {
    precis::username_key(text.trim())
}

/// Whether a character is a mark, which scripts such as Hindi and Thai need; PRECIS has rejected all others.
fn is_mark(character: char) -> bool {
    !character.is_ascii() && !character.is_whitespace() && !character.is_control() && !character.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A changed form would no longer match stored keys, and lock people out after an upgrade.
    #[test]
    fn canonical_forms_never_change() {
        let forms = [
            ("alice", "alice"),
            ("Alice", "alice"),
            ("ALICE.B-c_d+e", "alice.b-c_d+e"),
            ("Ｆｕｌｌｗｉｄｔｈ", "fullwidth"),
            ("홍길동", "홍길동"),
            ("E\u{301}tienne", "étienne"),
            ("Ünal", "ünal"),
            ("Straße", "straße"),
            ("नमस्ते", "नमस्ते"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ];
        for (given, key) in forms {
            assert_eq!(Username::parse(given, None).expect(given).key(), key, "{given}");
            assert_eq!(LookupName::parse(given).expect(given).key(), key, "{given}");
        }
    }

    #[test]
    fn invalid_usernames_are_rejected() {
        let too_long = "a".repeat(65);
        for name in
            ["", " ", "a b", "123", "٣٤", "a\0b", "a/b", "<b>", "a\u{200b}b", "a\u{202e}b", "😀", too_long.as_str()]
        {
            assert_eq!(Username::parse(name, None), Err(UsernameError::Invalid), "{name:?}");
        }
        assert_eq!(Username::parse("client_1", None), Err(UsernameError::Reserved));
        assert_eq!(Username::parse("a@example.com", Some("b@example.com")), Err(UsernameError::AtSign));
        assert!(Username::parse("A@example.com", Some("a@example.com")).is_ok());
    }
}
