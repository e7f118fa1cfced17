//! Writing the users of a seed file.

use super::passwords::PasswordAction;
use super::plan::{PlannedChange, PlannedCreation, UserPlan};
use super::row::{SeedUser, UserField};
use crate::accounts::roles::{grant_role, revoke_role};
use crate::accounts::{Account, LINKS_REVOKED_ON_CREDENTIAL_CHANGE, finish_creation, set_password};
use crate::audit::{self, Cause, Event, EventKind};
use crate::db::{DbConnection, DbError, Rollback};
use crate::links;
use crate::seed::remark::Remark;
use crate::seed::row::{Refusal, Transaction};
use crate::users::{self, ADMIN_ROLE, NewUser, User, UserCreation, UserId};

/// What a seed did with users, or in a dry run would do. Lists are in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct UserSeedReport {
    /// The created users.
    pub created: Vec<CreatedUser>,
    /// The changed users.
    pub changed: Vec<ChangedUser>,
    /// The number of users that were as in the file.
    pub unchanged: usize,
    /// What was left alone although the file says otherwise.
    pub notes: Vec<Remark>,
}

/// A created user.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CreatedUser {
    /// The username.
    pub username: String,
    /// The user ID.
    pub id: UserId,
}

/// A changed user.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ChangedUser {
    /// The username.
    pub username: String,
    /// The user ID.
    pub id: UserId,
    /// The changed fields; a new hash is a new password.
    pub fields: Vec<UserField>,
    /// The roles that the user did not have before.
    pub roles_granted: Vec<String>,
    /// The roles that the user no longer has.
    pub roles_revoked: Vec<String>,
    /// The number of sessions that ended.
    pub ended_sessions: usize,
}

pub(super) fn apply(
    transaction: &mut Transaction<'_>,
    rows: &[SeedUser],
    plan: &UserPlan,
) -> Result<UserSeedReport, Rollback<Refusal>> {
    let had_admin = users::has_admin(transaction.conn)?;
    let mut report =
        UserSeedReport { unchanged: plan.unchanged, notes: plan.notes.clone(), ..UserSeedReport::default() };
    for change in &plan.changes {
        report.changed.push(change_user(transaction, change)?);
    }
    let mut free_ids = reserve_ids(transaction.conn, rows, &plan.creations)?;
    for creation in &plan.creations {
        let row = &rows[creation.index];
        let id = row.id.or_else(|| free_ids.next());
        report.created.push(create_user(transaction, row, id, creation)?);
    }
    if had_admin && !users::has_admin(transaction.conn)? {
        return Err(Rollback::with(Refusal::Rejected(no_admin_left(rows, plan))));
    }
    Ok(report)
}

/// Reserves IDs for the new users whose rows have none. They are above all requested IDs: a row without an ID could
/// otherwise take the one that a later row requests.
fn reserve_ids(
    conn: &mut DbConnection,
    rows: &[SeedUser],
    creations: &[PlannedCreation],
) -> Result<impl Iterator<Item = UserId> + use<>, DbError> {
    let requested: Vec<UserId> = creations.iter().filter_map(|creation| rows[creation.index].id).collect();
    let count = i64::try_from(creations.len() - requested.len()).unwrap_or(i64::MAX);
    let first = users::reserve_ids(conn, count, requested.into_iter().max())?;
    Ok((first.0..).map(UserId))
}

fn create_user(
    transaction: &mut Transaction<'_>,
    row: &SeedUser,
    id: Option<UserId>,
    creation: &PlannedCreation,
) -> Result<CreatedUser, Rollback<Refusal>> {
    let Transaction { conn, ended: _, now } = transaction;
    let SeedUser { position, username, id: _, secret: _, display_name, email, roles } = row;
    let new = NewUser {
        id,
        username: username.clone(),
        display_name: display_name.clone(),
        email: email.clone(),
        password_hash: creation.password_hash.clone().map(Into::into),
    };
    let user = match users::create(conn, new, *now)? {
        UserCreation::Created(user) => user,
        UserCreation::NameTaken => return Err(Rollback::with(Refusal::Outdated)),
        UserCreation::IdTaken => {
            let text = "is taken (IDs of deleted users are never reused): choose another, or omit the field";
            return Err(Rollback::with(Refusal::Rejected(position.remark(UserField::Id, text))));
        }
    };
    let roles = roles.as_deref().unwrap_or_default();
    finish_creation(conn, user.id, roles, &Cause::command(), *now)?;
    Ok(CreatedUser { username: user.username, id: user.id })
}

fn change_user(transaction: &mut Transaction<'_>, change: &PlannedChange) -> Result<ChangedUser, Rollback<Refusal>> {
    let PlannedChange { index: _, seen, password, display_name, email, roles_granted, roles_revoked } = change;
    let Transaction { conn, ended, now } = transaction;
    let id = seen.user.id;
    if !users::lock(conn, id)? || !is_as_seen(conn, seen)? {
        return Err(Rollback::with(Refusal::Outdated));
    }
    let mut fields = Vec::new();
    let mut ended_sessions = 0;
    if let PasswordAction::Set(hash) = password {
        fields.push(UserField::Password);
        if let Some(hash) = hash {
            ended_sessions = set_password(conn, ended, id, hash, &Cause::command(), *now)?
                .ok_or_else(|| Rollback::with(Refusal::Outdated))?;
        }
    }
    if display_name.is_some() {
        fields.push(UserField::DisplayName);
        users::set_display_name(conn, id, display_name.as_deref())?;
        audit::record(conn, &Event::of_user(EventKind::ProfileChanged, id.0, &Cause::command(), *now))?;
    }
    if email.is_some() {
        fields.push(UserField::Email);
        users::set_email(conn, id, email.as_deref())?;
        links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, id)?;
        audit::record(conn, &Event::of_user(EventKind::EmailChanged, id.0, &Cause::command(), *now))?;
    }
    if !roles_granted.is_empty() || !roles_revoked.is_empty() {
        fields.push(UserField::Roles);
    }
    for role in roles_granted {
        grant_role(conn, id, role, &Cause::command(), *now)?;
    }
    for role in roles_revoked {
        revoke_role(conn, id, role, &Cause::command(), *now)?;
    }
    Ok(ChangedUser {
        username: seen.user.username.clone(),
        id,
        fields,
        roles_granted: roles_granted.clone(),
        roles_revoked: roles_revoked.clone(),
        ended_sessions,
    })
}

/// Whether the account is as the plan saw it. It stays so, because the caller holds the lock on its row.
fn is_as_seen(conn: &mut DbConnection, seen: &Account) -> Result<bool, DbError> {
    let Some(user) = users::find_by_id(conn, seen.user.id)? else { return Ok(false) };
    let fields = |user: &User| (user.password_hash.clone(), user.display_name.clone(), user.email.clone());
    Ok(fields(&user) == fields(&seen.user) && users::list_roles(conn, user.id)? == seen.roles)
}

fn no_admin_left(rows: &[SeedUser], plan: &UserPlan) -> Remark {
    let text =
        "this revokes the admin role from the last admin: grant it to another user who can sign in, in the same file";
    match plan.changes.iter().find(|change| change.roles_revoked.iter().any(|role| role == ADMIN_ROLE)) {
        Some(change) => rows[change.index].position.remark(UserField::Roles, text),
        None => Remark { line: 1, path: "users".to_owned(), text: text.to_owned() },
    }
}
