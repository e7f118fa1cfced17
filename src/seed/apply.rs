//! Carries out a seed plan in one transaction, or finds that the database is no longer as the plan saw it.
//! What may not live here: comparing and hashing (`seed_plan.rs`).

use super::clients::{self as seed_clients, SeedClientChange, SeedClientCreation};
use super::file::{Remark, SeedFile};
use super::plan::{Change, Plan};
use super::roles::{self as seed_roles, SeedRoleChange};
use super::users::SeedUser;
use crate::accounts::{Account, LINKS_REVOKED_ON_CREDENTIAL_CHANGE, set_password};
use crate::audit::{self, ClientInfo, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError, IsTransient};
use crate::links;
use crate::sessions::EndedSessions;
use crate::users::{self, NewUser, UserCreation, UserId};

/// What a seed did, or in a dry run would do.
#[derive(Clone, Debug, Default)]
pub struct SeedReport {
    /// Users that were made, in the order of the file.
    pub created: Vec<SeedCreation>,
    /// Users that were changed, in the order of the file.
    pub changed: Vec<SeedChange>,
    /// How many users were as the file wants them.
    pub unchanged: usize,
    /// What was left alone although the file says otherwise.
    pub notes: Vec<Remark>,
    /// Roles whose scopes were set, in the order of the file.
    pub roles_changed: Vec<SeedRoleChange>,
    /// How many roles were as the file wants them.
    pub roles_unchanged: usize,
    /// Programs that were registered, in the order of the file.
    pub clients_created: Vec<SeedClientCreation>,
    /// Programs that were changed, in the order of the file.
    pub clients_changed: Vec<SeedClientChange>,
    /// How many programs were as the file wants them.
    pub clients_unchanged: usize,
}

/// A user that was made.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SeedCreation {
    /// Their name.
    pub username: String,
    /// Their number.
    pub id: UserId,
}

/// A user that was changed.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SeedChange {
    /// Their name.
    pub username: String,
    /// Their number.
    pub id: UserId,
    /// Which fields changed: `password`, `display_name`, `email`, `roles`.
    pub fields: Vec<&'static str>,
    /// Roles they did not have before.
    pub roles_granted: Vec<String>,
    /// Roles they no longer have.
    pub roles_revoked: Vec<String>,
    /// How many of their sessions ended.
    pub ended_sessions: usize,
}

/// Why a plan was not carried out; the transaction is rolled back.
pub(super) enum ApplyError {
    /// The database has changed since: plan again.
    Stale,
    /// What the file wants cannot be.
    Refused(Remark),
    /// It was a dry run, and this is what it would have done.
    DryRun(Box<SeedReport>),
    /// The database gave no answer.
    Database(DbError),
}

impl From<DbError> for ApplyError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<diesel::result::Error> for ApplyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl IsTransient for ApplyError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_transient())
    }
}

pub(super) fn apply(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    file: &SeedFile,
    plan: &Plan,
    now: Moment,
) -> Result<SeedReport, ApplyError> {
    let wanted = &file.users;
    users::lock_accounts(conn)?;
    let had_admin = users::has_admin(conn)?;
    let mut report = SeedReport { unchanged: plan.unchanged, notes: plan.notes.clone(), ..SeedReport::default() };
    for change in &plan.changes {
        report.changed.push(change_user(conn, ended, &wanted[change.index], change, now)?);
    }

    // Above all requested numbers: a user without a wish could otherwise be given the number that a later one wishes.
    let wishes = || plan.creations.iter().filter_map(|(index, _)| wanted[*index].id);
    let without_wish = plan.creations.len() - wishes().count();
    let first_id = users::reserve_ids(conn, i64::try_from(without_wish).unwrap_or(i64::MAX), wishes().max())?;
    let mut free_ids = (first_id.0..).map(UserId);
    for (index, hash) in &plan.creations {
        let user = &wanted[*index];
        let new = NewUser {
            id: user.id.or_else(|| free_ids.next()),
            username: user.username.clone(),
            display_name: user.display_name.clone(),
            email: user.email.clone(),
            password_hash: hash.clone(),
        };
        report.created.push(create_user(conn, user, new, now)?);
    }

    if had_admin && !users::has_admin(conn)? {
        return Err(ApplyError::Refused(no_admin_left(wanted, &report)));
    }
    seed_roles::apply(conn, &file.roles, &mut report)?;
    seed_clients::apply(conn, &file.clients, &mut report, now)?;
    Ok(report)
}

