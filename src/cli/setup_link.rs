//! `vestibule setup-link`: prints a one-time link for the first admin, or for one who is locked out.
//! What may not live here: who may have one (`admin::setup_link`), and the page it opens.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{answer, no_such_user, refused};
use super::services;
use crate::admin::SetupLink;
use crate::config::DatabaseSettings;
use crate::secret::PlainSecret;
use crate::users::LookupName;

/// Arguments of `vestibule setup-link`.
#[derive(Args)]
pub struct SetupLinkArgs {
    /// The admin who is locked out, once there is one
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// Runs the command.
///
/// # Errors
/// When nobody can be given a link; the error says what to do.
pub async fn run(args: SetupLinkArgs) -> anyhow::Result<ExitCode> {
    let config = args.database.check()?;
    let admin = services::open(&config)?;
    let name = args.user.as_deref();
    let key = name.map(|name| LookupName::parse(name).ok_or_else(|| no_such_user(name))).transpose()?;
    let url = |secret: &PlainSecret| format!("{}/setup?link={}", config.public_url, secret.reveal());
    let (purpose, username, url, what) = match admin.setup_link(key).await? {
        SetupLink::Setup(secret) => ("setup", None, url(&secret), "to make the first admin".to_owned()),
        SetupLink::Rescue(secret, user) => (
            "rescue",
            Some(user.username.clone()),
            url(&secret),
            format!("to choose a new password for {}", user.username),
        ),
        SetupLink::NeedsName => {
            return Err(refused(
                "there is an admin already: for one who is locked out, add --user NAME; to add another, run \"vestibule users add NAME --role admin\"",
            ));
        }
        SetupLink::NoAdminYet => {
            return Err(refused(
                "there is no admin yet who can sign in: run the command without --user for a link that makes the first one, or enable an admin who is disabled with \"vestibule users enable NAME\"",
            ));
        }
        SetupLink::NoSuchUser => return Err(no_such_user(name.unwrap_or_default())),
        SetupLink::NotAdmin(user) => {
            return Err(refused(format!(
                "{0} is no admin, and a link is only for admins: set a password with \"vestibule users set-password {0}\"",
                user.username
            )));
        }
        SetupLink::Disabled(user) => {
            return Err(refused(format!("{0} is disabled: run \"vestibule users enable {0}\" first", user.username)));
        }
    };
    if !args.json {
        // Beside the link, not in it: standard output can be handed on as it is.
        let _ = writeln!(
            std::io::stderr(),
            "Open this link within an hour {what}. It works once, and an earlier one works no more."
        );
    }
    answer(args.json, &json!({ "purpose": purpose, "username": username, "url": url }), &url)
}
