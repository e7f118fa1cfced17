//! The commands `vestibule users add`, `set`, `set-password` and `reset-link`, and what all commands on users share.

use std::process::ExitCode;

use serde_json::json;

use super::output::{self, UserView, failure, no_such_user, print_result, print_value};
pub use super::users_args::{AddArgs, NameArgs, SetArgs, SetPasswordArgs, UsersCommand};
use super::{services, users_list, users_roles, users_show, users_state};
use crate::accounts::{AccountService, Creation, PasswordSetting, UserFields, UserUpdate, UserUpdating, fields};
use crate::audit::Cause;
use crate::recovery::{PasswordLinkKind, ResetLink, create_reset_link};
use crate::users::{LookupName, User, UserState};

/// Runs a command on users.
///
/// # Errors
/// Any failure; see [`output::report`].
pub async fn run(command: UsersCommand) -> anyhow::Result<ExitCode> {
    match command {
        UsersCommand::Add(args) => add(args).await,
        UsersCommand::List(args) => users_list::list(args).await,
        UsersCommand::Show(args) => users_show::show(args).await,
        UsersCommand::Set(args) => set(args).await,
        UsersCommand::SetPassword(args) => set_password(args).await,
        UsersCommand::ResetLink(args) => reset_link(args).await,
        UsersCommand::SendInvite(args) => users_state::send_invite(args).await,
        UsersCommand::Disable(args) => users_state::disable(args).await,
        UsersCommand::Enable(args) => users_state::enable(args).await,
        UsersCommand::Grant(args) => users_roles::grant(args).await,
        UsersCommand::Revoke(args) => users_roles::revoke(args).await,
        UsersCommand::SignOut(args) => users_state::sign_out(args).await,
        UsersCommand::RequireNewPassword(args) => users_state::require_new_password(args).await,
        UsersCommand::Delete(args) => users_state::delete(args).await,
        UsersCommand::Unlock(args) => users_state::unlock(args).await,
    }
}

async fn add(args: AddArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    let AddArgs { name, id, display_name, email, roles, .. } = args;
    let fields = UserFields { username: name.clone(), id, display_name, email, roles };
    let invalid = |error: &fields::FieldError| failure(format!("{} of {name}: {error}", error.field()));
    // Checked before the password prompt.
    let (new, roles) = fields.clone().check().map_err(|error| invalid(&error))?;
    if let Some(user) = accounts.find_even_deleted(&lookup(&name)?).await? {
        return Err(taken(&name, &user));
    }
    if args.send_invite && !accounts.outbox().is_enabled() {
        return Err(users_state::no_mail("--send-invite"));
    }
    if let Some(problem) = accounts.find_name_problem(new.username, &roles).await? {
        output::eprint_warning(&format!("the username {name} {problem}"));
    }
    users_roles::warn_of_unknown_roles(&accounts, &roles).await?;
    let has_password = !args.no_password && !args.send_invite;
    let password = if has_password { Some(args.password.read(&name, Some("--no-password"))?) } else { None };
    match accounts.create(fields, password.as_ref(), &Cause::command()).await? {
        Creation::Created(account) => {
            let mut text = format!("added {} (id {})", account.user.username, account.user.id);
            if args.send_invite {
                let key = lookup(&account.user.username)?;
                let (_, mailed) = users_state::mail_link(&accounts, &key, &name, PasswordLinkKind::Welcome).await?;
                text = format!("{text}; {mailed}");
            }
            print_result(args.json, &UserView::new(&account), &text)
        }
        Creation::NameTaken => match accounts.find_even_deleted(&lookup(&name)?).await? {
            Some(user) => Err(taken(&name, &user)),
            None => Err(failure(format!("the username {name} is taken: choose another"))),
        },
        Creation::IdTaken => Err(failure(format!(
            "user ID {} is taken (IDs of deleted users are never reused): choose another, or omit --id",
            id.unwrap_or_default()
        ))),
        Creation::Invalid(error) => Err(invalid(&error)),
    }
}

/// The error for a username that belongs to this user, perhaps a deleted one.
fn taken(name: &str, user: &User) -> anyhow::Error {
    match user.state {
        UserState::Deleted(at) => failure(format!(
            "the username {name} belonged to a user who was deleted on {}, and is never reused: choose another",
            output::rfc3339_seconds(at)
        )),
        UserState::Active | UserState::Disabled(_) => {
            failure(format!("the username {name} is taken: choose another, or run \"vestibule users show {name}\""))
        }
    }
}

