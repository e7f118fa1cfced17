//! The background task that sends queued emails, one per instance.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::payload::MailPayload;
use super::smtp::{SendError, Smtp, SmtpError};
use super::store::{self, CLAIM_DURATION, ClaimedMail, LONGEST_WAIT};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::metrics;
use crate::secret::{DerivedKey, KeyPurpose, ServerKey};
use crate::supervisor::Supervisor;

const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Emails read in one query. After a full batch, the next query follows immediately.
const BATCH: i64 = 50;
/// Emails sent at the same time.
const CONCURRENCY: usize = 4;
/// How long sending one email may take, however slow the mail server is.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a stopping server waits for emails that are being sent.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends queued emails.
pub struct Sender {
    db: Db,
    clock: Clock,
    seal: DerivedKey,
    smtp: Smtp,
}

/// A running [`Sender`]; it stops when this is dropped.
pub struct Sending {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Sender {
    /// Creates a sender without connecting; `None` if no mail server is configured.
    pub fn new(config: &Config, server_key: &ServerKey, db: Db, clock: Clock) -> Result<Option<Self>, SmtpError> {
        let Some(mail) = &config.mail else { return Ok(None) };
        let smtp = Smtp::new(mail, config)?;
        Ok(Some(Self { db, clock, seal: server_key.derive(KeyPurpose::Mails), smtp }))
    }

    /// Starts sending in the background.
    #[must_use]
    pub fn start(self, supervisor: &Supervisor) -> Sending {
        let (stop, stopped) = watch::channel(false);
        let sender = Arc::new(self);
        let task = supervisor.spawn("sending emails", move || Arc::clone(&sender).run(stopped.clone()));
        Sending { stop, task }
    }

    async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut is_failing = false;
        loop {
            let is_full_batch = match self.send_due(&stopped).await {
                Ok(count) => {
                    is_failing = false;
                    i64::try_from(count).is_ok_and(|count| count >= BATCH)
                }
                Err(error) => {
                    if !is_failing {
                        // Logged once, not every second for as long as the database is unreachable.
                        tracing::warn!(%error, "cannot read the mail queue; retrying every second");
                        is_failing = true;
                    }
                    false
                }
            };
            let pause = if is_full_batch { Duration::ZERO } else { POLL_INTERVAL };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Stopped, or the handle was dropped.
                _ = stopped.changed() => return,
            }
        }
    }

    /// Sends the emails that are due, and returns their number. After a stop, sends no further ones.
    async fn send_due(&self, stopped: &watch::Receiver<bool>) -> Result<usize, DbError> {
        let now = self.clock.now();
        let due = self.db.read(move |conn| -> Result<_, DbError> { Ok(store::list_due(conn, now, BATCH)?) }).await?;
        let count = due.len();
        futures_util::stream::iter(due)
            .for_each_concurrent(CONCURRENCY, |id| async move {
                if *stopped.borrow() {
                    return;
                }
                if let Err(error) = self.send(id).await {
                    tracing::warn!(%error, "cannot read or update a queued email; it stays in the queue");
                }
            })
            .await;
        Ok(count)
    }

    async fn send(&self, id: String) -> Result<(), DbError> {
        let now = self.clock.now();
        let until = now + CLAIM_DURATION;
        let claimed = self.db.write(move |conn| -> Result<_, DbError> { Ok(store::claim(conn, &id, now, until)?) });
        let Some(mail) = claimed.await? else { return Ok(()) };
        let Some(payload) = MailPayload::open(&self.seal, &mail.id, &mail.kind, &mail.message_sealed) else {
            // During a key rotation, an instance with the other key sends it.
            return self.reschedule(mail, "encrypted with another SERVER_KEY".to_owned()).await;
        };
        let sent = self.smtp.send(&payload, &mail.kind, &mail.id, mail.created_at);
        let sent = tokio::time::timeout(SEND_TIMEOUT, sent).await;
        match sent.unwrap_or_else(|_| Err(SendError::Transient("the SMTP server timed out".to_owned()))) {
            Ok(()) => {
                metrics::MAILS_SENT.increment();
                tracing::debug!(kind = mail.kind, "email sent");
                self.delete(mail).await
            }
            Err(SendError::Permanent(reason)) => self.discard(mail, &reason).await,
            Err(SendError::Transient(reason)) => self.reschedule(mail, reason).await,
        }
    }

    async fn reschedule(&self, mail: ClaimedMail, reason: String) -> Result<(), DbError> {
        let wait = retry_wait(mail.tries + 1);
        tracing::warn!(
            kind = mail.kind,
            tries = mail.tries + 1,
            wait_seconds = wait.num_seconds(),
            reason,
            "email not sent; retrying later"
        );
        let next_try_at = self.clock.now() + wait;
        self.db.write(move |conn| Ok(store::set_failed(conn, &mail, next_try_at, &reason)?)).await
    }

    async fn discard(&self, mail: ClaimedMail, reason: &str) -> Result<(), DbError> {
        metrics::MAILS_FAILED.increment();
        tracing::error!(kind = mail.kind, id = mail.id, reason, "email failed permanently; removed from the queue");
        self.delete(mail).await
    }

    async fn delete(&self, mail: ClaimedMail) -> Result<(), DbError> {
        self.db.write(move |conn| Ok(store::delete(conn, &mail)?)).await
    }
}

impl Sending {
    /// Sends no further emails, and waits up to ten seconds for those being sent. The others stay in the queue.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(STOP_TIMEOUT, self.task).await.is_err() {
            tracing::warn!("stopped while emails were being sent; they are sent again after the next start");
        }
    }
}

/// The wait after this many failed attempts: 30 seconds, doubled each time, at most an hour.
fn retry_wait(tries: i64) -> TimeDelta {
    let doublings = u32::try_from((tries - 1).clamp(0, 7)).unwrap_or(7);
    TimeDelta::seconds(30 * 2_i64.pow(doublings)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_wait_doubles_from_30_seconds_to_an_hour() {
        let waits: Vec<i64> = (1..=9).map(|tries| retry_wait(tries).num_seconds()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert_eq!(retry_wait(i64::MAX).num_seconds(), 3_600);
    }
}
