//! The URL of a PostgreSQL database, with the parameters that the server adds for libpq.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, percent_decode_str, utf8_percent_encode};
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

/// Where distributions keep the certificates of the public authorities. The built-in OpenSSL knows none of them.
const ROOT_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The first version of libpq with `require_auth`.
const REQUIRE_AUTH_VERSION: i32 = 160_000;

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
    tls: Tls,
    /// Whether `require_auth` was chosen.
    has_required_auth: bool,
    /// Whether a host is neither this machine nor a socket.
    is_remote: bool,
}

/// Whether the connection fails unless the server has a trusted certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Verified,
    Unverified,
}

/// What libpq reads besides the URL.
struct ClientEnvironment<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    has_file: &'a dyn Fn(&Path) -> bool,
}

impl PostgresUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::parse_in(text, &ClientEnvironment { variable: &variable, has_file: &|path| path.is_file() })
    }

    fn parse_in(text: &str, environment: &ClientEnvironment<'_>) -> Result<Self, String> {
        let mut url = Url::parse(text).map_err(|error| {
            format!("is not a URL ({error}): use postgres://USER:PASSWORD@HOST/NAME, with a percent-encoded password")
        })?;
        let (mut options, mut has_prepared_statements) = (String::new(), true);
        let mut parameters = Parameters { given: Vec::new(), environment };
        for (name, value) in url.query_pairs().into_owned() {
            match name.as_str() {
                "prepared_statements" => has_prepared_statements = value != "off",
                "options" => options = value,
                _ => parameters.given.push((name, value)),
            }
        }
        for (name, value) in DEFAULTS {
            parameters.set_default(name, value);
        }
        let tls = parameters.add_root_certificates();
        let has_required_auth = parameters.find("require_auth", "PGREQUIREAUTH").is_some();
        let is_remote = parameters.hosts(&url).iter().any(|host| !is_on_this_machine(host));
        url.set_query(Some(&parameters.to_query()));
        let mut shown = url.clone();
        shown.set_query(None);
        if matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_))) {
            shown.set_password(None).map_err(|()| "must have a host if it has a password".to_owned())?;
        }
        let (url, shown) = (Zeroizing::new(url.to_string()), shown.to_string());
        Ok(Self { url, shown, options, has_prepared_statements, tls, has_required_auth, is_remote })
    }

    /// The URL for libpq, with these server options before those in `DATABASE_URL`, of which the last one counts.
    ///
    /// Without verified TLS, the password is never sent in clear text: someone who controls the network could decline TLS
    /// and ask for it. libpq before 16 cannot refuse.
    #[must_use]
    pub fn for_libpq(&self, libpq_version: i32, options: &str) -> Zeroizing<String> {
        let mut url = self.url.clone();
        if self.tls == Tls::Unverified && !self.has_required_auth && libpq_version >= REQUIRE_AUTH_VERSION {
            url.push_str("&require_auth=%21password");
        }
        let all = format!("{options} {}", self.options);
        if !all.trim().is_empty() {
            url.push('&');
            url.push_str(&parameter("options", all.trim()));
        }
        url
    }

    /// Whether the connection leaves this machine without verified TLS.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.is_remote && self.tls == Tls::Unverified
    }

    /// Whether this version of libpq would send the password in clear text to a server that asks for it.
    #[must_use]
    pub fn may_reveal_password(&self, libpq_version: i32) -> bool {
        libpq_version < REQUIRE_AUTH_VERSION && self.tls == Tls::Unverified
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The parameters of the URL, decoded.
struct Parameters<'a> {
    given: Vec<(String, String)>,
    environment: &'a ClientEnvironment<'a>,
}

impl Parameters<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value in the URL or, as libpq does, in an environment variable.
    fn find(&self, name: &str, variable: &str) -> Option<String> {
        self.get(name).map(str::to_owned).or_else(|| (self.environment.variable)(variable))
    }

    fn set_default(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.given.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Names the file of the system's certificates where libpq would find none. Returns whether TLS is verified.
    fn add_root_certificates(&mut self) -> Tls {
        let mode = self.find("sslmode", "PGSSLMODE");
        let roots = self.find("sslrootcert", "PGSSLROOTCERT");
        let is_system = roots.as_deref() == Some("system");
        // libpq verifies with the system's certificates, whatever the mode, and rejects a weaker one.
        let is_full = mode.as_deref() == Some("verify-full") || (mode.is_none() && is_system);
        if is_full
            && (is_system || (roots.is_none() && !self.has_own_roots()))
            && let Some(file) = self.find_system_roots()
        {
            self.given.retain(|(name, _)| name != "sslrootcert" && name != "sslmode");
            self.given.push(("sslrootcert".to_owned(), file));
            self.given.push(("sslmode".to_owned(), "verify-full".to_owned()));
        }
        let is_verified = is_full || is_system || mode.as_deref() == Some("verify-ca");
        if is_verified { Tls::Verified } else { Tls::Unverified }
    }

    /// Whether the user has a file of trusted certificates where libpq looks for it.
    fn has_own_roots(&self) -> bool {
        let home = (self.environment.variable)("HOME");
        home.is_some_and(|home| (self.environment.has_file)(&Path::new(&home).join(".postgresql/root.crt")))
    }

    fn find_system_roots(&self) -> Option<String> {
        let chosen = (self.environment.variable)("SSL_CERT_FILE");
        let usual = ROOT_FILES.iter().find(|file| (self.environment.has_file)(Path::new(file)));
        chosen.or_else(|| usual.map(ToString::to_string))
    }

    /// The hosts that libpq connects to: names, addresses, or folders of sockets.
    fn hosts(&self, url: &Url) -> Vec<String> {
        let in_url = url
            .host_str()
            .filter(|host| !host.is_empty())
            .map(|host| percent_decode_str(host).decode_utf8_lossy().trim_matches(['[', ']']).to_owned());
        let host = self.get("host").map(str::to_owned).or(in_url).or_else(|| (self.environment.variable)("PGHOST"));
        let addresses = self.find("hostaddr", "PGHOSTADDR");
        // The address counts if both are given. Neither means a socket.
        let all = addresses.or(host).unwrap_or_default();
        all.split(',').filter(|host| !host.is_empty()).map(str::to_owned).collect()
    }

    fn to_query(&self) -> String {
        self.given.iter().map(|(name, value)| parameter(name, value)).collect::<Vec<_>>().join("&")
    }
}

