//! The URL of a PostgreSQL database, with the parameters that the server adds for libpq.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::libpq;

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

/// The characters that stay in a part of a URL (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The first version of libpq with `require_auth`.
const REQUIRE_AUTH_VERSION: i32 = 160_000;

/// The address of a PostgreSQL database, as parameters for libpq. `Display` omits the password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// With the password, and without the parameters that only this server knows and `options`.
    parameters: Vec<(String, Zeroizing<String>)>,
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
        let (url, has_prepared_statements) = take_prepared_statements(text);
        let given = libpq::parse(&url).map_err(|reason| {
            format!(
                "libpq cannot use it ({reason}): write postgres://USER:PASSWORD@HOST:PORT/NAME, with special characters in \
                 the password percent-encoded, such as %25 for %, %40 for @ and %2F for /"
            )
        })?;
        let shown = shown_url(&given);
        let mut parameters = Parameters { given, environment };
        let ports = parameters.get("port").unwrap_or_default();
        if !ports.split(',').all(|port| port.is_empty() || port.parse::<u16>().is_ok()) {
            // "/" in a password ends the address, and its beginning is taken for the port.
            return Err(
                "has a port that is no number: percent-encode special characters in the password, such as %2F for /"
                    .to_owned(),
            );
        }
        let options = parameters.get("options").unwrap_or_default().to_owned();
        parameters.given.retain(|(name, _)| name != "options");
        for (name, value) in DEFAULTS {
            parameters.set_default(name, value);
        }
        let tls = parameters.add_root_certificates();
        let has_required_auth = parameters.find("require_auth", "PGREQUIREAUTH").is_some();
        let is_remote = parameters.hosts().iter().any(|host| !is_on_this_machine(host));
        let parameters = parameters.given;
        Ok(Self { parameters, shown, options, has_prepared_statements, tls, has_required_auth, is_remote })
    }

    /// The connection string for libpq (PostgreSQL documentation, "Keyword/Value Connection Strings"), with these server
    /// options before those in `DATABASE_URL`, of which the last one counts.
    ///
    /// Without verified TLS, the password is never sent in clear text: someone who controls the network could decline TLS
    /// and ask for it. libpq before 16 cannot refuse.
    #[must_use]
    pub fn for_libpq(&self, libpq_version: i32, options: &str) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for (name, value) in &self.parameters {
            push_parameter(&mut text, name, value);
        }
        if self.tls == Tls::Unverified && !self.has_required_auth && libpq_version >= REQUIRE_AUTH_VERSION {
            push_parameter(&mut text, "require_auth", "!password");
        }
        let all = format!("{options} {}", self.options);
        if !all.trim().is_empty() {
            push_parameter(&mut text, "options", all.trim());
        }
        text
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
    given: Vec<(String, Zeroizing<String>)>,
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
            self.given.push((name.to_owned(), Zeroizing::new(value.to_owned())));
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
            self.given.push(("sslrootcert".to_owned(), Zeroizing::new(file)));
            self.given.push(("sslmode".to_owned(), Zeroizing::new("verify-full".to_owned())));
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
    fn hosts(&self) -> Vec<String> {
        // The address counts if both are given. Neither means a socket.
        let all = self.find("hostaddr", "PGHOSTADDR").or_else(|| self.find("host", "PGHOST")).unwrap_or_default();
        all.split(',').filter(|host| !host.is_empty()).map(str::to_owned).collect()
    }
}

/// Whether a URL contains a password.
pub(super) fn has_password(text: &str) -> bool {
    let is_secret = |name: &str| matches!(name, "password" | "sslpassword" | "oauth_client_secret");
    let (url, _) = take_prepared_statements(text);
    libpq::parse(&url).is_ok_and(|given| given.iter().any(|(name, value)| is_secret(name) && !value.is_empty()))
}

