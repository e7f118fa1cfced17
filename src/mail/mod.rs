//! Mails: what is told to whom, and the queue in the database from which they are sent in the background.
//! `letter.rs` says what can be told and how it waits, sealed, `message.rs` puts it into words, `smtp.rs` is the way to the mail server,
//! `sender.rs` the loop that sends, `store.rs` the rows. A mail is queued in the transaction of what it tells of, so that a dead mail
//! server loses nothing and delays no page. What may not live here: who is told what when, and the links' secrets (`links`).

mod letter;
mod message;
mod sender;
mod smtp;
mod store;

use chrono::TimeDelta;
use diesel::QueryResult;

use crate::clock::Moment;
use crate::config::Config;
use crate::db::DbConnection;
use crate::secret::{DerivedKey, Purpose, ServerKey, random_id};
use letter::Letter;
pub use letter::{Mail, MailKind};
pub use sender::{Sender, Sending};
pub use smtp::SmtpError;
pub use store::delete_expired;

/// The most mails that wait for one account: what comes then is not worth reading.
const MAX_WAITING_OF_USER: i64 = 10;
/// The most mails that wait altogether: a flood must not fill the disk while the mail server is dead.
const MAX_WAITING: i64 = 10_000;
/// The most while another to somebody without an account is taken: who asks for accounts must not keep mails from those who have one.
const MAX_WAITING_TO_STRANGERS: i64 = 5_000;

/// The way into the queue. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    seal: Option<DerivedKey>,
    language: Option<&'static str>,
}

/// So many mails are resealed at a time.
const RESEALED_AT_ONCE: i64 = 200;

/// Seals the mails that wait under another server key. Returns how many; those that `old` does not open are left as they are.
///
/// # Errors
/// When a query fails.
pub fn reseal(conn: &mut DbConnection, old: &ServerKey, new: &ServerKey) -> QueryResult<usize> {
    let [old, new] = [old, new].map(|key| key.derive(Purpose::Mails));
    let (mut after, mut resealed) = (String::new(), 0);
    loop {
        let rows = store::list_after(conn, &after, RESEALED_AT_ONCE)?;
        let Some((last, ..)) = rows.last() else { return Ok(resealed) };
        after.clone_from(last);
        for (id, kind, sealed) in &rows {
            if let Some(letter) = Letter::open(&old, id, kind, sealed) {
                store::set_message(conn, id, &letter.seal(&new, id, kind))?;
                resealed += 1;
            }
        }
    }
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It will be sent once the transaction is committed.
    Waiting,
    /// Too many wait already; it was not taken.
    Full,
    /// No mail server is configured, so that none is ever sent.
    Off,
}

impl Outbox {
    /// The queue, if the settings name a mail server.
    #[must_use]
    pub fn new(config: &Config, server_key: &ServerKey) -> Self {
        Self { seal: config.mail.as_ref().map(|_| server_key.derive(Purpose::Mails)), language: None }
    }

    /// For a place that sends none.
    #[must_use]
    pub fn off() -> Self {
        Self { seal: None, language: None }
    }

    /// The same for what follows from a page in this language: so those are written to who have chosen none.
    #[must_use]
    pub fn with_fallback_language(&self, language: Option<&'static str>) -> Self {
        Self { language, ..self.clone() }
    }

    /// Whether mails are sent at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.seal.is_some()
    }

    /// Puts a mail into the queue, in the transaction of what it tells of. One with a link takes the place of those of its kind that wait
    /// for the same account: their links are dead.
    ///
    /// # Errors
    /// When a query fails.
    pub fn queue(&self, conn: &mut DbConnection, mail: Mail, now: Moment) -> QueryResult<Queued> {
        let Some(seal) = &self.seal else { return Ok(Queued::Off) };
        let (kind, life, user_id) = (mail.kind.name(), mail.kind.life(), mail.user_id);
        if let Some(user_id) = user_id {
            if mail.kind.has_link() {
                store::delete_waiting_of_kind(conn, user_id, kind, now)?;
            }
            if store::count_waiting_of(conn, user_id)? >= MAX_WAITING_OF_USER {
                tracing::warn!(kind, user_id, "email dropped: too many are queued for this account");
                return Ok(Queued::Full);
            }
        }
        let most = if user_id.is_some() { MAX_WAITING } else { MAX_WAITING_TO_STRANGERS };
        if store::count_waiting(conn)? >= most {
            tracing::error!(kind, "email dropped: the queue already has {most}; is the mail server down?");
            return Ok(Queued::Full);
        }
        let mail = Mail { language: mail.language.or_else(|| self.language.map(str::to_owned)), ..mail };
        let id = random_id();
        let row = store::NewRow {
            message_sealed: &Letter::from(mail).seal(seal, &id, kind),
            id: &id,
            kind,
            user_id,
            created_at: now,
            expires_at: now + life,
            next_try_at: now,
        };
        store::insert(conn, &row)?;
        Ok(Queued::Waiting)
    }
}

/// How long to wait after so many failed tries: 30 s, doubled each time, at most an hour.
fn wait_after(tries: i64) -> TimeDelta {
    let doublings = u32::try_from((tries - 1).clamp(0, 7)).unwrap_or(7);
    TimeDelta::seconds((30 * 2_i64.pow(doublings)).min(3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_30_seconds_to_an_hour() {
        let waits: Vec<i64> = (1..=9).map(|tries| wait_after(tries).num_seconds()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert_eq!(wait_after(i64::MAX).num_seconds(), 3_600);
    }
}
