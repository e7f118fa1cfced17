//! The `vestibule clients` commands.

use std::process::ExitCode;

use serde_json::{Value, json};

pub use super::clients_args::{
    ClientAddArgs, ClientArgs, ClientDeleteArgs, ClientListArgs, ClientSetArgs, ClientShowArgs, ClientsCommand,
    RotateSecretArgs,
};
use super::output::{Table, eprint_note, failure, print_result, print_value, rfc3339, rfc3339_seconds, write_out};
use super::users::ended;
use super::{prompt, services};
use crate::admin::AdminService;
use crate::admin::clients::{ClientChange, ClientCreation, ClientFields, ClientUpdate, NewClientSecret};
use crate::clients::Client;

/// Runs a command on clients.
///
/// # Errors
/// Any failure; see [`super::output::report`].
pub async fn run(command: ClientsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ClientsCommand::Add(args) => add(args).await,
        ClientsCommand::List(args) => list(args).await,
        ClientsCommand::Show(args) => show(args).await,
        ClientsCommand::Set(args) => set(args).await,
        ClientsCommand::RotateSecret(args) => rotate_secret(args).await,
        ClientsCommand::Delete(args) => delete(args).await,
    }
}

async fn add(args: ClientAddArgs) -> anyhow::Result<ExitCode> {
    let ClientAddArgs { name, grants, scopes, forwards_client_address, json, settings } = args;
    let admin = services::admin(&settings.check()?)?;
    match admin.add_client(ClientFields { name: name.clone(), grants, scopes, forwards_client_address }).await? {
        ClientCreation::Created { client, secret } => {
            if !json {
                eprint_note(&format!("registered {name}. Its ID and secret (shown only once):"));
            }
            let mut value = view(&client);
            value["client_secret"] = json!(secret.reveal());
            print_value(json, &value, &format!("{}\n{}", client.id, secret.reveal()))
        }
        ClientCreation::NameTaken(client) => Err(failure(format!(
            "a client named {name} already exists ({}): use \"vestibule clients set\" to change its grants and scopes, or \"vestibule clients rotate-secret\" to replace its secret",
            client.id
        ))),
        ClientCreation::Invalid(error) => Err(failure(format!("{} of {name}: {error}", error.field()))),
    }
}

