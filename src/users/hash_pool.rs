//! A fixed number of low-priority threads that hash passwords and estimate new ones, behind a bounded queue.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use tokio::sync::oneshot;

use super::argon2id::{Cost, Hasher, PasswordHash};
use super::password::{Password, PasswordError, ProposedPassword};
use crate::memory;

/// The length of the queue for each thread: at 20 ms a hash, the last job waits a little over a second.
const QUEUE_PER_THREAD: usize = 64;
/// The time without work after which a thread releases its memory.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The lowest priority, because verifying tokens must not wait for hashes.
const NICENESS: i32 = 19;

/// The queue is full; the response should be 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many passwords are queued for hashing: try again in a moment")]
pub struct HashPoolFull;

/// The pool. Cheap to clone; its threads stop when the last clone is dropped.
#[derive(Clone)]
pub struct HashPool {
    jobs: Sender<Job>,
    cost: Cost,
}

enum Job {
    Hash { password: Password, reply: oneshot::Sender<PasswordHash> },
    Verify { password: Password, hash: Option<PasswordHash>, reply: oneshot::Sender<bool> },
    Choose { proposed: ProposedPassword, reply: oneshot::Sender<Result<Password, PasswordError>> },
}

impl HashPool {
    /// Starts `threads` threads that compute hashes of this cost. A thread allocates no memory before its first job.
    pub fn start(threads: usize, cost: Cost) -> std::io::Result<Self> {
        let (jobs, queue) = crossbeam_channel::bounded(threads * QUEUE_PER_THREAD);
        for index in 0..threads {
            let queue = queue.clone();
            std::thread::Builder::new().name(format!("hash-{index}")).spawn(move || run_worker(&queue, cost))?;
        }
        Ok(Self { jobs, cost })
    }

    /// The cost of new hashes.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Estimates the strength of a new password, and returns it if it is strong enough; fails at once if the queue is
    /// full.
    pub async fn choose(&self, proposed: ProposedPassword) -> Result<Result<Password, PasswordError>, HashPoolFull> {
        let (reply, result) = oneshot::channel();
        self.send(Job::Choose { proposed, reply }, result).await
    }

    /// Hashes a password; fails at once if the queue is full.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashPoolFull> {
        let (reply, result) = oneshot::channel();
        self.send(Job::Hash { password, reply }, result).await
    }

    /// Whether `password` matches `hash`; `false` without a hash, after the same work. Fails at once if the queue is
    /// full.
    pub async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, HashPoolFull> {
        let (reply, result) = oneshot::channel();
        self.send(Job::Verify { password, hash, reply }, result).await
    }

    async fn send<T>(&self, job: Job, result: oneshot::Receiver<T>) -> Result<T, HashPoolFull> {
        match self.jobs.try_send(job) {
            Ok(()) => result.await.map_err(|_| HashPoolFull),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(HashPoolFull),
        }
    }
}

fn run_worker(queue: &Receiver<Job>, cost: Cost) {
    // Fails only on an operating system without priorities.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "cannot lower the priority of a hash thread; it runs at normal priority");
    }
    let mut hasher = Hasher::default();
    let mut has_memory = false;
    loop {
        let job = if has_memory {
            queue.recv_timeout(IDLE_TIMEOUT)
        } else {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match job {
            Ok(job) => {
                has_memory = true;
                // Sending fails if the caller was dropped; the result is then not needed.
                match job {
                    Job::Hash { password, reply } => {
                        let _ = reply.send(hasher.hash(password.bytes(), cost));
                    }
                    Job::Verify { password, hash, reply } => {
                        let _ = reply.send(hasher.verify(password.bytes(), hash.as_ref(), cost));
                    }
                    Job::Choose { proposed, reply } => {
                        let _ = reply.send(proposed.choose_on_this_thread());
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                hasher.release();
                has_memory = false;
                memory::release_freed();
                memory::release_code();
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
