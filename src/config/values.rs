//! How one kind of value is written: numbers, durations, lists, networks, origins, database URLs. Errors are the mend alone.
//! What may not live here: the settings' names and defaults (`parse.rs`).

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{DatabaseUrl, PostgresUrl};

/// A scheme, host and port, such as `https://login.example.com`: what a browser calls an origin (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    text: String,
    is_https: bool,
}

/// The longest name that the domain name system knows (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;

impl Origin {
    /// The origin as a browser writes it, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is https, so that cookies are `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mend = "write an origin such as https://login.example.com, without a path";
        let url = Url::parse(text).map_err(|_| mend.to_owned())?;
        let has_more = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        let has_user = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || has_more || has_user {
            return Err(mend.to_owned());
        }
        if url.host_str().is_some_and(|host| host.len() > MAX_HOST) {
            return Err(format!("name a host of at most {MAX_HOST} characters"));
        }
        Ok(Self { text: url.origin().ascii_serialization(), is_https: url.scheme() == "https" })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn number<T>(range: std::ops::RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + fmt::Display,
{
    move |text| {
        text.parse()
            .ok()
            .filter(|value| range.contains(value))
            .ok_or_else(|| format!("write a whole number from {} to {}", range.start(), range.end()))
    }
}

pub(super) fn duration(least: Duration, most: Duration) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        humantime::parse_duration(text).ok().filter(|value| (least..=most).contains(value)).ok_or_else(|| {
            let [least, most] = [least, most].map(humantime::format_duration);
            format!("write a duration such as 20m, 12h or 30d, from {least} to {most}")
        })
    }
}

pub(super) fn list<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse).collect()
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "write addresses or networks such as 10.0.0.1 or 10.0.0.0/8".to_owned())
}

pub(super) fn claim_text(text: &str) -> Result<String, String> {
    let is_fit = text.len() <= 512 && !text.chars().any(char::is_control);
    is_fit.then(|| text.to_owned()).ok_or_else(|| "write at most 512 bytes without control characters".to_owned())
}

pub(super) fn product_name(text: &str) -> Result<String, String> {
    let is_fit = (1..=40).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    is_fit.then(|| text.to_owned()).ok_or_else(|| "write 1 to 40 characters, all on one line".to_owned())
}

pub(super) fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    match text.split_once(':') {
        Some(("sqlite", path)) => sqlite_url(path.strip_prefix("//").unwrap_or(path)),
        Some(("postgres" | "postgresql", _)) => postgres_url(text),
        _ => Err("does not begin with sqlite:// or postgres://: write sqlite://data/vestibule.db or postgres://USER:PASSWORD@HOST/NAME".to_owned()),
    }
}

fn sqlite_url(path: &str) -> Result<DatabaseUrl, String> {
    if path.is_empty() || path.contains(":memory:") || path.contains(['?', '#']) {
        return Err("names no file: write sqlite://PATH, such as sqlite://data/vestibule.db (a database in memory would forget every account)".to_owned());
    }
    Ok(DatabaseUrl::Sqlite(Path::new(path).components().collect::<PathBuf>()))
}

fn postgres_url(text: &str) -> Result<DatabaseUrl, String> {
    let mut url = Url::parse(text).map_err(|error| {
        format!("is not a URL ({error}): write postgres://USER:PASSWORD@HOST/NAME, with %-escapes in the password")
    })?;
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut has_prepared_statements = true;
    pairs.retain(|(name, value)| {
        if name == "prepared_statements" {
            has_prepared_statements = value != "off";
        }
        name != "prepared_statements"
    });
    // A database that is away is told within seconds, and a standby that cannot write is passed over.
    for (name, value) in [
        ("connect_timeout", "2"),
        ("tcp_user_timeout", "5000"),
        ("keepalives_idle", "30"),
        ("keepalives_interval", "10"),
        ("keepalives_count", "3"),
        ("target_session_attrs", "read-write"),
        ("application_name", "vestibule"),
    ] {
        if !pairs.iter().any(|(given, _)| given == name) {
            pairs.push((name.to_owned(), value.to_owned()));
        }
    }
    // Not `query_pairs_mut`: it writes a space as "+", which libpq takes for a plus.
    let query: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    url.set_query(Some(&query.join("&")));
    let mut shown = url.clone();
    shown.set_query(None);
    if matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_))) {
        shown.set_password(None).map_err(|()| "has no host that a password could go with".to_owned())?;
    }
    Ok(DatabaseUrl::Postgres(PostgresUrl {
        url: Zeroizing::new(url.to_string()),
        shown: shown.to_string(),
        has_prepared_statements,
    }))
}

fn percent(text: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}
