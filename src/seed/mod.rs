//! Seeding accounts, roles and programs from a file: planned and hashed first, then written in one transaction, or not at all.
//! What may not live here: reading the file (`seed_file.rs`), and how the report is printed (`cli`).

mod apply;
pub mod clients;
pub mod file;
mod plan;
pub mod roles;
pub mod users;

use std::sync::Arc;

use self::apply::{ApplyError, apply};
pub use self::apply::{SeedChange, SeedCreation, SeedReport};
use self::file::{Remark, SeedFile};
use self::plan::Hashes;
use crate::accounts::{AccountError, AccountService};
use crate::db::DbError;

/// How often a seed is planned anew because others changed the same users meanwhile.
const PLANS: u32 = 10;

/// What became of a seed.
#[derive(Clone, Debug)]
pub enum Seeding {
    /// It was carried out, or it was a dry run and would be.
    Done(SeedReport),
    /// What the file wants cannot be; nothing was changed.
    Refused(Vec<Remark>),
}

/// Makes accounts, roles and programs as the file wants them; those that it does not name are left alone. A dry run does the same and rolls
/// it back, so that its report is exact, new numbers too.
///
/// # Errors
/// [`AccountError`]; nothing was changed.
pub async fn seed(accounts: &AccountService, file: SeedFile, is_dry_run: bool) -> Result<Seeding, AccountError> {
    let file = Arc::new(file);
    let mut hashes = Hashes::new();
    for _ in 0..PLANS {
        let plan = match plan::make(accounts, &file, &mut hashes, is_dry_run).await? {
            Ok(plan) => Arc::new(plan),
            Err(faults) => return Ok(Seeding::Refused(faults)),
        };
        let (file, clock) = (Arc::clone(&file), accounts.clock().clone());
        let result = accounts
            .write(move |conn, ended| {
                let report = apply(conn, ended, &file, &plan, clock.now())?;
                if is_dry_run { Err(ApplyError::DryRun(Box::new(report))) } else { Ok(report) }
            })
            .await;
        match result {
            Ok(report) => return Ok(Seeding::Done(report)),
            Err(ApplyError::DryRun(report)) => return Ok(Seeding::Done(*report)),
            Err(ApplyError::Refused(fault)) => return Ok(Seeding::Refused(vec![fault])),
            Err(ApplyError::Database(error)) => return Err(error.into()),
            Err(ApplyError::Stale) => {}
        }
    }
    Err(DbError::Busy.into())
}
