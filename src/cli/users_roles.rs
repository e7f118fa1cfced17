//! The commands `vestibule users grant`, `revoke`, `sign-out` and `reset-link`.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::json;

use super::output::{failure, no_such_user, print_result};
use super::services;
use super::users::{about, ended, last_admin, lookup, open};
use super::users_args::{ForcedRolesArgs, NameArgs, RolesArgs};
use crate::accounts::roles::RolesChange;
use crate::audit::Cause;
use crate::recovery::{ResetLink, create_reset_link};

pub(super) async fn grant(args: RolesArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    let change = accounts.grant_roles(&lookup(&args.name)?, args.roles.clone(), &Cause::command()).await?;
    let RolesChange::Done { user, changed, unchanged, roles } = change else {
        return Err(rejection(change, &args.name));
    };
    let done = (!changed.is_empty()).then(|| format!("granted {} to {}", changed.join(", "), user.username));
    let not_done = (!unchanged.is_empty()).then(|| format!("{} already had {}", user.username, unchanged.join(", ")));
    let text = join_sentences(done, not_done);
    let value = json!({ "id": user.id, "username": user.username, "roles": roles, "granted": changed, "had_already": unchanged, "changed": !changed.is_empty() });
    print_result(args.json, &value, &text)
}

pub(super) async fn revoke(args: ForcedRolesArgs) -> anyhow::Result<ExitCode> {
    let ForcedRolesArgs { on: args, force } = args;
    let accounts = services::accounts(&args.settings.check()?)?;
    let change = accounts.revoke_roles(&lookup(&args.name)?, args.roles.clone(), force, &Cause::command()).await?;
    let RolesChange::Done { user, changed, unchanged, roles } = change else {
        return Err(rejection(change, &args.name));
    };
    let done = (!changed.is_empty()).then(|| format!("revoked {} from {}", changed.join(", "), user.username));
    let not_done = (!unchanged.is_empty()).then(|| format!("{} did not have {}", user.username, unchanged.join(", ")));
    let text = join_sentences(done, not_done);
    let value = json!({ "id": user.id, "username": user.username, "roles": roles, "revoked": changed, "had_not": unchanged, "changed": !changed.is_empty() });
    print_result(args.json, &value, &text)
}

pub(super) async fn sign_out(args: NameArgs) -> anyhow::Result<ExitCode> {
    let (accounts, key) = open(&args)?;
    let Some((user, count)) = accounts.sign_out(&key, &Cause::command()).await? else {
        return Err(no_such_user(&args.name));
    };
    let text = match count {
        0 => format!("nothing was changed: {} has no live sessions", user.username),
        _ => format!("signed out {}; {}", user.username, ended(count)),
    };
    let value = about(&user, "signed_out", count > 0, count);
    print_result(args.json, &value, &text)
}

pub(super) async fn reset_link(args: NameArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    match create_reset_link(&services::accounts(&config)?, &lookup(&args.name)?, &Cause::command()).await? {
        ResetLink::Created(secret, user) => {
            let url = format!("{}/password/reset?link={}", config.public_url, secret.reveal());
            if !args.json {
                // On standard error, which keeps standard output free for scripts.
                let _ = writeln!(
                    std::io::stderr(),
                    "Anyone with this link can choose a new password for {} within 30 minutes. It works once; any earlier link is now invalid.",
                    user.username
                );
            }
            print_result(args.json, &json!({ "id": user.id, "username": user.username, "url": url }), &url)
        }
        ResetLink::Disabled(user) => {
            Err(failure(format!("{0} is disabled: run \"vestibule users enable {0}\" first", user.username)))
        }
        ResetLink::NoSuchUser => Err(no_such_user(&args.name)),
    }
}

/// Describes the change, such as `granted editor to alice; alice already had staff`.
fn join_sentences(done: Option<String>, not_done: Option<String>) -> String {
    [done, not_done].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn rejection(change: RolesChange, name: &str) -> anyhow::Error {
    match change {
        RolesChange::LastAdmin(user) => last_admin(&user),
        RolesChange::Invalid(error) => failure(format!("roles of {name}: {error}")),
        RolesChange::NoSuchUser | RolesChange::Done { .. } => no_such_user(name),
    }
}