fn create_user(
    conn: &mut DbConnection,
    wanted: &SeedUser,
    new: NewUser,
    now: Moment,
) -> Result<SeedCreation, ApplyError> {
    let user = match users::create(conn, new, now)? {
        UserCreation::Created(user) => user,
        // Somebody made it since the plan was made.
        UserCreation::NameTaken => return Err(ApplyError::Stale),
        UserCreation::IdTaken => {
            let text = "is taken (IDs of deleted users are never reused): choose another, or omit the field";
            return Err(ApplyError::Refused(wanted.place.remark("id", text)));
        }
    };
    for role in wanted.roles.iter().flatten() {
        users::grant_role(conn, user.id, role, now)?;
    }
    Ok(SeedCreation { username: user.username, id: user.id })
}

fn change_user(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    wanted: &SeedUser,
    change: &Change,
    now: Moment,
) -> Result<SeedChange, ApplyError> {
    let Account { user, roles } = &change.seen;
    if !users::lock(conn, user.id)? || !is_as_seen(conn, &change.seen)? {
        return Err(ApplyError::Stale);
    }
    let mut fields = Vec::new();
    let mut ended_sessions = 0;
    if change.sets_password {
        fields.push("password");
        if let Some(hash) = &change.hash {
            ended_sessions =
                set_password(conn, ended, user.id, hash, &ClientInfo::default(), now)?.ok_or(ApplyError::Stale)?;
        }
    }
    if wanted.display_name.is_some() && wanted.display_name != user.display_name {
        fields.push("display_name");
        users::set_display_name(conn, user.id, wanted.display_name.as_deref())?;
    }
    if wanted.email.is_some() && wanted.email != user.email {
        fields.push("email");
        users::set_email(conn, user.id, wanted.email.as_deref())?;
        links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user.id)?;
        audit::record(conn, &Event::of_user(EventKind::EmailChanged, user.id.0, &ClientInfo::default(), now))?;
    }
    let wanted_roles = wanted.roles.as_ref().unwrap_or(roles);
    let only_in = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|role| !those.contains(role)).cloned().collect()
    };
    let (roles_granted, roles_revoked) = (only_in(wanted_roles, roles), only_in(roles, wanted_roles));
    if !roles_granted.is_empty() || !roles_revoked.is_empty() {
        fields.push("roles");
    }
    for role in &roles_granted {
        users::grant_role(conn, user.id, role, now)?;
    }
    for role in &roles_revoked {
        users::revoke_role(conn, user.id, role)?;
    }
    Ok(SeedChange {
        username: user.username.clone(),
        id: user.id,
        fields,
        roles_granted,
        roles_revoked,
        ended_sessions,
    })
}

/// Whether what the plan was made from still holds. Asked with the row locked, so that it stays so.
fn is_as_seen(conn: &mut DbConnection, seen: &Account) -> Result<bool, DbError> {
    let Some(user) = users::find_by_id(conn, seen.user.id)? else { return Ok(false) };
    let fields = |user: &users::User| (user.password_hash.clone(), user.display_name.clone(), user.email.clone());
    Ok(fields(&user) == fields(&seen.user) && users::list_roles(conn, user.id)? == seen.roles)
}

fn no_admin_left(wanted: &[SeedUser], report: &SeedReport) -> Remark {
    let was_admin = |change: &&SeedChange| change.roles_revoked.iter().any(|role| role == users::ADMIN_ROLE);
    let place = report.changed.iter().find(was_admin).and_then(|change| {
        wanted.iter().find(|user| user.username.as_str() == change.username || user.id == Some(change.id))
    });
    let text =
        "this revokes the admin role from the last admin: grant it to another user who can sign in, in the same file";
    match place {
        Some(user) => user.place.remark("roles", text),
        None => Remark { line: 1, path: "users".to_owned(), text: text.to_owned() },
    }
}
