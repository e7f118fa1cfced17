//! Rendering of an email in its language, as text and HTML.

use askama::Template;

use super::payload::MailPayload;
use crate::config::Config;
use crate::i18n::{self, Translation};

/// The default background of a button, whose text is white.
const BUTTON: &str = "#0f5f4b";

/// The product name, URLs and color from the settings.
pub(super) struct MailBrand {
    pub product: String,
    /// The start of every link. It comes from the settings: an attacker controls the `Host` of a request.
    public_url: String,
    help_url: Option<String>,
    time_zone: chrono_tz::Tz,
    button: String,
}

impl MailBrand {
    pub fn new(config: &Config) -> Self {
        Self {
            product: config.product_name.clone(),
            public_url: config.public_url.as_str().to_owned(),
            help_url: config.brand.help_url.clone(),
            time_zone: config.time_zone,
            // The light variant: the button text is white in every color scheme.
            button: config.brand.accent.map_or_else(|| BUTTON.to_owned(), |accent| accent.light.accent.to_string()),
        }
    }
}

/// The translated parts of an email.
pub(super) struct MailContent<'a> {
    pub lang: &'static str,
    pub subject: String,
    brand: &'a MailBrand,
    greeting: String,
    text: String,
    /// Labels and values, such as the browser of a sign-in.
    facts: Vec<(String, String)>,
    /// Label and URL.
    link: Option<(String, String)>,
    link_hint: String,
    note: String,
    footer: String,
    /// Label and URL.
    help: Option<(String, &'a str)>,
}

#[derive(Template)]
#[template(path = "mail/message.html")]
struct HtmlMessage<'a> {
    mail: &'a MailContent<'a>,
}

#[derive(Template)]
#[template(path = "mail/message.txt")]
struct TextMessage<'a> {
    mail: &'a MailContent<'a>,
}

impl<'a> MailContent<'a> {
    /// Translates an email of this kind.
    pub fn new(mail: &MailPayload, kind: &str, brand: &'a MailBrand) -> Self {
        let MailBrand { product, public_url, help_url, time_zone, .. } = brand;
        let words = i18n::words_for(mail.language.as_deref());
        let name = mail.name.as_deref();
        let text = |key: &str| {
            let arguments = [
                ("product", product.as_str().into()),
                ("name", name.unwrap_or_default().into()),
                ("url", public_url.as_str().into()),
            ];
            words.format(key, &arguments)
        };
        let of_kind = |part: &str| text(&format!("mail-{kind}-{part}"));
        let greeting = text(if name.is_some() { "mail-greeting" } else { "mail-greeting-without-name" });
        let link = mail.path.as_ref().map(|path| (of_kind("link"), format!("{public_url}{path}")));
        Self {
            lang: words.language(),
            subject: of_kind("subject"),
            greeting,
            text: of_kind("text"),
            facts: facts(mail, words, *time_zone),
            link,
            link_hint: text("mail-link-hint"),
            note: of_kind("note"),
            footer: text("mail-footer"),
            help: help_url.as_deref().map(|url| (words.get("footer-help").to_owned(), url)),
            brand,
        }
    }

    /// Renders the text and the HTML.
    pub fn render(&self) -> Result<(String, String), askama::Error> {
        Ok((TextMessage { mail: self }.render()?, HtmlMessage { mail: self }.render()?))
    }
}

fn facts(mail: &MailPayload, words: &Translation, zone: chrono_tz::Tz) -> Vec<(String, String)> {
    let at = mail.at.map(|at| i18n::date_time(words, zone, at));
    let facts = [("device", mail.device.clone()), ("address", mail.address.clone()), ("time", at)];
    let labeled =
        |(name, value): (&str, Option<String>)| Some((words.get(&format!("mail-fact-{name}")).to_owned(), value?));
    facts.into_iter().filter_map(labeled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::mail::{Mail, MailKind};
    use crate::secret::PlainSecret;

    fn kinds() -> Vec<MailKind> {
        let secret = PlainSecret::generate;
        vec![
            MailKind::Reset { secret: secret() },
            MailKind::Welcome { secret: secret() },
            MailKind::Verify { secret: secret() },
            MailKind::Register { link: "x".repeat(450) },
            MailKind::Invite { secret: secret() },
            MailKind::AddressInUse,
            MailKind::PasswordChanged,
            MailKind::NewDevice {
                device: Some("<i>Firefox</i>".to_owned()),
                address: "192.0.2.1".to_owned(),
                at: Clock::system().now(),
            },
            MailKind::AddressRequested,
            MailKind::EmailChangeRequested,
            MailKind::EmailChanged,
            MailKind::AccountDeleted,
        ]
    }

    fn brand() -> MailBrand {
        MailBrand {
            product: "Lee's <b>".to_owned(),
            public_url: "https://login.example.com".to_owned(),
            help_url: Some("https://help.example.com/?a=1&b=2".to_owned()),
            time_zone: chrono_tz::Tz::UTC,
            button: BUTTON.to_owned(),
        }
    }

    #[test]
    fn greeting_has_the_name_and_nothing_else_that_an_earlier_release_queued() {
        for (stored, greeting) in [
            (r#"{"to":"a@example.com","display_name":"Mina Park","username":"mina"}"#, "Hi Mina Park,"),
            (r#"{"to":"a@example.com","language":null,"username":"mina","path":"/password/forgot"}"#, "Hi,"),
            (r#"{"to":"a@example.com"}"#, "Hi,"),
        ] {
            let mail: MailPayload = serde_json::from_str(stored).expect("a payload");
            assert_eq!(MailContent::new(&mail, "password-changed", &brand()).greeting, greeting, "{stored}");
        }
    }

    #[test]
    fn every_mail_is_complete_in_every_language() {
        let brand = brand();
        for words in i18n::languages() {
            for kind in kinds() {
                let (name, has_link) = (kind.name(), kind.has_link());
                let language = Some(words.language().to_owned());
                let to = "alice@example.com".to_owned();
                let mail = Mail { kind, to, name: Some("<b>\"alice\"</b>".to_owned()), language, user_id: None };
                let content = MailContent::new(&MailPayload::from(mail), name, &brand);
                assert_eq!(content.lang, words.language());
                let (text, html) = content.render().expect("renders");
                assert!(!html.contains("<b>") && !html.contains("<i>"), "escaped: {html}");
                assert_eq!(
                    text.contains("https://login.example.com/") && text.contains("?link="),
                    has_link,
                    "{name}: {text}"
                );
                assert!(text.contains("https://help.example.com/?a=1&b=2"), "{text}");
                assert!(html.contains("href=\"https://help.example.com/?a=1&#38;b=2\""), "{html}");
                for part in [&content.subject, &content.greeting, &content.text, &content.note, &content.footer] {
                    let is_korean = part.chars().any(|character| ('가'..='힣').contains(&character));
                    assert_eq!(is_korean, words.language() == "ko", "{name}: {part}");
                }
                let all = [content.subject.as_str(), &text, &html].join(" ");
                assert!(!all.contains("mail-") && !all.contains("{ $"), "{name}: {all}");
                assert!(!content.subject.is_empty() && content.subject.len() < 200);
            }
        }
    }
}
