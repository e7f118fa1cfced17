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

use super::output::{eprint_note, failure, write_out};
use super::users_roles::warn_of_new_roles;
use super::{migrate, services};
use crate::accounts::roles::find_unknown;
use crate::config::{AdminCommand, Config, SettingArgs};
use crate::seed::{self, ChangedUser, CreatedClient, Field, Remark, SeedOutcome, SeedReport, SeedText, UserField};
use crate::users::password::PasswordPolicy;

/// Errors that are printed; the rest are counted.
const MAX_SHOWN_ERRORS: usize = 20;
/// Why writing to a `String` can be expected to succeed.
const TO_STRING: &str = "writing to a String never fails";

/// Arguments of `vestibule seed`.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command")]
pub struct SeedArgs {
    /// TOML file with [[users]] (username; optional: id, password or `password_hash`, `display_name`, email, roles),
    /// [[roles]] (name, scopes) and [[clients]] (name, grants; optional: scopes, secret)
    #[arg(required_unless_present = "from_database")]
    file: Option<PathBuf>,
    /// Print the clients and roles of the database as such a file, without secrets
    #[arg(long, conflicts_with_all = ["file", "dry_run", "migrate", "json"])]
    from_database: bool,
    /// Print what would change, without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Create the database first if there is none, and run pending migrations
    #[arg(long, conflicts_with = "dry_run")]
    migrate: bool,
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
    let Some(path) = args.file else { return print_database(&config).await };
    let shown = path.display().to_string();
    let bytes = read_file(&path).with_context(|| format!("cannot read {shown}"))?;
    let file =
        seed::parse(&bytes, &PasswordPolicy::new(&config)).map_err(|errors| failure(error_text(&shown, &errors)))?;
    // After the file was checked: a file with errors changes nothing.
    if args.migrate {
        migrate::prepare_database(&config)?;
    }
    let accounts = services::accounts(&config)?;
    let known_roles = accounts.list_role_names().await?;
    match seed::seed(&accounts, file, args.dry_run).await? {
        SeedOutcome::Rejected(errors) => Err(failure(error_text(&shown, &errors))),
        SeedOutcome::Done(report) => {
            let new: Vec<String> = accounts
                .list_roles()
                .await?
                .into_iter()
                .filter(|role| role.scopes.is_empty())
                .map(|role| role.name)
                .collect();
            warn_of_new_roles(&find_unknown(&new, &known_roles));
            write_out(|out| {
                if args.json {
                    return writeln!(out, "{}", report_json(&report, args.dry_run));
                }
                out.write_all(report_text(&shown, &report, args.dry_run).as_bytes())
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn print_database(config: &Config) -> anyhow::Result<ExitCode> {
    let SeedText { text, forwarding_clients } = seed::from_database(&services::accounts(config)?).await?;
    write_out(|out| out.write_all(text.as_bytes()))?;
    for name in forwarding_clients {
        eprint_note(&format!(
            "note: a seed file cannot say that {name} names the address of each user: after seeding, run \"vestibule clients set {name} --forwards-client-address on\""
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the file up to one byte more than a seed file may have: a larger one is rejected later.
fn read_file(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let max = seed::MAX_BYTES + 1;
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or(max).min(max);
    // One allocation: growing would leave copies of the passwords in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 1));
    file.take(max as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn error_text(file: &str, errors: &[Remark]) -> String {
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
fn report_json(report: &SeedReport, is_dry_run: bool) -> Value {
    let SeedReport { users, roles, clients } = report;
    let created = |CreatedClient { client, secret }: &CreatedClient| {
        let mut value = json!({ "name": client.name });
        // The ID and secret of a dry run are discarded.
        if !is_dry_run {
            value["client_id"] = json!(client.id);
            if let Some(secret) = secret {
                value["client_secret"] = json!(secret.reveal());
            }
        }
        value
    };
    json!({
        "dry_run": is_dry_run,
        "created": users.created,
        "changed": users.changed,
        "unchanged": users.unchanged,
        "notes": users.notes,
        "roles": { "changed": roles.changed, "unchanged": roles.unchanged },
        "clients": {
            "created": clients.created.iter().map(created).collect::<Vec<_>>(),
            "changed": clients.changed,
            "unchanged": clients.unchanged,
        },
    })
}

fn report_text(file: &str, report: &SeedReport, is_dry_run: bool) -> String {
    let SeedReport { users, roles, clients } = report;
    let mut lines = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(lines, "{text}").expect(TO_STRING);
    for user in &users.created {
        line(format_args!("create {} (id {})", user.username, user.id));
    }
    for user in &users.changed {
        line(format_args!("change {} (id {}): {}", user.username, user.id, changes_text(user)));
    }
    for role in &roles.changed {
        let words = |scopes: &[String]| if scopes.is_empty() { "no scopes".to_owned() } else { scopes.join(" ") };
        line(format_args!("change role {}: {} (was {})", role.name, words(&role.scopes), words(&role.scopes_before)));
    }
    for CreatedClient { client, secret } in &clients.created {
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
    for client in &clients.changed {
        let fields: Vec<&str> = client.fields.iter().map(|field| field.name()).collect();
        line(format_args!("change client {} ({}): {}", client.name, client.client_id, fields.join(", ")));
    }
    for note in &users.notes {
        line(format_args!("note: {file}:{note}"));
    }
    let to_create = users.created.len() + clients.created.len();
    let to_change = users.changed.len() + roles.changed.len() + clients.changed.len();
    let unchanged = users.unchanged + roles.unchanged + clients.unchanged;
    line(format_args!("{to_create} to create, {to_change} to change, {unchanged} unchanged"));
    if is_dry_run {
        line(format_args!("dry run: nothing was changed"));
    } else if to_create + to_change > 0 {
        line(format_args!("done"));
    }
    lines
}

fn changes_text(user: &ChangedUser) -> String {
    let signed =
        |sign: char, roles: &[String]| -> Vec<String> { roles.iter().map(|role| format!("{sign}{role}")).collect() };
    let fields = user.fields.iter().map(|field| match field {
        UserField::Roles => {
            let roles = [signed('+', &user.roles_granted), signed('-', &user.roles_revoked)].concat();
            format!("roles {}", roles.join(" "))
        }
        UserField::Password if user.ended_sessions > 0 => format!("password ({} sessions ended)", user.ended_sessions),
        field => field.name().to_owned(),
    });
    fields.collect::<Vec<_>>().join(", ")
}
