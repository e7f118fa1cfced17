//! The `vestibule users` commands that disable, enable, delete, unlock, sign out, invite users or require a new password.

use std::process::ExitCode;

use serde_json::json;

use super::each_name::{Outcome, for_each, is_standard_input};
use super::output::{eprint_note, failure, misused, no_such_user, print_result};
use super::prompt::is_confirmed;
use super::services::{self, require_server_key};
use super::users::{about, ended, is_disabled, last_admin, lookup};
use super::users_args::{DeleteArgs, EachNameArgs, ForcedArgs, RequireArgs};
use crate::accounts::{AccountService, Deletion, Disabling, Enabling, NewPasswordRequirement, Unlocking};
use crate::audit::Cause;
use crate::authentication::AccountLocks;
use crate::recovery::{PasswordLinkKind, PasswordLinkMail, mail_password_link};
use crate::users::{LookupName, UserId};

pub(super) async fn disable(args: ForcedArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.on.settings.check()?)?;
    for_each(&args.on.name, args.on.json, async |name| {
        Ok(match accounts.disable(&lookup(&name)?, args.force, &Cause::command()).await? {
            Disabling::Done { user, ended_sessions } => (
                about(&user, "disabled", true, ended_sessions),
                format!("disabled {}; {}", user.username, ended(ended_sessions)),
            ),
            Disabling::WasDisabled(user) => {
                (about(&user, "disabled", false, 0), format!("{} was already disabled", user.username))
            }
            Disabling::LastAdmin(user) => return Err(last_admin(&user)),
            Disabling::NoSuchUser => return Err(no_such_user(&name)),
        })
    })
    .await
}

pub(super) async fn enable(args: EachNameArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    for_each(&args.name, args.json, async |name| {
        Ok(match accounts.enable(&lookup(&name)?, &Cause::command()).await? {
            Enabling::Done(user) => (about(&user, "enabled", true, 0), format!("enabled {}", user.username)),
            Enabling::WasEnabled(user) => {
                (about(&user, "enabled", false, 0), format!("{} was already enabled", user.username))
            }
            Enabling::NoSuchUser => return Err(no_such_user(&name)),
        })
    })
    .await
}

pub(super) async fn sign_out(args: EachNameArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    for_each(&args.name, args.json, async |name| {
        let signed_out = accounts.sign_out(&lookup(&name)?, &Cause::command()).await?;
        let Some((user, count)) = signed_out else { return Err(no_such_user(&name)) };
        let text = match count {
            0 => format!("nothing was changed: {} has no live sessions", user.username),
            _ => format!("signed out {}; {}", user.username, ended(count)),
        };
        Ok((about(&user, "signed_out", count > 0, count), text))
    })
    .await
}

pub(super) async fn delete(args: DeleteArgs) -> anyhow::Result<ExitCode> {
    let DeleteArgs { on: ForcedArgs { on, force }, yes } = args;
    let accounts = services::accounts(&on.settings.check()?)?;
    if !yes {
        if is_standard_input(&on.name) {
            return Err(misused("standard input has the usernames and cannot confirm: add --yes"));
        }
        let Some(user) = accounts.find(&lookup(&on.name)?).await? else { return Err(no_such_user(&on.name)) };
        let question = format!(
            "Delete the user {} (id {})? This removes their personal data, roles and sessions. The username and ID are never reused.",
            user.username, user.id
        );
        if !is_confirmed(&question, "--yes")? {
            return Err(failure("not confirmed; nothing was deleted"));
        }
    }
    for_each(&on.name, on.json, async |name| {
        Ok(match accounts.delete(&lookup(&name)?, force, &Cause::command()).await? {
            Deletion::Done { user, ended_sessions } => (
                about(&user, "deleted", true, ended_sessions),
                format!("deleted {}; {}", user.username, ended(ended_sessions)),
            ),
            Deletion::LastAdmin(user) => return Err(last_admin(&user)),
            Deletion::NoSuchUser => return Err(no_such_user(&name)),
        })
    })
    .await
}

