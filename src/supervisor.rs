//! Background tasks that are restarted after a panic.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::metrics;

/// The pause before a task is restarted, so a task that always fails does not use up a processor.
const PAUSE: Duration = Duration::from_secs(1);
/// Restarts of one task within [`RESTART_PERIOD`] after which it is given up: its work matters more than this process,
/// which its supervisor (systemd, a container runtime) starts again.
const MAX_RESTARTS: u32 = 10;
const RESTART_PERIOD: Duration = Duration::from_mins(10);

/// Starts background tasks. Clones share the report of failed tasks.
#[derive(Clone)]
pub struct Supervisor {
    failed: mpsc::Sender<&'static str>,
    pause: Duration,
}

/// Reports tasks that were given up.
pub struct FailedTasks(mpsc::Receiver<&'static str>);

impl FailedTasks {
    /// Waits until a task is given up, and returns its name.
    pub async fn next(&mut self) -> &'static str {
        match self.0.recv().await {
            Some(name) => name,
            // All tasks ended as they should.
            None => std::future::pending().await,
        }
    }
}

impl Supervisor {
    /// Creates a supervisor.
    #[must_use]
    pub fn new() -> (Self, FailedTasks) {
        let (failed, reports) = mpsc::channel(1);
        (Self { failed, pause: PAUSE }, FailedTasks(reports))
    }

    /// Starts a task on this thread. If it panics, it is counted, logged and started again after a second; when it
    /// panicked more than ten times within ten minutes, [`FailedTasks`] reports it. A task that returns has ended.
    pub fn spawn<F: Future<Output = ()> + 'static>(
        &self,
        name: &'static str,
        task: impl Fn() -> F + 'static,
    ) -> JoinHandle<()> {
        let Self { failed, pause } = self.clone();
        tokio::task::spawn_local(async move {
            if run(name, task, pause).await.is_err() {
                // Full: another task has already failed.
                let _ = failed.try_send(name);
            }
        })
    }
}

/// A task was given up.
struct GivenUp;

async fn run<F: Future<Output = ()>>(name: &'static str, task: impl Fn() -> F, pause: Duration) -> Result<(), GivenUp> {
    let (mut restarts, mut period_began) = (0, Instant::now());
    while catch_panic(async { task().await }).await.is_err() {
        metrics::BACKGROUND_TASK_RESTARTS.increment();
        if period_began.elapsed() > RESTART_PERIOD {
            (restarts, period_began) = (0, Instant::now());
        }
        restarts += 1;
        if restarts > MAX_RESTARTS {
            tracing::error!(task = name, "a background task panicked too often; the server stops");
            return Err(GivenUp);
        }
        tracing::error!(task = name, "a background task panicked; restarting it");
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

/// Runs a future. A panic in it becomes an `Err` with the panic's payload.
pub async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    // Unwind safety: the future is not polled again after a panic, and what it shares with others is behind locks that
    // ignore poisoning.
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn panicking_task_is_restarted_until_it_returns() {
        let runs = Cell::new(0);
        let task = || async {
            tokio::task::yield_now().await;
            runs.set(runs.get() + 1);
            assert!(runs.get() == 3, "a test's panic");
        };
        assert!(run("test", task, Duration::ZERO).await.is_ok());
        assert_eq!(runs.get(), 3);
    }

    #[tokio::test]
    async fn task_that_always_panics_is_given_up_and_reported() {
        let local = tokio::task::LocalSet::new();
        let name = local.run_until(async {
            let (mut supervisor, mut failed) = Supervisor::new();
            supervisor.pause = Duration::ZERO;
            let _ended = supervisor.spawn("ends", || async {});
            let _panics = supervisor.spawn("panics", || async { panic!("a test's panic") });
            failed.next().await
        });
        assert_eq!(name.await, "panics");
    }
}
