//! The thread that writes to a SQLite file. Jobs that wait are committed together: SQLite has one writer at a time, and a
//! commit waits for the disk for longer than most jobs take.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use super::connection::{DbConnection, Durability, StatementLimits};
use super::connections::IdleConnections;
use super::error::DbError;
use super::limits::{Limits, REQUEST};
use super::pooled_connection::PooledConnection;
use super::sqlite_file::SqliteFile;
use super::state_changes::StateEpoch;
use super::write_job::{GivenUp, JobState, WriteJob};
use crate::metrics;

/// The most jobs that wait. Further ones are rejected at once.
const MAX_QUEUED: usize = 1_024;
/// The most jobs of one commit.
const MAX_GROUP: usize = 64;
/// When a group has run for this long, the jobs that have not begun are left to the next one: those that are done wait
/// for the commit.
const MAX_GROUP_TIME: Duration = Duration::from_millis(20);
/// The most connections that are tried for one group.
const MAX_CONNECTIONS: usize = 3;

/// What the thread shares with the pool.
pub(super) struct WriterContext {
    pub idle: Arc<IdleConnections>,
    pub file: SqliteFile,
    pub state_epoch: Arc<StateEpoch>,
    pub has_failed: Arc<AtomicBool>,
}

/// The queue of the thread that writes. The thread starts with the first job and ends with the queue.
pub(super) struct Writer {
    context: Arc<WriterContext>,
    queue: OnceLock<Sender<WriteJob>>,
}

impl Writer {
    pub fn new(context: WriterContext) -> Self {
        Self { context: Arc::new(context), queue: OnceLock::new() }
    }

    /// Runs `step` in a transaction, which it may share with other jobs: each has a savepoint of its own. Returns after the
    /// commit, or after its changes were rolled back because of its own error. `after_commit` runs before that, also if
    /// the caller was dropped.
    ///
    /// A job that waits for longer than its limit does not run. One that runs for longer is abandoned: its caller no
    /// longer waits, and it is rolled back unless it is being committed.
    pub async fn run<T, E, F, A>(
        &self,
        durability: Durability,
        limits: Limits,
        step: F,
        after_commit: A,
    ) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        A: Fn(&T) + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (sender, mut result) = oneshot::channel();
        let state = Arc::new(JobState::default());
        let job = WriteJob::new(durability, limits, Arc::clone(&state), step, after_commit, sender);
        let mut deadline = Instant::now() + limits.turn;
        let queue = self.queue.get_or_init(|| start(Arc::clone(&self.context)));
        // Before it is in the queue: the thread may take it out at once.
        metrics::DATABASE_WRITES_QUEUED.increment();
        if queue.try_send(job).is_err() {
            metrics::DATABASE_WRITES_QUEUED.decrement();
            return Err(DbError::Busy.into());
        }
        loop {
            match tokio::time::timeout_at(deadline.into(), &mut result).await {
                Ok(Ok(Ok(result))) => return result,
                Ok(Ok(Err(panic))) => resume_unwind(panic),
                // The thread ends with the queue, of which the caller has a share.
                Ok(Err(_)) => return Err(DbError::TimedOut.into()),
                Err(_) => match state.give_up(limits.job) {
                    GivenUp::Queued => return Err(DbError::Busy.into()),
                    GivenUp::Running => {
                        self.context.has_failed.store(true, Ordering::Relaxed);
                        return Err(DbError::TimedOut.into());
                    }
                    GivenUp::NotBefore(limit) => deadline = limit,
                },
            }
        }
    }
}

fn start(context: Arc<WriterContext>) -> Sender<WriteJob> {
    let (sender, receiver) = bounded(MAX_QUEUED);
    std::thread::Builder::new()
        .name("database writer".to_owned())
        .spawn(move || write_until_closed(&context, &receiver))
        .expect("the system has room for one more thread");
    sender
}

fn write_until_closed(context: &WriterContext, queue: &Receiver<WriteJob>) {
    let mut waiting = VecDeque::with_capacity(MAX_GROUP);
    loop {
        if waiting.is_empty() {
            match queue.recv() {
                Ok(job) => waiting.push_back(job),
                Err(_) => return,
            }
        }
        waiting.extend(queue.try_iter().take(MAX_GROUP.saturating_sub(waiting.len())));
        let mut left = Group { context, jobs: take_group(&mut waiting) }.run();
        left.append(&mut waiting);
        waiting = left;
    }
}

/// Takes the jobs of the next commit, in the order of the queue. A job that may take long gets a commit of its own.
fn take_group(waiting: &mut VecDeque<WriteJob>) -> VecDeque<WriteJob> {
    let mut group = VecDeque::new();
    while let Some(next) = waiting.front() {
        let is_alone = next.is_long();
        if is_alone && !group.is_empty() {
            break;
        }
        let Some(job) = waiting.pop_front() else { break };
        group.push_back(job);
        if is_alone {
            break;
        }
    }
    group
}

