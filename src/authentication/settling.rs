//! Deciding a try that was reserved: handed back, or counted. What may not live here: the rule on how many (`throttle.rs`).

use super::reservation::Reserved;
use super::{Attempt, Lock, store};
use crate::audit::{self, Event, EventKind};
use crate::db::DbError;

impl Lock {
    /// Hands a try back.
    pub(super) async fn settle(&self, reserved: &Reserved) -> Result<(), DbError> {
        let (now, keys) = (self.clock.now(), reserved.keys.clone());
        self.db
            .write(move |conn| -> Result<(), DbError> {
                for key in &keys {
                    store::settle(conn, key, false, now)?;
                }
                Ok(())
            })
            .await?;
        self.signal(&reserved.keys);
        Ok(())
    }

    /// Counts a failure. The one that shuts the account is an event: its owner will want to know. It is written for a name that
    /// nobody has, too, so that both cost the same.
    pub(super) async fn settle_failed(&self, attempt: &Attempt, reserved: &Reserved) -> Result<(), DbError> {
        let now = self.clock.now();
        let (keys, limits) = (reserved.keys.clone(), reserved.limits.clone());
        let mut event = Event::new(EventKind::SignInsBlocked, now);
        event.user_id = reserved.user.as_ref().map(|user| user.id.0);
        event.network_address = Some(attempt.client_ip.to_canonical().to_string());
        self.db
            .write(move |conn| -> Result<(), DbError> {
                let mut counted_here = Vec::new();
                for key in &keys {
                    if store::settle(conn, key, true, now)? {
                        counted_here.push(key);
                    }
                }
                // One for a known device, three otherwise.
                let key = |at: usize| keys.get(at).unwrap_or(&keys[0]);
                let counts = store::list_counts(conn, [key(0), key(1), key(2), key(0)])?;
                // Each failure adds one under the row's lock: exactly one of them meets the limit. One that comes so late that it was
                // counted as lost adds none.
                let is_shut = |(key, limit): &(String, i64)| {
                    let is_met = counts.iter().any(|(counted, count)| counted == key && count.failures == *limit);
                    is_met && counted_here.contains(&key)
                };
                if limits.iter().any(is_shut) {
                    audit::record(conn, &event)?;
                }
                Ok(())
            })
            .await?;
        self.signal(&reserved.keys);
        Ok(())
    }

    pub(super) fn signal(&self, keys: &[String]) {
        for key in keys {
            self.waiting.signal(key, false);
        }
    }
}
