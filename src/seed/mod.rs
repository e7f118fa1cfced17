//! Seeding users, roles and clients from a TOML file: read, compared with the database, written in one transaction.

mod clients;
mod field;
mod from_database;
mod remark;
mod roles;
mod row;
mod toml_reader;
mod users;

use std::collections::HashMap;
use std::sync::Arc;

pub use self::clients::{ChangedClient, ClientField, ClientSeedReport, CreatedClient, SeedClient};
pub use self::field::Field;
pub use self::from_database::{SeedText, from_database};
pub use self::remark::{Position, Remark};
pub use self::roles::{ChangedRole, RoleField, RoleSeedReport, SeedRole};
use self::row::{Planner, Refusal, SeedRow, Transaction};
pub use self::toml_reader::MAX_BYTES;
pub use self::users::{ChangedUser, CreatedUser, SeedSecret, SeedUser, UserField, UserSeedReport};
use crate::accounts::{AccountError, AccountService};
use crate::db::{DbError, Rollback};
use crate::users::lock_accounts;
use crate::users::password::PasswordPolicy;

/// The most plans for one file: a plan is made again if the database has changed before it is applied.
const MAX_PLANS: u32 = 10;

/// The rows of a seed file, checked.
#[derive(Clone, Debug, Default)]
pub struct SeedFile {
    /// The users.
    pub users: Vec<SeedUser>,
    /// The roles.
    pub roles: Vec<SeedRole>,
    /// The clients.
    pub clients: Vec<SeedClient>,
}

/// What a seed did, or in a dry run would do.
#[derive(Clone, Debug, Default)]
pub struct SeedReport {
    /// The users.
    pub users: UserSeedReport,
    /// The roles.
    pub roles: RoleSeedReport,
    /// The clients.
    pub clients: ClientSeedReport,
}

/// Outcome of a seed.
#[derive(Clone, Debug)]
pub enum SeedOutcome {
    /// The file was applied, or in a dry run would be.
    Done(SeedReport),
    /// The file conflicts with the database; nothing was changed.
    Rejected(Vec<Remark>),
}

/// Reads and checks a seed file.
///
/// # Errors
/// All errors, in the order of lines.
pub fn parse(bytes: &[u8], policy: &PasswordPolicy) -> Result<SeedFile, Vec<Remark>> {
    toml_reader::read(bytes, |reader| SeedFile {
        users: reader.read_table(policy),
        roles: reader.read_table(policy),
        clients: reader.read_table(policy),
    })
}

/// Creates and changes users, roles and clients as the file says; those that it does not list are left alone. A dry run
/// runs the same transaction and rolls it back, so its report is exact, including new user IDs.
pub async fn seed(accounts: &AccountService, file: SeedFile, is_dry_run: bool) -> Result<SeedOutcome, AccountError> {
    let file = Arc::new(file);
    let mut planner = Planner { accounts, is_dry_run, hashes: HashMap::new(), errors: Vec::new() };
    for _ in 0..MAX_PLANS {
        let plan = SeedPlan::new(&mut planner, &file).await?;
        if !planner.errors.is_empty() {
            return Ok(SeedOutcome::Rejected(planner.errors));
        }
        match run(accounts, Arc::clone(&file), plan, is_dry_run).await? {
            Attempt::Done(report) => return Ok(SeedOutcome::Done(report)),
            Attempt::Refused(Refusal::Rejected(error)) => return Ok(SeedOutcome::Rejected(vec![error])),
            Attempt::Refused(Refusal::Outdated) => {}
        }
    }
    Err(DbError::Busy.into())
}

/// The difference between a file and the database.
struct SeedPlan {
    users: <SeedUser as SeedRow>::Plan,
    roles: <SeedRole as SeedRow>::Plan,
    clients: <SeedClient as SeedRow>::Plan,
}

impl SeedPlan {
    async fn new(planner: &mut Planner<'_>, file: &SeedFile) -> Result<Self, AccountError> {
        let SeedFile { users, roles, clients } = file;
        Ok(Self {
            users: SeedUser::plan(planner, users).await?,
            roles: SeedRole::plan(planner, roles).await?,
            clients: SeedClient::plan(planner, clients).await?,
        })
    }

    fn apply(&self, transaction: &mut Transaction<'_>, file: &SeedFile) -> Result<SeedReport, Rollback<Refusal>> {
        let Self { users, roles, clients } = self;
        lock_accounts(transaction.conn)?;
        Ok(SeedReport {
            users: SeedUser::apply(transaction, &file.users, users)?,
            roles: SeedRole::apply(transaction, &file.roles, roles)?,
            clients: SeedClient::apply(transaction, &file.clients, clients)?,
        })
    }
}

/// Outcome of a transaction, committed or rolled back.
enum Attempt {
    Done(SeedReport),
    Refused(Refusal),
}

async fn run(
    accounts: &AccountService,
    file: Arc<SeedFile>,
    plan: SeedPlan,
    is_dry_run: bool,
) -> Result<Attempt, DbError> {
    let (plan, clock) = (Arc::new(plan), accounts.clock().clone());
    accounts
        .write_or_rollback(move |conn, ended| {
            let mut transaction = Transaction { conn, ended, now: clock.now() };
            match plan.apply(&mut transaction, &file) {
                Ok(report) if is_dry_run => Err(Rollback::with(Attempt::Done(report))),
                Ok(report) => Ok(Attempt::Done(report)),
                Err(Rollback::Outcome(refusal)) => Err(Rollback::with(Attempt::Refused(*refusal))),
                Err(Rollback::Failed(error)) => Err(Rollback::Failed(error)),
            }
        })
        .await
}