/// Jobs that are committed together.
struct Group<'a> {
    context: &'a WriterContext,
    /// The jobs that have not run, first to last.
    jobs: VecDeque<WriteJob>,
}

impl Group<'_> {
    /// Runs the jobs and ends them. Returns those that are left for the next group.
    fn run(mut self) -> VecDeque<WriteJob> {
        metrics::DATABASE_WRITE_GROUPS.increment();
        let (mut pooled, durability) = match self.begin() {
            Ok(begun) => begun,
            Err(error) => {
                for job in self.jobs.into_iter().filter_map(begin_job) {
                    job.end(Some(&error));
                }
                return VecDeque::new();
            }
        };
        let Ran { ended, has_changes, failure } = self.run_jobs(&mut pooled.connection);
        let may_commit = failure.map_or_else(|| self.check_file(), Err);
        let committed = if has_changes && may_commit.is_ok() {
            // A commit that fails has rolled back.
            pooled.connection.commit().map_err(DbError::from)
        } else {
            pooled.connection.roll_back();
            may_commit
        };
        for change in ended.iter().filter_map(WriteJob::change) {
            self.context.state_epoch.add(change, committed.is_ok());
        }
        self.put_back(pooled, durability);
        for job in ended {
            job.end(committed.as_ref().err());
        }
        self.jobs
    }

    /// Opens the transaction on a connection.
    fn begin(&self) -> Result<(PooledConnection, Durability), DbError> {
        let is_immediate = self.jobs.iter().any(|job| job.durability == Durability::Immediate);
        let durability = if is_immediate { Durability::Immediate } else { Durability::Relaxed };
        let limits = StatementLimits::within(REQUEST.job);
        let mut last_error = DbError::Busy;
        for _ in 0..MAX_CONNECTIONS {
            // A new connection would open the other file, and apply the old file's write-ahead log to it.
            self.check_file()?;
            let mut pooled = self.context.idle.take().map_err(|error| {
                self.context.has_failed.store(true, Ordering::Relaxed);
                DbError::Unreachable(Box::new(error))
            })?;
            match pooled.begin(durability, limits) {
                Ok(()) => return Ok((pooled, durability)),
                // Only BEGIN was sent, so nothing is repeated on another connection.
                Err(lost) if pooled.is_lost() => last_error = lost.into(),
                Err(error) => {
                    self.put_back(pooled, durability);
                    return Err(error.into());
                }
            }
        }
        Err(last_error)
    }

    /// Runs the jobs, each in a savepoint if there are several.
    fn run_jobs(&mut self, connection: &mut DbConnection) -> Ran {
        let begun_at = Instant::now();
        let has_savepoints = self.jobs.len() > 1;
        let mut ran = Ran::default();
        while ran.failure.is_none() && begun_at.elapsed() < MAX_GROUP_TIME {
            let Some(job) = self.jobs.pop_front() else { break };
            let Some(mut job) = begin_job(job) else { continue };
            let result = if has_savepoints {
                connection.in_savepoint(|connection| job.run(connection))
            } else {
                Ok(job.run(connection))
            };
            match result {
                Ok(has_changes) => ran.has_changes |= has_changes,
                // SQLite rolls back the whole transaction when the disk is full, for example.
                Err(error) => ran.failure = Some(error.into()),
            }
            ran.ended.push(job);
        }
        ran
    }

    fn check_file(&self) -> Result<(), DbError> {
        let file = &self.context.file;
        if file.is_replaced() { Err(DbError::FileReplaced(file.path().to_owned())) } else { Ok(()) }
    }

    fn put_back(&self, mut pooled: PooledConnection, durability: Durability) {
        if !pooled.connection.restore(durability) {
            pooled.mark_broken();
        }
        let is_usable = pooled.is_usable();
        if is_usable {
            self.context.idle.put(pooled);
        }
        self.context.has_failed.fetch_or(!is_usable, Ordering::Relaxed);
    }
}

/// The jobs of a group that have run, and wait for the commit.
#[derive(Default)]
struct Ran {
    ended: Vec<WriteJob>,
    has_changes: bool,
    /// Why none of the changes can be committed.
    failure: Option<DbError>,
}

fn begin_job(job: WriteJob) -> Option<WriteJob> {
    metrics::DATABASE_WRITES_QUEUED.decrement();
    metrics::DATABASE_WRITES.increment();
    metrics::DATABASE_WRITE_WAIT_MICROS.add(u64::try_from(job.waited().as_micros()).unwrap_or(u64::MAX));
    job.begin()
}
