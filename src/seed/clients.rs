//! `[[clients]]` in a seed file: registered programs, with a secret that the file brings or that is made here.
//! What may not live here: what `vestibule clients` does (`clients.rs`).

use toml::de::DeValue;
use zeroize::Zeroizing;

use super::apply::{ApplyError, SeedReport};
use super::file::{Entry, Place, Remark, text, texts};
use super::users::kept;
use crate::accounts::fields::{self, FieldError};
use crate::admin::clients::lock_client;
use crate::clients::{self, Client, GrantType};
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::secret::PlainSecret;

/// One program that the file wants, checked.
#[derive(Clone, Debug)]
pub struct SeedClient {
    /// Where in the file.
    pub place: Place,
    /// Its name, by which it is found.
    pub name: String,
    /// Exactly these grants; left alone when absent.
    pub grants: Option<Vec<GrantType>>,
    /// Exactly these scopes; left alone when absent.
    pub scopes: Option<Scopes>,
    /// Its secret; left alone when absent, and made for a new program.
    pub secret: Option<PlainSecret>,
}

/// A program that was registered.
#[derive(Clone, Debug)]
pub struct SeedClientCreation {
    /// The program.
    pub client: Client,
    /// Its secret, when it was made here.
    pub secret: Option<PlainSecret>,
}

/// A program that was changed.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SeedClientChange {
    /// Its name.
    pub name: String,
    /// Its id.
    pub client_id: String,
    /// Which fields changed: `grants`, `scopes`, `secret`.
    pub fields: Vec<&'static str>,
}

/// The fields of one program as the file gives them.
#[derive(Default)]
pub(super) struct Given {
    name: Option<String>,
    grants: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    secret: Option<Zeroizing<String>>,
}

impl Entry for Given {
    const TABLE: &'static str = "clients";
    const FIELDS: &'static [&'static str] = &["name", "grants", "scopes", "secret"];
    const EXAMPLE: &'static str = "{ name = \"billing\", grants = [\"client_credentials\"] }";

    fn take(&mut self, field: &str, value: &DeValue<'_>) -> Result<(), &'static str> {
        match field {
            "name" => self.name = Some(text(value)?),
            "secret" => self.secret = Some(text(value)?.into()),
            "grants" => self.grants = Some(texts(value, "use a list such as [\"client_credentials\"]")?),
            _ => self.scopes = Some(texts(value, "use a list such as [\"read\"]")?),
        }
        Ok(())
    }
}

/// Checks what an entry gives.
///
/// # Errors
/// Each field that is refused, and why; never the secret.
pub(super) fn check(place: Place, given: Given) -> Result<SeedClient, Vec<Remark>> {
    let mut remarks = Vec::new();
    if !place.has("name") {
        remarks.push(place.remark("name", "is missing: every client needs one"));
    }
    let mut faults = Vec::new();
    let name = kept(&mut faults, given.name.map(fields::check_client_name));
    let grants = kept(&mut faults, given.grants.map(|grants| fields::check_grants(&grants)));
    let scopes = kept(&mut faults, given.scopes.map(|scopes| fields::check_scopes(&scopes)));
    let parse = |secret: Zeroizing<String>| PlainSecret::parse(&secret).ok_or(FieldError::ClientSecret);
    let secret = kept(&mut faults, given.secret.map(parse));
    remarks.extend(faults.iter().map(|fault| place.remark(fault.field(), fault)));
    match name {
        Some(name) if remarks.is_empty() => Ok(SeedClient { place, name, grants, scopes, secret }),
        _ => Err(remarks),
    }
}

/// Registers and changes the programs.
pub(super) fn apply(
    conn: &mut DbConnection,
    wanted: &[SeedClient],
    report: &mut SeedReport,
    now: Moment,
) -> Result<(), ApplyError> {
    for wish in wanted {
        match lock_client(conn, &wish.name)? {
            None => report.clients_created.push(create(conn, wish, now)?),
            Some(seen) => match change(conn, wish, seen, now)? {
                Some(change) => report.clients_changed.push(change),
                None => report.clients_unchanged += 1,
            },
        }
    }
    Ok(())
}

fn create(conn: &mut DbConnection, wish: &SeedClient, now: Moment) -> Result<SeedClientCreation, ApplyError> {
    let Some(grants) = wish.grants.clone() else {
        let text = "is missing: a new client needs at least one of password, refresh_token and client_credentials";
        return Err(ApplyError::Refused(wish.place.remark("grants", text)));
    };
    let secret = wish.secret.clone().unwrap_or_else(PlainSecret::generate);
    let client = Client::new(wish.name.clone(), &secret, grants, wish.scopes.clone().unwrap_or_default(), now);
    clients::create(conn, &client)?;
    Ok(SeedClientCreation { client, secret: wish.secret.is_none().then_some(secret) })
}

fn change(
    conn: &mut DbConnection,
    wish: &SeedClient,
    seen: Client,
    now: Moment,
) -> Result<Option<SeedClientChange>, ApplyError> {
    let mut fields = Vec::new();
    let grants = wish.grants.as_ref().unwrap_or(&seen.grants);
    let scopes = wish.scopes.as_ref().unwrap_or(&seen.scopes);
    if *grants != seen.grants {
        fields.push("grants");
    }
    if *scopes != seen.scopes {
        fields.push("scopes");
    }
    if !fields.is_empty() {
        clients::set_rights(conn, &seen.id, grants, scopes)?;
    }
    if let Some(secret) = wish.secret.as_ref().filter(|secret| !seen.has_secret(secret)) {
        fields.push("secret");
        clients::set_secret(conn, &seen.id, &secret.hash(), now)?;
    }
    Ok((!fields.is_empty()).then_some(SeedClientChange { name: seen.name, client_id: seen.id, fields }))
}
