//! The field in which a new password is chosen, the same on every page that has one, and the words for why one is refused.
//! What may not live here: the rule itself (`users::password`).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use askama::Template;

use super::headers::SCRIPT_POLICY;
use super::{assets, pages};
use crate::error::AppError;
use crate::i18n::Words;
use crate::users::password::{self, PasswordError, PasswordPolicy, Weakness};

/// What `new_password.html` prints: the field, its hint, and what the script says before the form is sent.
pub struct NewPassword {
    /// The words beside the field.
    pub label: String,
    /// What a password must have.
    pub hint: String,
    /// The fewest characters.
    pub min_length: usize,
    /// The most characters.
    pub max_length: usize,
    /// What the script says of one that is too short.
    pub too_short: String,
    /// What the script says of one that holds little but what stands in the other fields.
    pub own_words: String,
    /// What the script says of one that repeats itself.
    pub repeats: String,
    /// What the button that shows the password says.
    pub show: String,
    /// The script's address.
    pub script: &'static str,
}

impl NewPassword {
    /// The field, with the message under `label_key` beside it.
    #[must_use]
    pub fn new(words: &Words, label_key: &str, policy: &PasswordPolicy) -> Self {
        let min_length = policy.min_length;
        Self {
            label: words.get(label_key).to_owned(),
            hint: words.format("new-password-hint", &[("min", min_length.into())]),
            min_length,
            max_length: password::MAX_LENGTH,
            too_short: refusal_text(words, &PasswordError::TooShort { min: min_length }),
            own_words: refusal_text(words, &PasswordError::TooCommon(Weakness::OwnWords)),
            repeats: refusal_text(words, &PasswordError::TooCommon(Weakness::Repeats)),
            show: words.get("new-password-show").to_owned(),
            script: assets::href("new-password.js"),
        }
    }
}

/// Why a password is refused, and what to do about it, in words.
#[must_use]
pub fn refusal_text(words: &Words, error: &PasswordError) -> String {
    let weak = |key: &str| format!("{} {}", words.get(key), words.get("password-weak-advice"));
    match error {
        PasswordError::TooShort { min } => words.format("password-too-short", &[("min", (*min).into())]),
        PasswordError::TooLong => words.format("password-too-long", &[("max", password::MAX_LENGTH.into())]),
        PasswordError::BadCharacters => words.get("password-bad-characters").to_owned(),
        PasswordError::IsUsername => words.get("password-is-username").to_owned(),
        PasswordError::TooCommon(weakness) => weak(match weakness {
            Weakness::OwnWords => "password-weak-own-words",
            Weakness::Common => "password-weak-common",
            Weakness::Keyboard => "password-weak-keyboard",
            Weakness::Repeats => "password-weak-repeats",
            Weakness::Sequence => "password-weak-sequence",
            Weakness::Date => "password-weak-date",
            Weakness::Name => "password-weak-name",
            Weakness::Word => "password-weak-word",
        }),
    }
}

/// A page with the field as an answer: the one kind of page whose policy lets a script of ours run.
///
/// # Errors
/// 500 when it cannot be rendered, which its types rule out.
pub fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
    let mut response = pages::html(status, page)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SCRIPT_POLICY));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;

    #[test]
    fn every_refusal_has_words_in_every_language() {
        for words in i18n::languages() {
            for weakness in [
                Weakness::OwnWords,
                Weakness::Common,
                Weakness::Keyboard,
                Weakness::Repeats,
                Weakness::Sequence,
                Weakness::Date,
                Weakness::Name,
                Weakness::Word,
            ] {
                let text = refusal_text(words, &PasswordError::TooCommon(weakness));
                assert!(!text.contains("password-weak"), "{text}");
            }
        }
    }
}
