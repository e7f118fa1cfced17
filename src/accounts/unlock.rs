//! Forgetting an account's failed sign-ins.

use super::AccountService;
use super::lookup::find_user;
use crate::authentication;
use crate::db::DbError;
use crate::secret::ServerKey;
use crate::users::{LookupName, User, Username};

/// Outcome of forgetting an account's failed sign-ins.
#[derive(Clone, Debug)]
pub enum Unlocking {
    /// The failures were forgotten.
    Done {
        /// The user.
        user: User,
        /// The number of counters that were deleted; 0 when no failure was counted.
        deleted_counters: usize,
    },
    /// No user has this name.
    NoSuchUser,
}

impl AccountService {
    /// Forgets the failed sign-ins counted for an account. The counters' names are derived from the server key.
    pub async fn unlock(&self, name: &LookupName, server_key: &ServerKey) -> Result<Unlocking, DbError> {
        let (name, server_key) = (name.clone(), server_key.clone());
        self.write(move |conn, _| {
            let Some(user) = find_user(conn, &name)? else { return Ok(Unlocking::NoSuchUser) };
            // A stored name passed the rules. Given as its own email address, one with `@` passes again even if the
            // account's address has changed since.
            let username = Username::parse(&user.username, Some(&user.username)).ok();
            let deleted_counters =
                username.map_or(Ok(0), |username| authentication::unlock(conn, &server_key, &username))?;
            Ok(Unlocking::Done { user, deleted_counters })
        })
        .await
    }
}
