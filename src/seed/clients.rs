//! `[[clients]]` in a seed file: clients with a secret from the file or a generated one.

use toml::de::DeValue;
use zeroize::Zeroizing;

use super::field::fields;
use super::remark::{Position, Remark, RowErrors, UniqueField};
use super::row::{Planner, Refusal, SeedRow, Transaction};
use super::toml_reader::{read_text, read_texts};
use crate::accounts::AccountError;
use crate::accounts::fields::{FieldError, check_client_name, check_grants, check_scopes};
use crate::admin::clients::lock_client;
use crate::clients::{self, Client, GrantType};
use crate::db::{DbError, Rollback};
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::users::password::PasswordPolicy;

fields! {
    /// A field of `[[clients]]`.
    ClientField {
        /// The name, by which the client is found.
        Name = "name",
        /// The grants that it may use.
        Grants = "grants",
        /// The scopes that it may request.
        Scopes = "scopes",
        /// The client secret.
        Secret = "secret",
    }
}

/// A client in a seed file, checked. An absent field is left alone.
#[derive(Clone, Debug)]
pub struct SeedClient {
    /// The position in the file.
    pub position: Position,
    /// The name.
    pub name: String,
    /// All grants; required for a new client.
    pub grants: Option<Vec<GrantType>>,
    /// All scopes.
    pub scopes: Option<Scopes>,
    /// The secret; generated for a new client if absent.
    pub secret: Option<PlainSecret>,
}

/// What a seed did with clients, or in a dry run would do. Lists are in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct ClientSeedReport {
    /// The created clients.
    pub created: Vec<CreatedClient>,
    /// The changed clients.
    pub changed: Vec<ChangedClient>,
    /// The number of clients that were as in the file.
    pub unchanged: usize,
}

/// A created client.
#[derive(Clone, Debug)]
pub struct CreatedClient {
    /// The client.
    pub client: Client,
    /// Its secret, if it was generated.
    pub secret: Option<PlainSecret>,
}

/// A changed client.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ChangedClient {
    /// The name.
    pub name: String,
    /// The client ID.
    pub client_id: String,
    /// The changed fields.
    pub fields: Vec<ClientField>,
}

/// The values of a row.
#[derive(Default)]
pub(super) struct ClientInput {
    name: Option<String>,
    grants: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    secret: Option<Zeroizing<String>>,
}

/// The creations and changes for the clients of a file.
#[derive(Default)]
pub(super) struct ClientPlan {
    /// Rows of clients to create.
    creations: Vec<usize>,
    changes: Vec<PlannedChange>,
    unchanged: usize,
}

/// A client to change. Absent fields stay.
struct PlannedChange {
    /// The client that the plan was made from.
    seen: Client,
    grants: Option<Vec<GrantType>>,
    scopes: Option<Scopes>,
    secret: Option<PlainSecret>,
}

impl PlannedChange {
    fn new(row: &SeedClient, seen: Client) -> Self {
        // The name identifies the client.
        let SeedClient { position: _, name: _, grants, scopes, secret } = row;
        Self {
            grants: grants.clone().filter(|grants| *grants != seen.grants),
            scopes: scopes.clone().filter(|scopes| *scopes != seen.scopes),
            secret: secret.clone().filter(|secret| !seen.has_secret(secret)),
            seen,
        }
    }

    fn is_empty(&self) -> bool {
        let Self { seen: _, grants, scopes, secret } = self;
        grants.is_none() && scopes.is_none() && secret.is_none()
    }
}

impl SeedRow for SeedClient {
    const TABLE: &'static str = "clients";
    const MAX_ROWS: usize = 10_000;
    const EXAMPLE: &'static str = "{ name = \"billing\", grants = [\"client_credentials\"] }";

    type Field = ClientField;
    type Input = ClientInput;
    type Plan = ClientPlan;
    type Report = ClientSeedReport;

