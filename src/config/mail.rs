//! The settings of mails: the mail server's URL, the password to it, who mails come from.
//! What may not live here: sending (`crate::mail`).

use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::MailSettings;
use super::faults::{Faults, read_secret};

/// How mails go out. `Debug` leaves the password out.
#[derive(Clone)]
pub struct MailConfig {
    /// The mail server's name or address, as its certificate names it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is protected.
    pub tls: SmtpTls,
    /// The name and password to sign in with, when it wants them.
    pub credentials: Option<(String, Zeroizing<String>)>,
    /// Certificates, in PEM, that vouch for it beside the public ones.
    pub certificates: Option<Vec<u8>>,
    /// What the sender is called; the product's name when it is absent.
    pub from_name: Option<String>,
    /// The sender's address.
    pub from_address: String,
}

/// How the way to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (RFC 8314 §3.3).
    Implicit,
    /// STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
    /// Nothing: the server is on this machine.
    Plain,
}

impl fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailConfig({}:{}, {:?}, from {})", self.host, self.port, self.tls, self.from_address)
    }
}

/// The mail server as its URL gives it.
struct Server {
    host: String,
    port: u16,
    tls: SmtpTls,
    username: Option<String>,
    password: Option<Zeroizing<String>>,
}

impl MailSettings {
    pub(super) fn read(&self, faults: &mut Faults) -> Option<MailConfig> {
        let server = faults.optional("SMTP_URL", self.smtp_url.as_deref(), smtp_url);
        let password = read_secret("SMTP_PASSWORD", self.smtp_password_file.as_deref(), faults);
        let certificates = faults.optional("SMTP_CA_FILE", self.smtp_ca_file.as_deref(), certificates);
        let from = faults.optional("MAIL_FROM", self.mail_from.as_deref(), sender);
        let has_url = self.smtp_url.as_deref().is_some_and(|url| !url.trim().is_empty());
        if has_url && self.mail_from.as_deref().is_none_or(|from| from.trim().is_empty()) {
            faults.say_hidden("MAIL_FROM", "is not set, and with SMTP_URL it must be: write ADDRESS or NAME <ADDRESS>");
        }
        if !has_url && password.is_some() {
            faults.say_hidden("SMTP_PASSWORD", "is set, and SMTP_URL names no user: write smtp://USER@HOST");
        }
        let (server, (from_name, from_address)) = (server?, from?);
        let password = match (server.password, password) {
            (Some(_), Some(_)) => {
                faults.say_hidden("SMTP_PASSWORD", "stands in SMTP_URL too: take it out of one of them");
                None
            }
            (in_url, alone) => in_url.or(alone),
        };
        let credentials = match (server.username, password) {
            (Some(username), Some(password)) => Some((username, password)),
            (None, None) => None,
            (Some(_), None) => {
                faults
                    .say_hidden("SMTP_PASSWORD", "is not set, and SMTP_URL names a user: set it or SMTP_PASSWORD_FILE");
                None
            }
            (None, Some(_)) => {
                faults.say_hidden("SMTP_PASSWORD", "is set, and SMTP_URL names no user: write smtp://USER@HOST");
                None
            }
        };
        let Server { host, port, tls, .. } = server;
        Some(MailConfig { host, port, tls, credentials, certificates, from_name, from_address })
    }
}

fn smtp_url(text: &str) -> Result<Server, String> {
    let mend = || {
        "names no mail server: write smtp://USER@HOST:PORT or smtps://USER@HOST:PORT, with %-escapes in the user"
            .to_owned()
    };
    let url = Url::parse(text).map_err(|_| mend())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(mend)?.trim_matches(['[', ']']).to_owned();
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(mend());
    }
    let tls = match (url.scheme(), url.query()) {
        ("smtps", None) => SmtpTls::Implicit,
        // Nobody listens between this machine and itself, and its certificate is seldom for "localhost".
        ("smtp", None) if is_loopback(&host) => SmtpTls::Plain,
        ("smtp", None | Some("tls=required")) => SmtpTls::StartTls,
        _ => return Err(mend()),
    };
    let port = url.port().unwrap_or(match tls {
        SmtpTls::Implicit => 465,
        SmtpTls::StartTls => 587,
        SmtpTls::Plain => 25,
    });
    let decoded =
        |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| mend());
    let username = Some(decoded(url.username())?).filter(|name| !name.is_empty());
    let password = url.password().map(decoded).transpose()?.map(Zeroizing::new);
    Ok(Server { host, port, tls, username, password })
}

fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        _ => host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

fn certificates(path: &str) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("name a file that can be read ({error})"))?;
    let is_pem = bytes.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----");
    if is_pem { Ok(bytes) } else { Err("name a file with certificates in PEM".to_owned()) }
}

/// The name, when there is one, and the address.
fn sender(text: &str) -> Result<(Option<String>, String), String> {
    let mend = || "write ADDRESS or NAME <ADDRESS>, such as Example <login@example.com>".to_owned();
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.strip_suffix('>').ok_or_else(mend)?),
        None => ("", text),
    };
    let has_parts = address.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let is_fit = has_parts && !text.chars().any(char::is_control) && !address.contains(['<', '>', ' ']);
    if !is_fit || text.len() > 320 {
        return Err(mend());
    }
    Ok((Some(name.to_owned()).filter(|name| !name.is_empty()), address.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_mail_server_is_protected_but_on_this_machine() {
        for (url, host, port, tls) in [
            ("smtp://mail.example.com", "mail.example.com", 587, SmtpTls::StartTls),
            ("smtp://mail.example.com:25", "mail.example.com", 25, SmtpTls::StartTls),
            ("smtps://mail.example.com", "mail.example.com", 465, SmtpTls::Implicit),
            ("smtp://localhost", "localhost", 25, SmtpTls::Plain),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, SmtpTls::Plain),
            ("smtp://[::1]:2525", "::1", 2525, SmtpTls::Plain),
            ("smtp://localhost?tls=required", "localhost", 587, SmtpTls::StartTls),
        ] {
            let server = smtp_url(url).unwrap_or_else(|mend| panic!("{url}: {mend}"));
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
            smtp_url("smtps://me%40example.com:p%2Fw@mail.example.com").unwrap_or_else(|mend| panic!("{mend}"));
        assert_eq!(server.username.as_deref(), Some("me@example.com"));
        assert_eq!(server.password.as_ref().map(|password| password.as_str()), Some("p/w"));
    }

    #[test]
    fn a_sender_has_an_address_and_may_have_a_name() {
        assert_eq!(sender("login@example.com"), Ok((None, "login@example.com".to_owned())));
        assert_eq!(sender("\"The Door\" <a@b.c>"), Ok((Some("The Door".to_owned()), "a@b.c".to_owned())));
        for text in ["", "nobody", "<a@b", "a b@c", "Name <a@b>\r\nBcc: x@y"] {
            assert!(sender(text).is_err(), "{text}");
        }
    }
}
