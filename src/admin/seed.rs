//! Seeding accounts, roles and programs from a file: planned and hashed first, then written in one transaction, or not at all.
//! What may not live here: reading the file (`seed_file.rs`), and how the report is printed (`cli`).

use std::sync::Arc;

use super::seed_apply::{ApplyError, apply};
pub use super::seed_apply::{SeedChange, SeedCreation, SeedReport};
use super::seed_file::{Remark, SeedFile};
use super::seed_plan::{self, Hashes};
use super::{AdminError, AdminService};
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

impl AdminService {
    /// Makes accounts, roles and programs as the file wants them; those that it does not name are left alone. A dry run does the same and rolls
    /// it back, so that its report is exact, new numbers too.
    ///
    /// # Errors
    /// [`AdminError`]; nothing was changed.
    pub async fn seed(&self, file: SeedFile, is_dry_run: bool) -> Result<Seeding, AdminError> {
        let file = Arc::new(file);
        let mut hashes = Hashes::new();
        for _ in 0..PLANS {
            let plan = match seed_plan::make(self, &file, &mut hashes, is_dry_run).await? {
                Ok(plan) => Arc::new(plan),
                Err(faults) => return Ok(Seeding::Refused(faults)),
            };
            let (file, clock) = (Arc::clone(&file), self.clock.clone());
            let result = self
                .write(move |conn| {
                    let report = apply(conn, &file, &plan, clock.now())?;
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
}
