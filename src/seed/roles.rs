//! `[[roles]]` in a seed file: the exact scopes that a role allows.

use toml::de::DeValue;

use super::field::fields;
use super::remark::{Position, Remark, RowErrors, UniqueField};
use super::row::{Planner, Refusal, SeedRow, Transaction};
use super::toml_reader::{read_text, read_texts};
use crate::accounts::AccountError;
use crate::accounts::fields::{check_roles, check_scopes};
use crate::accounts::roles::set_scopes;
use crate::audit::Cause;
use crate::db::{DbError, Rollback};
use crate::scope::Scopes;
use crate::users;
use crate::users::password::PasswordPolicy;

fields! {
    /// A field of `[[roles]]`.
    RoleField {
        /// The name of the role.
        Name = "name",
        /// The scopes that it allows.
        Scopes = "scopes",
    }
}

/// A role in a seed file, checked.
#[derive(Clone, Debug)]
pub struct SeedRole {
    /// The position in the file.
    pub position: Position,
    /// The name of the role.
    pub name: String,
    /// All scopes that it allows.
    pub scopes: Scopes,
}

/// What a seed did with roles, or in a dry run would do.
#[derive(Clone, Debug, Default)]
pub struct RoleSeedReport {
    /// The changed roles, in the order of the file.
    pub changed: Vec<ChangedRole>,
    /// The number of roles that were as in the file.
    pub unchanged: usize,
}

/// A role whose scopes were set.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ChangedRole {
    /// The name of the role.
    pub name: String,
    /// The scopes that it allows now.
    pub scopes: Vec<String>,
    /// The scopes that it allowed before.
    pub scopes_before: Vec<String>,
}

/// The values of a row.
#[derive(Default)]
pub(super) struct RoleInput {
    name: Option<String>,
    scopes: Option<Vec<String>>,
}

/// The changes for the roles of a file.
#[derive(Default)]
pub(super) struct RolePlan {
    /// Rows of roles to change, each with the scopes that the plan was made from.
    changes: Vec<(usize, Scopes)>,
    unchanged: usize,
}

impl SeedRow for SeedRole {
    const TABLE: &'static str = "roles";
    const MAX_ROWS: usize = 10_000;
    const EXAMPLE: &'static str = "{ name = \"editor\", scopes = [\"read\"] }";

    type Field = RoleField;
    type Input = RoleInput;
    type Plan = RolePlan;
    type Report = RoleSeedReport;

    fn read(input: &mut RoleInput, field: RoleField, value: &DeValue<'_>) -> Result<(), &'static str> {
        match field {
            RoleField::Name => input.name = Some(read_text(value)?),
            RoleField::Scopes => {
                input.scopes = Some(read_texts(value, "use a list such as [\"read\"], or [] for no scopes")?);
            }
        }
        Ok(())
    }

    fn check(position: Position, input: RoleInput, _policy: &PasswordPolicy) -> Result<Self, Vec<Remark>> {
        let RoleInput { name, scopes } = input;
        let mut errors = RowErrors::new(&position);
        errors.require(RoleField::Name, "every role needs one");
        errors.require(RoleField::Scopes, "use [] for a role that allows no scopes");
        let name = name.and_then(|name| {
            errors.check(RoleField::Name, check_roles(vec![name.clone()]))?;
            Some(name)
        });
        let scopes = scopes.and_then(|scopes| errors.check(RoleField::Scopes, check_scopes(&scopes)));
        match (name, scopes) {
            (Some(name), Some(scopes)) if errors.is_empty() => Ok(Self { position, name, scopes }),
            _ => Err(errors.into_remarks()),
        }
    }

    fn find_duplicates(rows: &[Self]) -> Vec<Remark> {
        let mut names = UniqueField::new(RoleField::Name, "remove one of them");
        rows.iter().filter_map(|row| names.add(row.name.as_str(), &row.position)).collect()
    }

    async fn plan(planner: &mut Planner<'_>, rows: &[Self]) -> Result<RolePlan, AccountError> {
        let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
        let stored = planner
            .accounts
            .read(move |conn| {
                let scopes = names.iter().map(|name| users::list_role_scopes(conn, name));
                Ok::<_, DbError>(scopes.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        let mut plan = RolePlan::default();
        for (index, (row, stored)) in rows.iter().zip(stored).enumerate() {
            // The name identifies the role.
            let Self { position: _, name: _, scopes } = row;
            if *scopes == stored { plan.unchanged += 1 } else { plan.changes.push((index, stored)) }
        }
        Ok(plan)
    }

    fn apply(
        transaction: &mut Transaction<'_>,
        rows: &[Self],
        plan: &RolePlan,
    ) -> Result<RoleSeedReport, Rollback<Refusal>> {
        let mut report = RoleSeedReport { unchanged: plan.unchanged, ..RoleSeedReport::default() };
        for (index, seen) in &plan.changes {
            let Self { position: _, name, scopes } = &rows[*index];
            let before = set_scopes(transaction.conn, name, scopes, &Cause::command(), transaction.now)?;
            if before != *seen {
                return Err(Rollback::with(Refusal::Outdated));
            }
            let [scopes, scopes_before] = [scopes, &before].map(|scopes| scopes.iter().map(str::to_owned).collect());
            report.changed.push(ChangedRole { name: name.clone(), scopes, scopes_before });
        }
        Ok(report)
    }
}
