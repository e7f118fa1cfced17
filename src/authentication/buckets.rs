//! The buckets in which failed attempts are counted.

use std::net::IpAddr;

use chrono::TimeDelta;

use super::PasswordAttempt;
use crate::config::ThrottlingConfig;
use crate::secret::{DerivedKey, base64url};

/// A counter of failures: of an account at a network, of a network, of an account, or of an account at a known device.
/// Names are HMACs: a stolen database reveals neither accounts nor networks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket {
    /// The row's key: 43 characters of base64url.
    pub key: String,
    /// The account's name, the same in all its buckets: an admin deletes them together.
    pub account: String,
    /// Failures before a wait; `None` counts without a limit.
    pub limit: Option<i64>,
    /// The time window of the count.
    pub window: TimeDelta,
}

/// The names of all buckets that may count an attempt, and of its rows among the known devices and networks.
pub(super) struct BucketNames {
    pub account: String,
    pub network: String,
    account_network: String,
    /// The known-device row of the attempt's cookie.
    pub device_id: Option<String>,
    /// The known-network row of the attempt's network.
    pub network_id: String,
}

impl BucketNames {
    pub fn new(key: &DerivedKey, attempt: &PasswordAttempt) -> Self {
        let name = attempt.username.key();
        let network = network_of(attempt.origin.client_ip);
        let hmac = |parts: &[&str]| base64url(&key.hmac(&parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>()));
        Self {
            account: account_name(key, name),
            network: hmac(&["network", &network]),
            account_network: hmac(&["account-network", name, &network]),
            device_id: attempt.origin.device.as_ref().map(|device| device_id(key, name, device.hash().as_str())),
            network_id: hmac(&["known-network", name, &network]),
        }
    }

    /// The keys of all buckets that may count the attempt; without a device one key appears twice.
    pub fn keys(&self) -> [&String; 4] {
        [&self.account, &self.network, &self.account_network, self.device_id.as_ref().unwrap_or(&self.account)]
    }

    /// The buckets of an attempt, in the order in which their rows are locked. A known device has its own bucket:
    /// guessing from its network cannot lock the owner out. From a known network, failures elsewhere do not limit the
    /// account.
    pub fn buckets(&self, config: &ThrottlingConfig, is_device_known: bool, is_network_known: bool) -> Vec<Bucket> {
        let quarter_hour = TimeDelta::minutes(15);
        let hour = TimeDelta::hours(1);
        let bucket =
            |key: &String, limit, window| Bucket { key: key.clone(), account: self.account.clone(), limit, window };
        if let Some(device) = self.device_id.as_ref().filter(|_| is_device_known) {
            return vec![bucket(device, Some(config.account_network_failures), quarter_hour)];
        }
        let account_limit = (!is_network_known).then_some(config.account_failures);
        let network =
            Bucket { account: self.network.clone(), ..bucket(&self.network, Some(config.network_failures), hour) };
        let mut buckets = vec![
            bucket(&self.account_network, Some(config.account_network_failures), quarter_hour),
            network,
            bucket(&self.account, account_limit, hour),
        ];
        // One order for all transactions: two that lock the same rows cannot deadlock.
        buckets.sort();
        buckets
    }
}

pub(super) fn account_name(key: &DerivedKey, username_key: &str) -> String {
    base64url(&key.hmac(&[b"account", username_key.as_bytes()]))
}

pub(super) fn device_id(key: &DerivedKey, username_key: &str, secret_hash: &str) -> String {
    base64url(&key.hmac(&[b"device", username_key.as_bytes(), secret_hash.as_bytes()]))
}

/// The /24 of an IPv4 address or the /64 of an IPv6 address: the network of one household or office.
pub(super) fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