pub(super) async fn unlock(args: EachNameArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let accounts = services::accounts(&config)?;
    let locks = AccountLocks::new(&require_server_key(&config)?, config.throttling);
    for_each(&args.name, args.json, async |name| {
        Ok(match accounts.unlock(&lookup(&name)?, &locks, &Cause::command()).await? {
            Unlocking::Done { user, deleted_counters } => {
                let text = match deleted_counters {
                    0 => format!("nothing to clear: {} has no failed sign-ins", user.username),
                    1 => format!("unlocked {}; cleared 1 failed sign-in counter", user.username),
                    count => format!("unlocked {}; cleared {count} failed sign-in counters", user.username),
                };
                (
                    json!({ "id": user.id, "username": user.username, "changed": deleted_counters > 0, "cleared_counters": deleted_counters }),
                    text,
                )
            }
            Unlocking::NoSuchUser => return Err(no_such_user(&name)),
        })
    })
    .await
}

pub(super) async fn require_new_password(args: RequireArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    let Some(name) = args.name else { return require_all(&accounts, args.yes, args.json).await };
    for_each(&name, args.json, async |name| {
        Ok(match accounts.require_new_password(&lookup(&name)?, &Cause::command()).await? {
            NewPasswordRequirement::Done { user, ended_sessions } => (
                about(&user, "new_password_required", true, ended_sessions),
                format!("{} must set a new password by a link; {}", user.username, ended(ended_sessions)),
            ),
            NewPasswordRequirement::WasRequired(user) => (
                about(&user, "new_password_required", false, 0),
                format!("{} had to set a new password already", user.username),
            ),
            NewPasswordRequirement::NoPassword(user) => {
                return Err(failure(format!("{} has no password that could be known to others", user.username)));
            }
            NewPasswordRequirement::NoSuchUser => return Err(no_such_user(&name)),
        })
    })
    .await
}

async fn require_all(accounts: &AccountService, yes: bool, is_json: bool) -> anyhow::Result<ExitCode> {
    let question = "Require a new password of all users? This ends all their sessions. They can sign in again only after they set a new password by a link, which they request on the sign-in page if their email address is confirmed, or which you send them.";
    if !yes && !is_confirmed(question, "--yes")? {
        return Err(failure("not confirmed; nothing was changed"));
    }
    let (mut users, mut sessions, mut after) = (0, 0, UserId(0));
    while let Some((last, required, ended)) = accounts.require_new_passwords_after(after, &Cause::command()).await? {
        after = last;
        users += required;
        sessions += ended;
        if required > 0 {
            eprint_note(&format!("{users} users so far"));
        }
    }
    let value = json!({ "users": users, "ended_sessions": sessions, "changed": users > 0 });
    let text = match users {
        0 => "nothing was changed: no user has a password that was not required to be replaced".to_owned(),
        1 => format!("1 user must set a new password; {}", ended(sessions)),
        count => format!("{count} users must set a new password; {}", ended(sessions)),
    };
    print_result(is_json, &value, &text)
}

pub(super) async fn send_invite(args: EachNameArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    for_each(&args.name, args.json, async |name| {
        mail_link(&accounts, &lookup(&name)?, &name, PasswordLinkKind::Welcome).await
    })
    .await
}

/// Mails a link with which a user chooses a password.
pub(super) async fn mail_link(
    accounts: &AccountService,
    key: &LookupName,
    name: &str,
    kind: PasswordLinkKind,
) -> anyhow::Result<Outcome> {
    match mail_password_link(accounts, key, kind, &Cause::command()).await? {
        PasswordLinkMail::Queued(user, address) => Ok((
            json!({ "id": user.id, "username": user.username, "email": address, "changed": true }),
            format!(
                "queued an email to {address} with which {} chooses a password; the link in it works once, within 7 days",
                user.username
            ),
        )),
        PasswordLinkMail::NoAddress(user) => Err(failure(format!(
            "{0} has no email address: run \"vestibule users set {0} --email ADDRESS\" first, or \"vestibule users reset-link {0}\" and send the link yourself",
            user.username
        ))),
        PasswordLinkMail::NoMail => Err(no_mail("users send-invite")),
        PasswordLinkMail::QueueFull => {
            Err(failure("too many emails are queued; no link was created: try again in a few minutes"))
        }
        PasswordLinkMail::Disabled(user) => Err(is_disabled(&user)),
        PasswordLinkMail::NoSuchUser => Err(no_such_user(name)),
    }
}

pub(super) fn no_mail(what: &str) -> anyhow::Error {
    failure(format!(
        "{what} needs a mail server: set SMTP_URL, MAIL_FROM and SERVER_KEY to the server's values, or run \"vestibule users reset-link NAME\" and send the link yourself"
    ))
}
