//! `[[roles]]` in a seed file: exactly which scopes a role allows. What may not live here: who holds a role (`seed_users.rs`).

use toml::de::DeValue;

use super::apply::SeedReport;
use super::file::{Entry, Place, Remark, text, texts};
use crate::accounts::fields;
use crate::accounts::roles::set_scopes;
use crate::db::{DbConnection, DbError};
use crate::scope::Scopes;

/// One role that the file wants, checked.
#[derive(Clone, Debug)]
pub struct SeedRole {
    /// Where in the file.
    pub place: Place,
    /// The role.
    pub name: String,
    /// Exactly these scopes.
    pub scopes: Scopes,
}

/// A role whose scopes were set.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SeedRoleChange {
    /// The role.
    pub name: String,
    /// The scopes that it allows now.
    pub scopes: Vec<String>,
    /// Those that it allowed before.
    pub scopes_before: Vec<String>,
}

/// The fields of one role as the file gives them.
#[derive(Default)]
pub(super) struct Given {
    name: Option<String>,
    scopes: Option<Vec<String>>,
}

impl Entry for Given {
    const TABLE: &'static str = "roles";
    const FIELDS: &'static [&'static str] = &["name", "scopes"];
    const EXAMPLE: &'static str = "{ name = \"editor\", scopes = [\"read\"] }";

    fn take(&mut self, field: &str, value: &DeValue<'_>) -> Result<(), &'static str> {
        match field {
            "name" => self.name = Some(text(value)?),
            _ => self.scopes = Some(texts(value, "use a list such as [\"read\"], or [] for no scopes")?),
        }
        Ok(())
    }
}

/// Checks what an entry gives.
///
/// # Errors
/// Each field that is refused, and why.
pub(super) fn check(place: Place, given: Given) -> Result<SeedRole, Vec<Remark>> {
    let mut remarks = Vec::new();
    for (field, what) in [("name", "every role needs one"), ("scopes", "use [] for a role that allows no scopes")] {
        if !place.has(field) {
            remarks.push(place.remark(field, format_args!("is missing: {what}")));
        }
    }
    let name = given.name.map(|name| fields::check_roles(vec![name.clone()]).map(|_| name));
    let scopes = given.scopes.map(|scopes| fields::check_scopes(&scopes));
    let name = name.transpose().unwrap_or_else(|fault| {
        remarks.push(place.remark("name", fault));
        None
    });
    let scopes = scopes.transpose().unwrap_or_else(|fault| {
        remarks.push(place.remark("scopes", fault));
        None
    });
    match (name, scopes) {
        (Some(name), Some(scopes)) if remarks.is_empty() => Ok(SeedRole { place, name, scopes }),
        _ => Err(remarks),
    }
}

/// Sets what the roles allow. With the accounts locked.
pub(super) fn apply(conn: &mut DbConnection, wanted: &[SeedRole], report: &mut SeedReport) -> Result<(), DbError> {
    for role in wanted {
        let before = set_scopes(conn, &role.name, &role.scopes)?;
        if before == role.scopes {
            report.roles_unchanged += 1;
            continue;
        }
        let [scopes, scopes_before] = [&role.scopes, &before].map(|scopes| scopes.iter().map(str::to_owned).collect());
        report.roles_changed.push(SeedRoleChange { name: role.name.clone(), scopes, scopes_before });
    }
    Ok(())
}
