//! `vestibule users grant`, `revoke`, `sign-out` and `reset-link`. What may not live here: rules and transactions (`admin`), SQL.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::json;

use super::output::{answer, no_such_user, refused};
use super::services;
use super::users::{about, ended, last_admin, lookup, open};
use super::users_args::{ForcedRolesArgs, NameArgs, RolesArgs};
use crate::admin::ResetLink;
use crate::admin::roles::RolesChange;

pub(super) async fn grant(args: RolesArgs) -> anyhow::Result<ExitCode> {
    let admin = services::open(&args.database.check()?)?;
    let change = admin.grant_roles(&lookup(&args.name)?, args.roles.clone()).await?;
    let RolesChange::Done { user, changed, unchanged, roles } = change else { return Err(refusal(change, &args.name)) };
    let text = told(&[("granted", "to", &changed), ("had it already:", "", &unchanged)], &user.username);
    let value = json!({ "id": user.id, "username": user.username, "roles": roles, "granted": changed, "had_already": unchanged, "changed": !changed.is_empty() });
    answer(args.json, &value, &text)
}

pub(super) async fn revoke(args: ForcedRolesArgs) -> anyhow::Result<ExitCode> {
    let ForcedRolesArgs { on: args, force } = args;
    let admin = services::open(&args.database.check()?)?;
    let change = admin.revoke_roles(&lookup(&args.name)?, args.roles.clone(), force).await?;
    let RolesChange::Done { user, changed, unchanged, roles } = change else { return Err(refusal(change, &args.name)) };
    let text = told(&[("revoked", "from", &changed), ("had it not:", "", &unchanged)], &user.username);
    let value = json!({ "id": user.id, "username": user.username, "roles": roles, "revoked": changed, "had_not": unchanged, "changed": !changed.is_empty() });
    answer(args.json, &value, &text)
}

pub(super) async fn sign_out(args: NameArgs) -> anyhow::Result<ExitCode> {
    let (admin, key) = open(&args)?;
    let Some((user, count)) = admin.sign_out(&key).await? else { return Err(no_such_user(&args.name)) };
    let text = match count {
        0 => format!("{} was signed in nowhere", user.username),
        _ => format!("signed {} out everywhere; {}", user.username, ended(count)),
    };
    let value = about(&user, "signed_out", count > 0, count);
    answer(args.json, &value, &text)
}

pub(super) async fn reset_link(args: NameArgs) -> anyhow::Result<ExitCode> {
    let config = args.database.check()?;
    match services::open(&config)?.reset_link(&lookup(&args.name)?).await? {
        ResetLink::Made(secret, user) => {
            let url = format!("{}/password/reset?link={}", config.public_url, secret.reveal());
            if !args.json {
                // Beside the link, not in it: standard output can be handed on as it is.
                let _ = writeln!(
                    std::io::stderr(),
                    "Whoever opens this link within 30 minutes chooses a new password for {}. It works once, and an earlier one works no more.",
                    user.username
                );
            }
            answer(args.json, &json!({ "id": user.id, "username": user.username, "url": url }), &url)
        }
        ResetLink::Disabled(user) => {
            Err(refused(format!("{0} is disabled: run \"vestibule users enable {0}\" first", user.username)))
        }
        ResetLink::NoSuchUser => Err(no_such_user(&args.name)),
    }
}

/// Such as `granted editor to alice; had it already: staff`.
fn told(parts: &[(&str, &str, &[String])], username: &str) -> String {
    let part = |(verb, preposition, roles): &(&str, &str, &[String])| {
        let roles = roles.join(", ");
        if preposition.is_empty() {
            format!("{username} {verb} {roles}")
        } else {
            format!("{verb} {roles} {preposition} {username}")
        }
    };
    parts.iter().filter(|(_, _, roles)| !roles.is_empty()).map(part).collect::<Vec<_>>().join("; ")
}

fn refusal(change: RolesChange, name: &str) -> anyhow::Error {
    match change {
        RolesChange::LastAdmin(user) => last_admin(&user),
        RolesChange::Invalid(fault) => refused(format!("roles of {name}: {fault}")),
        RolesChange::NoSuchUser | RolesChange::Done { .. } => no_such_user(name),
    }
}
