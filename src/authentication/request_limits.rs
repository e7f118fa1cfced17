//! Rate limits on requests that anyone can send: mails per network and per account, submissions per one-time link.

use std::net::IpAddr;
use std::time::Duration;

use chrono::TimeDelta;

use super::buckets::NetworkSize;
use super::store::{self, RequestBucket};
use super::throttle::LONGEST_WINDOW;
use crate::clock::{Clock, seconds_until};
use crate::db::{Db, DbError};
use crate::secret::{DerivedKey, KeyPurpose, ServerKey, base64url};
use crate::users::UserId;

/// Mail requests per hour from one network: an IPv4 /24 or an IPv6 /64.
const PER_NETWORK: i64 = 20;
/// Mail requests per hour from one IPv6 /56, and from one /48. A customer gets up to 65,536 of the smaller networks.
const PER_NETWORK_56: i64 = 2 * PER_NETWORK;
const PER_NETWORK_48: i64 = 4 * PER_NETWORK;
/// Mail requests per hour for one account or address.
const PER_ACCOUNT: i64 = 3;
/// The window of password resets, as long as a reset link is valid: when an attacker has used up the limit, the owner
/// has a valid link.
const RESET_WINDOW: TimeDelta = TimeDelta::minutes(30);
/// Submissions per hour for one link: each can cost a hash, and reveal whether a name is taken.
const PER_LINK: i64 = 20;
const HOUR: TimeDelta = LONGEST_WINDOW;

/// Counts requests in the database, as failed sign-ins are counted. Cheap to clone.
#[derive(Clone)]
pub struct RequestLimiter {
    db: Db,
    clock: Clock,
    key: DerivedKey,
}

impl RequestLimiter {
    /// Creates the limiter.
    #[must_use]
    pub fn new(server_key: &ServerKey, db: Db, clock: Clock) -> Self {
        Self { db, clock, key: server_key.derive(KeyPurpose::Throttling) }
    }

    /// Counts a mail request from a network. Returns the time to wait when there were too many.
    pub async fn limit_by_network(&self, address: IpAddr) -> Result<Option<Duration>, DbError> {
        // The smallest first: what it rejects does not count for its neighbours.
        for size in NetworkSize::all_of(address) {
            let limit = match size {
                NetworkSize::Smallest => PER_NETWORK,
                NetworkSize::Ipv6Bits56 => PER_NETWORK_56,
                NetworkSize::Ipv6Bits48 => PER_NETWORK_48,
            };
            let wait = self.count(&[b"request-network", size.network_of(address).as_bytes()], limit, HOUR).await?;
            if wait.is_some() {
                return Ok(wait);
            }
        }
        Ok(None)
    }

    /// Counts a mail request for an account or email address, by its canonical name. Returns the time to wait when
    /// there were too many.
    pub async fn limit_by_account(&self, name: &str) -> Result<Option<Duration>, DbError> {
        self.count(&[b"request-account", name.as_bytes()], PER_ACCOUNT, HOUR).await
    }

    /// Counts a password-reset request. Returns the time to wait when there were too many for this account.
    pub async fn limit_password_resets(&self, user_id: UserId) -> Result<Option<Duration>, DbError> {
        self.count(&[b"request-reset", user_id.to_string().as_bytes()], PER_ACCOUNT, RESET_WINDOW).await
    }

    /// Counts a submission of the form of a one-time link. Returns the time to wait when there were too many.
    pub async fn limit_link_submissions(&self, link_id: &str) -> Result<Option<Duration>, DbError> {
        self.count(&[b"link-answer", link_id.as_bytes()], PER_LINK, HOUR).await
    }

    async fn count(&self, name: &[&[u8]], limit: i64, window: TimeDelta) -> Result<Option<Duration>, DbError> {
        let key = base64url(&self.key.hmac(name));
        let now = self.clock.now();
        loop {
            let bucket = RequestBucket { key: key.clone(), limit, window };
            let counted = self
                .db
                .write(move |conn| -> Result<_, DbError> { Ok(store::count_request(conn, &bucket, now)?) })
                .await;
            match counted {
                // Another request has just inserted the row: the next iteration updates it.
                Err(error) if error.is_unique_violation() => {}
                counted => return Ok(counted?.map(|until| Duration::from_secs(seconds_until(now, until)))),
            }
        }
    }
}
