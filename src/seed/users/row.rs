//! A row of `[[users]]`: its fields and their checks.

use toml::de::DeValue;
use zeroize::Zeroizing;

use crate::accounts::fields::{self, FieldError};
use crate::seed::field::fields;
use crate::seed::remark::{Position, Remark, RowErrors, UniqueField};
use crate::seed::toml_reader::{read_integer, read_text, read_texts};
use crate::users::argon2id::PasswordHash;
use crate::users::password::{Owner, PasswordPolicy, ProposedPassword};
use crate::users::{UserId, Username};

fields! {
    /// A field of `[[users]]`.
    UserField {
        /// The username, by which the user is found.
        Username = "username",
        /// The user ID.
        Id = "id",
        /// The password.
        Password = "password",
        /// The Argon2id hash of the password.
        PasswordHash = "password_hash",
        /// The display name.
        DisplayName = "display_name",
        /// The email address.
        Email = "email",
        /// The roles.
        Roles = "roles",
    }
}

/// A user in a seed file, checked. An absent field is left alone.
#[derive(Clone, Debug)]
pub struct SeedUser {
    /// The position in the file.
    pub position: Position,
    /// The username.
    pub username: Username,
    /// The user ID.
    pub id: Option<UserId>,
    /// The password or its hash.
    pub secret: Option<SeedSecret>,
    /// The display name.
    pub display_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// All roles, sorted and without duplicates.
    pub roles: Option<Vec<String>>,
}

/// A password as a seed file gives it.
#[derive(Clone, Debug)]
pub enum SeedSecret {
    /// The password itself.
    Plain(ProposedPassword),
    /// Its hash.
    Hash(PasswordHash),
}

/// The values of a row.
#[derive(Default)]
pub(in crate::seed) struct UserInput {
    username: Option<String>,
    id: Option<i64>,
    password: Option<Zeroizing<String>>,
    password_hash: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    roles: Option<Vec<String>>,
}

pub(super) fn read(input: &mut UserInput, field: UserField, value: &DeValue<'_>) -> Result<(), &'static str> {
    match field {
        UserField::Username => input.username = Some(read_text(value)?),
        UserField::Id => input.id = Some(read_integer(value)?),
        UserField::Password => input.password = Some(read_text(value)?.into()),
        UserField::PasswordHash => input.password_hash = Some(read_text(value)?),
        UserField::DisplayName => input.display_name = Some(read_text(value)?),
        UserField::Email => input.email = Some(read_text(value)?),
        UserField::Roles => input.roles = Some(read_texts(value, "use a list such as [\"admin\"]")?),
    }
    Ok(())
}

pub(super) fn check(position: Position, input: UserInput, policy: &PasswordPolicy) -> Result<SeedUser, Vec<Remark>> {
    let UserInput { username, id, password, password_hash, display_name, email, roles } = input;
    let mut errors = RowErrors::new(&position);
    errors.require(UserField::Username, "every user needs one");
    if password.is_some() && password_hash.is_some() {
        errors.add(UserField::PasswordHash, "use password or password_hash, not both");
    }
    let Some(name) = username else { return Err(errors.into_remarks()) };
    // `email` as it is in the file: an error in one field does not hide those of the others.
    let username = errors.check(UserField::Username, Username::parse(&name, email.as_deref()));
    let plain = password.map(|typed| {
        let owner = Owner { username: name.clone(), display_name: display_name.clone(), email: email.clone() };
        ProposedPassword::parse(&typed, owner, policy).map(SeedSecret::Plain)
    });
    let id = id.and_then(|id| errors.check(UserField::Id, fields::check_id(id)));
    let display_name =
        display_name.and_then(|text| errors.check(UserField::DisplayName, fields::check_display_name(text)));
    let email = email.and_then(|text| errors.check(UserField::Email, fields::check_email(text)));
    let roles = roles.and_then(|roles| errors.check(UserField::Roles, fields::check_roles(roles)));
    let secret = match (plain, password_hash) {
        (Some(plain), _) => errors.check(UserField::Password, plain),
        (None, Some(text)) => {
            let hash = PasswordHash::parse(&text).map(SeedSecret::Hash).ok_or(FieldError::PasswordHash);
            errors.check(UserField::PasswordHash, hash)
        }
        (None, None) => None,
    };
    match username {
        Some(username) if errors.is_empty() => {
            Ok(SeedUser { position, username, id, secret, display_name, email, roles })
        }
        _ => Err(errors.into_remarks()),
    }
}

pub(super) fn find_duplicates(users: &[SeedUser]) -> Vec<Remark> {
    let mut usernames = UniqueField::new(UserField::Username, "remove one of them");
    let mut ids = UniqueField::new(UserField::Id, "change one of them");
    let mut errors = Vec::new();
    for user in users {
        errors.extend(usernames.add(user.username.key(), &user.position));
        errors.extend(user.id.and_then(|id| ids.add(id, &user.position)));
    }
    errors
}
