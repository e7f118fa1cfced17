//! Finding and listing accounts.

use std::collections::HashMap;

use super::AccountService;
use crate::db::{DbConnection, DbError};
use crate::users::{self, ListedPart, LookupName, User, UserFilter, UserId, UserState};

/// The most accounts of one query.
pub const LIST_BATCH: usize = 500;

/// A user with their roles.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Their roles, sorted.
    pub roles: Vec<String>,
}

impl AccountService {
    /// Lists the IDs of the users that match, as [`users::list_ids`].
    pub async fn list_ids(&self, filter: UserFilter, part: ListedPart) -> Result<Vec<UserId>, DbError> {
        self.db.read(move |conn| Ok(users::list_ids(conn, &filter, part)?)).await
    }

    /// Gets the accounts with these IDs, in the same order, at most [`LIST_BATCH`], without those that do not exist.
    pub async fn list_by_ids(&self, ids: &[UserId]) -> Result<Vec<Account>, DbError> {
        let ids = ids[..ids.len().min(LIST_BATCH)].to_vec();
        self.db
            .read(move |conn| {
                let found = users::list_by_ids(conn, &ids)?;
                with_roles(conn, found)
            })
            .await
    }

    /// Finds an account by name.
    pub async fn show(&self, name: &LookupName) -> Result<Option<Account>, DbError> {
        let name = name.clone();
        self.db.read(move |conn| find_account(conn, &name)).await
    }

    /// Finds a user by name, even if they are deleted.
    pub async fn find_even_deleted(&self, name: &LookupName) -> Result<Option<User>, DbError> {
        let name = name.clone();
        self.db.read(move |conn| Ok(users::find_by_key(conn, name.key())?)).await
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
