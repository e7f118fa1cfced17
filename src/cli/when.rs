//! Moments as administrators type them.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta};

use crate::clock::Moment;

/// What an invalid one should look like.
const HINT: &str = "use a time in the past such as 30m, 2h or 7d ago, today, yesterday, a date such as 2026-11-26, or a moment such as 2026-11-26T08:00:00Z; dates are in UTC";

/// A moment as it was typed; it depends on the time when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This long ago.
    Ago(TimeDelta),
    /// The start of a day this many days before today, in UTC.
    DaysBefore(i64),
    /// This moment.
    At(Moment),
}

impl When {
    /// Parses a duration, `today`, `yesterday`, a date or an RFC 3339 moment.
    ///
    /// # Errors
    /// What can be typed.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "today" => return Ok(Self::DaysBefore(0)),
            "yesterday" => return Ok(Self::DaysBefore(1)),
            _ => {}
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self::At(date.and_time(NaiveTime::MIN)));
        }
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(moment.naive_utc()));
        }
        let duration = humantime::parse_duration(text).map_err(|_| HINT.to_owned())?;
        let ago = TimeDelta::from_std(duration).ok().filter(|ago| *ago <= TimeDelta::days(36_500));
        ago.map(Self::Ago).ok_or_else(|| HINT.to_owned())
    }

    /// The moment, at `now`.
    #[must_use]
    pub fn at(self, now: Moment) -> Moment {
        match self {
            Self::Ago(ago) => now - ago,
            Self::DaysBefore(days) => now.date().and_time(NaiveTime::MIN) - TimeDelta::days(days),
            Self::At(moment) => moment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_days_dates_and_moments_are_understood() {
        let moment = |text: &str| DateTime::parse_from_rfc3339(text).expect("a moment").naive_utc();
        let now = moment("2026-11-27T08:30:00Z");
        for (text, expected) in [
            ("2h", "2026-11-27T06:30:00Z"),
            ("1d", "2026-11-26T08:30:00Z"),
            ("today", "2026-11-27T00:00:00Z"),
            ("yesterday", "2026-11-26T00:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00Z"),
        ] {
            assert_eq!(When::parse(text).map(|when| when.at(now)), Ok(moment(expected)), "{text}");
        }
        for text in ["", "tomorrow", "2026-13-01", "-1h", "5", "999999999999y"] {
            assert!(When::parse(text).is_err(), "{text}");
        }
    }
}
