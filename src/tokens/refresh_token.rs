//! The form of a refresh token: a random secret, followed by the family that it belongs to.

use std::fmt;

use zeroize::Zeroizing;

use crate::secret::{DerivedKey, KeyPurpose, PlainSecret, ServerKey, base64url, constant_time_eq, from_base64url};
use crate::sessions;

/// The characters of the secret, of the family's ID, and of the authentication code.
const SECRET_CHARS: usize = 43;
const FAMILY_CHARS: usize = 22;
const CODE_CHARS: usize = 22;
/// The bytes of the authentication code.
const CODE_BYTES: usize = 16;

/// A refresh token as a client holds it: 87 characters of base64url. The first 43 are a random secret, whose hash is
/// stored; then come the ID of its family and an authentication code over both, 22 characters each. The code tells a
/// token whose row was deleted from an invented one.
///
/// Tokens of earlier releases are the secret alone, and stay valid.
#[derive(Clone)]
pub struct PlainRefreshToken {
    secret: PlainSecret,
    family: Option<Family>,
}

#[derive(Clone)]
struct Family {
    id: String,
    code: String,
}

impl PlainRefreshToken {
    /// Parses a presented token: 87 or 43 characters of base64url. The code is not checked; see
    /// [`RefreshTokenKey::find_family`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (secret, rest) = text.split_at_checked(SECRET_CHARS)?;
        let secret = PlainSecret::parse(secret)?;
        if rest.is_empty() {
            return Some(Self { secret, family: None });
        }
        let (id, code) = rest.split_at_checked(FAMILY_CHARS)?;
        let is_code = code.len() == CODE_CHARS && from_base64url(code).is_some();
        let family = Family { id: id.to_owned(), code: code.to_owned() };
        (sessions::is_id(id) && is_code).then_some(Self { secret, family: Some(family) })
    }

    /// The token itself, for the one response that hands it out.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let [id, code] = self.family.as_ref().map_or([""; 2], |family| [&family.id, &family.code]);
        Zeroizing::new([self.secret.reveal(), id, code].concat())
    }

    /// The random part, by whose hash the token is stored.
    #[must_use]
    pub fn secret(&self) -> &PlainSecret {
        &self.secret
    }
}

impl fmt::Debug for PlainRefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainRefreshToken(…)")
    }
}

/// The key of the authentication codes in refresh tokens.
#[derive(Clone)]
pub struct RefreshTokenKey(DerivedKey);

impl RefreshTokenKey {
    /// Derives the key.
    #[must_use]
    pub fn new(server_key: &ServerKey) -> Self {
        Self(server_key.derive(KeyPurpose::RefreshTokens))
    }

    /// Completes the token with this secret of the family with this ID.
    #[must_use]
    pub fn complete(&self, secret: PlainSecret, family_id: &str) -> PlainRefreshToken {
        let code = self.code(&secret, family_id);
        PlainRefreshToken { secret, family: Some(Family { id: family_id.to_owned(), code }) }
    }

    /// The ID of the family in which this server issued a token; `None` if it did not, the token is from an earlier
    /// release, or the server key was replaced since.
    #[must_use]
    pub fn find_family<'a>(&self, presented: &'a PlainRefreshToken) -> Option<&'a str> {
        let family = presented.family.as_ref()?;
        let code = self.code(&presented.secret, &family.id);
        constant_time_eq(code.as_bytes(), family.code.as_bytes()).then_some(&family.id)
    }

    /// The code also covers the secret: knowing a session's ID, which is public, must not be enough to make a
    /// token of its family, because presenting one ends the session.
    fn code(&self, secret: &PlainSecret, family_id: &str) -> String {
        base64url(&self.0.hmac(&[secret.reveal().as_bytes(), family_id.as_bytes()])[..CODE_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::random_id;

    #[test]
    fn family_is_found_in_an_unchanged_token_of_the_same_server_key_only() {
        let [key, other_key] = [(); 2].map(|()| RefreshTokenKey::new(&ServerKey::generate()));
        let (secret, family_id) = (PlainSecret::generate(), random_id());
        let token = key.complete(secret.clone(), &family_id);
        let text = token.reveal();
        assert_eq!(text.len(), 87);
        let parsed = PlainRefreshToken::parse(&text).expect("a token");
        assert_eq!(parsed.reveal(), text);
        assert_eq!(parsed.secret().hash(), secret.hash());
        assert_eq!((key.find_family(&parsed), other_key.find_family(&parsed)), (Some(family_id.as_str()), None));
        let other = key.complete(PlainSecret::generate(), &random_id()).reveal();
        for (start, end) in [(0, 43), (43, 65), (65, 87)] {
            let mixed = [&text[..start], &other[start..end], &text[end..]].concat();
            let mixed = PlainRefreshToken::parse(&mixed).expect("the form of a token");
            assert_eq!(key.find_family(&mixed), None, "{start} to {end} of another token");
        }
    }

    #[test]
    fn token_of_an_earlier_release_is_a_secret_without_a_family() {
        let secret = PlainSecret::generate();
        let parsed = PlainRefreshToken::parse(secret.reveal()).expect("a token");
        assert_eq!(parsed.secret().hash(), secret.hash());
        assert_eq!(parsed.reveal().as_str(), secret.reveal());
        assert_eq!(RefreshTokenKey::new(&ServerKey::generate()).find_family(&parsed), None);
    }

    #[test]
    fn malformed_token_is_rejected() {
        let token = RefreshTokenKey::new(&ServerKey::generate()).complete(PlainSecret::generate(), &random_id());
        let text = token.reveal();
        let [longer, dotted] = [format!("{}A", *text), text.replacen(&text[50..51], ".", 1)];
        for text in ["", "x", &text[..42], &text[..65], &text[..86], &longer, &dotted, &"é".repeat(43)] {
            assert!(PlainRefreshToken::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{token:?}"), "PlainRefreshToken(…)");
    }
}
