//! The values of some columns, as other systems write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound as _};

use crate::clock::Moment;

/// The first number of seconds since 1970 that is read as milliseconds: the year 5138 in seconds, 1973 in milliseconds.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// `true` or `false`, as databases write them.
pub(super) fn read_bool(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" => Ok(true),
        "false" | "f" | "0" | "no" | "n" => Ok(false),
        _ => Err("use true or false".to_owned()),
    }
}

/// Whether an account is active: a state, or the value of a column such as `is_active`.
pub(super) fn read_state(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "active" | "enabled" => Ok(true),
        "disabled" | "inactive" => Ok(false),
        _ => read_bool(text).map_err(|_| "use active or disabled (true and false are understood too)".to_owned()),
    }
}

/// A time: RFC 3339, the text of PostgreSQL and SQLite (without an offset in UTC), a date, or a number of seconds or
/// milliseconds since 1970. In whole microseconds.
pub(super) fn read_time(text: &str) -> Result<Moment, String> {
    let advice = || "use a time such as 2024-05-31T08:30:00Z".to_owned();
    let moment = if let Ok(number) = text.parse::<i64>() {
        let time = if number.abs() < FIRST_MILLISECONDS {
            DateTime::from_timestamp_secs(number)
        } else {
            DateTime::from_timestamp_millis(number)
        };
        time.map(|time| time.naive_utc())
    } else {
        let with_offset = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z"];
        let without = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
        let rfc3339 = DateTime::parse_from_rfc3339(text).ok();
        rfc3339
            .or_else(|| with_offset.iter().find_map(|format| DateTime::parse_from_str(text, format).ok()))
            .map(|time| time.naive_utc())
            .or_else(|| without.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()))
            .or_else(|| Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN)))
    };
    moment.map(|moment| moment.trunc_subsecs(6)).ok_or_else(advice)
}

/// What separates the roles of a list.
const SEPARATORS: [char; 5] = [' ', ',', ';', '|', '\n'];

/// A list of roles as text. A role that contains a separator, such as `group lead`, stays one role, which is not valid:
/// a no-break space takes its place.
pub(super) fn join_roles(roles: &[impl AsRef<str>]) -> String {
    let whole = |role: &str| role.replace(SEPARATORS, "\u{a0}");
    roles.iter().map(|role| whole(role.as_ref())).collect::<Vec<_>>().join(" ")
}

/// The roles of a list with spaces, commas, semicolons or bars between.
pub(super) fn read_roles(text: &str) -> Vec<String> {
    text.split(SEPARATORS).filter(|role| !role.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_databases_are_read() {
        let expected = read_time("2024-05-31T08:30:00Z").expect("a time");
        for text in [
            "2024-05-31 08:30:00+00",
            "2024-05-31 10:30:00.000000+02:00",
            "2024-05-31 08:30:00",
            "2024-05-31 08:30",
            "2024-05-31T08:30:00",
            "2024-05-31 08:30:00 +0000",
            "1717144200",
            "1717144200000",
        ] {
            assert_eq!(read_time(text), Ok(expected), "{text}");
        }
        assert_eq!(read_time("2024-05-31"), read_time("2024-05-31T00:00:00Z"));
        assert_eq!(read_time("2024-05-31T08:30:00.1234567Z"), read_time("2024-05-31T08:30:00.123456Z"));
        for text in ["", "yesterday", "31.05.2024", "9223372036854775807"] {
            assert!(read_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn states_and_roles_of_databases_are_read() {
        assert_eq!(["active", "TRUE", "1", "t"].map(read_state), [const { Ok(true) }; 4]);
        assert_eq!(["disabled", "false", "0"].map(read_state), [const { Ok(false) }; 3]);
        assert!(read_state("maybe").is_err() && read_bool("active").is_err());
        assert_eq!(read_roles("a, b;c|d  e"), ["a", "b", "c", "d", "e"]);
        assert_eq!(read_roles(&join_roles(&["a", "group lead"])), ["a", "group\u{a0}lead"]);
    }
}
