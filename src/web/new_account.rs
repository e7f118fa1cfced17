//! The fields with which a person makes an account of their own, checked, and the words for why one is refused.
//! What may not live here: the rules themselves (`users`), and who may make an account.

use super::form::Parameters;
use super::new_password;
use crate::i18n::Words;
use crate::users::password::{Owner, Password, PasswordError, PasswordPolicy};
use crate::users::{self, NewUser, Username, UsernameError};

/// The fields as they were typed, but the password.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// The name.
    pub username: String,
    /// What the person is called; empty when they did not say.
    pub display_name: String,
}

/// What is wrong with a field.
#[derive(Clone, Debug)]
pub enum AccountFieldError {
    /// The name breaks a rule.
    Username(UsernameError),
    /// The name is somebody's, or was.
    NameTaken,
    /// What the person is called breaks a rule.
    DisplayName,
    /// The password breaks a rule.
    Password(PasswordError),
}

impl Typed {
    /// The fields of a form, cut, so that 16 KiB of name are not sent back.
    #[must_use]
    pub fn read(parameters: &Parameters) -> Self {
        let cut = |name| parameters.get(name).unwrap_or_default().chars().take(256).collect::<String>();
        Self { username: cut("username"), display_name: cut("display_name").trim().to_owned() }
    }

    /// Checks all of them, and the password that goes with them. The hash is still to come. A name with @ is only for whom `email` is
    /// the address of.
    ///
    /// # Errors
    /// The first [`AccountFieldError`].
    pub fn check(
        &self,
        typed_password: &str,
        email: Option<&str>,
        policy: &PasswordPolicy,
    ) -> Result<(NewUser, Password), AccountFieldError> {
        let username = Username::parse(&self.username, email).map_err(AccountFieldError::Username)?;
        let display_name = Some(self.display_name.clone()).filter(|name| !name.is_empty());
        if display_name.as_ref().is_some_and(|name| !users::is_display_name(name)) {
            return Err(AccountFieldError::DisplayName);
        }
        let owner = Owner { username: username.as_str(), display_name: display_name.as_deref(), email };
        let password = Password::choose(typed_password, &owner, policy).map_err(AccountFieldError::Password)?;
        let email = email.map(str::to_owned);
        Ok((NewUser { id: None, username, display_name, email, password_hash: None }, password))
    }
}

impl AccountFieldError {
    /// What happened, and what to do about it, in words.
    #[must_use]
    pub fn text(&self, words: &Words) -> String {
        match self {
            Self::Username(UsernameError::AtSign) => words.get("username-at-sign").to_owned(),
            Self::Username(UsernameError::Invalid | UsernameError::Reserved) => {
                words.get("username-invalid").to_owned()
            }
            Self::NameTaken => words.get("username-taken").to_owned(),
            Self::DisplayName => words.format("display-name-invalid", &[("max", users::MAX_DISPLAY_NAME.into())]),
            Self::Password(error) => new_password::refusal_text(words, error),
        }
    }
}
