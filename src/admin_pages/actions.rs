//! What the page of a user can do: each action is one transaction, which checks the rights of its member again.

use super::access::{Permission, StaffMember};
use crate::accounts::roles::{RoleChange, RolesChange};
use crate::accounts::{self, AccountService, Disabling, Enabling, Unlocking, UserUpdate, UserUpdating, fields};
use crate::audit::{self, Cause, Event, EventKind};
use crate::authentication::AccountLocks;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError, Rollback};
use crate::recovery::{PasswordLinkKind, PasswordLinkMail, queue_password_link};
use crate::sessions::{self, EndReason, EndedSessions};
use crate::users::{self, LookupName, User, UserId, UserState};
use crate::web::form::Parameters;
use crate::web::notice::Notice;

/// An action on a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAction {
    Disable,
    Enable,
    SignOut,
    /// Ends the session with this ID.
    EndSession(String),
    Unlock,
    SendLink(PasswordLinkKind),
    Grant(String),
    Revoke(String),
    /// Sets the email address, or removes it.
    SetEmail(Option<String>),
}

impl UserAction {
    /// The action that the button of a form names.
    pub fn parse(parameters: &Parameters) -> Option<Self> {
        let role = || parameters.get("role").unwrap_or_default().to_owned();
        Some(match parameters.get("action")? {
            "disable" => Self::Disable,
            "enable" => Self::Enable,
            "sign-out" => Self::SignOut,
            "end" => Self::EndSession(parameters.get("session").filter(|id| sessions::is_id(id))?.to_owned()),
            "unlock" => Self::Unlock,
            "reset-link" => Self::SendLink(PasswordLinkKind::Reset),
            "welcome-link" => Self::SendLink(PasswordLinkKind::Welcome),
            "grant" => Self::Grant(role()),
            "revoke" => Self::Revoke(role()),
            "email" => {
                let typed: String = parameters.get("email").unwrap_or_default().trim().chars().take(256).collect();
                Self::SetEmail(Some(typed).filter(|email| !email.is_empty()))
            }
            _ => return None,
        })
    }

    /// Whether the member must type their password again: a stolen session must not do it.
    pub fn is_grave(&self) -> bool {
        matches!(self, Self::Disable | Self::Grant(_) | Self::Revoke(_) | Self::SetEmail(_))
    }

    /// Whether only administrators may do it.
    pub fn is_for_admins(&self) -> bool {
        matches!(self, Self::Grant(_) | Self::Revoke(_) | Self::SetEmail(_))
    }
}

