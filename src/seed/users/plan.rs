//! The difference between the users of a seed file and the database.

use std::collections::HashMap;

use super::passwords::{PasswordAction, judge_passwords, plan_passwords};
use super::row::{SeedUser, UserField};
use crate::accounts::{Account, AccountError, AccountService, with_roles};
use crate::db::DbError;
use crate::seed::remark::Remark;
use crate::seed::row::Planner;
use crate::users::argon2id::PasswordHash;
use crate::users::{self, NameProblem, User, UserId, UserState, Username};

/// Users per query.
const BATCH: usize = 500;

/// The creations and changes for the users of a file.
#[derive(Default)]
pub(in crate::seed) struct UserPlan {
    pub(super) creations: Vec<PlannedCreation>,
    pub(super) changes: Vec<PlannedChange>,
    /// The number of users that are as in the file.
    pub(super) unchanged: usize,
    /// What is left alone although the file says otherwise.
    pub(super) notes: Vec<Remark>,
}

/// A user to create.
pub(super) struct PlannedCreation {
    /// The row in the file.
    pub index: usize,
    pub password_hash: Option<PasswordHash>,
}

/// A user to change. Absent or empty fields stay.
pub(super) struct PlannedChange {
    /// The row in the file.
    pub index: usize,
    /// The account that the plan was made from.
    pub seen: Account,
    pub password: PasswordAction,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub roles_granted: Vec<String>,
    pub roles_revoked: Vec<String>,
}

impl PlannedChange {
    fn new(index: usize, row: &SeedUser, seen: Account, password: PasswordAction) -> Self {
        // The username and the ID of a user never change.
        let SeedUser { position: _, username: _, id: _, secret: _, display_name, email, roles } = row;
        let other_than =
            |requested: &Option<String>, stored: &Option<String>| requested.clone().filter(|_| requested != stored);
        let roles = roles.as_ref().unwrap_or(&seen.roles);
        Self {
            index,
            password,
            display_name: other_than(display_name, &seen.user.display_name),
            email: other_than(email, &seen.user.email),
            roles_granted: only_in_first(roles, &seen.roles),
            roles_revoked: only_in_first(&seen.roles, roles),
            seen,
        }
    }

    fn is_empty(&self) -> bool {
        let Self { index: _, seen: _, password, display_name, email, roles_granted, roles_revoked } = self;
        !matches!(password, PasswordAction::Set(_))
            && display_name.is_none()
            && email.is_none()
            && roles_granted.is_empty()
            && roles_revoked.is_empty()
    }
}

pub(super) async fn plan(planner: &mut Planner<'_>, rows: &[SeedUser]) -> Result<UserPlan, AccountError> {
    let mut accounts = load(planner.accounts, rows).await?;
    let errors = rows.iter().filter_map(|row| check_account(row, accounts.get(row.username.key())?));
    planner.errors.extend(errors);
    let secrets = judge_passwords(planner, rows).await?;
    if !planner.errors.is_empty() {
        return Ok(UserPlan::default());
    }
    let passwords = rows.iter().zip(&secrets).map(|(row, secret)| {
        let account = accounts.get(row.username.key());
        (secret.as_ref(), account.and_then(|account| account.user.password_hash.as_ref()))
    });
    let actions = plan_passwords(planner, passwords.collect()).await?;

    let mut plan = UserPlan { notes: note_names(planner.accounts, rows, &accounts).await?, ..UserPlan::default() };
    for (index, (row, password)) in rows.iter().zip(actions).enumerate() {
        if matches!(password, PasswordAction::KeepStronger) {
            let text = "not changed: the stored hash is stronger, as it is after a sign-in. To set another password, \
                        use a hash of at least its cost";
            plan.notes.push(row.position.remark(UserField::PasswordHash, text));
        }
        let Some(seen) = accounts.remove(row.username.key()) else {
            let password_hash = match password {
                PasswordAction::Set(hash) => hash,
                PasswordAction::Keep | PasswordAction::KeepStronger => None,
            };
            check_roles_fit(planner, row, row.id, row.roles.as_deref().unwrap_or_default());
            plan.creations.push(PlannedCreation { index, password_hash });
            continue;
        };
        let change = PlannedChange::new(index, row, seen, password);
        if !change.roles_granted.is_empty() {
            check_roles_fit(planner, row, Some(change.seen.user.id), row.roles.as_deref().unwrap_or_default());
        }
        if change.is_empty() { plan.unchanged += 1 } else { plan.changes.push(change) }
    }
    Ok(plan)
}

/// The accounts of the rows, by the keys of their usernames.
async fn load(accounts: &AccountService, rows: &[SeedUser]) -> Result<HashMap<String, Account>, DbError> {
    let mut found = HashMap::new();
    for batch in rows.chunks(BATCH) {
        let keys: Vec<String> = batch.iter().map(|row| row.username.key().to_owned()).collect();
        let loaded = accounts
            .read(move |conn| {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                let (keys, users): (Vec<String>, Vec<User>) = users::list_by_keys(conn, &keys)?.into_iter().unzip();
                Ok::<_, DbError>(keys.into_iter().zip(with_roles(conn, users)?).collect::<Vec<_>>())
            })
            .await?;
        found.extend(loaded);
    }
    Ok(found)
}

/// Notes on new users whose names they could not have chosen themselves.
async fn note_names(
    accounts: &AccountService,
    rows: &[SeedUser],
    existing: &HashMap<String, Account>,
) -> Result<Vec<Remark>, DbError> {
    let mut notes = Vec::new();
    let new: Vec<&SeedUser> = rows.iter().filter(|row| !existing.contains_key(row.username.key())).collect();
    for batch in new.chunks(BATCH) {
        let names: Vec<Username> = batch.iter().map(|row| row.username.clone()).collect();
        let similar = accounts
            .read(move |conn| Ok::<_, DbError>(users::list_similar(conn, &names.iter().collect::<Vec<_>>())?))
            .await?;
        for row in batch {
            let problem = accounts.check_name(&row.username, row.roles.as_deref().unwrap_or_default());
            let similar = || similar.get(row.username.key()).cloned().map(NameProblem::Similar);
            notes.extend(problem.or_else(similar).map(|problem| row.position.remark(UserField::Username, problem)));
        }
    }
    Ok(notes)
}

/// An error if the row cannot be about this account.
fn check_account(row: &SeedUser, account: &Account) -> Option<Remark> {
    if let UserState::Deleted(_) = account.user.state {
        let text =
            "belongs to a deleted user, and usernames are never reused: remove the entry, or choose another name";
        return Some(row.position.remark(UserField::Username, text));
    }
    let id = account.user.id;
    row.id.filter(|requested| *requested != id).map(|_| {
        let text = format!("this user already has the ID {id}, and IDs never change: use {id}, or omit the field");
        row.position.remark(UserField::Id, text)
    })
}

/// Adds an error if a row grants more roles than fit into a browser's cookie.
fn check_roles_fit(planner: &mut Planner<'_>, row: &SeedUser, id: Option<UserId>, roles: &[String]) {
    if let Err(error) = planner.accounts.check_roles_fit(row.username.as_str(), id, roles) {
        planner.errors.push(row.position.remark(UserField::Roles, error));
    }
}

fn only_in_first(first: &[String], second: &[String]) -> Vec<String> {
    first.iter().filter(|role| !second.contains(role)).cloned().collect()
}
