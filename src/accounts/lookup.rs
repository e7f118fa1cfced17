//! Finding and listing accounts.

use std::collections::HashMap;

use super::AccountService;
use crate::db::{DbConnection, DbError};
use crate::sessions;
use crate::users::{self, LookupName, User, UserId, UserState};

/// Accounts per query of a list.
const LIST_BATCH: i64 = 500;
/// The most sessions that are counted for one user.
const MAX_SESSIONS: i64 = 10_000;

/// A user with their roles.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Their roles, sorted.
    pub roles: Vec<String>,
}

impl AccountService {
    /// Lists the next accounts after the user ID `after`, in order of user IDs; empty when there are no more.
    pub async fn list(&self, after: UserId) -> Result<Vec<Account>, DbError> {
        self.db.read(move |conn| list_accounts(conn, after, LIST_BATCH)).await
    }

    /// Finds an account by name, with the number of its live sessions.
    pub async fn show(&self, name: &LookupName) -> Result<Option<(Account, usize)>, DbError> {
        let (name, now, lifetimes) = (name.clone(), self.clock.now(), self.sessions.lifetimes());
        self.db
            .read(move |conn| {
                let Some(account) = find_account(conn, &name)? else { return Ok(None) };
                let sessions = sessions::list_unended_of_user(conn, account.user.id, MAX_SESSIONS)?;
                let live = sessions.iter().filter(|session| lifetimes.is_live(session, now)).count();
                Ok(Some((account, live)))
            })
            .await
    }

    /// Finds a user by name.
    pub async fn find(&self, name: &LookupName) -> Result<Option<User>, DbError> {
        let name = name.clone();
        self.db.read(move |conn| find_user(conn, &name)).await
    }
}

/// Finds a user by name, unless deleted.
pub fn find_user(conn: &mut DbConnection, name: &LookupName) -> Result<Option<User>, DbError> {
    let user = users::find_by_key(conn, name.key())?;
    Ok(user.filter(|user| !matches!(user.state, UserState::Deleted(_))))
}

/// Finds a user by ID if they may sign in.
pub fn find_active(conn: &mut DbConnection, id: UserId) -> Result<Option<User>, DbError> {
    Ok(users::find_by_id(conn, id)?.filter(|user| user.state == UserState::Active))
}

/// Finds a user and their roles by name, unless deleted.
pub(super) fn find_account(conn: &mut DbConnection, name: &LookupName) -> Result<Option<Account>, DbError> {
    let Some(user) = find_user(conn, name)? else { return Ok(None) };
    let roles = users::list_roles(conn, user.id)?;
    Ok(Some(Account { user, roles }))
}

/// Lists the accounts after the user ID `after`, in order of user IDs, at most `limit`.
fn list_accounts(conn: &mut DbConnection, after: UserId, limit: i64) -> Result<Vec<Account>, DbError> {
    let found = users::list(conn, after, limit)?;
    with_roles(conn, found)
}

/// Adds their roles to users, in the same order, with one query for all.
pub fn with_roles(conn: &mut DbConnection, found: Vec<User>) -> Result<Vec<Account>, DbError> {
    let ids: Vec<UserId> = found.iter().map(|user| user.id).collect();
    let mut roles_by_user: HashMap<UserId, Vec<String>> = HashMap::new();
    for (id, role) in users::list_roles_of(conn, &ids)? {
        roles_by_user.entry(id).or_default().push(role);
    }
    let with_roles = |user: User| {
        let mut roles = roles_by_user.remove(&user.id).unwrap_or_default();
        roles.sort();
        Account { user, roles }
    };
    Ok(found.into_iter().map(with_roles).collect())
}
