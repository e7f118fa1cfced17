//! Checks of the fields of accounts and clients, shared by the command line and seed files.

use crate::clients::{self, GrantType};
use crate::i18n;
use crate::scope::{Scopes, is_scope};
use crate::tokens::MAX_BROWSER_TOKEN_BYTES;
use crate::users::password::PasswordError;
use crate::users::{
    MAX_DISPLAY_NAME_CHARACTERS, MAX_ROLE_CHARACTERS, UserId, UsernameError, is_display_name, is_email, is_role,
};

/// The highest integer that every JSON parser reads exactly (RFC 8259 §6).
const MAX_ID: i64 = 9_007_199_254_740_991;
/// The highest user ID.
pub const MAX_USER_ID: UserId = UserId(MAX_ID);
/// The most characters of an invalid value that an error repeats.
const MAX_EXCERPT_CHARACTERS: usize = 80;

/// Why a field is invalid. The text never repeats a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The username.
    #[error("{0}")]
    Username(#[from] UsernameError),
    /// The user ID.
    #[error("a user ID must be a whole number from 1 to {MAX_ID}")]
    Id,
    /// The display name.
    #[error(
        "a display name must have 1 to {MAX_DISPLAY_NAME_CHARACTERS} characters, no control characters, and no spaces at either end"
    )]
    DisplayName,
    /// The email address.
    #[error("not a valid email address: use the form name@example.com")]
    Email,
    /// The language tag.
    #[error("not a language of this server: use {}", i18n::languages().iter().map(i18n::Translation::language).collect::<Vec<_>>().join(" or "))]
    Language,
    /// A role, with its text.
    #[error("`{0}` is not a valid role: use 1 to {MAX_ROLE_CHARACTERS} lower-case letters, digits and . _ : -")]
    Role(String),
    /// More roles than fit into the token cookie; the bytes of the token.
    #[error(
        "too many or too long: the access token would have {0} bytes, and {MAX_BROWSER_TOKEN_BYTES} bytes fit into a browser's cookie"
    )]
    TooManyRoles(usize),
    /// The name of a client.
    #[error(
        "a client name must have 1 to {max} characters, no control characters, and no spaces at either end, and must not look like a client ID",
        max = clients::MAX_NAME_CHARACTERS
    )]
    ClientName,
    /// A grant type, with its text.
    #[error("`{0}` is not a valid grant: use password, refresh_token or client_credentials")]
    Grant(String),
    /// No grant type.
    #[error("a client needs at least one grant: password, refresh_token or client_credentials")]
    NoGrant,
    /// A scope, with its text.
    #[error(
        "`{0}` is not a valid scope: use 1 to 64 printable ASCII characters without spaces, quotes and backslashes"
    )]
    Scope(String),
    /// Too many scopes.
    #[error("too many scopes: use at most 64")]
    TooManyScopes,
    /// The secret of a client.
    #[error(
        "a client secret must be exactly 43 characters of base64url (32 random bytes), as created by `vestibule clients add`"
    )]
    ClientSecret,
    /// The password.
    #[error("{0}")]
    Password(#[from] PasswordError),
    /// The hash of the password.
    #[error("not a usable Argon2id hash: use the form $argon2id$v=19$m=…,t=…,p=…$salt$hash")]
    PasswordHash,
}

impl FieldError {
    /// The name of the field in a seed file.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Username(_) => "username",
            Self::Id => "id",
            Self::DisplayName => "display_name",
            Self::Email => "email",
            Self::Language => "language",
            Self::Role(_) | Self::TooManyRoles(_) => "roles",
            Self::ClientName => "name",
            Self::Grant(_) | Self::NoGrant => "grants",
            Self::Scope(_) | Self::TooManyScopes => "scopes",
            Self::ClientSecret => "secret",
            Self::Password(_) => "password",
            Self::PasswordHash => "password_hash",
        }
    }
}

/// Checks a requested user ID.
pub fn check_id(id: i64) -> Result<UserId, FieldError> {
    if (1..=MAX_ID).contains(&id) { Ok(UserId(id)) } else { Err(FieldError::Id) }
}

/// Checks a display name.
pub fn check_display_name(text: String) -> Result<String, FieldError> {
    if is_display_name(&text) { Ok(text) } else { Err(FieldError::DisplayName) }
}

/// Checks an email address.
pub fn check_email(text: String) -> Result<String, FieldError> {
    if is_email(&text) { Ok(text) } else { Err(FieldError::Email) }
}

/// Checks a language tag.
pub fn check_language(text: String) -> Result<String, FieldError> {
    if i18n::find(&text).is_some() { Ok(text) } else { Err(FieldError::Language) }
}

/// Checks roles, sorts them and removes duplicates.
pub fn check_roles(mut roles: Vec<String>) -> Result<Vec<String>, FieldError> {
    if let Some(role) = roles.iter().find(|role| !is_role(role)) {
        return Err(FieldError::Role(excerpt(role)));
    }
    roles.sort();
    roles.dedup();
    Ok(roles)
}

/// Checks the name of a client. It must not look like a client ID, because commands accept either.
pub fn check_client_name(name: String) -> Result<String, FieldError> {
    if clients::is_name(&name) && !clients::is_id(&name) { Ok(name) } else { Err(FieldError::ClientName) }
}

/// Checks grant types, sorts them and removes duplicates.
pub fn check_grants(names: &[String]) -> Result<Vec<GrantType>, FieldError> {
    let grant = |name: &String| GrantType::from_name(name).ok_or_else(|| FieldError::Grant(excerpt(name)));
    let mut grants = names.iter().map(grant).collect::<Result<Vec<_>, _>>()?;
    grants.sort();
    grants.dedup();
    if grants.is_empty() { Err(FieldError::NoGrant) } else { Ok(grants) }
}

/// Checks scopes.
pub fn check_scopes(scopes: &[String]) -> Result<Scopes, FieldError> {
    if let Some(scope) = scopes.iter().find(|scope| !is_scope(scope)) {
        return Err(FieldError::Scope(excerpt(scope)));
    }
    Scopes::collect(scopes.iter().map(String::as_str)).ok_or(FieldError::TooManyScopes)
}

fn excerpt(text: &str) -> String {
    text.chars().take(MAX_EXCERPT_CHARACTERS).filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_sorted_and_unique() {
        let roles = ["staff", "admin", "staff"].map(str::to_owned).to_vec();
        assert_eq!(check_roles(roles), Ok(vec!["admin".to_owned(), "staff".to_owned()]));
        assert_eq!(check_roles(vec!["Admin".to_owned()]), Err(FieldError::Role("Admin".to_owned())));
    }

    #[test]
    fn user_id_is_positive_and_exact_in_json() {
        assert_eq!(check_id(1), Ok(UserId(1)));
        assert_eq!(check_id(MAX_ID), Ok(UserId(MAX_ID)));
        for id in [0, -1, MAX_ID + 1, i64::MAX] {
            assert_eq!(check_id(id), Err(FieldError::Id), "{id}");
        }
    }
}