/// Outcome of an action.
#[derive(Clone, Debug)]
pub enum ActionOutcome {
    /// It was done, or nothing had to be done.
    Done(Notice),
    /// It was not done; the name of the alert in `locales/`.
    Rejected(&'static str),
    /// The member may not do it to this user.
    Refused,
    /// The member has lost their rights.
    Lost,
    /// The user was deleted.
    NoSuchUser,
}

/// Who does an action, and with what.
#[derive(Clone)]
pub struct ActionContext {
    pub accounts: AccountService,
    pub locks: AccountLocks,
    pub member: StaffMember,
    pub cause: Cause,
}

/// Runs an action in one transaction.
pub async fn perform(context: ActionContext, id: UserId, action: UserAction) -> Result<ActionOutcome, DbError> {
    let accounts = context.accounts.clone();
    accounts
        .write_or_rollback(move |conn, ended| {
            users::lock_accounts(conn)?;
            let user = users::find_by_id(conn, id)?.filter(|user| !matches!(user.state, UserState::Deleted(_)));
            let Some(user) = user else { return Ok(ActionOutcome::NoSuchUser) };
            match context.member.check(conn, Some(&user), action.is_for_admins())? {
                Permission::Granted => run(conn, ended, &context, &user, &action),
                Permission::Refused => Ok(ActionOutcome::Refused),
                Permission::Lost => Ok(ActionOutcome::Lost),
            }
        })
        .await
}

fn run(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    context: &ActionContext,
    user: &User,
    action: &UserAction,
) -> Result<ActionOutcome, Rollback<ActionOutcome>> {
    let ActionContext { accounts, locks, member: _, cause } = context;
    let now = accounts.clock().now();
    let Some(name) = LookupName::parse(&user.username) else { return Ok(ActionOutcome::NoSuchUser) };
    Ok(match action {
        UserAction::Disable => match accounts::disable(conn, ended, &name, false, cause, now)? {
            Disabling::Done { .. } | Disabling::WasDisabled(_) => ActionOutcome::Done(Notice::UserDisabled),
            Disabling::LastAdmin(_) => ActionOutcome::Rejected("admin-alert-last-admin"),
            Disabling::NoSuchUser => ActionOutcome::NoSuchUser,
        },
        UserAction::Enable => match accounts::enable(conn, &name, cause, now)? {
            Enabling::Done(_) | Enabling::WasEnabled(_) => ActionOutcome::Done(Notice::UserEnabled),
            Enabling::NoSuchUser => ActionOutcome::NoSuchUser,
        },
        UserAction::SignOut => match accounts::sign_out(conn, ended, &name, cause, now)? {
            Some(_) => ActionOutcome::Done(Notice::UserSignedOut),
            None => ActionOutcome::NoSuchUser,
        },
        UserAction::EndSession(id) => end_session(conn, ended, user, id, cause, now)?,
        UserAction::Unlock => match accounts::unlock(conn, locks, &name, cause, now)? {
            Unlocking::Done { .. } => ActionOutcome::Done(Notice::UserUnlocked),
            Unlocking::NoSuchUser => ActionOutcome::NoSuchUser,
        },
        UserAction::SendLink(kind) => {
            let queued = queue_password_link(conn, accounts.outbox(), &name, *kind, cause, now);
            return map(queued, |mail| match mail {
                PasswordLinkMail::Queued(..) => ActionOutcome::Done(Notice::UserLinkMailed),
                PasswordLinkMail::NoAddress(_) => ActionOutcome::Rejected("admin-alert-no-address"),
                PasswordLinkMail::NoMail => ActionOutcome::Rejected("admin-alert-no-mail"),
                PasswordLinkMail::QueueFull => ActionOutcome::Rejected("admin-alert-queue-full"),
                PasswordLinkMail::Disabled(_) => ActionOutcome::Rejected("admin-alert-disabled"),
                PasswordLinkMail::NoSuchUser => ActionOutcome::NoSuchUser,
            });
        }
        UserAction::Grant(role) | UserAction::Revoke(role) => {
            let Ok(roles) = fields::check_roles(vec![role.clone()]) else {
                return Ok(ActionOutcome::Rejected("admin-alert-role"));
            };
            let (change, notice) = match action {
                UserAction::Grant(_) => (RoleChange::Grant, Notice::UserRoleGranted),
                _ => (RoleChange::Revoke { is_forced: false }, Notice::UserRoleRevoked),
            };
            return map(accounts.change_roles_in(conn, &name, &roles, change, cause), |change| match change {
                RolesChange::Done { .. } => ActionOutcome::Done(notice),
                RolesChange::LastAdmin(_) => ActionOutcome::Rejected("admin-alert-last-admin"),
                RolesChange::Invalid(_) => ActionOutcome::Rejected("admin-alert-role"),
                RolesChange::NoSuchUser => ActionOutcome::NoSuchUser,
            });
        }
        UserAction::SetEmail(email) => {
            if email.as_ref().is_some_and(|email| fields::check_email(email.clone()).is_err()) {
                return Ok(ActionOutcome::Rejected("admin-alert-email"));
            }
            let update = UserUpdate { email: Some(email.clone()), ..UserUpdate::default() };
            match accounts::update_user(conn, accounts.outbox(), &name, &update, cause, now)? {
                UserUpdating::Done { .. } => ActionOutcome::Done(Notice::UserEmailSaved),
                UserUpdating::Invalid(_) => ActionOutcome::Rejected("admin-alert-email"),
                UserUpdating::NoSuchUser => ActionOutcome::NoSuchUser,
            }
        }
    })
}

fn end_session(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    user: &User,
    id: &str,
    cause: &Cause,
    now: Moment,
) -> Result<ActionOutcome, DbError> {
    // The ID of an ended session, or of another user's, changes nothing.
    if sessions::end_of_user(conn, ended, user.id, id, EndReason::SignedOutByAdmin, now)? {
        let event = Event::of_user(EventKind::SessionEnded, user.id.0, cause, now);
        audit::record(conn, &Event { session_id: Some(id.to_owned()), ..event })?;
    }
    Ok(ActionOutcome::Done(Notice::UserSessionEnded))
}

/// Translates an outcome, whether it commits or rolls back.
fn map<T>(
    result: Result<T, Rollback<T>>,
    translate: impl Fn(T) -> ActionOutcome,
) -> Result<ActionOutcome, Rollback<ActionOutcome>> {
    match result {
        Ok(outcome) => Ok(translate(outcome)),
        Err(Rollback::Outcome(outcome)) => Err(Rollback::with(translate(*outcome))),
        Err(Rollback::Failed(error)) => Err(Rollback::Failed(error)),
    }
}
