//! The failed sign-ins that are counted for an account, for administrators.

use std::collections::HashSet;

use diesel::QueryResult;

use super::buckets::{ACCOUNT_NETWORK_WINDOW, Bucket, account_name};
use super::store;
use super::throttle::{LONGEST_WINDOW, Verdict};
use crate::clock::Moment;
use crate::config::ThrottlingConfig;
use crate::db::DbConnection;
use crate::secret::{DerivedKey, KeyPurpose, ServerKey};
use crate::users::{LookupName, User};

/// The most counters that are read of one account, and the most accounts of a list.
const MAX_ROWS: i64 = 100_000;

/// The failed sign-ins that are counted for an account at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockState {
    /// The failures: of each of its names, those in the counter with the most. The counter of the account counts those of
    /// its networks again.
    pub failures: i64,
    /// Until when sign-ins are rejected, from one network or device at least; `None` if they are not.
    pub blocked_until: Option<Moment>,
}

/// Finds and clears the failed sign-ins of accounts. Cheap to clone.
#[derive(Clone)]
pub struct AccountLocks {
    key: DerivedKey,
    config: ThrottlingConfig,
}

impl AccountLocks {
    /// Creates it. The names of the counters are derived from the server key.
    #[must_use]
    pub fn new(server_key: &ServerKey, config: ThrottlingConfig) -> Self {
        Self { key: server_key.derive(KeyPurpose::Throttling), config }
    }

    /// The state of an account, under the names with which it signs in.
    pub fn find(&self, conn: &mut DbConnection, user: &User, now: Moment) -> QueryResult<LockState> {
        let mut found = LockState::default();
        for account in self.accounts(user) {
            let mut most = 0;
            for row in store::list_attempts_of(conn, &account, MAX_ROWS)? {
                let bucket = self.bucket(&account, row.bucket);
                let state = row.state.at(&bucket, &self.config, now);
                most = most.max(state.failures);
                if let Verdict::Blocked(until) = state.verdict(&bucket, &self.config, now) {
                    found.blocked_until = found.blocked_until.max(Some(until));
                }
            }
            found.failures += most;
        }
        Ok(found)
    }

    /// Clears the failures of an account, from all networks and devices. Returns the number of counters deleted.
    pub fn clear(&self, conn: &mut DbConnection, user: &User) -> QueryResult<usize> {
        let mut deleted = 0;
        for account in self.accounts(user) {
            deleted += store::delete_attempts_of(conn, &account)?;
        }
        Ok(deleted)
    }

    /// Lists the accounts that reject sign-ins, for [`Self::is_among`].
    pub fn list_blocked(&self, conn: &mut DbConnection, now: Moment) -> QueryResult<HashSet<String>> {
        let fewest = self.config.account_network_failures.min(self.config.account_failures);
        let rows = store::list_attempts_with(conn, fewest, MAX_ROWS)?;
        let is_blocked = |row: &store::AttemptRow| {
            let bucket = self.bucket(&row.account, row.bucket.clone());
            let state = row.state.at(&bucket, &self.config, now);
            matches!(state.verdict(&bucket, &self.config, now), Verdict::Blocked(_))
        };
        // Among them may be counters of networks, whose names are those of no account.
        Ok(rows.into_iter().filter(is_blocked).map(|row| row.account).collect())
    }

    /// Whether this user's account is among `blocked`.
    #[must_use]
    pub fn is_among(&self, user: &User, blocked: &HashSet<String>) -> bool {
        self.accounts(user).iter().any(|account| blocked.contains(account))
    }

    /// The names of the user's counters: of the username and of the email address.
    fn accounts(&self, user: &User) -> Vec<String> {
        let names = [Some(&user.username), user.email.as_ref()].into_iter().flatten();
        let names = names.filter_map(|name| LookupName::parse(name));
        names.map(|name| account_name(&self.key, name.throttling_key())).collect()
    }

    /// The bucket with its limit: the account from all networks, or from one network or known device.
    fn bucket(&self, account: &str, key: String) -> Bucket {
        let (limit, window) = if key == account {
            (self.config.account_failures, LONGEST_WINDOW)
        } else {
            (self.config.account_network_failures, ACCOUNT_NETWORK_WINDOW)
        };
        Bucket { key, account: account.to_owned(), limit: Some(limit), window }
    }
}