    fn read(input: &mut ClientInput, field: ClientField, value: &DeValue<'_>) -> Result<(), &'static str> {
        match field {
            ClientField::Name => input.name = Some(read_text(value)?),
            ClientField::Grants => {
                input.grants = Some(read_texts(value, "use a list such as [\"client_credentials\"]")?);
            }
            ClientField::Scopes => input.scopes = Some(read_texts(value, "use a list such as [\"read\"]")?),
            ClientField::Secret => input.secret = Some(read_text(value)?.into()),
        }
        Ok(())
    }

    fn check(position: Position, input: ClientInput, _policy: &PasswordPolicy) -> Result<Self, Vec<Remark>> {
        let ClientInput { name, grants, scopes, secret } = input;
        let mut errors = RowErrors::new(&position);
        errors.require(ClientField::Name, "every client needs one");
        let name = name.and_then(|name| errors.check(ClientField::Name, check_client_name(name)));
        let grants = grants.and_then(|grants| errors.check(ClientField::Grants, check_grants(&grants)));
        let scopes = scopes.and_then(|scopes| errors.check(ClientField::Scopes, check_scopes(&scopes)));
        let secret = secret.and_then(|secret| {
            errors.check(ClientField::Secret, PlainSecret::parse(&secret).ok_or(FieldError::ClientSecret))
        });
        match name {
            Some(name) if errors.is_empty() => Ok(Self { position, name, grants, scopes, secret }),
            _ => Err(errors.into_remarks()),
        }
    }

    fn find_duplicates(rows: &[Self]) -> Vec<Remark> {
        let mut names = UniqueField::new(ClientField::Name, "remove one of them");
        rows.iter().filter_map(|row| names.add(row.name.as_str(), &row.position)).collect()
    }

    async fn plan(planner: &mut Planner<'_>, rows: &[Self]) -> Result<ClientPlan, AccountError> {
        let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
        let stored = planner
            .accounts
            .read(move |conn| {
                let clients = names.iter().map(|name| clients::find_by_name(conn, name));
                Ok::<_, DbError>(clients.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        let mut plan = ClientPlan::default();
        for (index, (row, stored)) in rows.iter().zip(stored).enumerate() {
            let Some(seen) = stored else {
                plan.creations.push(index);
                continue;
            };
            let change = PlannedChange::new(row, seen);
            if change.is_empty() { plan.unchanged += 1 } else { plan.changes.push(change) }
        }
        Ok(plan)
    }

    fn apply(
        transaction: &mut Transaction<'_>,
        rows: &[Self],
        plan: &ClientPlan,
    ) -> Result<ClientSeedReport, Rollback<Refusal>> {
        let mut report = ClientSeedReport { unchanged: plan.unchanged, ..ClientSeedReport::default() };
        for index in &plan.creations {
            report.created.push(create(transaction, &rows[*index])?);
        }
        for planned in &plan.changes {
            report.changed.push(change(transaction, planned)?);
        }
        Ok(report)
    }
}

fn create(transaction: &mut Transaction<'_>, row: &SeedClient) -> Result<CreatedClient, Rollback<Refusal>> {
    let Transaction { conn, ended: _, now } = transaction;
    let SeedClient { position, name, grants, scopes, secret } = row;
    if lock_client(conn, name)?.is_some() {
        return Err(Rollback::with(Refusal::Outdated));
    }
    let Some(grants) = grants.clone() else {
        let text = "is missing: a new client needs at least one of password, refresh_token and client_credentials";
        return Err(Rollback::with(Refusal::Rejected(position.remark(ClientField::Grants, text))));
    };
    let generated = secret.is_none();
    let secret = secret.clone().unwrap_or_else(PlainSecret::generate);
    let client = Client::new(name.clone(), &secret, grants, scopes.clone().unwrap_or_default(), *now);
    clients::create(conn, &client)?;
    Ok(CreatedClient { client, secret: generated.then_some(secret) })
}

fn change(transaction: &mut Transaction<'_>, planned: &PlannedChange) -> Result<ChangedClient, Rollback<Refusal>> {
    let PlannedChange { seen, grants, scopes, secret } = planned;
    let Transaction { conn, ended: _, now } = transaction;
    if lock_client(conn, &seen.name)?.as_ref() != Some(seen) {
        return Err(Rollback::with(Refusal::Outdated));
    }
    let mut fields = Vec::new();
    if grants.is_some() {
        fields.push(ClientField::Grants);
    }
    if scopes.is_some() {
        fields.push(ClientField::Scopes);
    }
    if !fields.is_empty() {
        let (grants, scopes) = (grants.as_ref().unwrap_or(&seen.grants), scopes.as_ref().unwrap_or(&seen.scopes));
        clients::set_rights(conn, &seen.id, grants, scopes)?;
    }
    if let Some(secret) = secret {
        fields.push(ClientField::Secret);
        clients::set_secret(conn, &seen.id, &secret.hash(), *now)?;
    }
    Ok(ChangedClient { name: seen.name.clone(), client_id: seen.id.clone(), fields })
}
