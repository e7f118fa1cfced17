//! From a letter to a message: its words in the reader's language, as text and as HTML. Links begin with `PUBLIC_URL` and with nothing
//! that a request said. What may not live here: words (`locales/`), and the way to the mail server (`smtp.rs`).

use askama::Template;

use super::letter::Letter;
use crate::config::Config;
use crate::i18n::{self, Words};

/// What a button is filled with unless the settings say otherwise: words on it are white.
const BUTTON: &str = "#0f5f4b";

/// From whom mails come, and what leads back there.
pub(super) struct MailBrand {
    /// What the service is called.
    pub product: String,
    public_url: String,
    help_url: Option<String>,
    button: String,
}

impl MailBrand {
    /// From the settings.
    pub fn new(config: &Config) -> Self {
        Self {
            product: config.product_name.clone(),
            public_url: config.public_url.as_str().to_owned(),
            help_url: config.brand.help_url.clone(),
            // On white: a mail's own background is the reader's choice.
            button: config.brand.accent.map_or_else(|| BUTTON.to_owned(), |accent| accent.light.accent.to_string()),
        }
    }
}

/// A message in words, ready to print.
pub(super) struct Content<'a> {
    pub lang: &'static str,
    pub subject: String,
    brand: &'a MailBrand,
    greeting: String,
    text: String,
    /// Names and values, such as the browser of a new sign-in.
    facts: Vec<(String, String)>,
    /// What the link says, and where it leads.
    link: Option<(String, String)>,
    link_hint: String,
    note: String,
    footer: String,
    /// What the link to help says, and where it leads.
    help: Option<(String, &'a str)>,
}

#[derive(Template)]
#[template(path = "mail/message.html")]
struct HtmlMessage<'a> {
    mail: &'a Content<'a>,
}

#[derive(Template)]
#[template(path = "mail/message.txt")]
struct TextMessage<'a> {
    mail: &'a Content<'a>,
}

impl<'a> Content<'a> {
    /// Puts a letter of this kind into words.
    pub fn new(letter: &Letter, kind: &str, brand: &'a MailBrand) -> Self {
        let MailBrand { product, public_url, help_url, .. } = brand;
        let words = i18n::words_for(letter.language.as_deref());
        let name = letter.display_name.as_deref().or(letter.username.as_deref());
        let say = |key: &str| {
            let named = [
                ("product", product.as_str().into()),
                ("name", name.unwrap_or_default().into()),
                ("url", public_url.as_str().into()),
            ];
            words.format(key, &named)
        };
        let of_kind = |part: &str| say(&format!("mail-{kind}-{part}"));
        let greeting = say(if name.is_some() { "mail-greeting" } else { "mail-greeting-without-name" });
        let link = letter.path.as_ref().map(|path| (of_kind("link"), format!("{public_url}{path}")));
        Self {
            lang: words.language(),
            subject: of_kind("subject"),
            greeting,
            text: of_kind("text"),
            facts: facts(letter, words),
            link,
            link_hint: say("mail-link-hint"),
            note: of_kind("note"),
            footer: say("mail-footer"),
            help: help_url.as_deref().map(|url| (words.get("footer-help").to_owned(), url)),
            brand,
        }
    }

    /// The text and the HTML.
    pub fn render(&self) -> Result<(String, String), askama::Error> {
        Ok((TextMessage { mail: self }.render()?, HtmlMessage { mail: self }.render()?))
    }
}

fn facts(letter: &Letter, words: &Words) -> Vec<(String, String)> {
    let at = letter.at.map(|at| i18n::date_time(words, at));
    let facts = [("device", letter.device.clone()), ("address", letter.address.clone()), ("time", at)];
    let named =
        |(name, value): (&str, Option<String>)| Some((words.get(&format!("mail-fact-{name}")).to_owned(), value?));
    facts.into_iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::mail::{Mail, MailKind};
    use crate::secret::PlainSecret;

    fn kinds() -> Vec<MailKind> {
        let username = || "<b>\"alice\"</b>".to_owned();
        let secret = PlainSecret::generate;
        vec![
            MailKind::Reset { username: username(), secret: secret() },
            MailKind::Verify { username: username(), secret: secret() },
            MailKind::Register { secret: secret() },
            MailKind::Invite { secret: secret() },
            MailKind::AddressInUse { username: username() },
            MailKind::PasswordChanged { username: username() },
            MailKind::NewDevice {
                username: username(),
                device: "<i>Firefox</i>".to_owned(),
                address: "192.0.2.1".to_owned(),
                at: Clock::system().now(),
            },
            MailKind::AddressWanted { username: username() },
            MailKind::EmailChangeAsked { username: username() },
            MailKind::EmailChanged { username: username() },
            MailKind::AccountDeleted { username: username() },
        ]
    }

    fn brand() -> MailBrand {
        MailBrand {
            product: "Lee's <b>".to_owned(),
            public_url: "https://login.example.com".to_owned(),
            help_url: Some("https://help.example.com/?a=1&b=2".to_owned()),
            button: BUTTON.to_owned(),
        }
    }

    #[test]
    fn greeting_prefers_the_display_name_and_reads_letters_stored_without_one() {
        for (stored, greeting) in [
            (r#"{"to":"a@example.com","display_name":"Mina Park","username":"mina"}"#, "Hi Mina Park,"),
            (r#"{"to":"a@example.com","language":null,"username":"mina","path":"/password/forgot"}"#, "Hi mina,"),
            (r#"{"to":"a@example.com"}"#, "Hi,"),
        ] {
            let letter: Letter = serde_json::from_str(stored).expect("a letter");
            assert_eq!(Content::new(&letter, "password-changed", &brand()).greeting, greeting, "{stored}");
        }
    }

    #[test]
    fn every_mail_is_written_whole_in_every_language() {
        let brand = brand();
        for words in i18n::languages() {
            for kind in kinds() {
                let (name, has_link) = (kind.name(), kind.has_link());
                let language = Some(words.language().to_owned());
                let to = "alice@example.com".to_owned();
                let mail = Mail { kind, to, display_name: None, language, user_id: None };
                let content = Content::new(&Letter::from(mail), name, &brand);
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
