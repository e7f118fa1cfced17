//! A fixed number of low-priority threads that hash passwords and estimate new ones, behind two bounded queues.

mod lanes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::argon2id::{self, Cost, Hasher, PasswordHash};
use super::decoys::Decoys;
use super::password::{Password, PasswordError, ProposedPassword};
use super::stored_hash::StoredHash;
use crate::{memory, metrics};
use lanes::{Lane, Lanes};

/// The slots of each lane for each thread: at 20 ms a hash, the last job of a lane waits a little over a second.
const SLOTS_PER_THREAD: usize = 64;
/// The time without work after which a thread releases its memory.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Below normal, because verifying tokens must not wait for hashes, but not the lowest priority, at which other busy
/// programs starve them. Beside two of them on two cores, a sign-in takes 0.86 s at 19, 0.14 s at 10, 0.05 s at 5; the
/// time of `/me` during a flood of hashes is the same at all of them.
const NICENESS: i32 = 10;

/// No slot is free; the response should be 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many passwords are queued for hashing: try again in a moment")]
pub struct HashPoolFull;

/// Who a slot is for. Under load, [`Standing::Unknown`] is rejected first.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'a> {
    /// A known browser or a signed-in person of this account, by any name that is the same for all its attempts.
    Known(&'a str),
    /// Anyone else.
    Unknown,
}

/// The pool. Cheap to clone; its threads stop when the last clone is dropped.
#[derive(Clone)]
pub struct HashPool {
    queue: Arc<OpenQueue>,
    cost: Cost,
    decoys: Decoys,
}

enum Job {
    Hash {
        password: Password,
        reply: oneshot::Sender<PasswordHash>,
    },
    Verify {
        password: Password,
        hash: Option<StoredHash>,
        reply: oneshot::Sender<bool>,
    },
    Choose {
        proposed: ProposedPassword,
        reply: oneshot::Sender<Result<Password, PasswordError>>,
    },
    #[cfg(test)]
    Panic,
}

impl HashPool {
    /// Starts `threads` threads that compute hashes of this cost. A thread allocates no memory before its first job.
    pub fn start(threads: usize, cost: Cost) -> std::io::Result<Self> {
        argon2id::check()?;
        let queue =
            Arc::new(Queue { lanes: Mutex::new(Lanes::new(threads * SLOTS_PER_THREAD)), job_added: Condvar::new() });
        for index in 0..threads {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name(format!("hash-{index}")).spawn(move || run_worker(&queue, cost))?;
        }
        Ok(Self { queue: Arc::new(OpenQueue(queue)), cost, decoys: Decoys::default() })
    }

    /// The cost of new hashes.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// What is verified for unknown names.
    #[must_use]
    pub fn decoys(&self) -> &Decoys {
        &self.decoys
    }

    /// Whether a slot is free for [`Standing::Unknown`]. It may be taken before the caller reserves it.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queue.0.lock().has_room(Lane::Second)
    }

    /// Reserves a slot, so that the work before the hash is done only for a hash that will be computed.
    ///
    /// # Errors
    /// [`HashPoolFull`] at once when no slot is free.
    pub fn reserve(&self, standing: Standing<'_>) -> Result<HashSlot, HashPoolFull> {
        let first = match standing {
            Standing::Known(account) => Some(Lane::First(Some(account))),
            Standing::Unknown => None,
        };
        self.take(first.into_iter().chain([Lane::Second]))
    }

    /// Estimates the strength of a new password, and returns it if it is strong enough; fails at once if no slot is
    /// free. It has the place of a new hash: see [`Self::hash`].
    pub async fn choose(&self, proposed: ProposedPassword) -> Result<Result<Password, PasswordError>, HashPoolFull> {
        let (reply, result) = oneshot::channel();
        self.take([Lane::First(None)])?.run(Job::Choose { proposed, reply }, result).await
    }

    /// Hashes a new password; fails at once if no slot is free. Its owner is signed in or has a one-time link, whose
    /// submissions are limited, so it comes before unknown sign-ins.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashPoolFull> {
        let (reply, result) = oneshot::channel();
        self.take([Lane::First(None)])?.run(Job::Hash { password, reply }, result).await
    }

    /// [`HashSlot::verify`] in a slot of its own, for a command; fails at once if none is free.
    pub async fn verify(&self, password: Password, hash: Option<StoredHash>) -> Result<bool, HashPoolFull> {
        self.take([Lane::First(None)])?.verify(password, hash).await
    }

    /// Takes a slot of the first of these lanes that has one.
    fn take<'a>(&self, lanes: impl IntoIterator<Item = Lane<'a>>) -> Result<HashSlot, HashPoolFull> {
        let mut queues = self.queue.0.lock();
        let place = lanes.into_iter().find_map(|lane| queues.take(lane)).ok_or(HashPoolFull)?;
        Ok(HashSlot { queue: Arc::clone(&self.queue), place: Some(place), cost: self.cost })
    }
}

