//! What failures are counted by: the account from one network, the network, the account, the known device. Names are HMACs, so that
//! a stolen database tells neither who was tried nor from where. What may not live here: the rule (`throttle.rs`) and the rows.

use std::net::IpAddr;

use chrono::TimeDelta;

use super::Attempt;
use crate::config::ThrottlingConfig;
use crate::secret::{DerivedKey, base64url};

/// One thing that failures are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket {
    /// The row's key: 43 characters of base64url.
    pub key: String,
    /// The account's name in the rows; the same for all its buckets, so that an admin can forget them together.
    pub account: String,
    /// Failures taken before waiting begins; `None` counts without ever refusing.
    pub limit: Option<i64>,
    /// The time in which they are counted.
    pub window: TimeDelta,
}

/// The names under which an attempt is counted, before it is known which of them matter.
pub(super) struct Names {
    pub account: String,
    pub network: String,
    account_network: String,
    /// The known-device row that the attempt's cookie would have.
    pub device_id: Option<String>,
    /// The known-network row that the attempt's network would have.
    pub network_id: String,
}

impl Names {
    pub fn new(key: &DerivedKey, attempt: &Attempt) -> Self {
        let name = attempt.username.key();
        let network = network_of(attempt.client_ip);
        let hmac = |parts: &[&str]| base64url(&key.hmac(&parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>()));
        Self {
            account: account_name(key, name),
            network: hmac(&["network", &network]),
            account_network: hmac(&["account-network", name, &network]),
            device_id: attempt.device.as_ref().map(|device| device_id(key, name, device.hash().as_str())),
            network_id: hmac(&["known-network", name, &network]),
        }
    }

    /// All rows that may matter; without a device one of them twice.
    pub fn keys(&self) -> [&String; 4] {
        [&self.account, &self.network, &self.account_network, self.device_id.as_ref().unwrap_or(&self.account)]
    }

    /// The buckets of an attempt, in the order in which their rows are locked. A known device has a bucket of its own, so that
    /// strangers who guess from its network cannot lock its owner out; from a known network an account's failures elsewhere do
    /// not count.
    pub fn buckets(&self, config: &ThrottlingConfig, is_device_known: bool, is_network_known: bool) -> Vec<Bucket> {
        let quarter = TimeDelta::minutes(15);
        let hour = TimeDelta::hours(1);
        let bucket =
            |key: &String, limit, window| Bucket { key: key.clone(), account: self.account.clone(), limit, window };
        if let Some(device) = self.device_id.as_ref().filter(|_| is_device_known) {
            return vec![bucket(device, Some(config.account_network_failures), quarter)];
        }
        let account_limit = (!is_network_known).then_some(config.account_failures);
        let network =
            Bucket { account: self.network.clone(), ..bucket(&self.network, Some(config.network_failures), hour) };
        let mut buckets = vec![
            bucket(&self.account_network, Some(config.account_network_failures), quarter),
            network,
            bucket(&self.account, account_limit, hour),
        ];
        // One order for all transactions: two that lock the same rows never wait for each other in a ring.
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

/// The /24 of an IPv4 address, the /64 of an IPv6 address: what one household or office usually has.
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
