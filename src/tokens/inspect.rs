//! Reads what stands in a token without checking any of it, and says times as people do.
//! What may not live here: judging it (`explain/`), keys, and the database.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value};

use crate::clock::{Moment, unix_seconds};
use crate::secret::{PlainSecret, from_base64url};

/// The claims that are times (RFC 7519 §4.1).
const TIMES: [&str; 4] = ["iat", "nbf", "exp", "auth_time"];
/// A token that is longer is read no further: ours are shorter by far.
const MAX_BYTES: usize = 64 * 1024;

/// What stands in a token. Nothing of it was checked: anybody can write such a text.
#[derive(Clone, Debug)]
pub struct Unchecked {
    /// The header (RFC 7515 §4).
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
    /// The claims as they were written.
    pub(super) claims_text: Vec<u8>,
}

/// Why a text is no token at all, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    /// Nothing is there.
    #[error("no token given: pass the value of access_token on one line")]
    Empty,
    /// It is too long.
    #[error("not an access token of this server: it is longer than {} KiB", MAX_BYTES / 1024)]
    TooLong,
    /// A refresh token, a secret of a program, or the like.
    #[error(
        "not a JWT: it looks like a refresh token or a client secret, which contains nothing to decode. Pass the access_token"
    )]
    Secret,
    /// Not three parts.
    #[error(
        "not a JWT: expected three parts separated by dots, found {0}. Copy the whole access_token, without quotes"
    )]
    Parts(usize),
    /// A part that cannot be read.
    #[error(
        "not a JWT: the {0} is not a JSON object in base64url. The token may be truncated or modified: copy it again"
    )]
    Part(&'static str),
    /// A signature that cannot be read.
    #[error("not a JWT: the signature is not base64url. The token may be truncated or modified: copy it again")]
    Signature,
}

/// Reads a token's parts.
///
/// # Errors
/// When it is none.
pub fn read(token: &str) -> Result<Unchecked, NotAToken> {
    let parts: Vec<&str> = token.split('.').collect();
    match parts[..] {
        _ if token.is_empty() => Err(NotAToken::Empty),
        _ if token.len() > MAX_BYTES => Err(NotAToken::TooLong),
        _ if PlainSecret::parse(token).is_some() => Err(NotAToken::Secret),
        [header, claims, signature] => {
            let (_, header) = object(header).ok_or(NotAToken::Part("header"))?;
            let (claims_text, claims) = object(claims).ok_or(NotAToken::Part("payload"))?;
            from_base64url(signature).ok_or(NotAToken::Signature)?;
            Ok(Unchecked { header, claims, claims_text })
        }
        _ => Err(NotAToken::Parts(parts.len())),
    }
}

fn object(part: &str) -> Option<(Vec<u8>, Map<String, Value>)> {
    let bytes = from_base64url(part)?;
    let object = serde_json::from_slice(&bytes).ok()?;
    Some((bytes, object))
}

impl Unchecked {
    /// The header, each field with its value as text.
    #[must_use]
    pub fn header_lines(&self) -> Vec<(String, String)> {
        self.header.iter().map(|(name, value)| (plain(name), shown(value))).collect()
    }

    /// The claims, each with its value as text: times in UTC and as seen from `now`.
    #[must_use]
    pub fn claim_lines(&self, now: Moment) -> Vec<(String, String)> {
        let line = |(name, value): (&String, &Value)| match value.as_i64() {
            Some(seconds) if TIMES.contains(&name.as_str()) => {
                (plain(name), format!("{} ({})", moment(seconds), from_now(seconds, now)))
            }
            _ => (plain(name), shown(value)),
        };
        self.claims.iter().map(line).collect()
    }

    /// What can be said without keys and without the database.
    #[must_use]
    pub fn notes(&self, now: Moment) -> Vec<String> {
        let now = unix_seconds(now);
        let mut notes = Vec::new();
        let alg = self.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        if alg.is_empty() || alg.eq_ignore_ascii_case("none") {
            notes.push("the token is not signed: no server should accept it".to_owned());
        }
        match self.claims.get("exp").and_then(Value::as_i64) {
            Some(exp) if exp <= now => notes.push(format!("the token expired {} ago", span(now.abs_diff(exp)))),
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

/// A value as text that moves no cursor and turns no text around, whoever wrote it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        value => plain(&value.to_string()),
    }
}

/// A text with its control characters, and those that turn the direction of writing, spelled out.
pub(super) fn plain(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut plain, c| {
        if is_hidden(c) {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
        plain
    })
}

/// Seconds since 1970 as a moment in UTC.
pub(super) fn moment(seconds: i64) -> String {
    let moment = DateTime::from_timestamp(seconds, 0);
    moment.map_or_else(|| "out of range".to_owned(), |moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Such as `in 12 minutes` or `41 s ago`.
pub(super) fn from_now(seconds: i64, now: Moment) -> String {
    let now = unix_seconds(now);
    let span = span(now.abs_diff(seconds));
    if seconds > now { format!("in {span}") } else { format!("{span} ago") }
}

/// A length of time in its largest unit that leaves at least two.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::base64url;

    #[test]
    fn what_is_no_token_is_told_apart() {
        let object = base64url(b"{}");
        for (text, expected) in [
            (String::new(), NotAToken::Empty),
            ("x".repeat(MAX_BYTES + 1), NotAToken::TooLong),
            (PlainSecret::generate().reveal().to_owned(), NotAToken::Secret),
            ("garbage".to_owned(), NotAToken::Parts(1)),
            (format!("{object}.{object}"), NotAToken::Parts(2)),
            (format!("e.{object}.AA"), NotAToken::Part("header")),
            (format!("{object}.{}.AA", base64url(b"[]")), NotAToken::Part("payload")),
            (format!("{object}.{object}.="), NotAToken::Signature),
        ] {
            assert_eq!(read(&text).map(drop), Err(expected), "{text}");
        }
        assert!(read(&format!("{object}.{object}.AA")).is_ok());
    }

    #[test]
    fn times_are_said_in_their_largest_unit() {
        let now = DateTime::from_timestamp(1_000_000, 0).expect("in range").naive_utc();
        for (seconds, text) in [
            (0, "0 s ago"),
            (-41, "41 s ago"),
            (12 * 60, "in 12 minutes"),
            (-3 * 3_600, "3 h ago"),
            (90 * 86_400, "in 90 days"),
        ] {
            assert_eq!(from_now(1_000_000 + seconds, now), text);
        }
        assert_eq!(from_now(i64::MIN, now), "106751991167312 days ago");
        assert_eq!(moment(i64::MAX), "out of range");
    }

    #[test]
    fn a_claim_cannot_write_to_the_terminal() {
        assert_eq!(plain("a\u{1b}[2J\u{202e}é"), "a\\u{1b}[2J\\u{202e}é");
        assert_eq!(shown(&serde_json::json!({"a": "\u{9b}"})), "{\"a\":\"\\u{9b}\"}");
    }
}
