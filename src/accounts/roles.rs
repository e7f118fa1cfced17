//! Roles: who has them, and which scopes each allows.

use super::AccountService;
use super::fields::{self, FieldError};
use super::lookup::find_user;
use crate::audit::{self, Cause, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError, Rollback};
use crate::scope::Scopes;
use crate::similar_name::find_similar_name;
use crate::tokens::{BrowserTokenSize, MAX_BROWSER_TOKEN_BYTES};
use crate::users::{self, ADMIN_ROLE, LookupName, User, UserId, UserState};

/// A role in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleReport {
    /// The name.
    pub name: String,
    /// The scopes that it allows.
    pub scopes: Scopes,
    /// The number of users who have it.
    pub users: i64,
}

/// Outcome of setting the scopes of a role.
#[derive(Clone, Debug)]
pub enum RoleSetting {
    /// The role allows exactly the requested scopes.
    Done {
        /// The role after the change.
        role: RoleReport,
        /// The scopes that it allowed before.
        before: Scopes,
    },
    /// The name of the role or a scope is invalid.
    Invalid(FieldError),
}

/// Outcome of deleting a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleDeletion {
    /// The role was deleted.
    Done {
        /// The number of users who had it.
        users: usize,
        /// The number of scopes that it allowed.
        scopes: usize,
    },
    /// The role of administrators cannot be deleted.
    IsAdmin,
    /// No user has the role, and it allows no scopes.
    NoSuchRole,
}

/// A role that no user has and that allows no scopes: perhaps a misspelt one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRole {
    /// The name.
    pub name: String,
    /// The role with the most similar name.
    pub similar: Option<String>,
}

/// Outcome of granting or revoking roles.
#[derive(Clone, Debug)]
pub enum RolesChange {
    /// The user has the requested roles.
    Done {
        /// The user.
        user: User,
        /// The roles that were granted or revoked.
        changed: Vec<String>,
        /// The roles that the user had, or did not have, already.
        unchanged: Vec<String>,
        /// All roles of the user after the change.
        roles: Vec<String>,
    },
    /// The user is the last admin who can sign in.
    LastAdmin(User),
    /// No user has this name.
    NoSuchUser,
    /// The name of a role is invalid, or the user would have too many roles.
    Invalid(FieldError),
}

impl AccountService {
    /// Lists the roles that a user has or that allow a scope, and the admin role, in order of their names.
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

    /// Sets the scopes that a role allows.
    pub async fn set_role(&self, name: &str, scopes: &[String], cause: &Cause) -> Result<RoleSetting, DbError> {
        let checked = fields::check_roles(vec![name.to_owned()]).and_then(|_| fields::check_scopes(scopes));
        let scopes = match checked {
            Ok(scopes) => scopes,
            Err(error) => return Ok(RoleSetting::Invalid(error)),
        };
        let (name, cause, clock) = (name.to_owned(), cause.clone(), self.clock.clone());
        self.write(move |conn, _| {
            // Serializes two calls for one role: on PostgreSQL the role would otherwise end up with the scopes of both.
            users::lock_accounts(conn)?;
            let before = set_scopes(conn, &name, &scopes, &cause, clock.now())?;
            let holders = users::count_by_role(conn)?.into_iter().find(|(role, _)| *role == name);
            let users = holders.map_or(0, |(_, count)| count);
            Ok(RoleSetting::Done { role: RoleReport { name: name.clone(), scopes: scopes.clone(), users }, before })
        })
        .await
    }

    /// Deletes a role, and revokes it from all users, in one transaction.
    pub async fn delete_role(&self, name: &str, cause: &Cause) -> Result<RoleDeletion, DbError> {
        if name == ADMIN_ROLE {
            return Ok(RoleDeletion::IsAdmin);
        }
        let (name, cause, clock) = (name.to_owned(), cause.clone(), self.clock.clone());
        self.write(move |conn, _| {
            users::lock_accounts(conn)?;
            let (users, scopes) = users::delete_role(conn, &name)?;
            if users + scopes == 0 {
                return Ok(RoleDeletion::NoSuchRole);
            }
            audit::record(conn, &Event::of_role(EventKind::RoleDeleted, &name, None, &cause, clock.now()))?;
            Ok(RoleDeletion::Done { users, scopes })
        })
        .await
    }

    /// Lists the names of the roles that [`Self::list_roles`] lists.
    pub async fn list_role_names(&self) -> Result<Vec<String>, DbError> {
        self.db.read(|conn| Ok(users::list_role_names(conn)?)).await
    }

    /// Finds the roles among these that no user has and that allow no scopes.
    pub async fn find_unknown_roles(&self, names: &[String]) -> Result<Vec<UnknownRole>, DbError> {
        Ok(find_unknown(names, &self.list_role_names().await?))
    }

    /// Checks that the access token of a user with these roles fits into a browser's cookie. Without an ID, it is
    /// computed for the longest one.
    ///
    /// # Errors
    /// [`FieldError::TooManyRoles`].
    pub fn check_roles_fit(&self, username: &str, id: Option<UserId>, roles: &[String]) -> Result<(), FieldError> {
        check_roles_fit(&self.browser_token_size, username, id, roles)
    }

    /// Grants roles to a user. All of them together must fit into a browser's cookie.
    pub async fn grant_roles(
        &self,
        name: &LookupName,
        roles: Vec<String>,
        cause: &Cause,
    ) -> Result<RolesChange, DbError> {
        self.change_roles(name, roles, RoleChange::Grant, cause).await
    }

