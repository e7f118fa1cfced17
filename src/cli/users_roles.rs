//! The commands `vestibule users grant` and `revoke`.

use std::process::ExitCode;

use serde_json::json;

use super::each_name::for_each;
use super::output::{eprint_warning, failure, no_such_user};
use super::services;
use super::users::{last_admin, lookup};
use super::users_args::{ForcedRolesArgs, RolesArgs};
use crate::accounts::AccountService;
use crate::accounts::roles::{RolesChange, UnknownRole};
use crate::audit::Cause;

pub(super) async fn grant(args: RolesArgs) -> anyhow::Result<ExitCode> {
    let accounts = services::accounts(&args.settings.check()?)?;
    warn_of_unknown_roles(&accounts, &args.roles).await?;
    for_each(&args.name, args.json, async |name| {
        let change = accounts.grant_roles(&lookup(&name)?, args.roles.clone(), &Cause::command()).await?;
        let RolesChange::Done { user, changed, unchanged, roles } = change else {
            return Err(rejection(change, &name));
        };
        let done = (!changed.is_empty()).then(|| format!("granted {} to {}", changed.join(", "), user.username));
        let not_done =
            (!unchanged.is_empty()).then(|| format!("{} already had {}", user.username, unchanged.join(", ")));
        let value = json!({ "id": user.id, "username": user.username, "roles": roles, "granted": changed, "had_already": unchanged, "changed": !changed.is_empty() });
        Ok((value, join_sentences(done, not_done)))
    })
    .await
}

pub(super) async fn revoke(args: ForcedRolesArgs) -> anyhow::Result<ExitCode> {
    let ForcedRolesArgs { on: args, force } = args;
    let accounts = services::accounts(&args.settings.check()?)?;
    for_each(&args.name, args.json, async |name| {
        let change = accounts.revoke_roles(&lookup(&name)?, args.roles.clone(), force, &Cause::command()).await?;
        let RolesChange::Done { user, changed, unchanged, roles } = change else {
            return Err(rejection(change, &name));
        };
        let done = (!changed.is_empty()).then(|| format!("revoked {} from {}", changed.join(", "), user.username));
        let not_done =
            (!unchanged.is_empty()).then(|| format!("{} did not have {}", user.username, unchanged.join(", ")));
        let value = json!({ "id": user.id, "username": user.username, "roles": roles, "revoked": changed, "had_not": unchanged, "changed": !changed.is_empty() });
        Ok((value, join_sentences(done, not_done)))
    })
    .await
}

/// Warns of roles that no user has and that allow no scopes: they may be misspelt.
pub(super) async fn warn_of_unknown_roles(accounts: &AccountService, roles: &[String]) -> anyhow::Result<()> {
    warn_of_new_roles(&accounts.find_unknown_roles(roles).await?);
    Ok(())
}

/// Warns of roles that no user had and that allow no scopes.
pub(super) fn warn_of_new_roles(roles: &[UnknownRole]) {
    for UnknownRole { name, similar } in roles {
        let hint = match similar {
            Some(similar) => format!("did you mean {similar}?"),
            None => format!("give it scopes with \"vestibule roles set {name} --scope SCOPE\" if it is to have any"),
        };
        eprint_warning(&format!("the role {name} is new: no user had it, and it allows no scopes; {hint}"));
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
