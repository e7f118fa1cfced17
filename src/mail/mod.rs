//! Emails: the queue in the database, and the background task that sends them.

mod kind;
mod message;
mod payload;
mod sender;
mod smtp;
mod store;

use diesel::QueryResult;

use crate::clock::Moment;
use crate::config::{Config, MailConfig};
use crate::db::DbConnection;
use crate::secret::{DerivedKey, KeyPurpose, ServerKey, random_id};
pub use kind::{Mail, MailKind};
use payload::MailPayload;
pub use sender::{Sender, Sending};
pub use smtp::SmtpError;
pub use store::delete_expired;

/// Connects to the mail server and signs in, without sending anything.
///
/// # Errors
/// What is wrong, without a password.
pub async fn check_connection(config: &Config, mail: &MailConfig) -> Result<(), String> {
    smtp::Smtp::new(mail, config).map_err(|error| error.to_string())?.check().await
}

/// Sends a short email to this address at once, past the queue.
///
/// # Errors
/// What is wrong, without a password.
pub async fn send_test(config: &Config, mail: &MailConfig, to: &str, now: Moment) -> Result<(), String> {
    smtp::Smtp::new(mail, config).map_err(|error| error.to_string())?.send_test(to, now).await
}

/// The most queued emails of one account: requests cannot flood a mailbox.
const MAX_QUEUED_PER_USER: i64 = 10;
/// The most queued emails: a flood cannot fill the disk while the mail server is down.
const MAX_QUEUED: i64 = 10_000;
/// Emails to people without an account are dropped once this many are queued: sign-up requests cannot block emails to
/// users.
const MAX_QUEUED_FOR_NON_USERS: i64 = 5_000;
/// Emails read in one query while resealing.
const RESEAL_BATCH: i64 = 200;

/// Adds emails to the queue. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    seal: Option<DerivedKey>,
    language: Option<&'static str>,
}

/// Outcome of queueing an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It is sent after the transaction commits.
    Waiting,
    /// The queue is full; it was dropped.
    Full,
    /// No mail server is configured.
    Disabled,
}

impl Outbox {
    /// Creates the queue; it is enabled if the settings name a mail server.
    #[must_use]
    pub fn new(config: &Config, server_key: &ServerKey) -> Self {
        Self { seal: config.mail.as_ref().map(|_| server_key.derive(KeyPurpose::Mails)), language: None }
    }

    /// A queue that takes no emails.
    #[must_use]
    pub fn disabled() -> Self {
        Self { seal: None, language: None }
    }

    /// The same queue, with a language for emails to people who have chosen none.
    #[must_use]
    pub fn with_fallback_language(&self, language: Option<&'static str>) -> Self {
        Self { language, ..self.clone() }
    }

    /// Whether a mail server is configured.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.seal.is_some()
    }

    /// Queues an email in the transaction of the event that it reports, so an unreachable mail server neither loses it
    /// nor delays a page. An email with a link replaces queued ones of the same kind and account, whose links are
    /// invalid by then.
    pub fn queue(&self, conn: &mut DbConnection, mail: Mail, now: Moment) -> QueryResult<Queued> {
        let Some(seal) = &self.seal else { return Ok(Queued::Disabled) };
        let (kind, ttl, user_id) = (mail.kind.name(), mail.kind.ttl(), mail.user_id);
        if let Some(user_id) = user_id {
            if mail.kind.has_link() {
                store::delete_queued_of_kind(conn, user_id, kind, now)?;
            }
            if store::count_queued_of_user(conn, user_id)? >= MAX_QUEUED_PER_USER {
                tracing::warn!(kind, user_id, "email dropped: too many are queued for this account");
                return Ok(Queued::Full);
            }
        }
        let limit = max_queued(user_id.is_some());
        if store::count_queued(conn)? >= limit {
            tracing::error!(kind, "email dropped: the queue already has {limit}; is the mail server down?");
            return Ok(Queued::Full);
        }
        let mail = Mail { language: mail.language.or_else(|| self.language.map(str::to_owned)), ..mail };
        let id = random_id();
        let row = store::NewMail {
            message_sealed: &MailPayload::from(mail).seal(seal, &id, kind),
            id: &id,
            kind,
            user_id,
            created_at: now,
            expires_at: now + ttl,
            next_try_at: now,
        };
        store::insert(conn, &row)?;
        Ok(Queued::Waiting)
    }
}

/// Whether an email to somebody with or without an account would be queued.
pub fn has_room(conn: &mut DbConnection, is_user: bool) -> QueryResult<bool> {
    Ok(store::count_queued(conn)? < max_queued(is_user))
}

fn max_queued(is_user: bool) -> i64 {
    if is_user { MAX_QUEUED } else { MAX_QUEUED_FOR_NON_USERS }
}

/// Re-encrypts the queued emails with a new server key, except those that `old` does not decrypt. Returns their number.
pub fn reseal(conn: &mut DbConnection, old: &ServerKey, new: &ServerKey) -> QueryResult<usize> {
    let [old, new] = [old, new].map(|key| key.derive(KeyPurpose::Mails));
    let (mut after, mut resealed) = (String::new(), 0);
    loop {
        let rows = store::list_after(conn, &after, RESEAL_BATCH)?;
        let Some(last) = rows.last() else { return Ok(resealed) };
        after.clone_from(&last.id);
        for row in &rows {
            if let Some(payload) = MailPayload::open(&old, &row.id, &row.kind, &row.message_sealed) {
                store::set_message(conn, &row.id, &payload.seal(&new, &row.id, &row.kind))?;
                resealed += 1;
            }
        }
    }
}
