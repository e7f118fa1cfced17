//! Creating an account with a name, a password and roles.

use zeroize::Zeroizing;

use super::fields::{self, FieldError};
use super::roles::grant_role;
use super::{Account, AccountError, AccountService};
use crate::audit::{self, Cause, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::users::password::{Owner, ProposedPassword};
use crate::users::{self, NewUser, UserId, Username};

/// The fields of a new account, unchecked.
#[derive(Clone, Debug, Default)]
pub struct UserFields {
    /// The username.
    pub username: String,
    /// The requested user ID; the next free one when absent.
    pub id: Option<i64>,
    /// The display name.
    pub display_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// The roles.
    pub roles: Vec<String>,
}

impl UserFields {
    /// Checks every field and returns the new user, without a password hash, and the roles.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(self) -> Result<(NewUser, Vec<String>), FieldError> {
        let email = self.email.map(fields::check_email).transpose()?;
        let new = NewUser {
            id: self.id.map(fields::check_id).transpose()?,
            username: Username::parse(&self.username, email.as_deref())?,
            display_name: self.display_name.map(fields::check_display_name).transpose()?,
            email,
            password_hash: None,
        };
        Ok((new, fields::check_roles(self.roles)?))
    }
}

/// Outcome of creating an account.
#[derive(Clone, Debug)]
pub enum Creation {
    /// The account was created.
    Created(Account),
    /// The name belongs to a user, perhaps a deleted one.
    NameTaken,
    /// The user ID belongs to a user, perhaps a deleted one.
    IdTaken,
    /// A field is invalid.
    Invalid(FieldError),
}

impl AccountService {
    /// Creates an account. Without a password its owner cannot sign in yet.
    pub async fn create(
        &self,
        fields: UserFields,
        password: Option<&Zeroizing<String>>,
        cause: &Cause,
    ) -> Result<Creation, AccountError> {
        let (mut new, roles) = match fields.check() {
            Ok(checked) => checked,
            Err(error) => return Ok(Creation::Invalid(error)),
        };
        if let Err(error) = self.check_roles_fit(new.username.as_str(), new.id, &roles) {
            return Ok(Creation::Invalid(error));
        }
        if let Some(typed) = password {
            let hash = match ProposedPassword::parse(typed, Owner::from(&new), &self.password_policy) {
                Ok(proposed) => self.hash_new(proposed).await?,
                Err(error) => Err(error),
            };
            match hash {
                Ok(hash) => new.password_hash = Some(hash.into()),
                Err(error) => return Ok(Creation::Invalid(error.into())),
            }
        }
        let (cause, clock) = (cause.clone(), self.clock.clone());
        Ok(self.write(move |conn, _| create(conn, new.clone(), &roles, &cause, clock.now())).await?)
    }
}

/// Creates an account with these roles.
pub fn create(
    conn: &mut DbConnection,
    new: NewUser,
    roles: &[String],
    cause: &Cause,
    now: Moment,
) -> Result<Creation, DbError> {
    users::lock_accounts(conn)?;
    let user = match users::create(conn, new, now)? {
        users::UserCreation::Created(user) => user,
        users::UserCreation::NameTaken => return Ok(Creation::NameTaken),
        users::UserCreation::IdTaken => return Ok(Creation::IdTaken),
    };
    finish_creation(conn, user.id, roles, cause, now)?;
    Ok(Creation::Created(Account { user, roles: roles.to_vec() }))
}

/// Records a new account and grants its first roles.
pub fn finish_creation(
    conn: &mut DbConnection,
    id: UserId,
    roles: &[String],
    cause: &Cause,
    now: Moment,
) -> Result<(), DbError> {
    audit::record(conn, &Event::of_user(EventKind::Created, id.0, cause, now))?;
    for role in roles {
        grant_role(conn, id, role, cause, now)?;
    }
    Ok(())
}
