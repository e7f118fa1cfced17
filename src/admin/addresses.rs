//! Proving that an address is one's own, and having another one: the link, and what answering it does. Steps for a transaction that is
//! open; the pages are in `account` and `recovery`. What may not live here: what a link is (`links`), and how mails go out (`mail`).

use super::accounts::LINKS_REVOKED_ON_CREDENTIAL_CHANGE;
use super::recovery::{find_active, queue_notification};
use crate::audit::{self, ClientInfo, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links::{self, Link, LinkPurpose, NewLink};
use crate::mail::{Mail, MailKind, Outbox, Queued};
use crate::secret::PlainSecret;
use crate::users::{self, User, UserId};

/// So many accounts may share one address, and each is looked at.
const MAX_SHARING: i64 = 5;

/// What became of an address that somebody says is theirs.
#[derive(Clone, Debug)]
pub enum Verification {
    /// It is the account's now.
    Done(User),
    /// Another account proved it first.
    AddressTaken,
    /// The link was used, is for something else, or its person is gone.
    LinkExpired,
}

/// Leaves a mail with a link that proves `email` to be the user's; their present address stays until it is opened. An earlier link works
/// no more, so that of two addresses the last one counts.
///
/// # Errors
/// When a query fails.
pub fn mail_verification(
    conn: &mut DbConnection,
    outbox: &Outbox,
    (user, email): (&User, &str),
    now: Moment,
) -> Result<Queued, DbError> {
    if !outbox.is_on() {
        return Ok(Queued::Off);
    }
    let secret = make_link(conn, user, email, now)?;
    let kind = MailKind::Verify { username: user.username.clone(), secret };
    let mail = Mail {
        kind,
        to: email.to_owned(),
        // The address may be a stranger's: no free text of the user is sent there.
        display_name: None,
        language: user.language.clone(),
        user_id: Some(user.id.0),
    };
    Ok(outbox.queue(conn, mail, now)?)
}

/// As [`mail_verification`], for a user who asks for it: their present address is told. When `email` is another account's, proved, its
/// owner is told instead of getting a link; the wish waits and runs out like any other, so that whoever asked learns nothing. The mails
/// count as the asking user's. Nobody waits for a mail that was not queued: unless it was, the caller undoes the transaction.
///
/// # Errors
/// When a query fails.
pub fn ask_for_address(
    conn: &mut DbConnection,
    outbox: &Outbox,
    (user, email): (&User, &str),
    now: Moment,
) -> Result<Queued, DbError> {
    let queued = match find_verified_owner(conn, email, Some(user.id))? {
        None => mail_verification(conn, outbox, (user, email), now)?,
        Some(holder) => {
            // Nobody ever holds its secret.
            make_link(conn, user, email, now)?;
            let to = holder.email.unwrap_or_else(|| email.to_owned());
            let kind = MailKind::AddressWanted { username: holder.username };
            let (display_name, language) = (holder.display_name, holder.language);
            outbox.queue(conn, Mail { kind, to, display_name, language, user_id: Some(user.id.0) }, now)?
        }
    };
    if queued == Queued::Waiting && user.email.as_deref() != Some(email) {
        queue_notification(conn, outbox, user, MailKind::EmailChangeAsked { username: user.username.clone() }, now)?;
    }
    Ok(queued)
}

/// Makes the link's address the user's own, proved now; one that it takes the place of is told, and what was mailed to it works no more.
/// Uses the link up.
///
/// # Errors
/// When a query fails.
pub fn verify(
    conn: &mut DbConnection,
    outbox: &Outbox,
    (link, client_info): (&Link, &ClientInfo),
    now: Moment,
) -> Result<Verification, DbError> {
    let (LinkPurpose::Verify, Some(user_id), Some(email)) = (link.purpose, link.user_id, &link.email) else {
        return Ok(Verification::LinkExpired);
    };
    // Of two accounts that prove one address at once, one is first.
    users::lock_accounts(conn)?;
    if !links::use_up(conn, link, now)? {
        return Ok(Verification::LinkExpired);
    }
    let Some(user) = find_active(conn, user_id)? else { return Ok(Verification::LinkExpired) };
    if find_verified_owner(conn, email, Some(user_id))?.is_some() {
        return Ok(Verification::AddressTaken);
    }
    if user.email.as_deref() != Some(email) {
        links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user_id)?;
        queue_notification(conn, outbox, &user, MailKind::EmailChanged { username: user.username.clone() }, now)?;
        audit::record(conn, &Event::of_user(EventKind::EmailChanged, user_id.0, client_info, now))?;
    }
    users::set_verified_email(conn, user_id, email, now)?;
    Ok(Verification::Done(user))
}

/// The account other than `user_id` whose own the address is, proved.
pub(super) fn find_verified_owner(
    conn: &mut DbConnection,
    email: &str,
    user_id: Option<UserId>,
) -> Result<Option<User>, DbError> {
    let Some(key) = users::email_key(email) else { return Ok(None) };
    let holders = users::list_by_email_key(conn, &key, MAX_SHARING)?;
    Ok(holders.into_iter().find(|holder| Some(holder.id) != user_id && holder.email_verified_at.is_some()))
}

fn make_link(conn: &mut DbConnection, user: &User, email: &str, now: Moment) -> Result<PlainSecret, DbError> {
    users::lock_accounts(conn)?;
    let new = NewLink { purpose: LinkPurpose::Verify, user_id: Some(user.id), email: Some(email), roles: &[] };
    Ok(links::create_for(conn, &new, now)?)
}
