//! The checks of a row that need no database.

use super::columns::Column;
use super::hashes::{CheckedHash, HashChecker, HashOptions};
use super::row::Row;
use super::values;
use crate::accounts::{AccountService, UserFields};
use crate::clock::Moment;
use crate::i18n;
use crate::users::imported_hash::ImportedHash;
use crate::users::{ImportedUser, email_key};

/// How rows are checked.
#[derive(Clone, Default)]
pub struct CheckOptions {
    /// Whether the users get no roles, whatever the file says.
    pub without_roles: bool,
    /// Whether users with a second factor are imported without it.
    pub drop_second_factor: bool,
    /// What is known of the password hashes.
    pub hashes: HashOptions,
}

/// A row that can be imported, as far as the file alone shows.
#[derive(Clone, Debug)]
pub(super) struct CheckedRow {
    pub user: ImportedUser,
    pub hash: Option<CheckedHash>,
    /// The canonical form of an address that the user has confirmed.
    pub verified_email_key: Option<String>,
    /// Why a person could not have chosen the username.
    pub name_problem: Option<String>,
    /// Whether its language is unknown here, and left out.
    pub is_language_unknown: bool,
}

impl CheckedRow {
    /// The hash to wrap before it is written.
    pub fn unwrapped_hash(&self) -> Option<&ImportedHash> {
        self.hash.as_ref()?.unwrapped.as_deref()
    }
}

/// Checks rows as `users add` does.
pub(super) struct RowChecker {
    pub accounts: AccountService,
    pub options: CheckOptions,
    pub hashes: HashChecker,
    pub now: Moment,
}

impl RowChecker {
    /// Checks a row.
    ///
    /// # Errors
    /// The first reason why it cannot be imported.
    pub fn check(&self, row: &Row) -> Result<CheckedRow, String> {
        if let Some(problem) = &row.problem {
            return Err(problem.clone());
        }
        let text = |column| row.get(column).map(str::to_owned);
        let named = |column: Column| move |reason: String| format!("{}: {reason}", column.name());
        let roles = match row.get(Column::Roles) {
            Some(roles) if !self.options.without_roles => values::read_roles(roles),
            _ => Vec::new(),
        };
        let id = row.get(Column::Id).map(str::parse).transpose();
        let id = id.map_err(|_| named(Column::Id)("a user ID must be a whole number".to_owned()))?;
        let fields = UserFields {
            username: text(Column::Username).ok_or("it has no username")?,
            id,
            display_name: text(Column::DisplayName),
            email: text(Column::Email),
            roles,
        };
        let (new, roles) = fields.check().map_err(|error| format!("{}: {error}", error.field()))?;
        self.accounts
            .check_roles_fit(new.username.as_str(), new.id, &roles)
            .map_err(|error| format!("{}: {error}", error.field()))?;
        let hash = row.get(Column::PasswordHash).map(|hash| self.hashes.check(hash)).transpose();
        let hash = hash.map_err(named(Column::PasswordHash))?.flatten();
        let is_verified = row.get(Column::EmailVerified).map(values::read_bool).transpose();
        let is_verified = is_verified.map_err(named(Column::EmailVerified))?.unwrap_or(false);
        let verified_email_key = new.email.as_deref().filter(|_| is_verified).and_then(email_key);
        let is_active = row.get(Column::State).map(values::read_state).transpose();
        let is_active = is_active.map_err(named(Column::State))?.unwrap_or(true);
        let created_at = row.get(Column::CreatedAt).map(values::read_time).transpose();
        let created_at = created_at.map_err(named(Column::CreatedAt))?.unwrap_or(self.now);
        if created_at > self.now {
            return Err(named(Column::CreatedAt)("it is in the future".to_owned()));
        }
        let language = row.get(Column::Language).and_then(find_language);
        let name_problem = self.accounts.check_name(&new.username, &roles).map(|problem| problem.to_string());
        Ok(CheckedRow {
            is_language_unknown: row.get(Column::Language).is_some() && language.is_none(),
            user: ImportedUser {
                id: new.id,
                username: new.username,
                display_name: new.display_name,
                email: new.email,
                email_verified_at: verified_email_key.as_ref().map(|_| self.now),
                language: language.map(str::to_owned),
                password_hash: hash.as_ref().and_then(|hash| hash.stored.clone()),
                created_at,
                disabled_at: (!is_active).then_some(self.now),
                roles,
            },
            hash,
            verified_email_key,
            name_problem,
        })
    }
}

/// The language of a tag such as `en_GB` in `locales/`.
fn find_language(tag: &str) -> Option<&'static str> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    i18n::find(tag).or_else(|| i18n::find(&primary)).map(i18n::Translation::language)
}
