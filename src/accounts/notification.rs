//! Notifications by mail about an account.

use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::mail::{Mail, MailKind, Outbox};
use crate::users::User;

/// Queues a mail to a user who has an email address.
pub fn queue_notification(
    conn: &mut DbConnection,
    outbox: &Outbox,
    user: &User,
    kind: MailKind,
    now: Moment,
) -> Result<(), DbError> {
    let Some(to) = user.email.clone() else { return Ok(()) };
    let (display_name, language) = (user.display_name.clone(), user.language.clone());
    outbox.queue(conn, Mail { kind, to, display_name, language, user_id: Some(user.id.0) }, now)?;
    Ok(())
}
