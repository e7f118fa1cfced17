//! The fields of a form that creates an account, and their errors.

use super::form::Parameters;
use super::new_password;
use crate::i18n::Translation;
use crate::users::password::{Owner, PasswordError, PasswordPolicy, ProposedPassword};
use crate::users::{self, NameProblem, NewUser, Username, UsernameError};

/// The submitted fields without the password.
#[derive(Clone, Debug, Default)]
pub struct AccountFields {
    /// The username.
    pub username: String,
    /// The display name; may be empty.
    pub display_name: String,
}

/// Why a field is rejected.
#[derive(Clone, Debug)]
pub enum AccountFieldError {
    /// The username breaks a rule.
    Username(UsernameError),
    /// The username is or was in use.
    NameTaken,
    /// The username may not be chosen.
    Name(NameProblem),
    /// The display name breaks a rule.
    DisplayName,
    /// The password breaks a rule.
    Password(PasswordError),
    /// The password is the one that must be replaced.
    OldPassword,
}

impl AccountFields {
    /// Reads the fields of a form, cut to 256 characters, so the form is not shown again with 16 KiB of name.
    #[must_use]
    pub fn read(parameters: &Parameters) -> Self {
        let cut = |name| parameters.get(name).unwrap_or_default().chars().take(256).collect::<String>();
        Self { username: cut("username"), display_name: cut("display_name").trim().to_owned() }
    }

    /// Checks the fields and the form of the password. A username with `@` must equal `email`. The returned user has no
    /// password hash yet.
    pub fn check(
        &self,
        password: &str,
        email: Option<&str>,
        policy: &PasswordPolicy,
    ) -> Result<(NewUser, ProposedPassword), AccountFieldError> {
        let username = Username::parse(&self.username, email).map_err(AccountFieldError::Username)?;
        let display_name = Some(self.display_name.clone()).filter(|name| !name.is_empty());
        if display_name.as_ref().is_some_and(|name| !users::is_display_name(name)) {
            return Err(AccountFieldError::DisplayName);
        }
        let new = NewUser { id: None, username, display_name, email: email.map(str::to_owned), password_hash: None };
        let proposed = ProposedPassword::parse(password, Owner::from(&new), policy);
        Ok((new, proposed.map_err(AccountFieldError::Password)?))
    }
}

impl AccountFieldError {
    /// The message for the person.
    #[must_use]
    pub fn text(&self, words: &Translation) -> String {
        match self {
            Self::Username(UsernameError::AtSign) => words.get("username-at-sign").to_owned(),
            Self::Username(UsernameError::Invalid | UsernameError::Reserved) => {
                words.get("username-invalid").to_owned()
            }
            Self::NameTaken => words.get("username-taken").to_owned(),
            Self::Name(NameProblem::Reserved) => words.get("username-reserved").to_owned(),
            Self::Name(NameProblem::UnusualCharacters) => words.get("username-unusual").to_owned(),
            // Does not name the other user.
            Self::Name(NameProblem::Similar(_)) => words.get("username-similar").to_owned(),
            Self::DisplayName => {
                words.format("display-name-invalid", &[("max", users::MAX_DISPLAY_NAME_CHARACTERS.into())])
            }
            Self::OldPassword => words.get("password-same").to_owned(),
            Self::Password(error) => new_password::rejection_text(words, error),
        }
    }
}
