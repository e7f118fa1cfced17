//! The `vestibule users` commands, except for those in `users_roles.rs`.

use std::process::ExitCode;

use serde_json::json;

use super::output::{self, Table, UserView, failure, no_such_user, print_result};
use super::services;
pub use super::users_args::{AddArgs, ForcedArgs, ListArgs, NameArgs, SetPasswordArgs, ShowArgs, UsersCommand};
use super::users_roles;
use crate::accounts::{
    Account, AccountService, Creation, Deletion, Disabling, Enabling, PasswordSetting, Unlocking, UserFields,
};
use crate::audit::Cause;
use crate::ops::server_key;
use crate::users::{LookupName, User, UserId, UserState};

/// Runs a command on users.
///
/// # Errors
/// Any failure; see [`output::report`].
pub async fn run(command: UsersCommand) -> anyhow::Result<ExitCode> {
    match command {
        UsersCommand::Add(args) => add(args).await,
        UsersCommand::List(args) => list(args).await,
        UsersCommand::Show(args) => show(args).await,
        UsersCommand::SetPassword(args) => set_password(args).await,
        UsersCommand::ResetLink(args) => users_roles::reset_link(args).await,
        UsersCommand::Disable(args) => disable(args).await,
        UsersCommand::Enable(args) => enable(args).await,
        UsersCommand::Grant(args) => users_roles::grant(args).await,
        UsersCommand::Revoke(args) => users_roles::revoke(args).await,
        UsersCommand::SignOut(args) => users_roles::sign_out(args).await,
        UsersCommand::Delete(args) => delete(args).await,
        UsersCommand::Unlock(args) => unlock(args).await,
    }
}

async fn add(args: AddArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    let AddArgs { name, id, display_name, email, roles, .. } = args;
    let fields = UserFields { username: name.clone(), id, display_name, email, roles };
    let invalid =
        |error: &crate::accounts::fields::FieldError| failure(format!("{} of {name}: {error}", error.field()));
    let taken = || {
        failure(format!(
            "the username {name} is taken (usernames of deleted users are never reused): choose another, or run \"vestibule users show {name}\""
        ))
    };
    // Checked before the password prompt.
    let (new, roles) = fields.clone().check().map_err(|error| invalid(&error))?;
    if accounts.find(&lookup(&name)?).await?.is_some() {
        return Err(taken());
    }
    if let Some(problem) = accounts.find_name_problem(new.username, &roles).await? {
        output::eprint_note(&format!("warning: the username {name} {problem}"));
    }
    let password = if args.no_password { None } else { Some(args.password.read(&name, Some("--no-password"))?) };
    match accounts.create(fields, password.as_ref(), &Cause::command()).await? {
        Creation::Created(account) => {
            let text = format!("added {} (id {})", account.user.username, account.user.id);
            print_result(args.json, &UserView::new(&account, None), &text)
        }
        Creation::NameTaken => Err(taken()),
        Creation::IdTaken => Err(failure(format!(
            "user ID {} is taken (IDs of deleted users are never reused): choose another, or omit --id",
            id.unwrap_or_default()
        ))),
        Creation::Invalid(error) => Err(invalid(&error)),
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    const HEADINGS: [&str; 7] = ["ID", "USERNAME", "STATE", "LAST SIGN-IN", "ROLES", "EMAIL", "DISPLAY NAME"];
    let accounts = services::accounts(&args.settings.check()?)?;
    let mut table = Table::new(HEADINGS);
    let mut after = UserId(0);
    let mut is_first = true;
    loop {
        let batch = accounts.list(after).await?;
        let is_read = output::write_out(|out| {
            if args.json {
                return write_json_batch(out, &batch, is_first);
            }
            let headings = is_first.then(|| HEADINGS.map(str::to_owned));
            let rows: Vec<[String; 7]> = headings.into_iter().chain(batch.iter().map(row)).collect();
            table.write_rows(out, &rows)
        })?;
        match batch.last() {
            Some(last) if is_read => after = last.user.id,
            _ => return Ok(ExitCode::SUCCESS),
        }
        is_first = false;
    }
}

/// Writes one array over all batches, one object per line; an empty batch ends it.
fn write_json_batch(out: &mut dyn std::io::Write, accounts: &[Account], is_first: bool) -> std::io::Result<()> {
    if is_first {
        write!(out, "[")?;
    }
    for (at, account) in accounts.iter().enumerate() {
        let view = serde_json::to_string(&UserView::new(account, None))?;
        write!(out, "{}\n{view}", if is_first && at == 0 { "" } else { "," })?;
    }
    if accounts.is_empty() {
        writeln!(out, "\n]")?;
    }
    Ok(())
}

fn row(account: &Account) -> [String; 7] {
    let Account { user, roles } = account;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        user.id.to_string(),
        user.username.clone(),
        output::state_word(user.state).to_owned(),
        or_dash(user.last_signed_in_at.map(output::rfc3339_seconds)),
        or_dash((!roles.is_empty()).then(|| roles.join(","))),
        or_dash(user.email.clone()),
        or_dash(user.display_name.clone()),
    ]
}

