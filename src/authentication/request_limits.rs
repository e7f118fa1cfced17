//! How often strangers may ask for a mail, so many from one network, so many for one account or address, and how often one link may be
//! answered; counted like failed sign-ins. What may not live here: what they ask for.

use std::net::IpAddr;
use std::time::Duration;

use chrono::TimeDelta;

use super::buckets::network_of;
use super::{Lock, store};
use crate::clock::seconds_until;
use crate::db::DbError;
use crate::secret::base64url;
use crate::users::UserId;

/// Mails in an hour that one network may ask for.
const OF_NETWORK: i64 = 20;
/// Mails in an hour that may be asked for one account or address.
const OF_ACCOUNT: i64 = 3;
/// For links for a new password they are counted for as long as such a link lives: so that whoever uses up somebody's wishes leaves them a
/// link that works.
const RESET_WINDOW: TimeDelta = TimeDelta::minutes(30);
/// Posts in an hour that may answer one link: each can cost a hash, and say whether a name is taken.
const OF_LINK: i64 = 20;
const HOUR: TimeDelta = TimeDelta::hours(1);

/// One thing that requests are counted by.
pub(super) struct RequestLimit {
    pub bucket: String,
    pub limit: i64,
    pub window: TimeDelta,
}

impl Lock {
    /// Counts a request from a network. Returns how long it must wait when it has made too many; a refusal writes nothing.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn limit_by_network(&self, address: IpAddr) -> Result<Option<Duration>, DbError> {
        self.count_request(&[b"request-network", network_of(address).as_bytes()], (OF_NETWORK, HOUR)).await
    }

    /// Counts a request for an account or an address, by its canonical name. Returns how long it must wait when there were too many.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn limit_by_account(&self, name: &str) -> Result<Option<Duration>, DbError> {
        self.count_request(&[b"request-account", name.as_bytes()], (OF_ACCOUNT, HOUR)).await
    }

    /// Counts a request for a link for a new password. Returns how long it must wait when there were too many for this account.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn limit_password_resets(&self, user_id: UserId) -> Result<Option<Duration>, DbError> {
        self.count_request(&[b"request-reset", user_id.to_string().as_bytes()], (OF_ACCOUNT, RESET_WINDOW)).await
    }

    /// Counts an answer to a one-time link, by its id. Returns how long it must wait when there were too many.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn limit_link_submissions(&self, link_id: &str) -> Result<Option<Duration>, DbError> {
        self.count_request(&[b"link-answer", link_id.as_bytes()], (OF_LINK, HOUR)).await
    }

    async fn count_request(
        &self,
        name: &[&[u8]],
        (limit, window): (i64, TimeDelta),
    ) -> Result<Option<Duration>, DbError> {
        let bucket = base64url(&self.names.hmac(name));
        let now = self.clock.now();
        loop {
            let turn = RequestLimit { bucket: bucket.clone(), limit, window };
            let taken =
                self.db.write(move |conn| -> Result<_, DbError> { Ok(store::count_request(conn, &turn, now)?) }).await;
            match taken {
                // Another request made the row at the same moment: it is there now.
                Err(error) if error.is_unique_violation() => {}
                taken => return Ok(taken?.map(|until| Duration::from_secs(seconds_until(now, until)))),
            }
        }
    }
}
