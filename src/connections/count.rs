//! The number of connections of each network.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::metrics;

/// The shortest time between two lines of the log about rejected connections.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Counts connections by network. Clones share the count.
#[derive(Clone)]
pub(super) struct ConnectionCount(Arc<Shared>);

struct Shared {
    per_network: usize,
    /// Not counted: all people behind a proxy share its address.
    trusted_proxies: Vec<IpNet>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    by_network: HashMap<IpAddr, usize>,
    last_logged: Option<Instant>,
}

/// The right to one connection, given back when dropped.
pub(super) struct ConnectionPermit {
    count: ConnectionCount,
    /// `None` for a trusted proxy.
    network: Option<IpAddr>,
}

impl ConnectionCount {
    pub(super) fn new(per_network: usize, trusted_proxies: Vec<IpNet>) -> Self {
        Self(Arc::new(Shared { per_network, trusted_proxies, open: Mutex::default() }))
    }

    /// Counts a connection; `None` if its network has as many as it may.
    pub(super) fn acquire(&self, peer: IpAddr) -> Option<ConnectionPermit> {
        let peer = peer.to_canonical();
        if self.0.trusted_proxies.iter().any(|network| network.contains(&peer)) {
            return Some(ConnectionPermit { count: self.clone(), network: None });
        }
        let network = network_of(peer);
        let mut open = self.open();
        let count = open.by_network.entry(network).or_default();
        if *count >= self.0.per_network {
            metrics::CONNECTIONS_REJECTED.increment();
            if open.last_logged.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
                open.last_logged = Some(Instant::now());
                tracing::warn!(
                    %network,
                    "too many connections from one network; closing new ones. If it is a reverse proxy, add it to TRUSTED_PROXIES"
                );
            }
            return None;
        }
        *count += 1;
        Some(ConnectionPermit { count: self.clone(), network: Some(network) })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut open = self.count.open();
        if let Some(count) = open.by_network.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                open.by_network.remove(&network);
            }
        }
    }
}

/// An IPv4 address, or the first address of an IPv6 /64: one subscriber has all addresses of it.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_by_network_and_not_for_trusted_proxies() {
        let count = ConnectionCount::new(2, vec!["192.0.2.0/24".parse().expect("a network")]);
        let acquire = |address: &str| count.acquire(address.parse().expect("an address"));
        let held = [acquire("198.51.100.1"), acquire("::ffff:198.51.100.1")];
        assert!(held.iter().all(Option::is_some));
        assert!(acquire("198.51.100.1").is_none());
        assert!(acquire("198.51.100.2").is_some());
        let held_too = [acquire("2001:db8::1"), acquire("2001:db8::ffff:1")];
        assert!(held_too.iter().all(Option::is_some));
        assert!(acquire("2001:db8::2").is_none() && acquire("2001:db8:0:1::1").is_some());
        let proxies: Vec<_> = (0..10).map(|_| acquire("192.0.2.7")).collect();
        assert!(proxies.iter().all(Option::is_some));
        drop((held, held_too));
        assert!(acquire("198.51.100.1").is_some());
        assert!(count.open().by_network.is_empty(), "a network without connections takes no memory");
    }
}
