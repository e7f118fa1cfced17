//! Getting back in by a link: who is mailed one, and what its holder may do. Steps for a transaction that is open; the pages are in
//! `recovery`. What may not live here: what a link is (`links`), and how mails go out (`mail`).

use diesel::result::Error as DieselError;

use super::AdminService;
use super::accounts::{find_user, set_password};
use crate::audit::ClientInfo;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links::{self, Link, LinkPurpose};
use crate::mail::{Mail, MailKind, Outbox, Queued};
use crate::secret::PlainSecret;
use crate::users::argon2id::PasswordHash;
use crate::users::{self, LookupName, User, UserId, UserState};

/// So many accounts may share one address, and each gets its link.
const MAX_SHARING: i64 = 5;

/// What became of a wish for a link that an admin hands over.
#[derive(Clone, Debug)]
pub enum ResetLink {
    /// The link, and whose it is.
    Made(PlainSecret, User),
    /// The account is turned off.
    Disabled(User),
    /// Nobody has this name.
    NoSuchUser,
}

/// What became of a new password chosen by a link.
#[derive(Clone, Debug)]
pub enum Reset {
    /// It is set.
    Done {
        /// Whose it is.
        user: User,
        /// How many sessions ended.
        ended_sessions: usize,
    },
    /// The link was used, is for something else, or its person cannot sign in any more.
    LinkExpired,
}

impl AdminService {
    /// Makes a link by which a user chooses a new password; an earlier one works no more.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn reset_link(&self, name: &LookupName) -> Result<ResetLink, DbError> {
        let (name, clock) = (name.clone(), self.clock.clone());
        self.write(move |conn| reset_link(conn, &name, clock.now())).await
    }
}

/// Tells a user by mail, when they have an address.
///
/// # Errors
/// When a query fails.
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

/// The accounts that somebody may mean who typed a name or an address: active ones that mail reaches.
///
/// # Errors
/// When a query fails.
pub fn find_reachable(conn: &mut DbConnection, typed: &str) -> Result<Vec<User>, DbError> {
    let mut found: Vec<User> =
        LookupName::parse(typed).map(|name| find_user(conn, &name)).transpose()?.flatten().into_iter().collect();
    if let Some(key) = users::email_key(typed) {
        for user in users::list_by_email_key(conn, &key, MAX_SHARING)? {
            if found.iter().all(|other| other.id != user.id) {
                found.push(user);
            }
        }
    }
    found.retain(|user| user.state == UserState::Active && user.email.is_some());
    Ok(found)
}

/// Leaves a mail with a link for a new password. An earlier link of theirs works no more. It goes to the address that the account has,
/// whatever was typed: an admin gave it, or its owner proved it.
///
/// # Errors
/// When a query fails, or too many mails wait: then the earlier link still works.
pub fn mail_reset(conn: &mut DbConnection, outbox: &Outbox, user: &User, now: Moment) -> Result<(), DbError> {
    users::lock_accounts(conn)?;
    let secret = links::create(conn, LinkPurpose::Reset, Some(user.id), now)?;
    let Some(to) = user.email.clone() else { return Ok(()) };
    let kind = MailKind::Reset { username: user.username.clone(), secret };
    let (display_name, language) = (user.display_name.clone(), user.language.clone());
    let mail = Mail { kind, to, display_name, language, user_id: Some(user.id.0) };
    match outbox.queue(conn, mail, now)? {
        Queued::Waiting => Ok(()),
        // Nobody would ever hold the new link.
        Queued::Full | Queued::Off => Err(DbError::Query(DieselError::RollbackTransaction)),
    }
}

/// Makes a link for a new password that an admin hands over.
///
/// # Errors
/// When a query fails.
pub fn reset_link(conn: &mut DbConnection, name: &LookupName, now: Moment) -> Result<ResetLink, DbError> {
    users::lock_accounts(conn)?;
    let Some(user) = find_user(conn, name)? else { return Ok(ResetLink::NoSuchUser) };
    if user.state != UserState::Active {
        return Ok(ResetLink::Disabled(user));
    }
    let secret = links::create(conn, LinkPurpose::Reset, Some(user.id), now)?;
    Ok(ResetLink::Made(secret, user))
}

/// Sets the password of whom the link is for, an admin's rescue too, ends their sessions, tells them by mail and uses the link up, all or
/// nothing.
///
/// # Errors
/// When a query fails.
pub fn reset(
    conn: &mut DbConnection,
    outbox: &Outbox,
    (link, hash, client_info): (&Link, &PasswordHash, &ClientInfo),
    now: Moment,
) -> Result<Reset, DbError> {
    let (LinkPurpose::Reset | LinkPurpose::Rescue, Some(user_id)) = (link.purpose, link.user_id) else {
        return Ok(Reset::LinkExpired);
    };
    users::lock_accounts(conn)?;
    if !links::use_up(conn, link, now)? {
        return Ok(Reset::LinkExpired);
    }
    // The account may have been turned off since the link was made, or an admin's role taken.
    let may_be_rescued = link.purpose == LinkPurpose::Reset
        || users::list_roles(conn, user_id)?.iter().any(|role| role == users::ADMIN_ROLE);
    let Some(user) = find_active(conn, user_id)?.filter(|_| may_be_rescued) else { return Ok(Reset::LinkExpired) };
    let Some(ended_sessions) = set_password(conn, user_id, (hash, client_info), now)? else {
        return Ok(Reset::LinkExpired);
    };
    queue_notification(conn, outbox, &user, MailKind::PasswordChanged { username: user.username.clone() }, now)?;
    Ok(Reset::Done { user, ended_sessions })
}

/// A user who may sign in.
pub(super) fn find_active(conn: &mut DbConnection, id: UserId) -> Result<Option<User>, DbError> {
    Ok(users::find_by_id(conn, id)?.filter(|user| user.state == UserState::Active))
}
