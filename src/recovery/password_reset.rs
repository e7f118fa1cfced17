//! Password reset by a one-time link: mailing the link, and setting the password.

use crate::accounts::{AccountService, find_active, find_user, find_verified_owner, queue_notification, set_password};
use crate::audit::{self, Cause, ClientInfo, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError, Rollback};
use crate::links::{self, Link, LinkPurpose, NewLink};
use crate::mail::{MailKind, Outbox, Queued};
use crate::secret::PlainSecret;
use crate::sessions::EndedSessions;
use crate::users::argon2id::PasswordHash;
use crate::users::{self, LookupName, User, UserState};

/// The most accounts with one address that are mailed a link. Only an admin can give several accounts one address.
const MAX_SHARING: i64 = 100;

/// Outcome of creating a reset link for an admin to hand over.
#[derive(Clone, Debug)]
pub enum ResetLink {
    /// The link and its user.
    Created(PlainSecret, User),
    /// The account is disabled.
    Disabled(User),
    /// No user has this name.
    NoSuchUser,
}

/// Outcome of setting a new password by a link.
#[derive(Clone, Debug)]
pub enum Reset {
    /// The password was set.
    Done {
        /// The user.
        user: User,
        /// The number of sessions that ended.
        ended_sessions: usize,
    },
    /// The link was used, has another purpose, or its user can no longer sign in.
    LinkExpired,
}

/// Finds the accounts that a typed username or email address may mean: active ones that have an email address, at most
/// 100 with the same one.
pub async fn find_reachable(accounts: &AccountService, typed: String) -> Result<Vec<User>, DbError> {
    accounts
        .read(move |conn| {
            let by_name = LookupName::parse(&typed).map(|name| find_user(conn, &name)).transpose()?.flatten();
            let mut found: Vec<User> = by_name.into_iter().collect();
            if let Some(key) = users::email_key(&typed) {
                for user in users::list_active_by_email_key(conn, &key, MAX_SHARING)? {
                    if found.iter().all(|other| other.id != user.id) {
                        found.push(user);
                    }
                }
            }
            // Who knows the old password could have set an address that is not confirmed.
            let may_reset = |user: &User| user.new_password_required_at.is_none() || user.email_verified_at.is_some();
            found.retain(|user| user.state == UserState::Active && user.email.is_some() && may_reset(user));
            Ok(found)
        })
        .await
}

/// Outcome of mailing a reset link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetMail {
    /// The mail is queued.
    Queued,
    /// Too many mails are queued; an earlier link stays valid.
    QueueFull,
}

/// Queues a mail with a reset link, which replaces an earlier link. It goes to the address of the account, which an
/// admin set or its owner verified, not to the address as typed.
pub async fn mail_reset_link(accounts: &AccountService, outbox: Outbox, user: User) -> Result<ResetMail, DbError> {
    let clock = accounts.clock().clone();
    accounts
        .write_or_rollback(move |conn, _| {
            let now = clock.now();
            users::lock_accounts(conn)?;
            let secret = links::create(conn, LinkPurpose::Reset, Some(user.id), now)?;
            let Some(mail) = user.mail(MailKind::Reset { secret }) else { return Ok(ResetMail::Queued) };
            match outbox.queue(conn, mail, now)? {
                Queued::Waiting => Ok(ResetMail::Queued),
                // Rolled back, because the new link would not be mailed.
                Queued::Full | Queued::Disabled => Err(Rollback::with(ResetMail::QueueFull)),
            }
        })
        .await
}

/// Outcome of mailing a password link for an admin.
#[derive(Clone, Debug)]
pub enum PasswordLinkMail {
    /// The mail is queued, to this address.
    Queued(User, String),
    /// The user has no email address.
    NoAddress(User),
    /// No mail server is configured.
    NoMail,
    /// Too many mails are queued; an earlier link stays valid.
    QueueFull,
    /// The account is disabled.
    Disabled(User),
    /// No user has this name.
    NoSuchUser,
}

/// Which link an admin mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordLinkKind {
    /// A reset of a forgotten password, valid for 30 minutes.
    Reset,
    /// The first password of a new account, valid for 7 days. Using it proves that the user owns the address.
    Welcome,
}

/// Mails a link for a new password, for an admin who does not see it; it replaces an earlier one of its kind.
pub async fn mail_password_link(
    accounts: &AccountService,
    name: &LookupName,
    kind: PasswordLinkKind,
    cause: &Cause,
) -> Result<PasswordLinkMail, DbError> {
    let (name, cause) = (name.clone(), cause.clone());
    let (clock, outbox) = (accounts.clock().clone(), accounts.outbox().clone());
    accounts
        .write_or_rollback(move |conn, _| queue_password_link(conn, &outbox, &name, kind, &cause, clock.now()))
        .await
}