/// A slot in a lane, from its reservation until a thread takes its job. Dropping it makes it free again.
#[must_use]
pub struct HashSlot {
    /// Keeps the threads running until the result is there.
    queue: Arc<OpenQueue>,
    /// `None` once the job is queued.
    place: Option<lanes::Place>,
    /// The cost of a new hash, which is that of one slot.
    cost: Cost,
}

impl HashSlot {
    /// Whether `password` matches `hash`. `false` without a hash, after the same work.
    ///
    /// # Errors
    /// [`HashPoolFull`] when the thread ended without a result, or the hash costs more than the queue has room for.
    pub async fn verify(self, password: Password, hash: Option<StoredHash>) -> Result<bool, HashPoolFull> {
        let (reply, result) = oneshot::channel();
        let work_kib = hash.as_ref().map_or(0, StoredHash::work_kib);
        let slots = work_kib.div_ceil(self.cost.work_kib().max(1)).max(1);
        self.run_in(usize::try_from(slots).unwrap_or(usize::MAX), Job::Verify { password, hash, reply }, result).await
    }

    async fn run<T>(self, job: Job, result: oneshot::Receiver<T>) -> Result<T, HashPoolFull> {
        self.run_in(1, job, result).await
    }

    /// Runs a job that takes as long as `slots` new hashes.
    async fn run_in<T>(mut self, slots: usize, job: Job, result: oneshot::Receiver<T>) -> Result<T, HashPoolFull> {
        if let Some(place) = self.place.take() {
            self.queue.0.lock().push(place, slots, job)?;
            self.queue.0.job_added.notify_one();
        }
        result.await.map_err(|_| HashPoolFull)
    }
}

impl Drop for HashSlot {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.queue.0.lock().release(&place);
        }
    }
}

/// The lanes, shared by the pool and its threads.
struct Queue {
    lanes: Mutex<Lanes<Job>>,
    job_added: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Lanes<Job>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a job, at most until `deadline`.
    fn next(&self, deadline: Option<Instant>) -> Next {
        let mut lanes = self.lock();
        loop {
            if let Some(job) = lanes.pop() {
                return Next::Job(job);
            }
            if lanes.is_closed {
                return Next::Closed;
            }
            lanes = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.job_added.wait(lanes).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Next::Idle,
                Some(left) => self.job_added.wait_timeout(lanes, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

/// The queue as its users hold it: dropping the last one stops the threads.
struct OpenQueue(Arc<Queue>);

impl Drop for OpenQueue {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.job_added.notify_all();
    }
}

/// What a thread does next.
enum Next {
    Job(Job),
    /// There was no job until the deadline.
    Idle,
    Closed,
}

fn run_worker(queue: &Queue, cost: Cost) {
    // Fails only on an operating system without priorities.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "cannot lower the priority of a hash thread; it runs at normal priority");
    }
    let mut hasher = Hasher::default();
    let mut has_memory = false;
    loop {
        match queue.next(has_memory.then(|| Instant::now() + IDLE_TIMEOUT)) {
            Next::Job(job) => {
                has_memory = true;
                // A panic drops the reply: its caller gets `HashPoolFull`, and the thread lives on, with fresh memory.
                if catch_unwind(AssertUnwindSafe(|| run_job(job, &mut hasher, cost))).is_err() {
                    metrics::HASH_PANICS.increment();
                    hasher = Hasher::default();
                }
            }
            Next::Idle => {
                hasher.release();
                has_memory = false;
                memory::release_freed();
                memory::release_code();
            }
            Next::Closed => return,
        }
    }
}

fn run_job(job: Job, hasher: &mut Hasher, cost: Cost) {
    // Sending fails if the caller was dropped; the result is then not needed.
    match job {
        Job::Hash { password, reply } => {
            let _ = reply.send(hasher.hash(password.bytes(), cost));
        }
        Job::Verify { password, hash, reply } => {
            let _ = reply.send(StoredHash::verify(hasher, &password, hash.as_ref(), cost));
        }
        Job::Choose { proposed, reply } => {
            let _ = reply.send(proposed.choose_on_this_thread());
        }
        #[cfg(test)]
        Job::Panic => panic!("a test's panic"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn thread_that_panicked_computes_the_next_hash() {
        let pool = HashPool::start(1, Cost { memory_kib: 64, iterations: 1, parallelism: 1 }).expect("a thread");
        let before = metrics::HASH_PANICS.get();
        let (_, no_result) = oneshot::channel::<()>();
        assert!(pool.take([Lane::First(None)]).expect("a free slot").run(Job::Panic, no_result).await.is_err());
        let password = || Password::parse("correct horse battery staple").expect("a password");
        let hash = pool.hash(password()).await.expect("a hash");
        assert!(pool.verify(password(), Some(hash.into())).await.expect("a result"));
        assert_eq!(metrics::HASH_PANICS.get(), before + 1);
    }
}
