//! What an admin does with roles: who holds them, and which scopes each allows.
//! What may not live here: SQL (`users::store`), and how the outcome is told (`cli`).

use super::AccountService;
use super::fields::{self, FieldError};
use super::lookup::find_user;
use crate::clock::Clock;
use crate::db::{DbConnection, DbError, Rollback};
use crate::scope::Scopes;
use crate::users::{self, ADMIN_ROLE, LookupName, User, UserState};

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

impl AccountService {
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
        self.write(move |conn, _| {
            // Of two who set the same role at once one comes first: on Postgres it would else allow what either requested.
            users::lock_accounts(conn)?;
            let before = set_scopes(conn, &name, &scopes)?;
            let holders = users::count_by_role(conn)?.into_iter().find(|(role, _)| *role == name);
            let users = holders.map_or(0, |(_, count)| count);
            Ok(RoleSetting::Done { role: RoleReport { name: name.clone(), scopes: scopes.clone(), users }, before })
        })
        .await
    }

    /// Grants a user roles.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn grant_roles(&self, name: &LookupName, roles: Vec<String>) -> Result<RolesChange, DbError> {
        self.change_roles(name, roles, RoleChange::Grant(self.clock.clone())).await
    }

    /// Revokes roles of a user. With `is_forced` even the last admin's.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn revoke_roles(
        &self,
        name: &LookupName,
        roles: Vec<String>,
        is_forced: bool,
    ) -> Result<RolesChange, DbError> {
        self.change_roles(name, roles, RoleChange::Revoke { is_forced }).await
    }

    async fn change_roles(
        &self,
        name: &LookupName,
        roles: Vec<String>,
        change: RoleChange,
    ) -> Result<RolesChange, DbError> {
        let roles = match fields::check_roles(roles) {
            Ok(roles) => roles,
            Err(error) => return Ok(RolesChange::Invalid(error)),
        };
        let name = name.clone();
        self.write_or_rollback(move |conn, _| {
            users::lock_accounts(conn)?;
            let Some(user) = find_user(conn, &name)? else { return Ok(RolesChange::NoSuchUser) };
            let held = users::list_roles(conn, user.id)?;
            let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
            for role in &roles {
                let is_held = held.contains(role);
                let is_changed = match &change {
                    RoleChange::Grant(_) if is_held => false,
                    RoleChange::Grant(clock) => {
                        users::grant_role(conn, user.id, role, clock.now())?;
                        true
                    }
                    RoleChange::Revoke { is_forced: false }
                        if is_held && role == ADMIN_ROLE && is_last_admin(conn, &user)? =>
                    {
                        // Rolls back the roles before it too.
                        return Err(Rollback::with(RolesChange::LastAdmin(user)));
                    }
                    RoleChange::Revoke { .. } => users::revoke_role(conn, user.id, role)?,
                };
                if is_changed { &mut changed } else { &mut unchanged }.push(role.clone());
            }
            let roles = users::list_roles(conn, user.id)?;
            Ok(RolesChange::Done { user, changed, unchanged, roles })
        })
        .await
    }
}

/// What to do with roles.
#[derive(Clone)]
enum RoleChange {
    Grant(Clock),
    Revoke { is_forced: bool },
}

/// Sets exactly what a role allows, and returns what it allowed before. The caller holds the lock on accounts.
///
/// # Errors
/// When a query fails.
pub fn set_scopes(conn: &mut DbConnection, role: &str, scopes: &Scopes) -> Result<Scopes, DbError> {
    let before = users::list_role_scopes(conn, &[role.to_owned()])?;
    if before != *scopes {
        users::set_role_scopes(conn, role, scopes)?;
    }
    Ok(before)
}

/// Whether no admin could sign in without this user. Grants and revocations of the admin role wait for each other
/// (`users::lock_accounts`): the last two admins cannot both be removed at the same time.
pub(super) fn is_last_admin(conn: &mut DbConnection, user: &User) -> Result<bool, DbError> {
    if user.state != UserState::Active || users::has_other_admin(conn, user.id)? {
        return Ok(false);
    }
    Ok(users::list_roles(conn, user.id)?.iter().any(|role| role == ADMIN_ROLE))
}
