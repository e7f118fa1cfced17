//! How old is what was read from the database: the set of revoked sessions, and the changes that concern live ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the set may go without being read, by default: sixty missed reads, more than a slow query or a restart of
/// the task costs, and as long as the check of a session with HS256 may be behind.
pub const STALE_AFTER: Duration = Duration::from_secs(30);

/// When it was last read or, for revoked sessions, the database last found unavailable. Clones share it.
#[derive(Clone)]
pub(super) struct Freshness {
    created: Instant,
    /// Milliseconds from `created`.
    confirmed_millis: Arc<AtomicU64>,
    stale_after: Duration,
}

impl Freshness {
    pub fn new(stale_after: Duration) -> Self {
        Self { created: Instant::now(), confirmed_millis: Arc::default(), stale_after }
    }

    pub fn is_stale(&self) -> bool {
        let confirmed = Duration::from_millis(self.confirmed_millis.load(Ordering::Relaxed));
        self.created.elapsed().saturating_sub(confirmed) > self.stale_after
    }

    pub fn confirm(&self) {
        let millis = u64::try_from(self.created.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.confirmed_millis.store(millis, Ordering::Relaxed);
    }
}
