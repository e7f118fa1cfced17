//! A job of the thread that writes to a SQLite file: its step, its limits and its result.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::connection::{DbConnection, Durability};
use super::error::DbError;
use super::limits::{Limits, REQUEST};
use super::state_changes::{self, CountedChange};

/// The result of a job, or what its panic carried.
pub(super) type JobResult<T, E> = Result<Result<T, E>, Box<dyn Any + Send>>;

/// A job in the queue.
pub(super) struct WriteJob {
    pub durability: Durability,
    queued_at: Instant,
    limits: Limits,
    state: Arc<JobState>,
    change: Option<CountedChange>,
    step: Box<dyn RunStep>,
}

impl WriteJob {
    /// A job whose result `sender` gets after the commit, and after `after_commit` has run.
    pub fn new<T, E, F, A>(
        durability: Durability,
        limits: Limits,
        state: Arc<JobState>,
        step: F,
        after_commit: A,
        sender: oneshot::Sender<JobResult<T, E>>,
    ) -> Self
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        A: Fn(&T) + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let step = Box::new(PendingStep { step: Some(step), after_commit, result: None, sender });
        Self { durability, queued_at: Instant::now(), limits, state, change: None, step }
    }

    /// Whether the job may take longer than a request waits.
    pub fn is_long(&self) -> bool {
        self.limits.job > REQUEST.job
    }

    /// How long the job has been in the queue.
    pub fn waited(&self) -> Duration {
        self.queued_at.elapsed()
    }

    /// Takes the job out of the queue. `None` if it has waited for too long; its caller gets [`DbError::Busy`].
    pub fn begin(self) -> Option<Self> {
        if self.waited() <= self.limits.turn && self.state.begin() {
            return Some(self);
        }
        self.end(Some(&DbError::Busy));
        None
    }

    /// Runs the step. Returns whether its changes are to be committed.
    pub fn run(&mut self, conn: &mut DbConnection) -> bool {
        state_changes::begin();
        let is_over = || self.state.is_over(self.limits.job);
        let has_changes = self.step.run(conn, &is_over);
        if has_changes {
            match state_changes::count(conn) {
                Ok(change) => self.change = change,
                Err(error) => return self.step.fail(error.into()),
            }
        }
        has_changes
    }

    /// The change of state that it has counted.
    pub fn change(&self) -> Option<CountedChange> {
        self.change
    }

    /// Gives the caller the result of the step, or `failure` if its changes were not committed because of that.
    pub fn end(self, failure: Option<&DbError>) {
        self.step.end(failure);
    }
}

/// A step of any type.
trait RunStep: Send {
    fn run(&mut self, conn: &mut DbConnection, is_over: &dyn Fn() -> bool) -> bool;
    /// Replaces the result by an error. Returns `false`.
    fn fail(&mut self, error: DbError) -> bool;
    fn end(self: Box<Self>, failure: Option<&DbError>);
}

struct PendingStep<T, E, F, A> {
    /// `None` once it has run.
    step: Option<F>,
    after_commit: A,
    result: Option<JobResult<T, E>>,
    sender: oneshot::Sender<JobResult<T, E>>,
}

impl<T, E, F, A> RunStep for PendingStep<T, E, F, A>
where
    F: FnOnce(&mut DbConnection) -> Result<T, E> + Send,
    A: Fn(&T) + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, conn: &mut DbConnection, is_over: &dyn Fn() -> bool) -> bool {
        let Some(step) = self.step.take() else { return false };
        let mut result = catch_unwind(AssertUnwindSafe(|| step(conn)));
        if matches!(result, Ok(Ok(_))) && is_over() {
            // The client was told to retry.
            result = Ok(Err(DbError::TimedOut.into()));
        }
        let has_changes = matches!(result, Ok(Ok(_)));
        self.result = Some(result);
        has_changes
    }

    fn fail(&mut self, error: DbError) -> bool {
        self.result = Some(Ok(Err(error.into())));
        false
    }

    fn end(self: Box<Self>, failure: Option<&DbError>) {
        let Self { after_commit, result, sender, .. } = *self;
        let error = || failure.map_or(DbError::TimedOut, DbError::repeat).into();
        let result = match result {
            Some(Ok(Ok(value))) if failure.is_none() => {
                catch_unwind(AssertUnwindSafe(|| after_commit(&value))).map(|()| Ok(value))
            }
            Some(Ok(Ok(_))) | None => Ok(Err(error())),
            Some(own) => own,
        };
        // A caller that was dropped needs no result.
        drop(sender.send(result));
    }
}

/// Whether a job waits, runs, or has been given up by its caller.
#[derive(Default)]
pub(super) struct JobState(Mutex<Progress>);

#[derive(Clone, Copy, Default)]
enum Progress {
    #[default]
    Queued,
    RunningSince(Instant),
    Abandoned,
}

/// Outcome of giving up a job.
pub(super) enum GivenUp {
    /// It will not run.
    Queued,
    /// It is rolled back, unless it is being committed.
    Running,
    /// It may run until then.
    NotBefore(Instant),
}

impl JobState {
    fn begin(&self) -> bool {
        let mut progress = self.lock();
        let is_queued = matches!(*progress, Progress::Queued);
        if is_queued {
            *progress = Progress::RunningSince(Instant::now());
        }
        is_queued
    }

    fn is_over(&self, limit: Duration) -> bool {
        match *self.lock() {
            Progress::Queued => false,
            Progress::RunningSince(begun_at) => begun_at.elapsed() > limit,
            Progress::Abandoned => true,
        }
    }

    /// Gives up a job that waits, or has run for `limit`.
    pub fn give_up(&self, limit: Duration) -> GivenUp {
        let mut progress = self.lock();
        let given_up = match *progress {
            Progress::Queued => GivenUp::Queued,
            Progress::RunningSince(begun_at) if begun_at.elapsed() < limit => {
                return GivenUp::NotBefore(begun_at + limit);
            }
            Progress::RunningSince(_) | Progress::Abandoned => GivenUp::Running,
        };
        *progress = Progress::Abandoned;
        given_up
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
