//! `[[users]]` in a seed file.

mod apply;
mod passwords;
mod plan;
mod row;

use toml::de::DeValue;

pub use self::apply::{ChangedUser, CreatedUser, UserSeedReport};
use self::plan::UserPlan;
use self::row::UserInput;
pub use self::row::{SeedSecret, SeedUser, UserField};
use super::remark::{Position, Remark};
use super::row::{Planner, Refusal, SeedRow, Transaction};
use crate::accounts::AccountError;
use crate::db::Rollback;
use crate::users::password::PasswordPolicy;

impl SeedRow for SeedUser {
    const TABLE: &'static str = "users";
    const MAX_ROWS: usize = 100_000;
    const EXAMPLE: &'static str = "{ username = \"alice\" }";

    type Field = UserField;
    type Input = UserInput;
    type Plan = UserPlan;
    type Report = UserSeedReport;

    fn read(input: &mut UserInput, field: UserField, value: &DeValue<'_>) -> Result<(), &'static str> {
        row::read(input, field, value)
    }

    fn check(position: Position, input: UserInput, policy: &PasswordPolicy) -> Result<Self, Vec<Remark>> {
        row::check(position, input, policy)
    }

    fn find_duplicates(rows: &[Self]) -> Vec<Remark> {
        row::find_duplicates(rows)
    }

    async fn plan(planner: &mut Planner<'_>, rows: &[Self]) -> Result<UserPlan, AccountError> {
        plan::plan(planner, rows).await
    }

    fn apply(
        transaction: &mut Transaction<'_>,
        rows: &[Self],
        plan: &UserPlan,
    ) -> Result<UserSeedReport, Rollback<Refusal>> {
        apply::apply(transaction, rows, plan)
    }
}
