//! Formatting of a moment: date and time in UTC, and how long ago it was.

use chrono::{Datelike as _, TimeDelta, Timelike as _};

use super::Translation;
use crate::clock::Moment;

/// A formatted moment.
#[derive(Debug, Default)]
pub struct Time {
    /// For people: how long ago, and date and time in UTC.
    pub text: String,
    /// For the `datetime` attribute of HTML.
    pub machine: String,
}

impl Time {
    /// Formats a moment in the past.
    #[must_use]
    pub fn new(words: &Translation, moment: Moment, now: Moment) -> Self {
        let arguments = [("ago", ago(words, now - moment).into()), ("time", date_time(words, moment).into())];
        Self {
            text: words.format("ago-and-time", &arguments),
            machine: format!("{}Z", moment.format("%Y-%m-%dT%H:%M:%S")),
        }
    }
}

/// Formats a moment as date and time in UTC.
#[must_use]
pub fn date_time(words: &Translation, moment: Moment) -> String {
    let time = format!("{:02}:{:02}", moment.hour(), moment.minute());
    words.format(
        "date-time",
        &[
            ("day", moment.day().to_string().into()),
            ("month", moment.month().into()),
            ("year", moment.year().to_string().into()),
            ("time", time.into()),
        ],
    )
}

/// Formats an elapsed time in the largest unit that fits. A negative one, from another instance's clock, is "just now".
fn ago(words: &Translation, passed: TimeDelta) -> String {
    let (key, count) = match (passed.num_minutes(), passed.num_days()) {
        (..=0, _) => return words.get("ago-now").to_owned(),
        (minutes @ ..60, _) => ("ago-minutes", minutes),
        (minutes, ..=0) => ("ago-hours", minutes / 60),
        (_, days @ ..30) => ("ago-days", days),
        // Days 360 to 364 are not yet a year.
        (_, days @ ..365) => ("ago-months", (days / 30).min(11)),
        (_, days) => ("ago-years", days / 365),
    };
    words.format(key, &[("count", count.into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;

    #[test]
    fn elapsed_time_is_formatted_in_each_language() {
        let [english, korean] = ["en", "ko"].map(|tag| i18n::find(tag).expect("there is such a file"));
        let (minute, hour, day) = (TimeDelta::minutes(1), TimeDelta::hours(1), TimeDelta::days(1));
        let second = TimeDelta::seconds(1);
        for (passed, in_english, in_korean) in [
            (-hour, "just now", "방금"),
            (minute - second, "just now", "방금"),
            (minute, "1 minute ago", "1분 전"),
            (minute * 3, "3 minutes ago", "3분 전"),
            (hour - second, "59 minutes ago", "59분 전"),
            (hour, "1 hour ago", "1시간 전"),
            (day - second, "23 hours ago", "23시간 전"),
            (day, "1 day ago", "1일 전"),
            (day * 29, "29 days ago", "29일 전"),
            (day * 30, "1 month ago", "1개월 전"),
            (day * 364, "11 months ago", "11개월 전"),
            (day * 365, "1 year ago", "1년 전"),
            (day * 4_000, "10 years ago", "10년 전"),
        ] {
            assert_eq!((ago(english, passed).as_str(), ago(korean, passed).as_str()), (in_english, in_korean));
        }
        let moment =
            chrono::NaiveDate::from_ymd_opt(2026, 3, 4).and_then(|date| date.and_hms_opt(5, 6, 7)).expect("one");
        let time = Time::new(english, moment, moment + hour * 2);
        assert_eq!(time.text, "2 hours ago · 4 March 2026, 05:06 UTC");
        assert_eq!(time.machine, "2026-03-04T05:06:07Z");
        assert_eq!(Time::new(korean, moment, moment + hour * 2).text, "2시간 전 · 2026년 3월 4일 05:06 (UTC)");
    }
}
