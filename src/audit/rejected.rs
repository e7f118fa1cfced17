//! Rejected sign-ins, which cost no transaction: counted in memory, and written as one event a minute.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, EventKind};
use crate::clock::Moment;

/// Why a sign-in was rejected without a look at the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionReason {
    /// Too many failed sign-ins, or too many sign-ins.
    Throttled,
    /// Too many passwords are queued for hashing.
    Overloaded,
    /// The client is unknown, or its secret wrong.
    InvalidClient,
}

impl RejectionReason {
    const ALL: [Self; 3] = [Self::Throttled, Self::Overloaded, Self::InvalidClient];

    /// The database value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Overloaded => "overloaded",
            Self::InvalidClient => "invalid_client",
        }
    }
}

/// The rejections of one reason since the last event.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: i64,
    /// The address of the first one.
    address: Option<IpAddr>,
    /// Whether others came from other addresses.
    is_mixed: bool,
}

/// Counts rejected sign-ins. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RejectedSignIns(Arc<Mutex<[Tally; RejectionReason::ALL.len()]>>);

impl RejectedSignIns {
    /// Counts one.
    pub fn add(&self, reason: RejectionReason, address: IpAddr) {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = &mut tallies[reason as usize];
        let address = address.to_canonical();
        tally.count = tally.count.saturating_add(1);
        tally.is_mixed |= tally.address.is_some_and(|first| first != address);
        tally.address.get_or_insert(address);
    }

    /// Takes what was counted: one event for each reason, with the address if it is the same for all.
    #[must_use]
    pub fn take(&self, now: Moment) -> Vec<Event> {
        let tallies = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let events = RejectionReason::ALL.into_iter().zip(tallies).filter(|(_, tally)| tally.count > 0);
        events
            .map(|(reason, tally)| Event {
                network_address: tally.address.filter(|_| !tally.is_mixed).map(|address| address.to_string()),
                reason: Some(reason.as_str().to_owned()),
                occurrences: tally.count,
                ..Event::new(EventKind::SignInsRejected, now)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn each_reason_is_one_event_with_the_address_that_all_share() {
        let (rejected, now) = (RejectedSignIns::default(), Clock::system().now());
        let [first, second] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().expect("an address"));
        for (reason, address) in [
            (RejectionReason::Throttled, first),
            (RejectionReason::Throttled, first),
            (RejectionReason::InvalidClient, first),
            (RejectionReason::InvalidClient, second),
        ] {
            rejected.add(reason, address);
        }
        let events: Vec<_> = rejected
            .take(now)
            .into_iter()
            .map(|event| (event.reason.expect("a reason"), event.occurrences, event.network_address))
            .collect();
        let expected =
            [("throttled".to_owned(), 2, Some("192.0.2.1".to_owned())), ("invalid_client".to_owned(), 2, None)];
        assert_eq!(events, expected);
        assert!(rejected.take(now).is_empty(), "taken");
    }
}