    /// Revokes roles of a user. With `is_forced` even the last admin's.
    pub async fn revoke_roles(
        &self,
        name: &LookupName,
        roles: Vec<String>,
        is_forced: bool,
        cause: &Cause,
    ) -> Result<RolesChange, DbError> {
        self.change_roles(name, roles, RoleChange::Revoke { is_forced }, cause).await
    }

    async fn change_roles(
        &self,
        name: &LookupName,
        roles: Vec<String>,
        change: RoleChange,
        cause: &Cause,
    ) -> Result<RolesChange, DbError> {
        let roles = match fields::check_roles(roles) {
            Ok(roles) => roles,
            Err(error) => return Ok(RolesChange::Invalid(error)),
        };
        let (service, name, cause) = (self.clone(), name.clone(), cause.clone());
        self.write_or_rollback(move |conn, _| service.change_roles_in(conn, &name, &roles, change, &cause)).await
    }

    /// Grants or revokes roles, which were checked, as a step of a transaction. An outcome that is returned as an error
    /// must roll back.
    pub fn change_roles_in(
        &self,
        conn: &mut DbConnection,
        name: &LookupName,
        roles: &[String],
        change: RoleChange,
        cause: &Cause,
    ) -> Result<RolesChange, Rollback<RolesChange>> {
        users::lock_accounts(conn)?;
        let now = self.clock.now();
        let Some(user) = find_user(conn, name)? else { return Ok(RolesChange::NoSuchUser) };
        let held = users::list_roles(conn, user.id)?;
        let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
        for role in roles {
            let is_held = held.contains(role);
            let is_changed = match change {
                RoleChange::Grant if is_held => false,
                RoleChange::Grant => {
                    grant_role(conn, user.id, role, cause, now)?;
                    true
                }
                RoleChange::Revoke { is_forced: false }
                    if is_held && role == ADMIN_ROLE && is_last_admin(conn, &user)? =>
                {
                    // Rolls back the roles that were revoked before it.
                    return Err(Rollback::with(RolesChange::LastAdmin(user)));
                }
                RoleChange::Revoke { .. } => revoke_role(conn, user.id, role, cause, now)?,
            };
            if is_changed { &mut changed } else { &mut unchanged }.push(role.clone());
        }
        let roles = users::list_roles(conn, user.id)?;
        if matches!(change, RoleChange::Grant) && !changed.is_empty() {
            check_roles_fit(&self.browser_token_size, &user.username, Some(user.id), &roles)
                .map_err(|error| Rollback::with(RolesChange::Invalid(error)))?;
        }
        Ok(RolesChange::Done { user, changed, unchanged, roles })
    }
}

/// Finds the roles that are not among the `known` ones.
#[must_use]
pub fn find_unknown(names: &[String], known: &[String]) -> Vec<UnknownRole> {
    let unknown = names.iter().filter(|name| !known.contains(name));
    let similar = |name: &str| {
        let most = if name.len() < 6 { 1 } else { 2 };
        find_similar_name(name, known.iter().map(String::as_str), most).map(str::to_owned)
    };
    unknown.map(|name| UnknownRole { name: name.clone(), similar: similar(name) }).collect()
}

/// A change of a user's roles.
#[derive(Clone, Copy, Debug)]
pub enum RoleChange {
    /// Grants them.
    Grant,
    /// Revokes them.
    Revoke {
        /// Even from the last admin.
        is_forced: bool,
    },
}

fn check_roles_fit(
    size: &BrowserTokenSize,
    username: &str,
    id: Option<UserId>,
    roles: &[String],
) -> Result<(), FieldError> {
    let bytes = size.bytes(username, id.unwrap_or(fields::MAX_USER_ID), roles);
    if bytes > MAX_BROWSER_TOKEN_BYTES { Err(FieldError::TooManyRoles(bytes)) } else { Ok(()) }
}

/// Grants a role that the user does not have, and records it.
pub fn grant_role(conn: &mut DbConnection, id: UserId, role: &str, cause: &Cause, now: Moment) -> Result<(), DbError> {
    users::grant_role(conn, id, role, now)?;
    audit::record(conn, &Event::of_role(EventKind::RoleGranted, role, Some(id.0), cause, now))?;
    Ok(())
}

/// Revokes a role, and records it. Returns whether the user had it.
pub fn revoke_role(
    conn: &mut DbConnection,
    id: UserId,
    role: &str,
    cause: &Cause,
    now: Moment,
) -> Result<bool, DbError> {
    let is_changed = users::revoke_role(conn, id, role)?;
    if is_changed {
        audit::record(conn, &Event::of_role(EventKind::RoleRevoked, role, Some(id.0), cause, now))?;
    }
    Ok(is_changed)
}

/// Sets the scopes that a role allows, and returns those that it allowed before. The caller holds the lock on accounts.
pub fn set_scopes(
    conn: &mut DbConnection,
    role: &str,
    scopes: &Scopes,
    cause: &Cause,
    now: Moment,
) -> Result<Scopes, DbError> {
    let before = users::list_role_scopes(conn, role)?;
    if before != *scopes {
        users::set_role_scopes(conn, role, scopes)?;
        audit::record(conn, &Event::of_role(EventKind::RoleChanged, role, None, cause, now))?;
    }
    Ok(before)
}

/// Whether this user is the only admin who can sign in. Grants and revocations of the admin role wait for each other
/// (`users::lock_accounts`): the last two admins cannot both be removed at the same time.
pub(super) fn is_last_admin(conn: &mut DbConnection, user: &User) -> Result<bool, DbError> {
    if user.state != UserState::Active || users::has_other_admin(conn, user.id)? {
        return Ok(false);
    }
    Ok(users::list_roles(conn, user.id)?.iter().any(|role| role == ADMIN_ROLE))
}
