//! Users: their accounts, the rules on usernames and passwords, and password hashing.

pub mod argon2id;
pub mod decoys;
mod email;
pub mod hash_pool;
pub mod imported_hash;
mod name_policy;
pub mod password;
mod precis;
mod skeleton;
mod store;
pub mod stored_hash;
mod username;
mod weakness;

use std::fmt;

use diesel::QueryResult;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::mail::{Mail, MailKind};
pub use crate::scope::{ADMIN_ROLE, MAX_ROLE_CHARACTERS, is_role};
use crate::secret::random_id;
pub use email::{email_key, is_email};
pub use name_policy::{NamePolicy, NameProblem};
pub use store::{
    ExportedUser, ListedPart, ListedState, UserFilter, UserRow, UserSort, change_password_hash, count_by_role,
    count_password_hashes, delete, delete_role, fill_skeletons, find_by_id, find_by_key, find_by_verified_email_key,
    find_for_sign_in, grant_role, has_admin, has_email_key, has_other_admin, insert_imported, list,
    list_active_by_email_key, list_by_ids, list_by_keys, list_for_export, list_ids, list_password_hashes_unlike,
    list_role_names, list_role_scopes, list_roles, list_roles_of, list_roles_with_scopes, list_scopes_by_role,
    list_similar, list_taken_ids, list_usernames, list_verified_email_keys, lock, lock_accounts, merge_roles,
    reserve_ids, revoke_role, set_disabled, set_display_name, set_email, set_language, set_new_password_required,
    set_password_hash, set_role_scopes, set_signed_in, set_verified_email,
};
use stored_hash::StoredHash;
pub use username::{LookupName, MAX_CHARACTERS as MAX_USERNAME_CHARACTERS, Username, UsernameError};

/// The most characters in a display name.
pub const MAX_DISPLAY_NAME_CHARACTERS: usize = 100;

/// A user ID: a number from 1 upward, never reused; the token's `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether an account can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// It can sign in.
    Active,
    /// An admin disabled it at this time.
    Disabled(Moment),
    /// It was deleted at this time; its row reserves the username and the user ID.
    Deleted(Moment),
}

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    /// The user ID.
    pub id: UserId,
    /// The username as it was given; the token's `sub`.
    pub username: String,
    /// The display name.
    pub display_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// When the user confirmed the address; `None` if only an admin set it.
    pub email_verified_at: Option<Moment>,
    /// The chosen language, as a tag of `locales/`; `None` for the browser's.
    pub language: Option<String>,
    /// The password hash; `None` if the account has no password.
    pub password_hash: Option<StoredHash>,
    /// When the account was created.
    pub created_at: Moment,
    /// When the user last signed in.
    pub last_signed_in_at: Option<Moment>,
    /// Since when the user must set a new password by a link before they can sign in.
    pub new_password_required_at: Option<Moment>,
    /// Whether the account can sign in.
    pub state: UserState,
}

impl User {
    /// A mail to this account; `None` if it has no email address. Only at an address that the user has confirmed it may
    /// repeat text that they chose: their name, and what their browser calls itself. Any other address may be a
    /// stranger's, to whom such text would be a message from an attacker.
    #[must_use]
    pub fn mail(&self, kind: MailKind) -> Option<Mail> {
        let to = self.email.clone()?;
        let is_confirmed = self.email_verified_at.is_some();
        let name = is_confirmed.then(|| self.display_name.as_ref().unwrap_or(&self.username).clone());
        let kind = match kind {
            MailKind::NewDevice { device, address, at } => {
                MailKind::NewDevice { device: device.filter(|_| is_confirmed), address, at }
            }
            kind => kind,
        };
        Some(Mail { kind, to, name, language: self.language.clone(), user_id: Some(self.id.0) })
    }
}

/// The fields of a new account.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The user ID; `None` for the next free one.
    pub id: Option<UserId>,
    /// The username.
    pub username: Username,
    /// The display name.
    pub display_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// The password hash.
    pub password_hash: Option<StoredHash>,
}

/// A user of an imported file, checked.
#[derive(Clone, Debug)]
pub struct ImportedUser {
    /// The user ID; `None` for the next free one.
    pub id: Option<UserId>,
    /// The username.
    pub username: Username,
    /// The display name.
    pub display_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// When the user confirmed the address.
    pub email_verified_at: Option<Moment>,
    /// The language, as a tag of `locales/`.
    pub language: Option<String>,
    /// The password hash, as it is stored.
    pub password_hash: Option<String>,
    /// When the account was created.
    pub created_at: Moment,
    /// When the account was disabled.
    pub disabled_at: Option<Moment>,
    /// The roles, without duplicates.
    pub roles: Vec<String>,
}

/// Outcome of creating an account.
#[derive(Clone, Debug)]
pub enum UserCreation {
    /// It was created.
    Created(User),
    /// The username is or was taken.
    NameTaken,
    /// The user ID is or was taken.
    IdTaken,
}

/// Creates an account.
pub fn create(conn: &mut DbConnection, new: NewUser, now: Moment) -> QueryResult<UserCreation> {
    if find_by_key(conn, new.username.key())?.is_some() {
        return Ok(UserCreation::NameTaken);
    }
    let Some(id) = store::allocate_id(conn, new.id)? else { return Ok(UserCreation::IdTaken) };
    let user = User {
        id,
        username: new.username.as_str().to_owned(),
        display_name: new.display_name,
        email: new.email,
        email_verified_at: None,
        language: None,
        password_hash: new.password_hash,
        created_at: now,
        last_signed_in_at: None,
        new_password_required_at: None,
        state: UserState::Active,
    };
    store::insert(conn, &user, new.username.key(), &random_id())?;
    store::insert_skeletons(conn, id, &new.username.skeletons())?;
    Ok(UserCreation::Created(user))
}

/// Whether a text is a display name: 1 to [`MAX_DISPLAY_NAME_CHARACTERS`] characters, no control characters, no spaces
/// at either end.
#[must_use]
pub fn is_display_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_DISPLAY_NAME_CHARACTERS).contains(&length) && !text.chars().any(char::is_control) && text.trim() == text
}
