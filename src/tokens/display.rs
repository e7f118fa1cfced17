//! Times, durations and untrusted values as text for a terminal.

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

use crate::clock::{Moment, unix_seconds};

/// A value as text, escaped like [`escape_hidden`].
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => escape_hidden(text),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().map(value_text).collect::<Vec<_>>().join(", ")
        }
        value => escape_hidden(&value.to_string()),
    }
}

/// Escapes control characters and those that change the direction of text, which a forged token may contain.
pub(super) fn escape_hidden(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        if is_hidden(c) {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
        escaped
    })
}

/// Seconds since 1970 as a date and time in UTC (RFC 3339).
pub(super) fn timestamp(seconds: i64) -> String {
    let time = DateTime::from_timestamp(seconds, 0);
    time.map_or_else(|| "out of range".to_owned(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Seconds since 1970 relative to `now`, such as `in 12 minutes` or `41 s ago`.
pub(super) fn relative_time(seconds: i64, now: Moment) -> String {
    let now = unix_seconds(now);
    let duration = duration(now.abs_diff(seconds));
    if seconds > now { format!("in {duration}") } else { format!("{duration} ago") }
}

/// A duration in the largest unit of which it has at least two.
pub(super) fn duration(seconds: u64) -> String {
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

    #[test]
    fn relative_time_uses_the_largest_unit() {
        let now = DateTime::from_timestamp(1_000_000, 0).expect("in range").naive_utc();
        for (seconds, text) in [
            (0, "0 s ago"),
            (-41, "41 s ago"),
            (12 * 60, "in 12 minutes"),
            (-3 * 3_600, "3 h ago"),
            (90 * 86_400, "in 90 days"),
        ] {
            assert_eq!(relative_time(1_000_000 + seconds, now), text);
        }
        assert_eq!(relative_time(i64::MIN, now), "106751991167312 days ago");
        assert_eq!(timestamp(i64::MAX), "out of range");
    }

    #[test]
    fn claims_cannot_control_the_terminal() {
        assert_eq!(escape_hidden("a\u{1b}[2J\u{202e}é"), "a\\u{1b}[2J\\u{202e}é");
        assert_eq!(value_text(&serde_json::json!({"a": "\u{9b}"})), "{\"a\":\"\\u{9b}\"}");
    }
}
