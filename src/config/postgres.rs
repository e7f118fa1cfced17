//! The URL of a PostgreSQL database, with the parameters that the server adds for libpq.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use url::{Host, Url};
use zeroize::Zeroizing;

/// Parameters that apply unless the URL says otherwise: an unreachable database is reported within seconds, and a
/// read-only standby is skipped.
const DEFAULTS: [(&str, &str); 7] = [
    ("connect_timeout", "2"),
    ("tcp_user_timeout", "5000"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("keepalives_count", "3"),
    ("target_session_attrs", "read-write"),
    ("application_name", "vestibule"),
];

/// A PostgreSQL URL for libpq. `Display` omits the password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// With the password, and without the parameters that only this server knows and `options`.
    url: Zeroizing<String>,
    shown: String,
    /// The server options in the URL (libpq's `options`).
    options: String,
    /// Whether prepared statements have names; off for a `PgBouncer` older than 1.21.
    pub has_prepared_statements: bool,
}

impl PostgresUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text).map_err(|error| {
            format!("is not a URL ({error}): use postgres://USER:PASSWORD@HOST/NAME, with a percent-encoded password")
        })?;
        let (mut options, mut has_prepared_statements) = (String::new(), true);
        let mut parameters = Vec::new();
        for (name, value) in url.query_pairs().into_owned() {
            match name.as_str() {
                "prepared_statements" => has_prepared_statements = value != "off",
                "options" => options = value,
                _ => parameters.push((name, value)),
            }
        }
        for (name, value) in DEFAULTS {
            if !parameters.iter().any(|(given, _)| given == name) {
                parameters.push((name.to_owned(), value.to_owned()));
            }
        }
        let query: Vec<String> = parameters.iter().map(|(name, value)| parameter(name, value)).collect();
        url.set_query(Some(&query.join("&")));
        let mut shown = url.clone();
        shown.set_query(None);
        if matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_))) {
            shown.set_password(None).map_err(|()| "must have a host if it has a password".to_owned())?;
        }
        let (url, shown) = (Zeroizing::new(url.to_string()), shown.to_string());
        Ok(Self { url, shown, options, has_prepared_statements })
    }

    /// The URL for libpq, with these server options before those in `DATABASE_URL`, of which the last one counts.
    #[must_use]
    pub fn with_options(&self, options: &str) -> Zeroizing<String> {
        let all = format!("{options} {}", self.options);
        match all.trim() {
            "" => self.url.clone(),
            all => Zeroizing::new(format!("{}&{}", *self.url, parameter("options", all))),
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A parameter of the query. [`Url::query_pairs_mut`] would write a space as "+", which libpq reads as a plus sign.
fn parameter(name: &str, value: &str) -> String {
    let encoded = |text| -> PercentEncode<'_> { utf8_percent_encode(text, NON_ALPHANUMERIC) };
    format!("{}={}", encoded(name), encoded(value))
}
