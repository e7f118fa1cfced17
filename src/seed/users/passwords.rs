//! Verifying and hashing the passwords of a seed file, before the transaction, during which other writers wait.

use std::future::Future;

use tokio::task::JoinSet;

use super::row::{SeedSecret, SeedUser, UserField};
use crate::seed::row::Planner;
use crate::users::argon2id::PasswordHash;
use crate::users::hash_pool::HashPoolFull;
use crate::users::password::Password;
use crate::users::stored_hash::StoredHash;

/// Concurrent jobs: fewer than the queue of a single hash thread holds, so it is never full.
const MAX_JOBS: usize = 32;

/// What to do with a user's password.
#[derive(Clone)]
pub(super) enum PasswordAction {
    /// Leave it alone.
    Keep,
    /// Leave it alone, because the stored hash is stronger than the one in the file.
    KeepStronger,
    /// Set it. A dry run computes no hash.
    Set(Option<PasswordHash>),
}

/// The password of a row, judged.
pub(super) enum JudgedSecret {
    /// The password itself.
    Plain(Password),
    /// Its hash.
    Hash(PasswordHash),
}

/// Estimates the strength of the passwords of a file, on the hash threads. Weak ones become errors.
pub(super) async fn judge_passwords(
    planner: &mut Planner<'_>,
    rows: &[SeedUser],
) -> Result<Vec<Option<JudgedSecret>>, HashPoolFull> {
    let pool = planner.accounts.hash_pool();
    let mut secrets: Vec<Option<JudgedSecret>> = Vec::with_capacity(rows.len());
    let mut to_judge = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        secrets.push(match &row.secret {
            Some(SeedSecret::Hash(hash)) => Some(JudgedSecret::Hash(hash.clone())),
            Some(SeedSecret::Plain(proposed)) => {
                let (pool, proposed) = (pool.clone(), proposed.clone());
                to_judge.push((index, async move { pool.choose(proposed).await }));
                None
            }
            None => None,
        });
    }
    let mut errors = Vec::new();
    for (index, judged) in run_all(to_judge).await? {
        match judged {
            Ok(password) => secrets[index] = Some(JudgedSecret::Plain(password)),
            Err(error) => errors.push((index, rows[index].position.remark(UserField::Password, error))),
        }
    }
    errors.sort_by_key(|(index, _)| *index);
    planner.errors.extend(errors.into_iter().map(|(_, error)| error));
    Ok(secrets)
}

/// Decides what to do with each password. A pair is the password or hash in the file, and the stored hash.
pub(super) async fn plan_passwords(
    planner: &mut Planner<'_>,
    passwords: Vec<(Option<&JudgedSecret>, Option<&StoredHash>)>,
) -> Result<Vec<PasswordAction>, HashPoolFull> {
    let pool = planner.accounts.hash_pool();
    let mut actions = vec![PasswordAction::Keep; passwords.len()];
    let (mut to_verify, mut to_hash) = (Vec::new(), Vec::new());
    for (index, pair) in passwords.into_iter().enumerate() {
        match pair {
            (None, _) => {}
            (Some(JudgedSecret::Hash(hash)), stored) => actions[index] = compare_hashes(hash, stored),
            (Some(JudgedSecret::Plain(password)), None) => to_hash.push((index, password.clone())),
            (Some(JudgedSecret::Plain(password)), Some(stored)) => {
                let (pool, password, stored) = (pool.clone(), password.clone(), stored.clone());
                to_verify.push((index, async move {
                    let is_same = pool.verify(password.clone(), Some(stored)).await?;
                    Ok((!is_same).then_some(password))
                }));
            }
        }
    }
    let verified = run_all(to_verify).await?;
    to_hash.extend(verified.into_iter().filter_map(|(index, changed)| Some((index, changed?))));
    let indexes: Vec<usize> = to_hash.iter().map(|(index, _)| *index).collect();
    if !planner.is_dry_run {
        to_hash.retain(|(index, _)| !planner.hashes.contains_key(index));
        let jobs = to_hash.into_iter().map(|(index, password)| {
            let pool = pool.clone();
            (index, async move { pool.hash(password).await })
        });
        planner.hashes.extend(run_all(jobs.collect()).await?);
    }
    for index in indexes {
        actions[index] = PasswordAction::Set(planner.hashes.get(&index).cloned());
    }
    Ok(actions)
}

fn compare_hashes(hash: &PasswordHash, stored: Option<&StoredHash>) -> PasswordAction {
    match stored.and_then(StoredHash::argon2id) {
        Some(stored) if hash == stored => PasswordAction::Keep,
        // A sign-in upgrades a weak hash to today's cost, for the same password. Setting the file's hash again would
        // end that person's sessions at every run.
        Some(stored) if hash.cost().is_weaker_than(stored.cost()) => PasswordAction::KeepStronger,
        _ => PasswordAction::Set(Some(hash.clone())),
    }
}

/// Runs jobs on the hash threads, at most [`MAX_JOBS`] at once.
async fn run_all<T, F>(jobs: Vec<(usize, F)>) -> Result<Vec<(usize, T)>, HashPoolFull>
where
    T: Send + 'static,
    F: Future<Output = Result<T, HashPoolFull>> + Send + 'static,
{
    let mut results = Vec::with_capacity(jobs.len());
    let mut waiting = jobs.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < MAX_JOBS
            && let Some((index, job)) = waiting.next()
        {
            running.spawn(async move { job.await.map(|result| (index, result)) });
        }
        match running.join_next().await {
            Some(Ok(result)) => results.push(result?),
            Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            None => return Ok(results),
        }
    }
}
