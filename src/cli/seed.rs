//! `vestibule seed FILE`: accounts, roles and programs as a file wants them.
//! What may not live here: the file's rules (`admin::seed_file`), writing (`admin::seed`).

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::output::{refused, write_out};
use super::services;
use crate::admin::seed::{SeedChange, SeedReport, Seeding};
use crate::admin::seed_clients::SeedClientCreation;
use crate::admin::seed_file::{self, Remark};
use crate::config::DatabaseSettings;
use crate::users::password::PasswordPolicy;

/// Faults that are printed; the rest is counted.
const SHOWN_FAULTS: usize = 20;
/// The invariant behind every `expect` on writing text.
const TO_STRING: &str = "a String takes all text";

/// Arguments of `vestibule seed`.
#[derive(Args)]
pub struct SeedArgs {
    /// A TOML file with [[users]] (username, and optionally id, password or `password_hash`, `display_name`, email, roles), [[roles]]
    /// (name, scopes) and [[clients]] (name, grants, and optionally scopes, secret)
    file: PathBuf,
    /// Print what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// Runs the command.
///
/// # Errors
/// When the file or a user in it is refused; nothing was changed then.
pub async fn run(args: SeedArgs) -> anyhow::Result<ExitCode> {
    let config = args.database.check()?;
    let shown = args.file.display().to_string();
    let bytes = read(&args.file).with_context(|| format!("{shown} cannot be read"))?;
    let wanted = seed_file::parse(&bytes, &PasswordPolicy::new(&config))
        .map_err(|faults| refused(tell_faults(&shown, &faults)))?;
    let admin = services::open(&config)?;
    match admin.seed(wanted, args.dry_run).await? {
        Seeding::Refused(faults) => Err(refused(tell_faults(&shown, &faults))),
        Seeding::Done(report) => {
            write_out(|out| {
                if args.json {
                    return writeln!(out, "{}", view(&report, args.dry_run));
                }
                out.write_all(tell(&shown, &report, args.dry_run).as_bytes())
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The file's bytes, at most one more than a seed file may have.
fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let most = seed_file::MAX_BYTES + 1;
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or(most).min(most);
    // Room for all of it, so that no copy of its passwords is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 1));
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn tell_faults(file: &str, faults: &[Remark]) -> String {
    let mut text = format!("{file} was not carried out, and nothing was changed");
    for fault in faults.iter().take(SHOWN_FAULTS) {
        write!(text, "\n{file}:{fault}").expect(TO_STRING);
    }
    if let Some(more @ 1..) = faults.len().checked_sub(SHOWN_FAULTS) {
        write!(text, "\n… and {more} more").expect(TO_STRING);
    }
    text
}

/// `created`, `changed` and `unchanged` are the users; roles and programs stand beside them.
fn view(report: &SeedReport, is_dry_run: bool) -> Value {
    let created = |creation: &SeedClientCreation| {
        let mut value = json!({ "name": creation.client.name });
        // A dry run makes an id and a secret that nobody has.
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

fn tell(file: &str, report: &SeedReport, is_dry_run: bool) -> String {
    let SeedReport { created, changed, notes, roles_changed, clients_created, clients_changed, .. } = report;
    let mut lines = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(lines, "{text}").expect(TO_STRING);
    for user in created {
        line(format_args!("create {} (number {})", user.username, user.id));
    }
    for user in changed {
        line(format_args!("change {} (number {}): {}", user.username, user.id, tell_change(user)));
    }
    for role in roles_changed {
        let words = |scopes: &[String]| if scopes.is_empty() { "no scope".to_owned() } else { scopes.join(" ") };
        line(format_args!("role {}: {} instead of {}", role.name, words(&role.scopes), words(&role.scopes_before)));
    }
    for SeedClientCreation { client, secret } in clients_created {
        match secret {
            _ if is_dry_run => line(format_args!("create client {}", client.name)),
            None => line(format_args!("create client {} ({}) with the file's secret", client.name, client.id)),
            Some(secret) => line(format_args!(
                "create client {} ({}); its secret, which is shown only now:\n{}",
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

fn tell_change(user: &SeedChange) -> String {
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
