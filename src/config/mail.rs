//! The settings on email: SMTP server, credentials, certificates and sender.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::reader::SettingReader;
use super::table::{MAIL_FROM, SMTP_CA_FILE, SMTP_PASSWORD, SMTP_PASSWORD_FILE, SMTP_URL};
use super::values::unreadable;

/// The SMTP server and the sender of emails. `Debug` omits the password.
#[derive(Clone)]
pub struct MailConfig {
    /// Host name or address of the SMTP server, as in its certificate.
    pub host: String,
    /// Port of the SMTP server.
    pub port: u16,
    /// Encryption of the connection.
    pub tls: SmtpTls,
    /// Username and password, if the server requires them.
    pub credentials: Option<(String, Zeroizing<String>)>,
    /// PEM certificates to trust in addition to the public certificate authorities.
    pub certificates: Option<Vec<u8>>,
    /// Name of the sender; `None` for the product name.
    pub from_name: Option<String>,
    /// Address of the sender.
    pub from_address: String,
}

/// Encryption of the connection to the SMTP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (RFC 8314 §3.3).
    Implicit,
    /// Required STARTTLS (RFC 3207).
    StartTls,
    /// None: the server is on this machine.
    Plain,
}

impl fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailConfig({}:{}, {:?}, from {})", self.host, self.port, self.tls, self.from_address)
    }
}

/// The parts of an SMTP URL.
pub struct SmtpServer {
    host: String,
    port: u16,
    tls: SmtpTls,
    username: Option<String>,
    password: Option<Zeroizing<String>>,
}

/// The parts of `MAIL_FROM`.
pub struct Sender {
    name: Option<String>,
    address: String,
}

pub(super) fn read_mail(reader: &mut SettingReader<'_>) -> Option<MailConfig> {
    let server = reader.parse(&SMTP_URL);
    let password = reader.secret(&SMTP_PASSWORD, &SMTP_PASSWORD_FILE);
    let certificates = reader.parse(&SMTP_CA_FILE);
    let sender = reader.parse(&MAIL_FROM);
    let has_url = reader.is_set(SMTP_URL.info);
    if has_url && !reader.is_set(MAIL_FROM.info) {
        reader.reject(MAIL_FROM.info, "is required with SMTP_URL: set it to ADDRESS or NAME <ADDRESS>");
    }
    if !has_url && password.is_some() {
        reader.reject(SMTP_PASSWORD.info, "requires SMTP_URL with a username: smtp://USER@HOST");
    }
    let (server, sender) = (server?, sender?);
    let password = match (server.password, password) {
        (Some(_), Some(_)) => {
            reader.reject(SMTP_PASSWORD.info, "is also in SMTP_URL: remove one of them");
            None
        }
        (in_url, separate) => in_url.or(separate),
    };
    let credentials = match (server.username, password) {
        (Some(username), Some(password)) => Some((username, password)),
        (None, None) => None,
        (Some(_), None) => {
            reader.reject(
                SMTP_PASSWORD.info,
                "is required because SMTP_URL has a username: set SMTP_PASSWORD or SMTP_PASSWORD_FILE",
            );
            None
        }
        (None, Some(_)) => {
            reader.reject(SMTP_PASSWORD.info, "requires SMTP_URL with a username: smtp://USER@HOST");
            None
        }
    };
    Some(MailConfig {
        host: server.host,
        port: server.port,
        tls: server.tls,
        credentials,
        certificates,
        from_name: sender.name,
        from_address: sender.address,
    })
}

pub(super) fn smtp_url(text: &str) -> Result<SmtpServer, String> {
    let hint = || "must be smtp://USER@HOST:PORT or smtps://USER@HOST:PORT, with a percent-encoded username".to_owned();
    let url = Url::parse(text).map_err(|_| hint())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(hint)?.trim_matches(['[', ']']).to_owned();
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(hint());
    }
    let tls = match (url.scheme(), url.query()) {
        ("smtps", None) => SmtpTls::Implicit,
        // The connection stays on this machine, and certificates are rarely for "localhost".
        ("smtp", None) if is_loopback(&host) => SmtpTls::Plain,
        ("smtp", None | Some("tls=required")) => SmtpTls::StartTls,
        _ => return Err(hint()),
    };
    let port = url.port().unwrap_or(match tls {
        SmtpTls::Implicit => 465,
        SmtpTls::StartTls => 587,
        SmtpTls::Plain => 25,
    });
    let decoded =
        |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| hint());
    let username = Some(decoded(url.username())?).filter(|name| !name.is_empty());
    let password = url.password().map(decoded).transpose()?.map(Zeroizing::new);
    Ok(SmtpServer { host, port, tls, username, password })
}

fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        _ => host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

pub(super) fn certificates(path: &str) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let is_pem = bytes.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----");
    if is_pem { Ok(bytes) } else { Err("must be a file with PEM certificates".to_owned()) }
}

impl Sender {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let hint = || "must be ADDRESS or NAME <ADDRESS>, such as Example <login@example.com>".to_owned();
        let (name, address) = match text.split_once('<') {
            Some((name, rest)) => (name.trim().trim_matches('"'), rest.strip_suffix('>').ok_or_else(hint)?),
            None => ("", text),
        };
        let has_parts = address.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        let is_valid = has_parts && !text.chars().any(char::is_control) && !address.contains(['<', '>', ' ']);
        if !is_valid || text.len() > 320 {
            return Err(hint());
        }
        Ok(Self { name: Some(name.to_owned()).filter(|name| !name.is_empty()), address: address.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_is_encrypted_except_on_this_machine() {
        for (url, host, port, tls) in [
            ("smtp://mail.example.com", "mail.example.com", 587, SmtpTls::StartTls),
            ("smtp://mail.example.com:25", "mail.example.com", 25, SmtpTls::StartTls),
            ("smtps://mail.example.com", "mail.example.com", 465, SmtpTls::Implicit),
            ("smtp://localhost", "localhost", 25, SmtpTls::Plain),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, SmtpTls::Plain),
            ("smtp://[::1]:2525", "::1", 2525, SmtpTls::Plain),
            ("smtp://localhost?tls=required", "localhost", 587, SmtpTls::StartTls),
        ] {
            let server = smtp_url(url).unwrap_or_else(|hint| panic!("{url}: {hint}"));
            assert_eq!((server.host.as_str(), server.port, server.tls), (host, port, tls), "{url}");
        }
        for url in [
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://h/path",
            "smtp://h?tls=none",
            "smtps://h?tls=required",
        ] {
            assert!(smtp_url(url).is_err(), "{url}");
        }
        let server =
            smtp_url("smtps://me%40example.com:p%2Fw@mail.example.com").unwrap_or_else(|hint| panic!("{hint}"));
        assert_eq!(server.username.as_deref(), Some("me@example.com"));
        assert_eq!(server.password.as_ref().map(|password| password.as_str()), Some("p/w"));
    }

    #[test]
    fn sender_has_an_address_and_optionally_a_name() {
        for (text, name, address) in
            [("login@example.com", None, "login@example.com"), ("\"Example\" <a@b.c>", Some("Example"), "a@b.c")]
        {
            let sender = Sender::parse(text).unwrap_or_else(|hint| panic!("{text}: {hint}"));
            assert_eq!((sender.name.as_deref(), sender.address.as_str()), (name, address));
        }
        for text in ["", "nobody", "<a@b", "a b@c", "Name <a@b>\r\nBcc: x@y"] {
            assert!(Sender::parse(text).is_err(), "{text}");
        }
    }
}
