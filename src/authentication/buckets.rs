//! The buckets in which failed attempts are counted.

use std::net::IpAddr;

use chrono::TimeDelta;

use super::throttle::LONGEST_WINDOW;
use super::{AttemptOrigin, PasswordAttempt};
use crate::clock::Moment;
use crate::config::ThrottlingConfig;
use crate::secret::{DerivedKey, PlainSecret, base64url};
use crate::users::{LookupName, UserId};

/// The most buckets that may count one attempt: an account, the account at a network, three networks, a known device.
pub(super) const MAX_BUCKETS: usize = 6;

/// The window of failures of one account at one network or known device.
pub(super) const ACCOUNT_NETWORK_WINDOW: TimeDelta = TimeDelta::minutes(15);

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
    /// The attempt's networks, the smallest first.
    networks: Vec<(NetworkSize, String)>,
    account_network: String,
    /// The known-device row of the attempt's cookie.
    pub device_id: Option<String>,
    /// Whether this server issued the cookie for this account: only then is it worth a look-up before others.
    pub is_device_genuine: bool,
    /// The known-network row of the attempt's network.
    pub network_id: String,
}

impl BucketNames {
    /// The names for an attempt from this origin with this name.
    pub fn new(key: &DerivedKey, username: &LookupName, origin: &AttemptOrigin) -> Self {
        let name = username.throttling_key();
        let address = origin.client_ip;
        let network = network_of(address);
        let device = origin.device.as_ref();
        let hmac = |parts: &[&str]| base64url(&key.hmac(&parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>()));
        Self {
            account: account_name(key, name),
            networks: NetworkSize::all_of(address)
                .iter()
                .map(|size| (*size, hmac(&["network", &size.network_of(address)])))
                .collect(),
            account_network: hmac(&["account-network", name, &network]),
            device_id: device.map(|device| device_id(key, name, device)),
            is_device_genuine: device.is_some_and(|device| device.has_tag(key, &device_purpose(name))),
            network_id: hmac(&["known-network", name, &network]),
        }
    }

    /// The keys of all buckets that may count the attempt, at most [`MAX_BUCKETS`].
    pub fn keys(&self) -> Vec<&String> {
        let networks = self.networks.iter().map(|(_, key)| key);
        [&self.account, &self.account_network].into_iter().chain(networks).chain(&self.device_id).collect()
    }

    /// The buckets of an attempt, in the order in which their rows are locked. A known device has its own bucket:
    /// guessing from its network cannot lock the owner out. From a known network, failures elsewhere do not limit the
    /// account.
    pub fn buckets(&self, config: &ThrottlingConfig, is_device_known: bool, is_network_known: bool) -> Vec<Bucket> {
        let quarter_hour = ACCOUNT_NETWORK_WINDOW;
        let hour = LONGEST_WINDOW;
        let bucket =
            |key: &String, limit, window| Bucket { key: key.clone(), account: self.account.clone(), limit, window };
        if let Some(device) = self.device_id.as_ref().filter(|_| is_device_known) {
            return vec![bucket(device, Some(config.account_network_failures), quarter_hour)];
        }
        let account_limit = (!is_network_known).then_some(config.account_failures);
        let mut buckets = vec![
            bucket(&self.account_network, Some(config.account_network_failures), quarter_hour),
            bucket(&self.account, account_limit, hour),
        ];
        buckets.extend(self.networks.iter().map(|(size, key)| {
            // It belongs to no account.
            Bucket { account: key.clone(), ..bucket(key, Some(size.limit(config)), hour) }
        }));
        // One order for all transactions: two that lock the same rows cannot deadlock.
        buckets.sort();
        buckets
    }
}

/// The ID of the event that counts the failures for an account at the attempt's network on the day of `now`, with either
/// of its names. Without a user, the typed name stands for the account.
pub(super) fn failures_id(key: &DerivedKey, user: Option<UserId>, attempt: &PasswordAttempt, now: Moment) -> String {
    let (purpose, account) = match user {
        Some(id) => ("failures-of-user", id.0.to_string()),
        None => ("failures-of-name", attempt.username.throttling_key().to_owned()),
    };
    let parts = [purpose, &account, &network_of(attempt.origin.client_ip), &now.date().to_string()];
    base64url(&key.hmac(&parts.map(str::as_bytes))[..16])
}

pub(super) fn account_name(key: &DerivedKey, username_key: &str) -> String {
    base64url(&key.hmac(&[b"account", username_key.as_bytes()]))
}

/// The ID of a device among the known ones.
pub(super) fn device_id(key: &DerivedKey, username_key: &str, device: &PlainSecret) -> String {
    base64url(&key.hmac(&[b"device", username_key.as_bytes(), device.hash().as_str().as_bytes()]))
}

/// The secret of a new known-device cookie for an account.
pub(super) fn generate_device(key: &DerivedKey, username_key: &str) -> PlainSecret {
    PlainSecret::generate_tagged(key, &device_purpose(username_key))
}

fn device_purpose(username_key: &str) -> [&[u8]; 2] {
    [b"device cookie", username_key.as_bytes()]
}

/// The network of one household or office: the /24 of an IPv4 address or the /64 of an IPv6 address.
pub(super) fn network_of(address: IpAddr) -> String {
    NetworkSize::Smallest.network_of(address)
}

/// The size of a network whose failures are counted. An IPv6 customer gets anything from a /64 to a /48, and with it up
/// to 65,536 of the smallest networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NetworkSize {
    /// An IPv4 /24 or an IPv6 /64.
    Smallest,
    /// An IPv6 /56.
    Ipv6Bits56,
    /// An IPv6 /48.
    Ipv6Bits48,
}

impl NetworkSize {
    /// The sizes of networks to count an address for, the smallest first.
    pub fn all_of(address: IpAddr) -> &'static [Self] {
        match address.to_canonical() {
            IpAddr::V4(_) => &[Self::Smallest],
            IpAddr::V6(_) => &[Self::Smallest, Self::Ipv6Bits56, Self::Ipv6Bits48],
        }
    }

    fn limit(self, config: &ThrottlingConfig) -> i64 {
        match self {
            Self::Smallest => config.network_failures,
            Self::Ipv6Bits56 => config.network_56_failures,
            Self::Ipv6Bits48 => config.network_48_failures,
        }
    }

    /// The network of this size that contains an address.
    pub fn network_of(self, address: IpAddr) -> String {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                match self {
                    Self::Smallest => format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"),
                    Self::Ipv6Bits56 => format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00),
                    Self::Ipv6Bits48 => format!("{a:x}:{b:x}:{c:x}::/48"),
                }
            }
        }
    }
}
