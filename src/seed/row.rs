//! The trait of the rows of a seed file, and the state that planning and applying share.

use std::collections::HashMap;

use toml::de::DeValue;

use super::field::Field;
use super::remark::{Position, Remark};
use crate::accounts::{AccountError, AccountService};
use crate::clock::Moment;
use crate::db::{DbConnection, Rollback};
use crate::sessions::EndedSessions;
use crate::users::argon2id::PasswordHash;
use crate::users::password::PasswordPolicy;

/// A row of one table: read from TOML, checked, compared with the database, written.
pub(super) trait SeedRow: Sized {
    /// The table's name in the file.
    const TABLE: &'static str;
    /// The most rows in a file.
    const MAX_ROWS: usize;
    /// A row written on one line, for messages.
    const EXAMPLE: &'static str;

    /// The fields of a row.
    type Field: Field;
    /// The values of a row, each of the right type, not yet checked.
    type Input: Default;
    /// The difference between the rows and the database, as read before the transaction.
    type Plan;
    /// What was written.
    type Report;

    /// Reads one field. An error says how to write a value of the right type, without repeating the value.
    fn read(input: &mut Self::Input, field: Self::Field, value: &DeValue<'_>) -> Result<(), &'static str>;

    /// Checks a row. Errors of [`Self::read`] are not repeated.
    fn check(position: Position, input: Self::Input, policy: &PasswordPolicy) -> Result<Self, Vec<Remark>>;

    /// Returns an error for each row that repeats a unique value of an earlier row.
    fn find_duplicates(rows: &[Self]) -> Vec<Remark>;

    /// Compares the rows with the database and hashes passwords. Writes nothing. Errors that only the database shows go
    /// to the planner; the plan is not used then.
    async fn plan(planner: &mut Planner<'_>, rows: &[Self]) -> Result<Self::Plan, AccountError>;

    /// Writes what the plan says, in a transaction that holds the lock on accounts.
    fn apply(
        transaction: &mut Transaction<'_>,
        rows: &[Self],
        plan: &Self::Plan,
    ) -> Result<Self::Report, Rollback<Refusal>>;
}

/// The state that the plans of all tables share.
pub(super) struct Planner<'a> {
    pub accounts: &'a AccountService,
    /// Whether passwords are left unhashed: a dry run stores none.
    pub is_dry_run: bool,
    /// The users' password hashes by row, kept in case the plan is made again.
    pub hashes: HashMap<usize, PasswordHash>,
    pub errors: Vec<Remark>,
}

/// The transaction that a plan is applied in.
pub(super) struct Transaction<'a> {
    pub conn: &'a mut DbConnection,
    pub ended: &'a mut EndedSessions,
    pub now: Moment,
}

/// The reason why a plan cannot be applied.
pub(super) enum Refusal {
    /// The database has changed since the plan was made: it must be made again.
    Outdated,
    /// A row is rejected.
    Rejected(Remark),
}
