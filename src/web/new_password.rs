//! The field for a new password, and the messages for a rejected one.

use crate::i18n::Translation;
use crate::users::password::{self, PasswordError, PasswordPolicy, Weakness};

/// The fields of `new_password.html`: label, hint, and the messages that its script shows before the form is sent.
pub struct NewPassword {
    /// The label.
    pub label: String,
    /// The rule.
    pub hint: String,
    /// Minimum length in characters.
    pub min_length: usize,
    /// Maximum length in characters.
    pub max_length: usize,
    /// Message for a password that is too short.
    pub too_short: String,
    /// Message for a password made of the other fields' words.
    pub own_words: String,
    /// Message for a repetitive password.
    pub repeats: String,
}

impl NewPassword {
    /// Builds the field with the label under `label_key`.
    #[must_use]
    pub fn new(words: &Translation, label_key: &str, policy: &PasswordPolicy) -> Self {
        let min_length = policy.min_length;
        Self {
            label: words.get(label_key).to_owned(),
            hint: words.format("new-password-hint", &[("min", min_length.into())]),
            min_length,
            max_length: password::MAX_LENGTH,
            too_short: rejection_text(words, &PasswordError::TooShort { min: min_length }),
            own_words: rejection_text(words, &PasswordError::TooCommon(Weakness::OwnWords)),
            repeats: rejection_text(words, &PasswordError::TooCommon(Weakness::Repeats)),
        }
    }
}

/// The message for a rejected password.
#[must_use]
pub fn rejection_text(words: &Translation, error: &PasswordError) -> String {
    let weak = |key: &str| format!("{} {}", words.get(key), words.get("password-weak-advice"));
    match error {
        PasswordError::TooShort { min } => words.format("password-too-short", &[("min", (*min).into())]),
        PasswordError::TooLong => words.format("password-too-long", &[("max", password::MAX_LENGTH.into())]),
        PasswordError::BadCharacter(character) => {
            let code = format!("U+{:04X}", u32::from(*character));
            words.format("password-bad-character", &[("code", code.into())])
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;

    #[test]
    fn every_weakness_has_a_message_in_every_language() {
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
                let text = rejection_text(words, &PasswordError::TooCommon(weakness));
                assert!(!text.contains("password-weak"), "{text}");
            }
        }
    }
}
