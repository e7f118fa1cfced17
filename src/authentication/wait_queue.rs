//! Where tries wait for others in flight to be decided, bounded in number. What may not live here: for how long (`sign_in.rs`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// The most tries that wait at once; one more is told to come again.
const MAX_WAITING: usize = 1_024;

/// The tries that wait, by bucket. Clones share them.
#[derive(Clone, Default)]
pub(super) struct WaitQueue(Arc<Mutex<Queues>>);

/// By bucket: what wakes its tries, and how many they are.
type Queues = HashMap<String, (Arc<Notify>, usize)>;

impl WaitQueue {
    /// Waits for a signal on `bucket`, at most `at_most`; `false` when there is no room to wait.
    pub async fn wait(&self, bucket: &str, at_most: Duration) -> bool {
        let Some(place) = QueueSlot::take(self, bucket) else { return false };
        // A signal between looking at the row and coming here is missed; the limit bounds what that costs.
        let _ = tokio::time::timeout(at_most, place.notify.notified()).await;
        true
    }

    /// Says that a try on `bucket` was decided: one waiting try may look again, or all when there is nothing left to wait for.
    pub fn signal(&self, bucket: &str, all: bool) {
        if let Some((notify, _)) = self.lock().get(bucket) {
            if all { notify.notify_waiters() } else { notify.notify_one() }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given back when dropped: a client that goes away leaves nothing behind.
struct QueueSlot<'a> {
    waiting: &'a WaitQueue,
    bucket: &'a str,
    notify: Arc<Notify>,
}

impl<'a> QueueSlot<'a> {
    fn take(waiting: &'a WaitQueue, bucket: &'a str) -> Option<Self> {
        let mut queues = waiting.lock();
        if queues.values().map(|(_, count)| count).sum::<usize>() >= MAX_WAITING {
            return None;
        }
        let (notify, count) = queues.entry(bucket.to_owned()).or_default();
        *count += 1;
        Some(Self { waiting, bucket, notify: Arc::clone(notify) })
    }
}

impl Drop for QueueSlot<'_> {
    fn drop(&mut self) {
        let mut queues = self.waiting.lock();
        if let Some((_, count)) = queues.get_mut(self.bucket) {
            *count -= 1;
            if *count == 0 {
                queues.remove(self.bucket);
            }
        }
    }
}
