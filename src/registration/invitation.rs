//! Invitations and registration requests, and the account that their links allow.

use super::registration_links::{RegistrationLink, RegistrationLinks};
use crate::accounts::{AccountService, find_similar, find_verified_owner, finish_creation, queue_notification};
use crate::audit::{self, Cause, ClientInfo, Event, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError, Rollback};
use crate::links::{self, Link, LinkPurpose, NewLink};
use crate::mail::{Mail, MailKind, Outbox, Queued};
use crate::secret::PlainSecret;
use crate::users::{self, NameProblem, NewUser, UserCreation};

/// The most open invitations.
pub const MAX_OPEN: i64 = 10_000;

/// Outcome of an invitation.
#[derive(Clone, Debug)]
pub enum Invitation {
    /// The link, to be handed over.
    Created(PlainSecret),
    /// The link is mailed.
    Mailed,
    /// An address was given, and no mail server is configured.
    NoMail,
    /// Too many invitations are open, or too many mails queued.
    TooMany,
}

/// Outcome of accepting a link.
#[derive(Clone, Debug)]
pub enum Acceptance {
    /// The account was created.
    Created,
    /// The name belongs to a user, perhaps a deleted one; the link stays valid.
    NameTaken,
    /// The name looks like that of a user, perhaps a deleted one; the link stays valid.
    NameSimilar(NameProblem),
    /// The link was used or revoked, has another purpose, or another account has verified its address since.
    LinkExpired,
}

/// Invites a person, who gets these roles. With an email address the link is mailed and not returned.
pub async fn invite(
    accounts: &AccountService,
    email: Option<String>,
    roles: Vec<String>,
    cause: &Cause,
) -> Result<Invitation, DbError> {
    let (clock, outbox, cause) = (accounts.clock().clone(), accounts.outbox().clone(), cause.clone());
    accounts
        .write_or_rollback(move |conn, _| {
            let (email, now) = (email.as_deref(), clock.now());
            if email.is_some() && !outbox.is_enabled() {
                return Ok(Invitation::NoMail);
            }
            users::lock_accounts(conn)?;
            if links::count(conn, LinkPurpose::Invite, now)? >= MAX_OPEN {
                return Ok(Invitation::TooMany);
            }
            let new = NewLink { purpose: LinkPurpose::Invite, user_id: None, email, roles: &roles };
            let secret = links::create_for(conn, &new, now)?;
            audit::record(conn, &Event::caused(EventKind::InvitationCreated, &cause, now))?;
            let Some(email) = email else { return Ok(Invitation::Created(secret)) };
            let mail = Mail {
                kind: MailKind::Invite { secret },
                to: email.to_owned(),
                name: None,
                language: None,
                user_id: None,
            };
            match outbox.queue(conn, mail, now)? {
                Queued::Waiting => Ok(Invitation::Mailed),
                // Rolled back, because the link would not be mailed.
                Queued::Full | Queued::Disabled => Err(Rollback::with(Invitation::TooMany)),
            }
        })
        .await
}

/// Lists the valid invitations, the oldest first, at most [`MAX_OPEN`].
pub async fn list_invitations(accounts: &AccountService) -> Result<Vec<Link>, DbError> {
    let now = accounts.clock().now();
    accounts.read(move |conn| Ok(links::list(conn, LinkPurpose::Invite, now, MAX_OPEN)?)).await
}

/// Revokes an invitation. Returns `false` when no valid one has this ID.
pub async fn revoke_invitation(accounts: &AccountService, id: &str, cause: &Cause) -> Result<bool, DbError> {
    let (id, clock, cause) = (id.to_owned(), accounts.clock().clone(), cause.clone());
    accounts
        .write(move |conn, _| -> Result<_, DbError> {
            let now = clock.now();
            let is_revoked = links::revoke(conn, LinkPurpose::Invite, &id, now)?;
            if is_revoked {
                let event = Event::caused(EventKind::InvitationRevoked, &cause, now);
                audit::record(conn, &Event { detail: Some(id.clone()), ..event })?;
            }
            Ok(is_revoked)
        })
        .await
}

