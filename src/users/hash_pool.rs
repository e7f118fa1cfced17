//! A fixed set of threads that hash passwords, at low priority, behind a bounded queue. Their memory is kept between hashes
//! and given back after 30 idle seconds. What may not live here: what is hashed and why (`credentials`, `admin`).

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use tokio::sync::oneshot;

use super::argon2id::{Cost, Hasher, PasswordHash};
use super::password::Password;

/// Jobs that may wait for each thread: at 20 ms a hash the last of them waits a little over a second.
const QUEUE_PER_THREAD: usize = 64;
/// How long a thread keeps its memory without work.
const IDLE: Duration = Duration::from_secs(30);
/// The lowest priority: checking tokens goes before hashing passwords.
const NICENESS: i32 = 19;

/// The queue is full: the caller should answer 503 and let the client come again.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many passwords are queued for hashing: try again in a moment")]
pub struct HashPoolFull;

/// The threads. Cheap to clone; they stop when the last clone is dropped.
#[derive(Clone)]
pub struct HashPool {
    jobs: Sender<Job>,
    cost: Cost,
}

enum Job {
    Hash { password: Password, reply: oneshot::Sender<PasswordHash> },
    Verify { password: Password, hash: Option<PasswordHash>, reply: oneshot::Sender<bool> },
}

impl HashPool {
    /// Starts `threads` threads that make hashes of this cost. None takes memory before its first job.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(threads: usize, cost: Cost) -> std::io::Result<Self> {
        let (jobs, queue) = crossbeam_channel::bounded(threads * QUEUE_PER_THREAD);
        for number in 0..threads {
            let queue = queue.clone();
            std::thread::Builder::new().name(format!("hash-{number}")).spawn(move || work(&queue, cost))?;
        }
        Ok(Self { jobs, cost })
    }

    /// The cost of new hashes.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`HashPoolFull`] at once, without waiting.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashPoolFull> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Hash { password, reply }, answer).await
    }

    /// Whether `password` is the one behind `hash`; always one hash of work, and `false` without a hash.
    ///
    /// # Errors
    /// [`HashPoolFull`] at once, without waiting.
    pub async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, HashPoolFull> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Verify { password, hash, reply }, answer).await
    }

    async fn send<T>(&self, job: Job, answer: oneshot::Receiver<T>) -> Result<T, HashPoolFull> {
        match self.jobs.try_send(job) {
            Ok(()) => answer.await.map_err(|_| HashPoolFull),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(HashPoolFull),
        }
    }
}

fn work(queue: &Receiver<Job>, cost: Cost) {
    // Fails only where the operating system has no priorities; hashing then runs at the ordinary one.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "cannot lower the priority of a hash thread; it runs at normal priority");
    }
    let mut hasher = Hasher::default();
    let mut has_memory = false;
    loop {
        let job = if has_memory {
            queue.recv_timeout(IDLE)
        } else {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match job {
            Ok(job) => {
                has_memory = true;
                // A receiver that is gone is a caller that gave up; there is nobody to tell.
                match job {
                    Job::Hash { password, reply } => {
                        let _ = reply.send(hasher.hash(password.bytes(), cost));
                    }
                    Job::Verify { password, hash, reply } => {
                        let _ = reply.send(hasher.verify(password.bytes(), hash.as_ref(), cost));
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                hasher.release();
                has_memory = false;
                crate::memory::release_freed();
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
