//! `[[users]]` in a seed file: the fields of an entry, each checked, and no two entries for one user.
//! What may not live here: reading the file (`seed_file.rs`), and what the database holds (`seed_plan.rs`).

use std::collections::HashMap;

use toml::de::DeValue;
use zeroize::Zeroizing;

use super::file::{Entry, Place, Remark, text, texts};
use crate::accounts::fields::{self, FieldError};
use crate::users::argon2id::PasswordHash;
use crate::users::password::{Owner, Password, PasswordPolicy};
use crate::users::{UserId, Username};

/// One user that the file wants, checked.
#[derive(Clone, Debug)]
pub struct SeedUser {
    /// Where in the file.
    pub place: Place,
    /// Their name.
    pub username: Username,
    /// Their number, when the file gives it.
    pub id: Option<UserId>,
    /// Their password, when the file gives one.
    pub secret: Option<SeedSecret>,
    /// What they are called; left alone when absent.
    pub display_name: Option<String>,
    /// Where mail reaches them; left alone when absent.
    pub email: Option<String>,
    /// Exactly these roles, in order and each once; left alone when absent.
    pub roles: Option<Vec<String>>,
}

/// A password as a seed file gives it.
#[derive(Clone, Debug)]
pub enum SeedSecret {
    /// The password itself.
    Plain(Password),
    /// Its hash.
    Hash(PasswordHash),
}

/// The fields of one user as the file gives them.
#[derive(Default)]
pub(super) struct Given {
    username: Option<String>,
    id: Option<i64>,
    password: Option<Zeroizing<String>>,
    password_hash: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    roles: Option<Vec<String>>,
}

impl Entry for Given {
    const TABLE: &'static str = "users";
    const FIELDS: &'static [&'static str] =
        &["username", "id", "password", "password_hash", "display_name", "email", "roles"];
    const EXAMPLE: &'static str = "{ username = \"alice\" }";

    fn take(&mut self, field: &str, value: &DeValue<'_>) -> Result<(), &'static str> {
        match field {
            "username" => self.username = Some(text(value)?),
            "password" => self.password = Some(text(value)?.into()),
            "password_hash" => self.password_hash = Some(text(value)?),
            "display_name" => self.display_name = Some(text(value)?),
            "email" => self.email = Some(text(value)?),
            "id" => {
                let number =
                    value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
                self.id = Some(number.ok_or("use a whole number without quotes")?);
            }
            _ => self.roles = Some(texts(value, "use a list such as [\"admin\"]")?),
        }
        Ok(())
    }
}

/// Checks what an entry gives.
///
/// # Errors
/// Each field that is refused, and why.
pub(super) fn check(place: Place, given: Given, policy: &PasswordPolicy) -> Result<SeedUser, Vec<Remark>> {
    let mut remarks = Vec::new();
    if !place.has("username") {
        remarks.push(place.remark("username", "is missing: every user needs one"));
    }
    if given.password.is_some() && given.password_hash.is_some() {
        remarks.push(place.remark("password_hash", "use password or password_hash, not both"));
    }
    // Given in the wrong kind, or not at all: the fault is noted already.
    let Some(name) = given.username else { return Err(remarks) };
    let mut faults = Vec::new();
    // A fault of one field does not hide those of the others: `email` as given decides on a name with @.
    let username = Username::parse(&name, given.email.as_deref()).map_err(FieldError::from);
    let username = username.map_err(|fault| faults.push(fault)).ok();
    let plain = given.password.map(|typed| {
        let owner =
            Owner { username: &name, display_name: given.display_name.as_deref(), email: given.email.as_deref() };
        Password::choose(&typed, &owner, policy).map(SeedSecret::Plain).map_err(FieldError::from)
    });
    let id = kept(&mut faults, given.id.map(fields::check_id));
    let display_name = kept(&mut faults, given.display_name.map(fields::check_display_name));
    let email = kept(&mut faults, given.email.map(fields::check_email));
    let roles = kept(&mut faults, given.roles.map(fields::check_roles));
    let hash = given
        .password_hash
        .map(|text| PasswordHash::parse(&text).map(SeedSecret::Hash).ok_or(FieldError::PasswordHash));
    let secret = kept(&mut faults, plain.or(hash));
    remarks.extend(faults.iter().map(|fault| place.remark(fault.field(), fault)));
    match username {
        Some(username) if remarks.is_empty() => {
            Ok(SeedUser { place, username, id, secret, display_name, email, roles })
        }
        _ => Err(remarks),
    }
}

/// What stands in the file, when it is there and right; what is wrong with it goes to the faults.
pub(super) fn kept<T>(faults: &mut Vec<FieldError>, checked: Option<Result<T, FieldError>>) -> Option<T> {
    checked?.map_err(|fault| faults.push(fault)).ok()
}

/// Names and numbers that stand in the file twice.
pub(super) fn duplicates(users: &[SeedUser]) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut names: HashMap<&str, &Place> = HashMap::new();
    let mut ids: HashMap<UserId, &Place> = HashMap::new();
    for user in users {
        if let Some(first) = names.insert(user.username.key(), &user.place) {
            let line = first.line_of("username");
            let text = format!("duplicates users[{}].username on line {line}: remove one of them", first.index);
            remarks.push(user.place.remark("username", text));
        }
        if let Some(first) = user.id.and_then(|id| ids.insert(id, &user.place)) {
            let text =
                format!("duplicates users[{}].id on line {}: change one of them", first.index, first.line_of("id"));
            remarks.push(user.place.remark("id", text));
        }
    }
    remarks
}
