//! What an admin does with roles: who holds them, and which scopes each allows.
//! What may not live here: SQL (`users::store`), and how the outcome is told (`cli`).

use super::accounts::{find_user, is_last_admin};
use super::fields::{self, FieldError};
use super::{AdminService, IsTransient};
use crate::db::{DbConnection, DbError};
use crate::scope::Scopes;
use crate::users::{self, ADMIN_ROLE, LookupName, User};

/// A role, as far as there is something to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleReport {
    /// Its name.
    pub name: String,
    /// The scopes that it allows.
    pub scopes: Scopes,
    /// How many users hold it.
    pub users: i64,
}

/// What became of a wish to set what a role allows.
#[derive(Clone, Debug)]
pub enum RoleSetting {
    /// It allows exactly that.
    Done {
        /// The role as it is now.
        role: RoleReport,
        /// What it allowed before.
        before: Scopes,
    },
    /// The role's name or a scope is refused.
    Invalid(FieldError),
}

/// What became of a wish to give a user roles, or to take them away.
#[derive(Clone, Debug)]
pub enum RolesChange {
    /// It is as requested.
    Done {
        /// Whose they are.
        user: User,
        /// The roles that were given or taken.
        changed: Vec<String>,
        /// Those for which nothing was to be done.
        unchanged: Vec<String>,
        /// All roles of the user now.
        roles: Vec<String>,
    },
    /// Nobody could administer the server any more.
    LastAdmin(User),
    /// Nobody has this name.
    NoSuchUser,
    /// A role's name is refused.
    Invalid(FieldError),
}

impl AdminService {
    /// The roles that somebody holds or that allow something, and the admin's, in order of their names.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn list_roles(&self) -> Result<Vec<RoleReport>, DbError> {
        self.db
            .read(|conn| {
                let mut scopes = users::list_scopes_by_role(conn)?;
                let counts = users::count_by_role(conn)?;
                for name in counts.iter().map(|(name, _)| name.as_str()).chain([ADMIN_ROLE]) {
                    scopes.entry(name.to_owned()).or_default();
                }
                let users = |name: &str| counts.iter().find(|(role, _)| role == name).map_or(0, |(_, count)| *count);
                Ok(scopes.into_iter().map(|(name, scopes)| RoleReport { users: users(&name), name, scopes }).collect())
            })
            .await
    }

    /// Sets exactly what a role allows.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn set_role(&self, name: &str, scopes: &[String]) -> Result<RoleSetting, DbError> {
        let checked = fields::check_roles(vec![name.to_owned()]).and_then(|_| fields::check_scopes(scopes));
        let scopes = match checked {
            Ok(scopes) => scopes,
            Err(fault) => return Ok(RoleSetting::Invalid(fault)),
        };
        let name = name.to_owned();
        self.write(move |conn| {
            // Of two who set the same role at once one comes first: on Postgres it would else allow what either requested.
            users::lock_accounts(conn)?;
            let before = set_scopes(conn, &name, &scopes)?;
            let holders = users::count_by_role(conn)?.into_iter().find(|(role, _)| *role == name);
            let users = holders.map_or(0, |(_, count)| count);
            Ok(RoleSetting::Done { role: RoleReport { name: name.clone(), scopes: scopes.clone(), users }, before })
        })
        .await
    }

    /// Gives a user roles.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn grant_roles(&self, name: &LookupName, roles: Vec<String>) -> Result<RolesChange, DbError> {
        let clock = self.clock.clone();
        self.change_roles(name, roles, move |conn, user, role, had| {
            if !had {
                users::grant_role(conn, user.id, role, clock.now())?;
            }
            Ok(!had)
        })
        .await
    }

    /// Takes roles from a user. With `is_forced` even the last admin's.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn revoke_roles(
        &self,
        name: &LookupName,
        roles: Vec<String>,
        is_forced: bool,
    ) -> Result<RolesChange, DbError> {
        self.change_roles(name, roles, move |conn, user, role, had| {
            if had && role == ADMIN_ROLE && !is_forced && is_last_admin(conn, user)? {
                return Err(Refusal::LastAdmin);
            }
            Ok(users::revoke_role(conn, user.id, role)?)
        })
        .await
    }

    async fn change_roles<F>(&self, name: &LookupName, roles: Vec<String>, change: F) -> Result<RolesChange, DbError>
    where
        F: Fn(&mut DbConnection, &User, &str, bool) -> Result<bool, Refusal> + Clone + Send + 'static,
    {
        let roles = match fields::check_roles(roles) {
            Ok(roles) => roles,
            Err(fault) => return Ok(RolesChange::Invalid(fault)),
        };
        let name = name.clone();
        let found = name.clone();
        let result = self.write(move |conn| {
            users::lock_accounts(conn)?;
            let Some(user) = find_user(conn, &name)? else { return Ok(RolesChange::NoSuchUser) };
            let held = users::list_roles(conn, user.id)?;
            let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
            for role in &roles {
                let is_changed = change(conn, &user, role, held.contains(role))?;
                if is_changed { &mut changed } else { &mut unchanged }.push(role.clone());
            }
            let roles = users::list_roles(conn, user.id)?;
            Ok(RolesChange::Done { user, changed, unchanged, roles })
        });
        match result.await {
            Ok(change) => Ok(change),
            Err(Refusal::Database(error)) => Err(error),
            // Rolled back whole, the roles before it too.
            Err(Refusal::LastAdmin) => {
                let user = self.find(&found).await?;
                Ok(user.map_or(RolesChange::NoSuchUser, RolesChange::LastAdmin))
            }
        }
    }
}

/// Sets exactly what a role allows, and returns what it allowed before. With the accounts locked.
pub(super) fn set_scopes(conn: &mut DbConnection, role: &str, scopes: &Scopes) -> Result<Scopes, DbError> {
    let before = users::list_role_scopes(conn, &[role.to_owned()])?;
    if before != *scopes {
        users::set_role_scopes(conn, role, scopes)?;
    }
    Ok(before)
}

/// Why a change of roles is rolled back.
enum Refusal {
    LastAdmin,
    Database(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<diesel::result::Error> for Refusal {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl IsTransient for Refusal {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_transient())
    }
}
