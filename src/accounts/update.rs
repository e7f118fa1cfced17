//! Changing the display name, the email address and the language of a user.

use super::fields::{self, FieldError};
use super::lookup::find_account;
use super::{Account, AccountService, LINKS_REVOKED_ON_CREDENTIAL_CHANGE, queue_notification};
use crate::audit::{self, Cause, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links;
use crate::mail::{MailKind, Outbox};
use crate::users::{self, LookupName};

/// A change of a user; an absent field stays, and `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct UserUpdate {
    /// The display name.
    pub display_name: Option<Option<String>>,
    /// The email address, which is not confirmed then.
    pub email: Option<Option<String>>,
    /// The language tag.
    pub language: Option<Option<String>>,
}

impl UserUpdate {
    /// Checks the fields.
    ///
    /// # Errors
    /// The first invalid field.
    fn check(self) -> Result<Self, FieldError> {
        let check = |field: Option<Option<String>>, check: fn(String) -> Result<String, FieldError>| {
            field.map(|value| value.map(check).transpose()).transpose()
        };
        Ok(Self {
            display_name: check(self.display_name, fields::check_display_name)?,
            email: check(self.email, fields::check_email)?,
            language: check(self.language, fields::check_language)?,
        })
    }
}

/// Outcome of changing a user.
#[derive(Clone, Debug)]
pub enum UserUpdating {
    /// The user is as requested.
    Done {
        /// The user after the change.
        account: Account,
        /// The names of the fields that were different before.
        changed: Vec<&'static str>,
    },
    /// No user has this name.
    NoSuchUser,
    /// A field is invalid.
    Invalid(FieldError),
}

impl AccountService {
    /// Changes a user in one transaction. Another email address is not confirmed, and its owner is notified at the old
    /// one.
    pub async fn update(&self, name: &LookupName, update: UserUpdate, cause: &Cause) -> Result<UserUpdating, DbError> {
        let update = match update.check() {
            Ok(update) => update,
            Err(error) => return Ok(UserUpdating::Invalid(error)),
        };
        let (name, cause, clock, outbox) = (name.clone(), cause.clone(), self.clock.clone(), self.outbox.clone());
        self.write(move |conn, _| update_user(conn, &outbox, &name, &update, &cause, clock.now())).await
    }
}

/// Changes a user whose new fields were checked.
pub fn update_user(
    conn: &mut DbConnection,
    outbox: &Outbox,
    name: &LookupName,
    update: &UserUpdate,
    cause: &Cause,
    now: Moment,
) -> Result<UserUpdating, DbError> {
    users::lock_accounts(conn)?;
    let Some(Account { user, .. }) = find_account(conn, name)? else { return Ok(UserUpdating::NoSuchUser) };
    let mut changed = Vec::new();
    if let Some(display_name) = update.display_name.as_ref().filter(|name| **name != user.display_name) {
        users::set_display_name(conn, user.id, display_name.as_deref())?;
        changed.push("display_name");
    }
    if let Some(language) = update.language.as_ref().filter(|language| **language != user.language) {
        users::set_language(conn, user.id, language.as_deref())?;
        changed.push("language");
    }
    if !changed.is_empty() {
        audit::record(conn, &Event::of_user(EventKind::ProfileChanged, user.id.0, cause, now))?;
    }
    if let Some(email) = update.email.as_ref().filter(|email| **email != user.email) {
        queue_notification(conn, outbox, &user, MailKind::EmailChanged, now)?;
        users::set_email(conn, user.id, email.as_deref())?;
        links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user.id)?;
        audit::record(conn, &Event::of_user(EventKind::EmailChanged, user.id.0, cause, now))?;
        changed.push("email");
    }
    let Some(account) = find_account(conn, name)? else { return Ok(UserUpdating::NoSuchUser) };
    Ok(UserUpdating::Done { account, changed })
}
