//! The `vestibule seed` command.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::output::{failure, write_out};
use super::services;
use crate::config::{AdminCommand, SettingArgs};
use crate::seed::clients::SeedClientCreation;
use crate::seed::file::{self as seed_file, Remark};
use crate::seed::{self, SeedChange, SeedReport, Seeding};
use crate::users::password::PasswordPolicy;

/// Errors that are printed; the rest are counted.
const MAX_SHOWN_ERRORS: usize = 20;
/// Why writing to a `String` can be expected to succeed.
const TO_STRING: &str = "writing to a String never fails";

/// Arguments of `vestibule seed`.
#[derive(Args)]
pub struct SeedArgs {
    /// TOML file with [[users]] (username; optional: id, password or `password_hash`, `display_name`, email, roles),
    /// [[roles]] (name, scopes) and [[clients]] (name, grants; optional: scopes, secret)
    file: PathBuf,
    /// Print what would change, without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

/// Runs the command.
///
/// # Errors
/// The file or an entry in it is rejected; nothing is changed then.
pub async fn run(args: SeedArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let shown = args.file.display().to_string();
    let bytes = read(&args.file).with_context(|| format!("cannot read {shown}"))?;
    let wanted = seed_file::parse(&bytes, &PasswordPolicy::new(&config))
        .map_err(|errors| failure(describe_errors(&shown, &errors)))?;
    let accounts = services::accounts(&config)?;
    match seed::seed(&accounts, wanted, args.dry_run).await? {
        Seeding::Refused(errors) => Err(failure(describe_errors(&shown, &errors))),
        Seeding::Done(report) => {
            write_out(|out| {
                if args.json {
                    return writeln!(out, "{}", view(&report, args.dry_run));
                }
                out.write_all(describe(&shown, &report, args.dry_run).as_bytes())
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The file's bytes, at most one more than a seed file may have, so that a larger one is noticed.
fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let most = seed_file::MAX_BYTES + 1;
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or(most).min(most);
    // One allocation: growing would leave copies of the passwords in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 1));
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn describe_errors(file: &str, errors: &[Remark]) -> String {
    let mut text = format!("{file} could not be applied; nothing was changed");
    for error in errors.iter().take(MAX_SHOWN_ERRORS) {
        write!(text, "\n{file}:{error}").expect(TO_STRING);
    }
    if let Some(more @ 1..) = errors.len().checked_sub(MAX_SHOWN_ERRORS) {
        write!(text, "\n… and {more} more").expect(TO_STRING);
    }
    text
}

/// The `--json` output: `created`, `changed` and `unchanged` are users; roles and clients have their own objects.
fn view(report: &SeedReport, is_dry_run: bool) -> Value {
    let created = |creation: &SeedClientCreation| {
        let mut value = json!({ "name": creation.client.name });
        // The ID and secret of a dry run are discarded.
        if !is_dry_run {
            value["client_id"] = json!(creation.client.id);
            if let Some(secret) = &creation.secret {
                value["client_secret"] = json!(secret.reveal());
            }
        }
        value
    };
    json!({
        "dry_run": is_dry_run,
        "created": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "notes": report.notes,
        "roles": { "changed": report.roles_changed, "unchanged": report.roles_unchanged },
        "clients": {
            "created": report.clients_created.iter().map(created).collect::<Vec<_>>(),
            "changed": report.clients_changed,
            "unchanged": report.clients_unchanged,
        },
    })
}

fn describe(file: &str, report: &SeedReport, is_dry_run: bool) -> String {
    let SeedReport { created, changed, notes, roles_changed, clients_created, clients_changed, .. } = report;
    let mut lines = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(lines, "{text}").expect(TO_STRING);
    for user in created {
        line(format_args!("create {} (id {})", user.username, user.id));
    }
    for user in changed {
        line(format_args!("change {} (id {}): {}", user.username, user.id, describe_change(user)));
    }
    for role in roles_changed {
        let list = |scopes: &[String]| if scopes.is_empty() { "no scopes".to_owned() } else { scopes.join(" ") };
        line(format_args!("change role {}: {} (was {})", role.name, list(&role.scopes), list(&role.scopes_before)));
    }
    for SeedClientCreation { client, secret } in clients_created {
        match secret {
            _ if is_dry_run => line(format_args!("create client {}", client.name)),
            None => line(format_args!("create client {} ({}) with the secret from the file", client.name, client.id)),
            Some(secret) => line(format_args!(
                "create client {} ({}); secret (shown only once):\n{}",
                client.name,
                client.id,
                secret.reveal()
            )),
        }
    }
    for client in clients_changed {
        line(format_args!("change client {} ({}): {}", client.name, client.client_id, client.fields.join(", ")));
    }
    for note in notes {
        line(format_args!("note: {file}:{note}"));
    }
    let (to_create, to_change) =
        (created.len() + clients_created.len(), changed.len() + roles_changed.len() + clients_changed.len());
    let unchanged = report.unchanged + report.roles_unchanged + report.clients_unchanged;
    line(format_args!("{to_create} to create, {to_change} to change, {unchanged} unchanged"));
    if is_dry_run {
        line(format_args!("dry run: nothing was changed"));
    } else if to_create + to_change > 0 {
        line(format_args!("done"));
    }
    lines
}

fn describe_change(user: &SeedChange) -> String {
    let signed =
        |sign: char, roles: &[String]| -> Vec<String> { roles.iter().map(|role| format!("{sign}{role}")).collect() };
    let fields = user.fields.iter().map(|field| match *field {
        "roles" => {
            let roles = [signed('+', &user.roles_granted), signed('-', &user.roles_revoked)].concat();
            format!("roles {}", roles.join(" "))
        }
        "password" if user.ended_sessions > 0 => format!("password ({} sessions ended)", user.ended_sessions),
        field => field.to_owned(),
    });
    fields.collect::<Vec<_>>().join(", ")
}
