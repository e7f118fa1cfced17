//! A bounded queue of attempts that wait for attempts in flight to be decided.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// The most attempts that wait at the same time; further ones are rejected.
const MAX_WAITING: usize = 1_024;

/// The waiting attempts by bucket. Clones share them.
#[derive(Clone, Default)]
pub(super) struct WaitQueue(Arc<Mutex<Queues>>);

/// For each bucket, the signal that wakes its attempts and the number of those that wait.
type Queues = HashMap<String, (Arc<Notify>, usize)>;

impl WaitQueue {
    /// Waits for a signal on `bucket`, at most `at_most`. Returns `false` at once when the queue is full.
    pub async fn wait(&self, bucket: &str, at_most: Duration) -> bool {
        let Some(slot) = QueueSlot::take(self, bucket) else { return false };
        // A signal between the read of the row and this line is missed; the limit bounds the delay.
        let _ = tokio::time::timeout(at_most, slot.notify.notified()).await;
        true
    }

    /// Signals that an attempt on `bucket` was decided. Wakes one waiting attempt or, with `all`, all of them.
    pub fn signal(&self, bucket: &str, all: bool) {
        if let Some((notify, _)) = self.lock().get(bucket) {
            if all { notify.notify_waiters() } else { notify.notify_one() }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot in the queue, released when dropped: a client that disconnects leaves nothing behind.
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
