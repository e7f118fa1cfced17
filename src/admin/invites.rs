//! New accounts for people who are not admins: by an invitation, or by asking for one where that is open. Whoever answers the link has
//! proved the address that it was mailed to. Steps for a transaction that is open; the pages are in `registration`.
//! What may not live here: what a link is (`links`), and how mails go out (`mail`).

use diesel::result::Error as DieselError;

use super::AdminService;
use super::addresses::find_verified_owner;
use super::recovery::queue_notification;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links::{self, Link, LinkPurpose, NewLink};
use crate::mail::{Mail, MailKind, Outbox, Queued};
use crate::secret::PlainSecret;
use crate::users::{self, Creation, NewUser, User, UserState};

/// The most invitations, and the most wishes for an account, that are open at a time.
pub(super) const MAX_OPEN: i64 = 10_000;
/// So many accounts of one address are told of a wish.
const MAX_TOLD: i64 = 5;

/// What became of a wish to invite somebody.
#[derive(Clone, Debug)]
pub enum Invited {
    /// The link, to be handed over.
    Made(PlainSecret),
    /// The link is on its way by mail.
    Mailed,
    /// An address was given, and there is no mail server.
    NoMail,
    /// Too many are open, or too many mails wait.
    TooMany,
}

/// What became of an answer to a link.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// The account was made.
    Created(User),
    /// The name is somebody's, or was; the link can still be used.
    NameTaken,
    /// The link was used or revoked, is for something else, or its address is another account's by now.
    LinkExpired,
}

impl AdminService {
    /// Invites somebody, who gets these roles.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn invite(&self, email: Option<String>, roles: Vec<String>) -> Result<Invited, DbError> {
        let (clock, outbox) = (self.clock.clone(), self.mail.clone());
        self.write(move |conn| invite(conn, &outbox, (email.as_deref(), &roles), clock.now())).await
    }

    /// The invitations that can still be answered, the oldest first, at most [`MAX_OPEN`].
    ///
    /// # Errors
    /// When the query fails.
    pub async fn list_invites(&self) -> Result<Vec<Link>, DbError> {
        let now = self.clock.now();
        self.db.read(move |conn| Ok(links::list(conn, LinkPurpose::Invite, now, MAX_OPEN)?)).await
    }

    /// Takes an invitation back; `false` when none that can still be answered has this id.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn revoke_invite(&self, id: &str) -> Result<bool, DbError> {
        let (id, clock) = (id.to_owned(), self.clock.clone());
        self.write(move |conn| Ok(links::revoke(conn, LinkPurpose::Invite, &id, clock.now())?)).await
    }
}

/// Invites somebody, who gets `roles`. With an address the link is mailed and shown to nobody else.
///
/// # Errors
/// When a query fails.
pub fn invite(
    conn: &mut DbConnection,
    outbox: &Outbox,
    (email, roles): (Option<&str>, &[String]),
    now: Moment,
) -> Result<Invited, DbError> {
    if email.is_some() && !outbox.is_on() {
        return Ok(Invited::NoMail);
    }
    users::lock_accounts(conn)?;
    if links::count(conn, LinkPurpose::Invite, now)? >= MAX_OPEN {
        return Ok(Invited::TooMany);
    }
    let secret = links::create_for(conn, &NewLink { purpose: LinkPurpose::Invite, user_id: None, email, roles }, now)?;
    let Some(email) = email else { return Ok(Invited::Made(secret)) };
    let kind = MailKind::Invite { secret };
    let mail = Mail { kind, to: email.to_owned(), display_name: None, language: None, user_id: None };
    match outbox.queue(conn, mail, now)? {
        Queued::Waiting => Ok(Invited::Mailed),
        // As a fault it would be one; here the link goes with the row, for nobody will ever hold it.
        Queued::Full | Queued::Off => Err(DbError::Query(DieselError::RollbackTransaction)),
    }
}

/// Leaves a mail for somebody who wants an account: a link, or, when the address has an account, word of that to its owner.
///
/// # Errors
/// When a query fails.
pub fn ask_for_account(conn: &mut DbConnection, outbox: &Outbox, email: &str, now: Moment) -> Result<(), DbError> {
    let Some(key) = users::email_key(email) else { return Ok(()) };
    users::lock_accounts(conn)?;
    let holders = users::list_by_email_key(conn, &key, MAX_TOLD)?;
    if !holders.is_empty() {
        for user in holders.iter().filter(|user| user.state == UserState::Active) {
            queue_notification(conn, outbox, user, MailKind::AddressInUse { username: user.username.clone() }, now)?;
        }
        return Ok(());
    }
    if links::count(conn, LinkPurpose::Register, now)? >= MAX_OPEN {
        tracing::warn!("registration request dropped: too many pending");
        return Ok(());
    }
    let new = NewLink { purpose: LinkPurpose::Register, user_id: None, email: Some(email), roles: &[] };
    let secret = links::create_for(conn, &new, now)?;
    let kind = MailKind::Register { secret };
    let mail = Mail { kind, to: email.to_owned(), display_name: None, language: None, user_id: None };
    outbox.queue(conn, mail, now)?;
    Ok(())
}

/// Makes the account that a link allows and uses the link up, both or neither.
///
/// # Errors
/// When a query fails.
pub fn accept(conn: &mut DbConnection, link: &Link, new: NewUser, now: Moment) -> Result<Accepted, DbError> {
    if !matches!(link.purpose, LinkPurpose::Invite | LinkPurpose::Register) {
        return Ok(Accepted::LinkExpired);
    }
    users::lock_accounts(conn)?;
    if let Some(email) = &link.email
        && find_verified_owner(conn, email, None)?.is_some()
    {
        return Ok(Accepted::LinkExpired);
    }
    // Before the link is used up: a person who meets a taken name chooses another.
    if users::find_by_key(conn, new.username.key())?.is_some() {
        return Ok(Accepted::NameTaken);
    }
    if !links::use_up(conn, link, now)? {
        return Ok(Accepted::LinkExpired);
    }
    let Creation::Created(user) = users::create(conn, new, now)? else {
        return Err(DbError::Query(DieselError::RollbackTransaction));
    };
    if let Some(email) = &link.email {
        users::set_verified_email(conn, user.id, email, now)?;
    }
    for role in &link.roles {
        users::grant_role(conn, user.id, role, now)?;
    }
    Ok(Accepted::Created(user))
}