async fn set(args: SetArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    let change = |value: Option<String>, is_removed: bool| match value {
        Some(value) => Some(Some(value)),
        None => is_removed.then_some(None),
    };
    let update = UserUpdate {
        display_name: change(args.display_name, args.no_display_name),
        email: change(args.email, args.no_email),
        language: change(args.language, args.no_language),
    };
    match accounts.update(&lookup(&args.name)?, update, &Cause::command()).await? {
        UserUpdating::Done { account, changed } => {
            let text = if changed.is_empty() {
                format!("nothing to change for {}", account.user.username)
            } else {
                format!("updated {}: {}", account.user.username, changed.join(", ").replace('_', " "))
            };
            let mut value = serde_json::to_value(UserView::new(&account))?;
            value["changed"] = json!(!changed.is_empty());
            value["changed_fields"] = json!(changed);
            print_result(args.json, &value, &text)
        }
        UserUpdating::NoSuchUser => Err(no_such_user(&args.name)),
        UserUpdating::Invalid(error) => Err(failure(format!("{} of {}: {error}", error.field(), args.name))),
    }
}

async fn set_password(args: SetPasswordArgs) -> anyhow::Result<ExitCode> {
    let (accounts, key) = open(&args.on)?;
    let name = &args.on.name;
    // Checked before the password prompt.
    let Some(user) = accounts.find(&key).await? else { return Err(no_such_user(name)) };
    let password = args.password.read(&user.username, None)?;
    match accounts.set_password(&key, &password, &Cause::command()).await? {
        PasswordSetting::Done { user, ended_sessions } => {
            let still = if user.state == UserState::Active { "" } else { "; the account is still disabled" };
            let text = format!("set the password of {}; {}{still}", user.username, ended(ended_sessions));
            print_result(args.on.json, &about(&user, "password_set", true, ended_sessions), &text)
        }
        PasswordSetting::NoSuchUser => Err(no_such_user(name)),
        PasswordSetting::Invalid(error) => Err(failure(format!("password of {name}: {error}"))),
    }
}

async fn reset_link(args: NameArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    match create_reset_link(&services::accounts(&config)?, &lookup(&args.name)?, &Cause::command()).await? {
        ResetLink::Created(secret, user) => {
            let url = format!("{}/password/reset?link={}", config.public_url, secret.reveal());
            if !args.json {
                output::eprint_note(&format!(
                    "Anyone with this link can choose a new password for {} within 30 minutes. It works once; any earlier link is now invalid.",
                    user.username
                ));
            }
            print_value(args.json, &json!({ "id": user.id, "username": user.username, "url": url }), &url)
        }
        ResetLink::Disabled(user) => Err(is_disabled(&user)),
        ResetLink::NoSuchUser => Err(no_such_user(&args.name)),
    }
}

pub(super) fn open(args: &NameArgs) -> anyhow::Result<(AccountService, LookupName)> {
    Ok((services::accounts(&args.settings.check()?)?, lookup(&args.name)?))
}

pub(super) fn lookup(name: &str) -> anyhow::Result<LookupName> {
    LookupName::parse(name).ok_or_else(|| no_such_user(name))
}

/// `{"id", "username", "changed", "ended_sessions", <what>: true}`; `changed` is whether this run made it so.
pub(super) fn about(user: &User, what: &str, is_changed: bool, ended_sessions: usize) -> serde_json::Value {
    json!({ "id": user.id, "username": user.username, what: true, "changed": is_changed, "ended_sessions": ended_sessions })
}

pub(super) fn ended(sessions: usize) -> String {
    match sessions {
        1 => "1 session ended".to_owned(),
        count => format!("{count} sessions ended"),
    }
}

pub(super) fn is_disabled(user: &User) -> anyhow::Error {
    failure(format!("{0} is disabled: run \"vestibule users enable {0}\" first", user.username))
}

pub(super) fn last_admin(user: &User) -> anyhow::Error {
    failure(format!(
        "{} is the last admin who can sign in; nothing was changed: create another one first with \"vestibule users add NAME --role admin\", or add --force",
        user.username
    ))
}
