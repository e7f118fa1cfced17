//! Who has an account: the user, their name and id, and how their password is checked.
//! `username.rs`, `email.rs`, `password.rs` and `weakness.rs` hold the rules, `argon2id.rs` the hash, `hash_pool.rs` the threads it runs on, `store.rs`
//! the rows. What may not live here: what a wrong password leads to (`credentials`).

pub mod argon2id;
mod email;
pub mod hash_pool;
pub mod password;
mod store;
mod username;
mod weakness;

use std::fmt;

use diesel::QueryResult;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::secret::random_id;
use argon2id::PasswordHash;
pub use email::{email_key, is_email};
pub use store::{
    change_password_hash, count_by_role, delete, find_by_id, find_by_key, grant_role, has_admin, has_other_admin, list,
    list_by_email_key, list_by_keys, list_role_scopes, list_roles, list_roles_of, list_scopes_by_role, lock,
    lock_accounts, reserve_ids, revoke_role, set_disabled, set_display_name, set_email, set_language,
    set_password_hash, set_role_scopes, set_signed_in, set_verified_email,
};
pub use username::{LookupName, Username, UsernameError};

/// The role of those who may administer the server.
pub const ADMIN_ROLE: &str = "admin";
/// The most characters in a display name.
pub const MAX_DISPLAY_NAME: usize = 100;
/// The most characters in a role's name.
pub const MAX_ROLE: usize = 64;

/// A user's number: from 1 upward, never given out twice, the token's `id`.
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
    /// It can.
    Active,
    /// An admin turned it off at this moment.
    Disabled(Moment),
    /// It is gone; its row keeps the name and number from being given to another person.
    Deleted(Moment),
}

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    /// The number in tokens.
    pub id: UserId,
    /// The name as it was given; the token's `sub`.
    pub username: String,
    /// What the person is called, when they said so.
    pub display_name: Option<String>,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// When they proved that the address is theirs; `None` while only an admin says so.
    pub email_verified_at: Option<Moment>,
    /// The language they chose, as a tag of `locales/`; `None` when their browser decides.
    pub language: Option<String>,
    /// The password's hash; `None` when no password lets them in.
    pub password_hash: Option<PasswordHash>,
    /// When the account was made.
    pub created_at: Moment,
    /// When somebody last signed in to it.
    pub last_signed_in_at: Option<Moment>,
    /// Whether it can sign in.
    pub state: UserState,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The number to give it, or the next free one.
    pub id: Option<UserId>,
    /// Its name, checked.
    pub username: Username,
    /// What the person is called.
    pub display_name: Option<String>,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// The password's hash.
    pub password_hash: Option<PasswordHash>,
}

/// What became of a wish to make an account.
#[derive(Clone, Debug)]
pub enum Creation {
    /// It was made.
    Created(User),
    /// The name is somebody's, or was.
    NameTaken,
    /// The number is somebody's, or was.
    IdTaken,
}

/// Makes an account.
///
/// # Errors
/// When a query fails.
pub fn create(conn: &mut DbConnection, new: NewUser, now: Moment) -> QueryResult<Creation> {
    if find_by_key(conn, new.username.key())?.is_some() {
        return Ok(Creation::NameTaken);
    }
    let Some(id) = store::take_id(conn, new.id)? else { return Ok(Creation::IdTaken) };
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
        state: UserState::Active,
    };
    store::insert(conn, &user, new.username.key(), &random_id())?;
    Ok(Creation::Created(user))
}

/// Checks a display name: not empty, at most [`MAX_DISPLAY_NAME`] characters, no control characters.
#[must_use]
pub fn is_display_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_DISPLAY_NAME).contains(&length) && !text.chars().any(char::is_control) && text.trim() == text
}

/// Checks a role's name: 1 to [`MAX_ROLE`] lower-case letters, digits and `. _ : -`.
#[must_use]
pub fn is_role(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._:-".contains(&byte);
    (1..=MAX_ROLE).contains(&text.len()) && text.bytes().all(is_allowed)
}
