//! Notifications by mail about an account.

use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::mail::{MailKind, Outbox};
use crate::users::User;

/// Queues a mail to a user who has an email address.
pub fn queue_notification(
    conn: &mut DbConnection,
    outbox: &Outbox,
    user: &User,
    kind: MailKind,
    now: Moment,
) -> Result<(), DbError> {
    let Some(mail) = user.mail(kind) else { return Ok(()) };
    outbox.queue(conn, mail, now)?;
    Ok(())
}