/// The URL without the parameter that only this server knows, and whether it is on.
fn take_prepared_statements(text: &str) -> (Zeroizing<String>, bool) {
    let Some((address, query)) = text.split_once('?') else { return (Zeroizing::new(text.to_owned()), true) };
    let is_own = |parameter: &&str| parameter.split('=').next() == Some("prepared_statements");
    let (own, others): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_own);
    let others = others.join("&");
    let url = if others.is_empty() { address.to_owned() } else { format!("{address}?{others}") };
    (Zeroizing::new(url), !own.contains(&"prepared_statements=off"))
}

/// The address for people: user, hosts and database.
fn shown_url(parameters: &[(String, Zeroizing<String>)]) -> String {
    let get = |name: &str| parameters.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str());
    // A ":" in it would look like the start of a password.
    let user = match get("user") {
        "" => String::new(),
        user => format!("{}@", utf8_percent_encode(user, UNRESERVED)),
    };
    if get("host").contains('/') {
        // Folders of sockets, which would look like a part of the path.
        return format!("postgres://{user}/{}?host={}", get("dbname"), get("host"));
    }
    let mut ports = get("port").split(',').cycle();
    let hosts: Vec<String> = get("host")
        .split(',')
        .map(|host| {
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            match ports.next() {
                None | Some("") => host,
                Some(port) => format!("{host}:{port}"),
            }
        })
        .collect();
    format!("postgres://{user}{}/{}", hosts.join(","), get("dbname"))
}

fn is_on_this_machine(host: &str) -> bool {
    // A path, or the abstract name of a socket.
    host.starts_with(['/', '@'])
        || host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Appends `name='value'`; in the value, `\` and `'` are escaped.
fn push_parameter(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("='");
    for character in value.chars() {
        if matches!(character, '\\' | '\'') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push_str("' ");
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
        url.for_libpq(180_000, "").replace('\'', "")
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
            let roots = url.split(' ').find_map(|parameter| parameter.strip_prefix("sslrootcert="));
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

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        for (url, expected, shown) in [
            ("postgres://u@/db?host=/run/postgresql", "host=/run/postgresql", "postgres://u@/db?host=/run/postgresql"),
            ("postgres://u@h1:5432,h2:5433/db", "host=h1,h2 port=5432,5433", "postgres://u@h1:5432,h2:5433/db"),
            (
                "postgresql://u:p@[2001:db8::1]:6432/db",
                "host=2001:db8::1 port=6432",
                "postgres://u@[2001:db8::1]:6432/db",
            ),
            ("postgres://u:a%20b%27c%25@db/d?sslmode=require", "password=a b\\c%", "postgres://u@db/d"),
            ("postgres://%2Frun%2Fpostgresql/db", "host=/run/postgresql", "postgres:///db?host=/run/postgresql"),
            ("postgres:///db", "dbname=db", "postgres:///db"),
        ] {
            let text = for_libpq(url, &[], &[]);
            for parameter in expected.split(' ').filter(|parameter| parameter.contains('=')) {
                assert!(text.contains(parameter), "{url}: {parameter} in {text}");
            }
            assert_eq!(PostgresUrl::parse(url).expect(url).to_string(), shown);
        }
        let off = PostgresUrl::parse("postgres://db/d?prepared_statements=off&connect_timeout=9").expect("a URL");
        assert!(!off.has_prepared_statements && off.for_libpq(180_000, "").contains("connect_timeout='9'"));
    }

    #[test]
    fn errors_do_not_show_the_password() {
        for url in [
            "postgres://vest:100%secret@127.0.0.1:1/x",
            "postgres://vest:secret@[::1/x",
            "postgres://vest:secret@db/x?sslmode",
            "postgres://vest:sec/ret@db:secret",
            "postgres://vest:%00secret@db/x",
            "postgres://vest:pw@db/x?secret=1",
        ] {
            let hint = PostgresUrl::parse(url).map(|parsed| parsed.to_string());
            assert!(!format!("{hint:?}").contains("secret"), "{hint:?}");
        }
        assert!(PostgresUrl::parse("postgres://vest:100%secret@127.0.0.1:1/x").is_err_and(|hint| hint.contains("%25")));
    }
}