async fn show(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let ShowArgs { name, json, settings } = args;
    let config = settings.check()?;
    let accounts = services::accounts(&config)?;
    let found = accounts.show(&lookup(&name)?).await?;
    let Some((account, live_sessions)) = found else { return Err(no_such_user(&name)) };
    let user = &account.user;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let state = match user.state {
        UserState::Disabled(at) => format!("disabled since {}", output::rfc3339_seconds(at)),
        state => output::state_word(state).to_owned(),
    };
    let lines = [
        ("id", user.id.to_string()),
        ("username", user.username.clone()),
        ("display name", or_dash(user.display_name.clone())),
        ("email", or_dash(user.email.clone())),
        ("roles", or_dash((!account.roles.is_empty()).then(|| account.roles.join(", ")))),
        ("state", state),
        ("password", if user.password_hash.is_some() { "set" } else { "none" }.to_owned()),
        ("created", output::rfc3339_seconds(user.created_at)),
        ("last sign-in", or_dash(user.last_signed_in_at.map(output::rfc3339_seconds))),
        ("live sessions", live_sessions.to_string()),
    ];
    let text: Vec<String> = lines.iter().map(|(name, value)| format!("{name:<15}{value}")).collect();
    print_result(json, &UserView::new(&account, Some(live_sessions)), &text.join("\n"))
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

async fn disable(args: ForcedArgs) -> anyhow::Result<ExitCode> {
    let (accounts, key) = open(&args.on)?;
    let NameArgs { name, json, .. } = &args.on;
    match accounts.disable(&key, args.force, &Cause::command()).await? {
        Disabling::Done { user, ended_sessions } => print_result(
            *json,
            &about(&user, "disabled", true, ended_sessions),
            &format!("disabled {}; {}", user.username, ended(ended_sessions)),
        ),
        Disabling::WasDisabled(user) => {
            print_result(*json, &about(&user, "disabled", false, 0), &format!("{} was already disabled", user.username))
        }
        Disabling::LastAdmin(user) => Err(last_admin(&user)),
        Disabling::NoSuchUser => Err(no_such_user(name)),
    }
}

async fn enable(args: NameArgs) -> anyhow::Result<ExitCode> {
    let (accounts, key) = open(&args)?;
    match accounts.enable(&key, &Cause::command()).await? {
        Enabling::Done(user) => {
            print_result(args.json, &about(&user, "enabled", true, 0), &format!("enabled {}", user.username))
        }
        Enabling::WasEnabled(user) => print_result(
            args.json,
            &about(&user, "enabled", false, 0),
            &format!("{} was already enabled", user.username),
        ),
        Enabling::NoSuchUser => Err(no_such_user(&args.name)),
    }
}

async fn delete(args: ForcedArgs) -> anyhow::Result<ExitCode> {
    let (accounts, key) = open(&args.on)?;
    match accounts.delete(&key, args.force, &Cause::command()).await? {
        Deletion::Done { user, ended_sessions } => {
            let text = format!("deleted {}; {}", user.username, ended(ended_sessions));
            print_result(args.on.json, &about(&user, "deleted", true, ended_sessions), &text)
        }
        Deletion::LastAdmin(user) => Err(last_admin(&user)),
        Deletion::NoSuchUser => Err(no_such_user(&args.on.name)),
    }
}

async fn unlock(args: NameArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let accounts = services::accounts(&config)?;
    let Some((server_key, _)) = server_key::find(&config)? else {
        return Err(output::misused(
            "the server key is required because failed sign-ins are stored under names derived from it: set SERVER_KEY or SERVER_KEY_FILE to the server's value",
        ));
    };
    match accounts.unlock(&lookup(&args.name)?, &server_key, &Cause::command()).await? {
        Unlocking::Done { user, deleted_counters } => {
            let text = match deleted_counters {
                0 => format!("nothing to clear: {} has no failed sign-ins", user.username),
                1 => format!("unlocked {}; cleared 1 failed sign-in counter", user.username),
                count => format!("unlocked {}; cleared {count} failed sign-in counters", user.username),
            };
            print_result(
                args.json,
                &json!({ "id": user.id, "username": user.username, "changed": deleted_counters > 0, "forgotten_counters": deleted_counters }),
                &text,
            )
        }
        Unlocking::NoSuchUser => Err(no_such_user(&args.name)),
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

pub(super) fn last_admin(user: &User) -> anyhow::Error {
    failure(format!(
        "{} is the last admin who can sign in; nothing was changed: create another one first with \"vestibule users add NAME --role admin\", or add --force",
        user.username
    ))
}