fn is_on_this_machine(host: &str) -> bool {
    // A path, or the abstract name of a socket.
    host.starts_with(['/', '@'])
        || host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A parameter of the query. [`Url::query_pairs_mut`] would write a space as "+", which libpq reads as a plus sign.
fn parameter(name: &str, value: &str) -> String {
    let encoded = |text| -> PercentEncode<'_> { utf8_percent_encode(text, NON_ALPHANUMERIC) };
    format!("{}={}", encoded(name), encoded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_libpq(url: &str, variables: &[(&str, &str)], files: &[&str]) -> String {
        let variable =
            |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        let has_file = |path: &Path| files.iter().any(|file| Path::new(file) == path);
        let environment = ClientEnvironment { variable: &variable, has_file: &has_file };
        let url = PostgresUrl::parse_in(url, &environment).unwrap_or_else(|hint| panic!("{url}: {hint}"));
        percent_decode_str(&url.for_libpq(180_000, "")).decode_utf8_lossy().into_owned()
    }

    #[test]
    fn verify_full_uses_the_certificates_of_the_system() {
        let (debian, fedora) = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt");
        for (url, variables, files, expected) in [
            ("postgres://db/d?sslmode=verify-full", &[] as &[_], [debian, fedora], Some(debian)),
            ("postgres://db/d?sslmode=verify-full", &[], ["", fedora], Some(fedora)),
            ("postgres://db/d?sslrootcert=system", &[], [debian, ""], Some(debian)),
            ("postgres://db/d", &[("PGSSLMODE", "verify-full")], [debian, ""], Some(debian)),
            ("postgres://db/d?sslmode=verify-full", &[("SSL_CERT_FILE", "/own.pem")], [debian, ""], Some("/own.pem")),
            ("postgres://db/d?sslmode=verify-full&sslrootcert=/ca.pem", &[], [debian, ""], Some("/ca.pem")),
            ("postgres://db/d?sslmode=verify-full", &[("HOME", "/h")], [debian, "/h/.postgresql/root.crt"], None),
            ("postgres://db/d?sslmode=verify-full", &[("PGSSLROOTCERT", "/ca.pem")], [debian, ""], None),
            ("postgres://db/d?sslmode=verify-full", &[], ["", ""], None),
            ("postgres://db/d", &[], [debian, ""], None),
            ("postgres://db/d?sslmode=require", &[], [debian, ""], None),
        ] {
            let url = for_libpq(url, variables, &files);
            let roots = url.split(['?', '&']).find_map(|parameter| parameter.strip_prefix("sslrootcert="));
            assert_eq!(roots, expected, "{url}");
            assert_eq!(url.matches("sslmode=").count(), usize::from(url.contains("sslmode=")), "{url}");
        }
    }

    #[test]
    fn password_in_clear_text_needs_verified_tls() {
        for (url, variables, is_refused) in [
            ("postgres://u:p@db/d", &[] as &[_], true),
            ("postgres://u:p@db/d?sslmode=require", &[], true),
            ("postgres://u:p@localhost/d", &[], true),
            ("postgres://u:p@db/d?sslmode=verify-full&sslrootcert=/ca.pem", &[], false),
            ("postgres://u:p@db/d?sslmode=verify-ca&sslrootcert=/ca.pem", &[], false),
            ("postgres://u:p@db/d", &[("PGSSLMODE", "verify-ca")], false),
            ("postgres://u:p@db/d?require_auth=password", &[], false),
            ("postgres://u:p@db/d", &[("PGREQUIREAUTH", "scram-sha-256")], false),
        ] {
            assert_eq!(for_libpq(url, variables, &[]).contains("require_auth=!password"), is_refused, "{url}");
        }
    }
}