async fn list(args: ClientListArgs) -> anyhow::Result<ExitCode> {
    const HEADINGS: [&str; 5] = ["NAME", "ID", "CREATED", "GRANTS", "SCOPES"];
    let clients = services::admin(&args.settings.check()?)?.list_clients().await?;
    if args.json {
        return print_value(true, &clients.iter().map(view).collect::<Vec<_>>(), "");
    }
    let row = |client: &Client| {
        [
            client.name.clone(),
            client.id.clone(),
            rfc3339_seconds(client.created_at),
            grants(client, ","),
            scopes(client),
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(HEADINGS.map(str::to_owned)).chain(clients.iter().map(row)).collect();
    write_out(|out| Table::new(HEADINGS).write_rows(out, &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn show(args: ClientShowArgs) -> anyhow::Result<ExitCode> {
    let ClientShowArgs { which, json, settings } = args;
    let config = settings.check()?;
    let found = services::admin(&config)?.show_client(&which).await?;
    let Some((client, live_sessions)) = found else { return Err(no_such_client(&which)) };
    let lines = [
        ("client ID", client.id.clone()),
        ("name", client.name.clone()),
        ("grants", grants(&client, ", ")),
        ("scopes", scopes(&client)),
        ("created", rfc3339_seconds(client.created_at)),
        ("secret changed", rfc3339_seconds(client.secret_changed_at)),
        ("forwards client address", on_off(&client).to_owned()),
        ("live sessions", live_sessions.to_string()),
    ];
    let text: Vec<String> = lines.iter().map(|(name, value)| format!("{name:<25}{value}")).collect();
    let mut value = view(&client);
    value["live_sessions"] = json!(live_sessions);
    print_value(json, &value, &text.join("\n"))
}

async fn set(args: ClientSetArgs) -> anyhow::Result<ExitCode> {
    let ClientSetArgs {
        on: ClientArgs { which, json, settings },
        grants: new_grants,
        scopes: new_scopes,
        no_scopes,
        forwards_client_address,
    } = args;
    let admin = services::admin(&settings.check()?)?;
    let update = ClientUpdate {
        grants: (!new_grants.is_empty()).then_some(new_grants),
        scopes: (no_scopes || !new_scopes.is_empty()).then_some(new_scopes),
        forwards_client_address,
    };
    match admin.set_client(&which, update).await? {
        ClientChange::Done { client, is_changed } => {
            let outcome = if is_changed { "updated" } else { "nothing to change for" };
            let (grants, scopes) = (grants(&client, ", "), scopes(&client));
            let forwards = on_off(&client);
            let text = format!(
                "{outcome} {}; grants: {grants}; scopes: {scopes}; forwards client address: {forwards}",
                client.name
            );
            let mut value = view(&client);
            value["changed"] = json!(is_changed);
            print_result(json, &value, &text)
        }
        ClientChange::NoSuchClient => Err(no_such_client(&which)),
        ClientChange::Invalid(error) => Err(failure(format!("{} of {which}: {error}", error.field()))),
    }
}

async fn rotate_secret(args: RotateSecretArgs) -> anyhow::Result<ExitCode> {
    let RotateSecretArgs { which, all: _, yes, json, settings, end_tokens } = args;
    let admin = services::admin(&settings.check()?)?;
    let Some(which) = which else { return rotate_all_secrets(&admin, yes, json, end_tokens).await };
    let Some(new) = admin.rotate_client_secret(&which, end_tokens).await? else { return Err(no_such_client(&which)) };
    if !json {
        let sessions = if end_tokens { ended(new.ended_sessions) } else { "its tokens stay valid".to_owned() };
        eprint_note(&format!(
            "replaced the secret of {}; the old one no longer works; {sessions}. New secret (shown only once):",
            new.client.name
        ));
    }
    print_value(json, &new_secret_view(&new), new.secret.reveal())
}

/// Replaces the secrets of all clients, and prints each as soon as it is valid: an interruption loses none.
async fn rotate_all_secrets(
    admin: &AdminService,
    yes: bool,
    is_json: bool,
    end_tokens: bool,
) -> anyhow::Result<ExitCode> {
    let clients = admin.list_clients().await?;
    if clients.is_empty() {
        return print_result(is_json, &json!({ "changed": false }), "nothing was changed: no client is registered");
    }
    let question = format!(
        "Replace the secrets of all clients ({})? Each client is rejected until it has its new secret.",
        clients.len()
    );
    if !yes && !prompt::is_confirmed(&question, "--yes")? {
        return Err(failure("not confirmed; nothing was changed"));
    }
    if !is_json {
        eprint_note("client ID, new secret (shown only once), name:");
    }
    for client in clients {
        // Deleted in the meantime.
        let Some(new) = admin.rotate_client_secret(&client.id, end_tokens).await? else { continue };
        let line = format!("{}  {}  {}", new.client.id, new.secret.reveal(), new.client.name);
        print_value(is_json, &new_secret_view(&new), &line)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn new_secret_view(new: &NewClientSecret) -> Value {
    json!({ "client_id": new.client.id, "name": new.client.name, "client_secret": new.secret.reveal(), "ended_sessions": new.ended_sessions })
}

async fn delete(args: ClientDeleteArgs) -> anyhow::Result<ExitCode> {
    let ClientDeleteArgs { on: ClientArgs { which, json, settings }, yes } = args;
    let config = settings.check()?;
    let admin = services::admin(&config)?;
    if !yes {
        let found = admin.show_client(&which).await?;
        let Some((client, _)) = found else { return Err(no_such_client(&which)) };
        let question =
            format!("Delete the client {} ({})? This revokes all tokens issued to it.", client.name, client.id);
        if !prompt::is_confirmed(&question, "--yes")? {
            return Err(failure("not confirmed; nothing was deleted"));
        }
    }
    let Some((client, count)) = admin.delete_client(&which).await? else { return Err(no_such_client(&which)) };
    let value = json!({ "client_id": client.id, "name": client.name, "deleted": true, "changed": true, "ended_sessions": count });
    print_result(json, &value, &format!("deleted {}; {}", client.name, ended(count)))
}

fn no_such_client(which: &str) -> anyhow::Error {
    failure(format!("no such client: {which}. Run \"vestibule clients list\" to see all clients"))
}

fn view(client: &Client) -> Value {
    json!({
        "client_id": client.id,
        "name": client.name,
        "grants": client.grants.iter().map(|grant| grant.as_str()).collect::<Vec<_>>(),
        "scopes": client.scopes.iter().collect::<Vec<_>>(),
        "created_at": rfc3339(client.created_at),
        "secret_changed_at": rfc3339(client.secret_changed_at),
        "forwards_client_address": client.forwards_client_address,
    })
}

fn on_off(client: &Client) -> &'static str {
    if client.forwards_client_address { "on" } else { "off" }
}

fn grants(client: &Client, separator: &str) -> String {
    client.grants.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(separator)
}

fn scopes(client: &Client) -> String {
    if client.scopes.is_empty() { "-".to_owned() } else { client.scopes.to_string() }
}