/// Queues a mail for a registration request: a link or, when the address has an account, a notification to its owner.
pub async fn request_account(
    accounts: &AccountService,
    links: &RegistrationLinks,
    outbox: Outbox,
    email: String,
) -> Result<(), DbError> {
    let (clock, links) = (accounts.clock().clone(), links.clone());
    accounts.write(move |conn, _| queue_registration(conn, &links, &outbox, &email, clock.now())).await
}

fn queue_registration(
    conn: &mut DbConnection,
    links: &RegistrationLinks,
    outbox: &Outbox,
    email: &str,
    now: Moment,
) -> Result<(), DbError> {
    let Some(key) = users::email_key(email) else { return Ok(()) };
    if users::has_email_key(conn, &key)? {
        // One mail to the mailbox, also when several accounts have the address.
        if let Some(user) = users::list_active_by_email_key(conn, &key, 1)?.first() {
            queue_notification(conn, outbox, user, MailKind::AddressInUse, now)?;
        }
        return Ok(());
    }
    let kind = MailKind::Register { link: links.create(email, now) };
    outbox.queue(conn, Mail { kind, to: email.to_owned(), name: None, language: None, user_id: None }, now)?;
    Ok(())
}

/// A link that allows a new account.
#[derive(Clone, Debug)]
pub enum AccountLink {
    /// An admin's invitation.
    Invitation(Link),
    /// A registration request.
    Registration(RegistrationLink),
}

impl AccountLink {
    /// The ID under which submissions of its form are counted; not a secret.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Invitation(link) => &link.id,
            Self::Registration(link) => &link.id,
        }
    }

    /// The address that it was mailed to; using the link proves that the person owns it.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        match self {
            Self::Invitation(link) => link.email.as_deref(),
            Self::Registration(link) => Some(&link.email),
        }
    }

    /// The roles that the new account gets.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        match self {
            Self::Invitation(link) => &link.roles,
            Self::Registration(_) => &[],
        }
    }
}

/// Creates the account that a link allows, and uses the link: both or neither. The address that the link was mailed to
/// is then verified.
pub async fn accept(
    accounts: &AccountService,
    link: AccountLink,
    new: NewUser,
    client_info: ClientInfo,
) -> Result<Acceptance, DbError> {
    let clock = accounts.clock().clone();
    accounts
        .write_or_rollback(move |conn, _| create_account(conn, &link, new.clone(), client_info.clone(), clock.now()))
        .await
}

fn create_account(
    conn: &mut DbConnection,
    link: &AccountLink,
    new: NewUser,
    client_info: ClientInfo,
    now: Moment,
) -> Result<Acceptance, Rollback<Acceptance>> {
    users::lock_accounts(conn)?;
    if let Some(email) = link.email()
        && find_verified_owner(conn, email, None)?.is_some()
    {
        return Ok(Acceptance::LinkExpired);
    }
    // Before the link is used: after a taken name the person can choose another.
    if users::find_by_key(conn, new.username.key())?.is_some() {
        return Ok(Acceptance::NameTaken);
    }
    if let Some(problem) = find_similar(conn, &new.username)? {
        return Ok(Acceptance::NameSimilar(problem));
    }
    let is_first_use = match link {
        AccountLink::Invitation(link) => links::use_once(conn, link, now)?,
        AccountLink::Registration(link) => links::use_unstored_once(conn, "register", &link.id, link.expires_at, now)?,
    };
    if !is_first_use {
        return Ok(Acceptance::LinkExpired);
    }
    let UserCreation::Created(user) = users::create(conn, new, now)? else {
        return Err(Rollback::with(Acceptance::NameTaken));
    };
    if let Some(email) = link.email() {
        users::set_verified_email(conn, user.id, email, now)?;
    }
    finish_creation(conn, user.id, link.roles(), &Cause::user(user.id.0, client_info), now)?;
    Ok(Acceptance::Created)
}
