//! Verifying an email address by a one-time link, and changing the address of an account.

use crate::accounts::{
    AccountService, LINKS_REVOKED_ON_CREDENTIAL_CHANGE, find_active, find_verified_owner, queue_notification,
};
use crate::audit::{self, Cause, ClientInfo, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError, Rollback};
use crate::links::{self, Link, LinkPurpose, NewLink};
use crate::mail::{Mail, MailKind, Outbox, Queued};
use crate::secret::PlainSecret;
use crate::users::{self, User, UserId};

/// Outcome of verifying an address.
#[derive(Clone, Debug)]
pub enum EmailVerification {
    /// The address is the account's verified address.
    Done,
    /// Another account verified the address first.
    AddressTaken,
    /// The link was used, has another purpose, or its user can no longer sign in.
    LinkExpired,
}

/// Outcome of an email-change request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailChangeRequest {
    /// A mail is queued.
    Queued,
    /// No mail can be queued now; nothing was changed.
    QueueFull,
}

/// Queues a mail with a link that verifies `email` for the user, and notifies their current address. Earlier links
/// become invalid: the address that was requested last counts.
///
/// When another account has verified `email`, its owner gets a notification without a link. The request stays visible
/// and expires like any other, and the requesting user does not learn that the address has an account. The mails count
/// toward the limit of the requesting user.
pub async fn request_email_change(
    accounts: &AccountService,
    outbox: Outbox,
    user: User,
    email: String,
) -> Result<EmailChangeRequest, DbError> {
    let clock = accounts.clock().clone();
    accounts
        .write_or_rollback(move |conn, _| {
            let now = clock.now();
            match queue_email_change(conn, &outbox, &user, &email, now)? {
                Queued::Waiting => Ok(EmailChangeRequest::Queued),
                // Rolled back, because the account page would show a pending change without a mail.
                Queued::Full | Queued::Disabled => Err(Rollback::with(EmailChangeRequest::QueueFull)),
            }
        })
        .await
}

fn queue_email_change(
    conn: &mut DbConnection,
    outbox: &Outbox,
    user: &User,
    email: &str,
    now: Moment,
) -> Result<Queued, DbError> {
    let secret = create_link(conn, user, email, now)?;
    let mail = match find_verified_owner(conn, email, Some(user.id))? {
        // The address may be a stranger's: no text of the user is sent there.
        None => Some(Mail {
            kind: MailKind::Verify { secret },
            to: email.to_owned(),
            name: None,
            language: user.language.clone(),
            user_id: Some(user.id.0),
        }),
        // The secret of the link is dropped, which makes the link unusable.
        Some(owner) => {
            let mail = owner.mail(MailKind::AddressRequested);
            mail.map(|mail| Mail { user_id: Some(user.id.0), ..mail })
        }
    };
    // An owner without an address is none.
    let Some(mail) = mail else { return Ok(Queued::Full) };
    let queued = outbox.queue(conn, mail, now)?;
    if queued == Queued::Waiting && user.email.as_deref() != Some(email) {
        queue_notification(conn, outbox, user, MailKind::EmailChangeRequested, now)?;
    }
    Ok(queued)
}

fn create_link(conn: &mut DbConnection, user: &User, email: &str, now: Moment) -> Result<PlainSecret, DbError> {
    users::lock_accounts(conn)?;
    let new = NewLink { purpose: LinkPurpose::Verify, user_id: Some(user.id), email: Some(email), roles: &[] };
    Ok(links::create_for(conn, &new, now)?)
}

/// Finds the address that a user has requested and not yet verified.
pub async fn find_pending_email(accounts: &AccountService, user_id: UserId) -> Result<Option<String>, DbError> {
    let now = accounts.clock().now();
    let find = move |conn: &mut DbConnection| -> Result<_, DbError> {
        Ok(links::find_of_user(conn, LinkPurpose::Verify, user_id, now)?)
    };
    Ok(accounts.read(find).await?.and_then(|link| link.email))
}

/// Cancels a pending email change.
pub async fn cancel_email_change(accounts: &AccountService, user_id: UserId) -> Result<(), DbError> {
    accounts
        .write(move |conn, _| -> Result<_, DbError> {
            Ok(links::revoke_of_user(conn, &[LinkPurpose::Verify], user_id)?)
        })
        .await
}

/// Makes the link's address the verified address of the user who is signed in, notifies the address that it replaces,
/// and uses the link. A link of another user is not used.
pub async fn verify_email(
    accounts: &AccountService,
    outbox: Outbox,
    link: Link,
    signed_in: UserId,
    client_info: ClientInfo,
) -> Result<EmailVerification, DbError> {
    let clock = accounts.clock().clone();
    let link = if link.user_id == Some(signed_in) { link } else { return Ok(EmailVerification::LinkExpired) };
    accounts.write(move |conn, _| verify(conn, &outbox, &link, &client_info, clock.now())).await
}

fn verify(
    conn: &mut DbConnection,
    outbox: &Outbox,
    link: &Link,
    client_info: &ClientInfo,
    now: Moment,
) -> Result<EmailVerification, DbError> {
    let (LinkPurpose::Verify, Some(user_id), Some(email)) = (link.purpose, link.user_id, &link.email) else {
        return Ok(EmailVerification::LinkExpired);
    };
    // Serializes two accounts that verify one address at the same time.
    users::lock_accounts(conn)?;
    if !links::use_once(conn, link, now)? {
        return Ok(EmailVerification::LinkExpired);
    }
    let Some(user) = find_active(conn, user_id)? else { return Ok(EmailVerification::LinkExpired) };
    if find_verified_owner(conn, email, Some(user_id))?.is_some() {
        return Ok(EmailVerification::AddressTaken);
    }
    if user.email.as_deref() != Some(email) {
        // Links that were mailed to the replaced address become invalid.
        links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user_id)?;
        queue_notification(conn, outbox, &user, MailKind::EmailChanged, now)?;
        audit::record(
            conn,
            &Event::of_user(EventKind::EmailChanged, user_id.0, &Cause::user(user_id.0, client_info.clone()), now),
        )?;
    }
    users::set_verified_email(conn, user_id, email, now)?;
    Ok(EmailVerification::Done)
}
