//! Decoding of a token without verifying it.

use serde_json::{Map, Value};

use super::display::{duration, escape_hidden, relative_time, timestamp, value_text};
use crate::clock::{Moment, unix_seconds};
use crate::secret::{PlainSecret, from_base64url};

/// The claims that are times (RFC 7519 §4.1).
const TIME_CLAIMS: [&str; 4] = ["iat", "nbf", "exp", "auth_time"];
/// The longest text that is decoded; this server's tokens are far shorter.
const MAX_BYTES: usize = 64 * 1024;

/// The content of a token, which anyone could have written.
#[derive(Clone, Debug)]
pub struct UnverifiedToken {
    /// The header (RFC 7515 §4).
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
    /// The claims as JSON text.
    pub(super) claims_json: Vec<u8>,
}

/// Why a text is not a JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The text is empty.
    #[error("no token given: pass the value of access_token on one line")]
    Empty,
    /// The text is too long.
    #[error("not an access token of this server: it is longer than {} KiB", MAX_BYTES / 1024)]
    TooLong,
    /// The text is a refresh token, a client secret or the like.
    #[error(
        "not a JWT: it looks like a refresh token or a client secret, which contains nothing to decode. Pass the access_token"
    )]
    Secret,
    /// The text does not have three parts.
    #[error(
        "not a JWT: expected three parts separated by dots, found {0}. Copy the whole access_token, without quotes"
    )]
    Parts(usize),
    /// A part is not a JSON object in base64url.
    #[error(
        "not a JWT: the {0} is not a JSON object in base64url. The token may be truncated or modified: copy it again"
    )]
    Part(&'static str),
    /// The signature is not base64url.
    #[error("not a JWT: the signature is not base64url. The token may be truncated or modified: copy it again")]
    Signature,
}

/// Decodes a token without verifying it.
pub fn decode_unverified(token: &str) -> Result<UnverifiedToken, DecodeError> {
    let parts: Vec<&str> = token.split('.').collect();
    match parts[..] {
        _ if token.is_empty() => Err(DecodeError::Empty),
        _ if token.len() > MAX_BYTES => Err(DecodeError::TooLong),
        _ if PlainSecret::parse(token).is_some() => Err(DecodeError::Secret),
        [header, claims, signature] => {
            let (_, header) = decode_object(header).ok_or(DecodeError::Part("header"))?;
            let (claims_json, claims) = decode_object(claims).ok_or(DecodeError::Part("payload"))?;
            from_base64url(signature).ok_or(DecodeError::Signature)?;
            Ok(UnverifiedToken { header, claims, claims_json })
        }
        _ => Err(DecodeError::Parts(parts.len())),
    }
}

fn decode_object(part: &str) -> Option<(Vec<u8>, Map<String, Value>)> {
    let bytes = from_base64url(part)?;
    let object = serde_json::from_slice(&bytes).ok()?;
    Some((bytes, object))
}

impl UnverifiedToken {
    /// The names and values of the header's fields.
    #[must_use]
    pub fn header_lines(&self) -> Vec<(String, String)> {
        self.header.iter().map(|(name, value)| (escape_hidden(name), value_text(value))).collect()
    }

    /// The names and values of the claims; times are in UTC and relative to `now`.
    #[must_use]
    pub fn claim_lines(&self, now: Moment) -> Vec<(String, String)> {
        let line = |(name, value): (&String, &Value)| match value.as_i64() {
            Some(seconds) if TIME_CLAIMS.contains(&name.as_str()) => {
                (escape_hidden(name), format!("{} ({})", timestamp(seconds), relative_time(seconds, now)))
            }
            _ => (escape_hidden(name), value_text(value)),
        };
        self.claims.iter().map(line).collect()
    }

    /// Warnings that need neither keys nor the database.
    #[must_use]
    pub fn notes(&self, now: Moment) -> Vec<String> {
        let now = unix_seconds(now);
        let mut notes = Vec::new();
        let alg = self.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        if alg.is_empty() || alg.eq_ignore_ascii_case("none") {
            notes.push("the token is not signed: no server should accept it".to_owned());
        }
        match self.claims.get("exp").and_then(Value::as_i64) {
            Some(exp) if exp <= now => notes.push(format!("the token expired {} ago", duration(now.abs_diff(exp)))),
            Some(_) => {}
            None => {
                notes.push("exp is missing or not a whole number: the token was not issued by this server".to_owned());
            }
        }
        notes.push(
            "the token was not verified: to verify it, run \"vestibule token verify\" with the server's settings"
                .to_owned(),
        );
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::base64url;

    #[test]
    fn text_that_is_not_a_jwt_has_a_distinct_error() {
        let object = base64url(b"{}");
        for (text, expected) in [
            (String::new(), DecodeError::Empty),
            ("x".repeat(MAX_BYTES + 1), DecodeError::TooLong),
            (PlainSecret::generate().reveal().to_owned(), DecodeError::Secret),
            ("garbage".to_owned(), DecodeError::Parts(1)),
            (format!("{object}.{object}"), DecodeError::Parts(2)),
            (format!("e.{object}.AA"), DecodeError::Part("header")),
            (format!("{object}.{}.AA", base64url(b"[]")), DecodeError::Part("payload")),
            (format!("{object}.{object}.="), DecodeError::Signature),
        ] {
            assert_eq!(decode_unverified(&text).map(drop), Err(expected), "{text}");
        }
        assert!(decode_unverified(&format!("{object}.{object}.AA")).is_ok());
    }
}
