//! The `vestibule setup-link` command.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{failure, no_such_user, print_value};
use super::services;
use crate::accounts::SetupLink;
use crate::config::{AdminCommand, SettingArgs};
use crate::secret::PlainSecret;
use crate::users::LookupName;

/// Arguments of `vestibule setup-link`.
#[derive(Args)]
pub struct SetupLinkArgs {
    /// Locked-out admin to recover; required once an admin exists
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Runs the command.
///
/// # Errors
/// No link can be created; the error says what to do.
pub async fn run(args: SetupLinkArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let accounts = services::accounts(&config)?;
    let name = args.user.as_deref();
    let key = name.map(|name| LookupName::parse(name).ok_or_else(|| no_such_user(name))).transpose()?;
    let url = |secret: &PlainSecret| format!("{}/setup?link={}", config.public_url, secret.reveal());
    let (purpose, username, url, what) = match accounts.create_setup_link(key).await? {
        SetupLink::Setup(secret) => ("setup", None, url(&secret), "to create the first admin".to_owned()),
        SetupLink::Rescue(secret, user) => (
            "rescue",
            Some(user.username.clone()),
            url(&secret),
            format!("to choose a new password for {}", user.username),
        ),
        SetupLink::NeedsName => {
            return Err(failure(
                "an admin already exists: to recover a locked-out one, add --user NAME; to add another, run \"vestibule users add NAME --role admin\"",
            ));
        }
        SetupLink::NoAdminYet => {
            return Err(failure(
                "no admin can sign in yet: run the command without --user to create the first one, or enable a disabled one with \"vestibule users enable NAME\"",
            ));
        }
        SetupLink::NoSuchUser => return Err(no_such_user(name.unwrap_or_default())),
        SetupLink::NotAdmin(user) => {
            return Err(failure(format!(
                "{0} is not an admin: run \"vestibule users reset-link {0}\" instead",
                user.username
            )));
        }
        SetupLink::Disabled(user) => {
            return Err(failure(format!("{0} is disabled: run \"vestibule users enable {0}\" first", user.username)));
        }
    };
    if !args.json {
        // On standard error, which keeps standard output free for scripts.
        let _ = writeln!(
            std::io::stderr(),
            "Open this link within an hour {what}. It works once; any earlier link is now invalid."
        );
    }
    print_value(args.json, &json!({ "purpose": purpose, "username": username, "url": url }), &url)
}
