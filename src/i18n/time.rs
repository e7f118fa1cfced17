//! Formatting of a moment: date and time in the server's time zone, and how long ago it was.

use chrono::{DateTime, Datelike as _, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::Translation;
use crate::clock::Moment;

/// How moments are shown: the language, the time zone and the current time.
#[derive(Clone, Copy)]
pub struct TimeFormat<'a> {
    words: &'a Translation,
    zone: Tz,
    now: Moment,
}

/// A formatted moment.
#[derive(Debug, Default)]
pub struct Time {
    /// How long ago.
    pub ago: String,
    /// The date and time with the time zone.
    pub full: String,
    /// The date.
    pub date: String,
    /// The time of day, such as "13:05".
    pub clock: String,
    /// For the `title` attribute of HTML: the time in UTC, with seconds.
    pub title: String,
    /// For the `datetime` attribute of HTML.
    pub machine: String,
}

impl<'a> TimeFormat<'a> {
    /// The format at this moment.
    #[must_use]
    pub fn new(words: &'a Translation, zone: Tz, now: Moment) -> Self {
        Self { words, zone, now }
    }

    /// Formats a moment in the past.
    #[must_use]
    pub fn time(&self, moment: Moment) -> Time {
        let local = self.zone.from_utc_datetime(&moment);
        Time {
            ago: ago(self.words, self.now - moment),
            full: date_time(self.words, self.zone, moment),
            date: self.words.format("date", &date_arguments(&local)),
            clock: local.format("%H:%M").to_string(),
            title: moment.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            machine: format!("{}Z", moment.format("%Y-%m-%dT%H:%M:%S")),
        }
    }
}

/// Formats a moment as date and time, with the time zone.
#[must_use]
pub fn date_time(words: &Translation, zone: Tz, moment: Moment) -> String {
    let local = zone.from_utc_datetime(&moment);
    // A zone without an abbreviation has its offset, such as "-03".
    let mut name = local.format("%Z").to_string();
    if name.starts_with(['+', '-']) {
        name.insert_str(0, "UTC");
    }
    let mut arguments = date_arguments(&local).to_vec();
    arguments.extend([("time", local.format("%H:%M").to_string().into()), ("zone", name.into())]);
    words.format("date-time", &arguments)
}

fn date_arguments(local: &DateTime<Tz>) -> [(&'static str, fluent_bundle::FluentValue<'static>); 3] {
    [
        ("day", local.day().to_string().into()),
        ("month", local.month().into()),
        ("year", local.year().to_string().into()),
    ]
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
        let now = moment + hour * 2;
        let in_zone = |words, zone: Tz| TimeFormat::new(words, zone, now).time(moment);
        let time = in_zone(english, Tz::UTC);
        assert_eq!((time.ago.as_str(), time.full.as_str()), ("2 hours ago", "4 March 2026, 05:06 UTC"));
        assert_eq!((time.date.as_str(), time.clock.as_str()), ("4 March 2026", "05:06"));
        let time = in_zone(english, Tz::Asia__Seoul);
        assert_eq!(time.full, "4 March 2026, 14:06 KST");
        assert_eq!((time.title.as_str(), time.machine.as_str()), ("2026-03-04 05:06:07 UTC", "2026-03-04T05:06:07Z"));
        assert_eq!(in_zone(english, Tz::America__Los_Angeles).full, "3 March 2026, 21:06 PST");
        assert_eq!(in_zone(english, Tz::America__Sao_Paulo).full, "4 March 2026, 02:06 UTC-03");
        let time = in_zone(korean, Tz::Asia__Seoul);
        assert_eq!((time.full.as_str(), time.date.as_str()), ("2026년 3월 4일 14:06 (KST)", "2026년 3월 4일"));
    }
}
