//! Parsers of values: numbers, durations, lists, networks, origins, database URLs and secrets.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use chrono_tz::Tz;
use ipnet::IpNet;
use url::Url;
use zeroize::Zeroizing;

use super::{DatabaseUrl, PostgresUrl, postgres};
use crate::scope::{ADMIN_ROLE, is_role};
use crate::secret::ServerKey;

/// An origin of the web (RFC 6454): scheme, host and port, such as `https://login.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin {
    text: String,
    is_https: bool,
}

/// The longest domain name (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;
/// The shortest HS256 secret (RFC 7518 §3.2).
const MIN_JWT_SECRET_BYTES: usize = 32;

impl WebOrigin {
    /// The origin as a browser writes it, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the scheme is https, which makes cookies `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// The host and, unless it is the scheme's own, the port, as in a `Host` header.
    #[must_use]
    pub fn host_and_port(&self) -> &str {
        self.text.split_once("://").map_or(self.text.as_str(), |(_, rest)| rest)
    }

    /// Whether only browsers on this machine can open it.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        let host = Url::parse(&self.text).ok().and_then(|url| url.host().map(|host| host.to_owned()));
        match host {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let hint = "must be an origin such as https://login.example.com, without a path";
        let url = Url::parse(text).map_err(|_| hint.to_owned())?;
        let has_more = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        let has_user = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || has_more || has_user {
            return Err(hint.to_owned());
        }
        // WHATWG's parser accepts it as the name of a host, which no page has.
        if url.host_str().is_some_and(|host| host.contains('*')) {
            return Err("must name one host: list each origin, since wildcards are not supported".to_owned());
        }
        if url.host_str().is_some_and(|host| host.len() > MAX_HOST) {
            return Err(format!("must have a host of at most {MAX_HOST} characters"));
        }
        Ok(Self { text: url.origin().ascii_serialization(), is_https: url.scheme() == "https" })
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn number<T: FromStr + PartialOrd + fmt::Display>(
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let value = text.parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
}

pub(super) fn duration(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    humantime::parse_duration(text).ok().filter(|value| range.contains(value)).ok_or_else(|| {
        let [least, most] = [range.start(), range.end()].map(|bound| duration_text(*bound));
        format!("must be a duration such as 20m, 12h or 30d, from {least} to {most}")
    })
}

/// A duration as it is typed, in the largest unit that has no remainder: `365d`, not "11months 30days".
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    match units.into_iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length)) {
        Some((unit, length)) => format!("{}{unit}", seconds / length),
        None => format!("{seconds}s"),
    }
}

/// The value that belongs to one of these words.
pub(super) fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        match words.split_last() {
            Some((last, others)) => format!("must be {} or {last}", others.join(", ")),
            None => "has no valid value".to_owned(),
        }
    })
}

/// The items between commas; empty ones are skipped.
pub(super) fn list<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse).collect()
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "must be addresses or networks such as 10.0.0.1 or 10.0.0.0/8".to_owned())
}

/// At least one address: a server that listens nowhere would appear to run.
pub(super) fn listen_addresses(text: &str) -> Result<Vec<SocketAddr>, String> {
    let hint = || "must be ADDRESS:PORT, such as 0.0.0.0:8080 or [::]:8080, or localhost:PORT".to_owned();
    let parse = |item: &str| match item.strip_prefix("localhost:") {
        // A name in /etc/hosts could lead elsewhere.
        Some(port) => {
            let port = port.parse().map_err(|_| hint())?;
            Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()])
        }
        None => item.parse().map(|address| vec![address]).map_err(|_| hint()),
    };
    let addresses: Vec<SocketAddr> = list(text, parse)?.concat();
    if addresses.is_empty() { Err(hint()) } else { Ok(addresses) }
}

pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be ADDRESS:PORT, such as 127.0.0.1:9090".to_owned())
}

pub(super) fn claim_text(text: &str) -> Result<String, String> {
    let is_valid = text.len() <= 512 && !text.chars().any(char::is_control);
    is_valid.then(|| text.to_owned()).ok_or_else(|| "must be at most 512 bytes without control characters".to_owned())
}

pub(super) fn reserved_username(text: &str) -> Result<String, String> {
    let is_name = text.len() <= 256 && text.chars().any(char::is_alphanumeric);
    is_name.then(|| text.to_owned()).ok_or_else(|| "must be usernames, such as ceo,board".to_owned())
}

pub(super) fn support_role(text: &str) -> Result<String, String> {
    let is_valid = is_role(text) && text != ADMIN_ROLE;
    is_valid.then(|| text.to_owned()).ok_or_else(|| "must be a role other than admin, such as support".to_owned())
}

pub(super) fn product_name(text: &str) -> Result<String, String> {
    let is_valid = (1..=40).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    is_valid.then(|| text.to_owned()).ok_or_else(|| "must be 1 to 40 characters on one line".to_owned())
}

pub(super) fn time_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "must be an IANA time zone, such as Europe/Berlin".to_owned())
}

pub(super) fn server_key(text: &str) -> Result<ServerKey, String> {
    ServerKey::parse(text).ok_or_else(|| {
        "must be at least 32 bytes in base64 or hex, such as the output of `openssl rand -base64 32`".to_owned()
    })
}

pub(super) fn jwt_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    if text.len() < MIN_JWT_SECRET_BYTES {
        let length = text.len();
        return Err(format!(
            "has {length} bytes and must have at least {MIN_JWT_SECRET_BYTES}, such as the output of `openssl rand -base64 48`"
        ));
    }
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

/// The text in a file, without line breaks at its end.
pub(super) fn secret_file(path: &str) -> Result<Zeroizing<String>, String> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| unreadable(&error))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The hint for a file that cannot be read.
pub(super) fn unreadable(error: &std::io::Error) -> String {
    format!("must be a readable file ({error})")
}

pub(super) fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    match text.split_once(':') {
        Some(("sqlite", path)) => sqlite_url(path.strip_prefix("//").unwrap_or(path)),
        _ if is_postgres(text) => PostgresUrl::parse(text).map(DatabaseUrl::Postgres),
        _ => Err("must begin with sqlite:// or postgres://, such as sqlite://data/vestibule.db or postgres://USER:PASSWORD@HOST/NAME".to_owned()),
    }
}

fn is_postgres(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

fn sqlite_url(path: &str) -> Result<DatabaseUrl, String> {
    if path.contains('?') {
        return Err("takes no parameters: write sqlite://PATH; the file is created at the first start".to_owned());
    }
    if path.is_empty() || path.contains(":memory:") || path.contains('#') {
        return Err("must name a file: sqlite://PATH, such as sqlite://data/vestibule.db (a database in memory would lose every account)".to_owned());
    }
    Ok(DatabaseUrl::Sqlite(Path::new(path).components().collect::<PathBuf>()))
}

/// Whether a URL contains a password, after the username or as a parameter of libpq.
pub(super) fn url_has_password(text: &str) -> bool {
    if is_postgres(text) {
        return postgres::has_password(text);
    }
    Url::parse(text).is_ok_and(|url| url.password().is_some())
}
