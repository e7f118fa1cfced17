//! The loop that sends, one per instance. A mail is claimed by a conditional update, so that two instances never send it at once; the
//! claim of an instance that died runs out. What may not live here: SMTP (`smtp.rs`), and SQL.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::letter::Letter;
use super::smtp::{Failure, Smtp, SmtpError};
use super::store::{self, Row};
use super::wait_after;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::metrics;
use crate::secret::{DerivedKey, Purpose, ServerKey};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many at one look; the next look comes at once when there were as many.
const BATCH: i64 = 50;
/// So many at the same time.
const AT_ONCE: usize = 4;
/// How long one mail may take altogether, whatever the mail server does.
const SEND_WITHIN: Duration = Duration::from_mins(1);
/// Longer than a mail can take: nobody sends it a second time while the first is under way.
const CLAIM_FOR: TimeDelta = TimeDelta::minutes(3);
/// How long the server's end waits for mails that are under way.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What sends.
pub struct Sender {
    db: Db,
    clock: Clock,
    seal: DerivedKey,
    smtp: Smtp,
}

/// A loop that runs, until it is stopped or dropped.
pub struct Sending {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Sender {
    /// Prepares the way to the mail server without opening it; `None` when the settings name none.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub fn new(config: &Config, server_key: &ServerKey, db: Db, clock: Clock) -> Result<Option<Self>, SmtpError> {
        let Some(mail) = &config.mail else { return Ok(None) };
        let smtp = Smtp::new(mail, config)?;
        Ok(Some(Self { db, clock, seal: server_key.derive(Purpose::Mails), smtp }))
    }

    /// Sends from now on, in the background.
    #[must_use]
    pub fn start(self) -> Sending {
        let (stop, stopped) = watch::channel(false);
        Sending { stop, task: tokio::spawn(Arc::new(self).run(stopped)) }
    }

    async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut is_known_away = false;
        loop {
            let is_more = match self.turn(&stopped).await {
                Ok(count) => {
                    is_known_away = false;
                    i64::try_from(count).is_ok_and(|count| count >= BATCH)
                }
                Err(error) => {
                    if !is_known_away {
                        // Once, not each second for as long as the database is away.
                        tracing::warn!(%error, "cannot read the mail queue; retrying every second");
                        is_known_away = true;
                    }
                    false
                }
            };
            let pause = if is_more { Duration::ZERO } else { LOOK_EVERY };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Told to stop, or the server is gone.
                _ = stopped.changed() => return,
            }
        }
    }

    /// Sends what is due, and returns how many that were. Begins no further one once it is told to stop.
    async fn turn(&self, stopped: &watch::Receiver<bool>) -> Result<usize, DbError> {
        let now = self.clock.now();
        let due = self.db.read(move |conn| -> Result<_, DbError> { Ok(store::list_due(conn, now, BATCH)?) }).await?;
        let count = due.len();
        futures_util::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |id| async move {
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
        let claimed =
            self.db.write(move |conn| -> Result<_, DbError> { Ok(store::claim(conn, &id, now, now + CLAIM_FOR)?) });
        let Some(row) = claimed.await? else { return Ok(()) };
        let Some(letter) = Letter::open(&self.seal, &row.id, &row.kind, &row.message_sealed) else {
            // While the key is being changed, a server with the other one will take it.
            return self.put_off(row, "encrypted with another SERVER_KEY".to_owned()).await;
        };
        let sent = self.smtp.send(&letter, &row.kind, &row.id, row.created_at);
        let sent = tokio::time::timeout(SEND_WITHIN, sent).await;
        match sent.unwrap_or_else(|_| Err(Failure::Passing("the SMTP server timed out".to_owned()))) {
            Ok(()) => {
                metrics::MAILS_SENT.increment();
                tracing::debug!(kind = row.kind, "email sent");
                self.delete(row).await
            }
            Err(Failure::Permanent(reason)) => self.give_up(row, &reason).await,
            Err(Failure::Passing(reason)) => self.put_off(row, reason).await,
        }
    }

    async fn put_off(&self, row: Row, reason: String) -> Result<(), DbError> {
        let wait = wait_after(row.tries + 1);
        tracing::warn!(
            kind = row.kind,
            tries = row.tries + 1,
            wait_seconds = wait.num_seconds(),
            reason,
            "email not sent; retrying later"
        );
        let next_try_at = self.clock.now() + wait;
        self.db.write(move |conn| Ok(store::set_failed(conn, &row, next_try_at, &reason)?)).await
    }

    async fn give_up(&self, row: Row, reason: &str) -> Result<(), DbError> {
        metrics::MAILS_FAILED.increment();
        tracing::error!(kind = row.kind, id = row.id, reason, "email failed permanently; removed from the queue");
        self.delete(row).await
    }

    async fn delete(&self, row: Row) -> Result<(), DbError> {
        self.db.write(move |conn| Ok(store::delete(conn, &row)?)).await
    }
}

impl Sending {
    /// Begins no further mail, and waits for those under way, ten seconds at the most. What is left stays in the queue.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(STOP_WITHIN, self.task).await.is_err() {
            tracing::warn!("stopped while emails were being sent; they are sent again after the next start");
        }
    }
}
