//! Forgetting an account's failed sign-ins.

use super::AccountService;
use super::lookup::find_user;
use crate::audit::{self, Cause, Event, EventKind};
use crate::authentication;
use crate::db::DbError;
use crate::secret::ServerKey;
use crate::users::{LookupName, User};

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
    pub async fn unlock(&self, name: &LookupName, server_key: &ServerKey, cause: &Cause) -> Result<Unlocking, DbError> {
        let (name, server_key, cause, clock) = (name.clone(), server_key.clone(), cause.clone(), self.clock.clone());
        self.write(move |conn, _| {
            let Some(user) = find_user(conn, &name)? else { return Ok(Unlocking::NoSuchUser) };
            // It signs in with either.
            let names = [Some(&user.username), user.email.as_ref()].into_iter().flatten();
            let names: Vec<LookupName> = names.filter_map(|name| LookupName::parse(name)).collect();
            let deleted_counters = authentication::unlock(conn, &server_key, &names)?;
            if deleted_counters > 0 {
                audit::record(conn, &Event::of_user(EventKind::Unlocked, user.id.0, &cause, clock.now()))?;
            }
            Ok(Unlocking::Done { user, deleted_counters })
        })
        .await
    }
}
