//! What a username may be, and the form in which two are the same.
//! What may not live here: whether a name is taken (`store.rs`).

use precis_core::profile::PrecisFastInvocation as _;
use precis_profiles::UsernameCaseMapped;

/// The most characters in a username.
const MAX_CHARACTERS: usize = 64;
/// What somebody may type as a username, in bytes: more is refused before anything is looked up.
const MAX_TYPED_BYTES: usize = 256;
/// How the ids of programs begin, which no person may take.
const CLIENT_PREFIX: &str = "client_";

/// Why a username is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Not 1 to 64 letters, digits and `. _ - + @`, or digits only.
    #[error("a username must have 1 to 64 letters, digits and . _ - + and must not be digits only")]
    Invalid,
    /// It has an `@` and is not the account's e-mail.
    #[error("a username with @ must be the account's own email address")]
    AtSign,
    /// It begins like a program's id.
    #[error("a username must not begin with client_, which is reserved for client IDs")]
    Reserved,
}

/// A username that an account may have: as it was given, and its `key`, by which it is found and compared
/// (PRECIS `UsernameCaseMapped`, RFC 8265 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    given: String,
    key: String,
}

impl Username {
    /// Checks a name for an account with this e-mail address.
    ///
    /// # Errors
    /// [`UsernameError`] says which rule it breaks.
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
        if key.starts_with(CLIENT_PREFIX) {
            return Err(UsernameError::Reserved);
        }
        Ok(Self { given: text.to_owned(), key })
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// The form that is looked up.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What somebody typed as their username when signing in, in the form that is looked up. Any text that is not too long makes
/// one, so that a name that nobody may have takes the same way as one that nobody has.
#[derive(Clone, Debug)]
pub struct LookupName(String);

impl LookupName {
    /// `None` when the text is empty, over 256 bytes, or holds U+0000, which Postgres refuses.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let is_fit = !typed.is_empty() && typed.len() <= MAX_TYPED_BYTES && !typed.contains('\0');
        // What PRECIS refuses is kept as it is: it equals no stored key, for those have all passed.
        is_fit.then(|| Self(precis_key(typed).unwrap_or_else(|| typed.to_owned())))
    }

    /// The form that is looked up.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }
}

fn precis_key(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| UsernameCaseMapped::enforce(text).ok().map(std::borrow::Cow::into_owned)).flatten()
}

/// Marks that scripts such as Hindi and Thai need inside their words; PRECIS has refused all others before.
fn is_mark(character: char) -> bool {
    !character.is_ascii() && !character.is_whitespace() && !character.is_control() && !character.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Canonical forms must never change under a stored key: an upgrade that changes one of these would lock people out.
    #[test]
    fn canonical_forms_stay_as_they_are() {
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
    fn names_outside_the_rule_are_refused() {
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
