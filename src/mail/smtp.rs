//! Delivery to the mail server: SMTP (RFC 5321) over TLS.

use std::error::Error;
use std::time::{Duration, SystemTime};

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Category;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use url::{Host, Url};

use super::message::{MailBrand, MailContent};
use super::payload::MailPayload;
use crate::clock::{Moment, unix_seconds};
use crate::config::{Config, MailConfig, SmtpTls};
use crate::secret::random_id;

/// How long the mail server may take for one response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// An error in the settings of the mail server.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// `MAIL_FROM` is not a valid sender address.
    #[error("MAIL_FROM={0} is not a valid sender address: use ADDRESS or NAME <ADDRESS>")]
    From(String),
    /// TLS cannot be set up.
    #[error("cannot set up certificate checks for the mail server ({0}): check SMTP_CA_FILE and SMTP_URL")]
    Tls(lettre::transport::smtp::Error),
}

/// Why an email was not sent. The text never names the recipient.
pub(super) enum SendError {
    /// A retry may succeed.
    Transient(String),
    /// No retry can succeed.
    Permanent(String),
}

impl SendError {
    fn reason(self) -> String {
        match self {
            Self::Transient(reason) | Self::Permanent(reason) => reason,
        }
    }
}

/// The mail server and the sender address.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from_name: Option<String>,
    from: Address,
    brand: MailBrand,
    host: String,
}

impl Smtp {
    pub fn new(mail: &MailConfig, config: &Config) -> Result<Self, SmtpError> {
        let host = Url::parse(config.public_url.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned));
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host)
            .port(mail.port)
            .timeout(Some(RESPONSE_TIMEOUT))
            .hello_name(ClientId::Domain(host.clone()))
            .tls(match mail.tls {
                SmtpTls::Plain => Tls::None,
                SmtpTls::StartTls => Tls::Required(tls(mail)?),
                SmtpTls::Implicit => Tls::Wrapper(tls(mail)?),
            });
        if let Some((username, password)) = &mail.credentials {
            builder = builder.credentials(Credentials::new(username.clone(), password.to_string()));
        }
        let from = mail.from_address.parse().map_err(|_| SmtpError::From(mail.from_address.clone()))?;
        Ok(Self {
            transport: builder.build(),
            from_name: mail.from_name.clone(),
            from,
            brand: MailBrand::new(config),
            host,
        })
    }

    /// Sends one email. Its `Message-ID` contains `id`, so a mail server recognizes it if an instance crashed before
    /// removing it from the queue and it is sent again.
    pub async fn send(&self, mail: &MailPayload, kind: &str, id: &str, created_at: Moment) -> Result<(), SendError> {
        let message = self.message(mail, kind, id, created_at).map_err(SendError::Permanent)?;
        self.transport.send(message).await.map(drop).map_err(|error| send_error(&error))
    }

    /// Connects and signs in.
    pub async fn check(&self) -> Result<(), String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the SMTP server accepts no commands".to_owned()),
            Err(error) => Err(send_error(&error).reason()),
        }
    }

    /// Sends an email that only says that it arrived, to an administrator.
    pub async fn send_test(&self, to: &str, now: Moment) -> Result<(), String> {
        let to = address(to).ok_or_else(|| "the address is not valid for SMTP".to_owned())?;
        let product = &self.brand.product;
        let seconds = u64::try_from(unix_seconds(now)).unwrap_or_default();
        let text = format!("This is a test mail, sent by \"vestibule doctor --send-test\" at {}.\n", self.host);
        // The host of an origin has no character that HTML gives a meaning.
        let html = format!("<p>{text}</p>");
        let message = Message::builder()
            .from(Mailbox::new(Some(self.from_name.clone().unwrap_or_else(|| product.clone())), self.from.clone()))
            .to(Mailbox::new(None, to))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(format!("<{}@{}>", random_id(), self.host)))
            .subject(format!("Test mail from {product}"))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|error| error.to_string())?;
        self.transport.send(message).await.map(drop).map_err(|error| send_error(&error).reason())
    }

    fn message(&self, mail: &MailPayload, kind: &str, id: &str, created_at: Moment) -> Result<Message, String> {
        let to = address(&mail.to).ok_or_else(|| "the recipient address is not valid for SMTP".to_owned())?;
        let content = MailContent::new(mail, kind, &self.brand);
        let (text, html) = content.render().map_err(|error| error.to_string())?;
        let name = self.from_name.clone().unwrap_or_else(|| self.brand.product.clone());
        let seconds = u64::try_from(unix_seconds(created_at)).unwrap_or_default();
        Message::builder()
            .from(Mailbox::new(Some(name), self.from.clone()))
            .to(Mailbox::new(None, to))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(format!("<{id}@{}>", self.host)))
            .subject(content.subject.clone())
            .header(AutoSubmitted)
            .header(ContentLanguage(content.lang.to_owned()))
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|error| error.to_string())
    }
}

/// Returns the address with its domain in ASCII, for mail servers without SMTPUTF8 (RFC 6531).
fn address(text: &str) -> Option<Address> {
    let (local, domain) = text.rsplit_once('@')?;
    match Host::parse(domain) {
        Ok(Host::Domain(domain)) => Address::new(local, domain).ok(),
        _ => None,
    }
}

fn tls(mail: &MailConfig) -> Result<TlsParameters, SmtpError> {
    let mut builder = TlsParameters::builder(mail.host.clone());
    if let Some(pem) = &mail.certificates {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(SmtpError::Tls)?);
    }
    builder.build_rustls().map_err(SmtpError::Tls)
}

fn send_error(error: &lettre::transport::smtp::Error) -> SendError {
    let Some(code) = error.status() else {
        // An error of the connection, which does not contain the recipient.
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            if !text.contains(&cause.to_string()) {
                text = format!("{text}: {cause}");
            }
            source = cause.source();
        }
        return SendError::Transient(text);
    };
    // Only the code: the server's text often repeats the recipient. 53x rejects the credentials, which an administrator
    // can correct.
    if error.is_permanent() && code.category != Category::Unspecified3 {
        SendError::Permanent(format!("the SMTP server returned {code}"))
    } else {
        SendError::Transient(format!("the SMTP server returned {code}"))
    }
}

/// Marks an automatic email, to which no absence notice is sent in reply (RFC 3834 §5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The language of the text (RFC 3282).
#[derive(Clone)]
struct ContentLanguage(String);

impl Header for ContentLanguage {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Language")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}
