//! Database jobs: each runs on a thread of its own and has a time limit, after which its caller no longer waits for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::OwnedSemaphorePermit;

use super::error::DbError;

/// What a job does; stalled writes do not stop reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobKind {
    Read,
    Write,
}

/// Threads that run database jobs, which block. No end of a runtime or of the process waits for them: a frozen database
/// would delay it without a limit.
pub(super) struct JobThreads {
    /// Owns the threads; `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// The most jobs of a kind that have begun and not ended, abandoned ones included.
    max_jobs: usize,
    reads: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl JobThreads {
    /// Creates the threads when they are needed, at most `max_jobs` for reads and as many for writes.
    pub fn new(max_jobs: usize) -> std::io::Result<Self> {
        let runtime =
            Builder::new_current_thread().max_blocking_threads(2 * max_jobs).thread_name("database").build()?;
        Ok(Self { runtime: Some(runtime), max_jobs, reads: Arc::default(), writes: Arc::default() })
    }

    /// Runs `work` and waits up to `limit` for its result. Then the job is abandoned: it gives back its permit, and its
    /// thread ends when the database responds. If the caller is dropped, the job still runs to its end, under the same
    /// limit.
    ///
    /// # Errors
    /// [`DbError::TimedOut`] at the limit, and at once when too many abandoned jobs have not ended.
    pub async fn run<T: Send + 'static>(
        &self,
        kind: JobKind,
        limit: Duration,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(&Job) -> T + Send + 'static,
    ) -> Result<T, DbError> {
        let begun = match kind {
            JobKind::Read => &self.reads,
            JobKind::Write => &self.writes,
        };
        let job = Job::begin(begun, self.max_jobs, permit)?;
        let runtime = self.runtime.as_ref().expect("it is there until it is dropped");
        let thread = runtime.spawn_blocking({
            let job = EndOnDrop(Arc::clone(&job));
            move || work(&job.0)
        });
        // A task of its own: it abandons the job at the limit even if the caller is dropped.
        let watch = tokio::spawn(async move {
            let ended = tokio::time::timeout(limit, thread).await;
            if ended.is_err() {
                job.abandon();
            }
            ended
        });
        match watch.await {
            Ok(Ok(ended)) => Ok(ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))),
            // The limit is over, or the caller's runtime ends.
            Ok(Err(_)) | Err(_) => Err(DbError::TimedOut),
        }
    }
}

impl Drop for JobThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A job that has begun.
pub(super) struct Job {
    state: Mutex<JobState>,
    begun: Arc<AtomicUsize>,
}

enum JobState {
    Running { _permit: OwnedSemaphorePermit },
    Abandoned,
    Ended,
}

impl Job {
    fn begin(begun: &Arc<AtomicUsize>, max_jobs: usize, permit: OwnedSemaphorePermit) -> Result<Arc<Self>, DbError> {
        let take = |count: usize| (count < max_jobs).then_some(count + 1);
        begun.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map_err(|_| DbError::TimedOut)?;
        let state = Mutex::new(JobState::Running { _permit: permit });
        Ok(Arc::new(Self { state, begun: Arc::clone(begun) }))
    }

    /// Whether the caller no longer waits for the result. Its transaction must not commit then: the client was told to retry.
    pub fn is_abandoned(&self) -> bool {
        matches!(*self.state.lock().unwrap_or_else(PoisonError::into_inner), JobState::Abandoned)
    }

    fn abandon(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, JobState::Running { .. }) {
            *state = JobState::Abandoned;
        }
    }
}

/// Ends its job when dropped, also if the job panics.
struct EndOnDrop(Arc<Job>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        *self.0.state.lock().unwrap_or_else(PoisonError::into_inner) = JobState::Ended;
        self.0.begun.fetch_sub(1, Ordering::Relaxed);
    }
}