/// As [`mail_password_link`], as a step of a transaction. An outcome that is returned as an error must roll back: the new
/// link would not be mailed.
pub fn queue_password_link(
    conn: &mut DbConnection,
    outbox: &Outbox,
    name: &LookupName,
    kind: PasswordLinkKind,
    cause: &Cause,
    now: Moment,
) -> Result<PasswordLinkMail, Rollback<PasswordLinkMail>> {
    users::lock_accounts(conn)?;
    let Some(user) = find_user(conn, name)? else { return Ok(PasswordLinkMail::NoSuchUser) };
    if user.state != UserState::Active {
        return Ok(PasswordLinkMail::Disabled(user));
    }
    let Some(address) = user.email.clone() else { return Ok(PasswordLinkMail::NoAddress(user)) };
    let (purpose, email) = match kind {
        PasswordLinkKind::Reset => (LinkPurpose::Reset, None),
        PasswordLinkKind::Welcome => (LinkPurpose::Welcome, Some(address.as_str())),
    };
    let secret = links::create_for(conn, &NewLink { purpose, user_id: Some(user.id), email, roles: &[] }, now)?;
    let mail_kind = match kind {
        PasswordLinkKind::Reset => MailKind::Reset { secret },
        PasswordLinkKind::Welcome => MailKind::Welcome { secret },
    };
    let Some(mail) = user.mail(mail_kind) else { return Ok(PasswordLinkMail::NoAddress(user)) };
    audit::record(conn, &Event::of_user(EventKind::PasswordLinkCreated, user.id.0, cause, now))?;
    match outbox.queue(conn, mail, now)? {
        Queued::Waiting => Ok(PasswordLinkMail::Queued(user, address)),
        Queued::Full => Err(Rollback::with(PasswordLinkMail::QueueFull)),
        Queued::Disabled => Err(Rollback::with(PasswordLinkMail::NoMail)),
    }
}

/// Creates a reset link for an admin to hand over; it replaces an earlier one.
pub async fn create_reset_link(
    accounts: &AccountService,
    name: &LookupName,
    cause: &Cause,
) -> Result<ResetLink, DbError> {
    let (name, clock, cause) = (name.clone(), accounts.clock().clone(), cause.clone());
    accounts
        .write(move |conn, _| -> Result<_, DbError> {
            users::lock_accounts(conn)?;
            let Some(user) = find_user(conn, &name)? else { return Ok(ResetLink::NoSuchUser) };
            if user.state != UserState::Active {
                return Ok(ResetLink::Disabled(user));
            }
            let now = clock.now();
            let secret = links::create(conn, LinkPurpose::Reset, Some(user.id), now)?;
            audit::record(conn, &Event::of_user(EventKind::PasswordLinkCreated, user.id.0, &cause, now))?;
            Ok(ResetLink::Created(secret, user))
        })
        .await
}

/// A new password that is set by a one-time link.
#[derive(Clone)]
pub struct ResetRequest {
    /// The link: a reset, the first password, or the rescue of an admin.
    pub link: Link,
    /// The hash of the new password.
    pub hash: PasswordHash,
    /// Where the request comes from, for the event.
    pub client_info: ClientInfo,
    /// The queue for the notification.
    pub outbox: Outbox,
}

/// Sets the password of the link's user, ends their sessions, notifies them and uses the link: all or nothing.
pub async fn reset_password(accounts: &AccountService, request: ResetRequest) -> Result<Reset, DbError> {
    let clock = accounts.clock().clone();
    accounts.write(move |conn, ended| reset(conn, ended, &request, clock.now())).await
}

fn reset(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    request: &ResetRequest,
    now: Moment,
) -> Result<Reset, DbError> {
    let ResetRequest { link, hash, client_info, outbox } = request;
    let (LinkPurpose::Reset | LinkPurpose::Welcome | LinkPurpose::Rescue, Some(user_id)) = (link.purpose, link.user_id)
    else {
        return Ok(Reset::LinkExpired);
    };
    users::lock_accounts(conn)?;
    if !links::use_once(conn, link, now)? {
        return Ok(Reset::LinkExpired);
    }
    // The account may have been disabled, or the admin role revoked, since the link was created.
    let may_be_rescued = link.purpose != LinkPurpose::Rescue
        || users::list_roles(conn, user_id)?.iter().any(|role| role == users::ADMIN_ROLE);
    let Some(user) = find_active(conn, user_id)?.filter(|_| may_be_rescued) else { return Ok(Reset::LinkExpired) };
    let Some(ended_sessions) =
        set_password(conn, ended, user_id, hash, &Cause::user(user_id.0, client_info.clone()), now)?
    else {
        return Ok(Reset::LinkExpired);
    };
    queue_notification(conn, outbox, &user, MailKind::PasswordChanged, now)?;
    verify_address(conn, link, &user, now)?;
    Ok(Reset::Done { user, ended_sessions })
}

/// Confirms the address to which a link was mailed, if the account still has it and no other account has confirmed it.
fn verify_address(conn: &mut DbConnection, link: &Link, user: &User, now: Moment) -> Result<(), DbError> {
    let Some(email) = link.email.as_deref().filter(|email| user.email.as_deref() == Some(*email)) else {
        return Ok(());
    };
    if user.email_verified_at.is_none() && find_verified_owner(conn, email, Some(user.id))?.is_none() {
        users::set_verified_email(conn, user.id, email, now)?;
    }
    Ok(())
}
