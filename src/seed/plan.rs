//! What a seed file would change: each of its users beside what the database holds, and every password hashed or verified before
//! a transaction begins.
//! What may not live here: writing (`seed_apply.rs`).

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::file::{Remark, SeedFile};
use super::users::{SeedSecret, SeedUser};
use crate::accounts::{Account, AccountError, AccountService, with_roles};
use crate::db::DbError;
use crate::users::argon2id::PasswordHash;
use crate::users::hash_pool::HashPoolFull;
use crate::users::password::Password;
use crate::users::{self, User, UserState};

/// Users looked up by one query.
const BATCH: usize = 500;
/// Passwords on their way at once: fewer than the queue of a single hash thread holds, so that it is never full.
const HASHES_AT_ONCE: usize = 32;

/// What is to be done.
#[derive(Default)]
pub(super) struct Plan {
    /// Users to make, by place in the file, each with its password's hash.
    pub creations: Vec<(usize, Option<PasswordHash>)>,
    /// Users to change.
    pub changes: Vec<Change>,
    /// How many users are as the file wants them.
    pub unchanged: usize,
    /// What was left alone although the file says otherwise.
    pub notes: Vec<Remark>,
}

/// A user to change.
pub(super) struct Change {
    /// The place in the file.
    pub index: usize,
    /// The account as it was when the plan was made.
    pub seen: Account,
    /// Whether the password changes.
    pub sets_password: bool,
    /// The hash to set then; none in a dry run.
    pub hash: Option<PasswordHash>,
}

/// Hashes made for an earlier plan of the same file, by place in it.
pub(super) type Hashes = HashMap<usize, PasswordHash>;

/// What is to become of a password that the file gives.
enum Wish {
    Keep,
    Set(PasswordHash),
    Hash(Password),
    /// To be set unless it is the one behind this hash.
    Compare(Password, PasswordHash),
    KeepStronger,
}

impl Wish {
    fn new(secret: Option<&SeedSecret>, stored: Option<&PasswordHash>) -> Self {
        match (secret, stored) {
            (None, _) => Self::Keep,
            (Some(SeedSecret::Hash(wanted)), Some(stored)) if wanted == stored => Self::Keep,
            // A sign-in makes a weak hash anew at today's cost, under the same password. Putting the file's back would end that
            // person's sessions at every run.
            (Some(SeedSecret::Hash(wanted)), Some(stored)) if wanted.cost().is_weaker_than(stored.cost()) => {
                Self::KeepStronger
            }
            (Some(SeedSecret::Hash(wanted)), _) => Self::Set(wanted.clone()),
            (Some(SeedSecret::Plain(password)), Some(stored)) => Self::Compare(password.clone(), stored.clone()),
            (Some(SeedSecret::Plain(password)), None) => Self::Hash(password.clone()),
        }
    }
}

/// Compares the file with the database. `Ok(Err(…))` holds the faults that only the database shows.
pub(super) async fn make(
    accounts: &AccountService,
    file: &Arc<SeedFile>,
    hashes: &mut Hashes,
    is_dry_run: bool,
) -> Result<Result<Plan, Vec<Remark>>, AccountError> {
    let wanted = &file.users;
    let stored_accounts = load(accounts, file).await?;
    let faults: Vec<Remark> =
        wanted.iter().filter_map(|user| fault(user, stored_accounts.get(user.username.key())?)).collect();
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    let stored = |user: &SeedUser| {
        stored_accounts.get(user.username.key()).and_then(|account| account.user.password_hash.clone())
    };
    let mut wishes: BTreeMap<usize, Wish> = wanted
        .iter()
        .enumerate()
        .map(|(index, user)| (index, Wish::new(user.secret.as_ref(), stored(user).as_ref())))
        .collect();
    compare(accounts, &mut wishes).await?;
    if !is_dry_run {
        hash(accounts, &mut wishes, hashes).await?;
    }
    Ok(Ok(put_together(wanted, stored_accounts, wishes)))
}

async fn load(accounts: &AccountService, file: &Arc<SeedFile>) -> Result<HashMap<String, Account>, DbError> {
    let mut found_accounts = HashMap::new();
    for start in (0..file.users.len()).step_by(BATCH) {
        let file = Arc::clone(file);
        let found = accounts
            .read(move |conn| {
                let end = file.users.len().min(start + BATCH);
                let keys: Vec<&str> = file.users[start..end].iter().map(|user| user.username.key()).collect();
                let (keys, users): (Vec<String>, Vec<User>) = users::list_by_keys(conn, &keys)?.into_iter().unzip();
                Ok::<_, DbError>(keys.into_iter().zip(with_roles(conn, users)?).collect::<Vec<_>>())
            })
            .await?;
        found_accounts.extend(found);
    }
    Ok(found_accounts)
}

fn fault(wanted: &SeedUser, account: &Account) -> Option<Remark> {
    if let UserState::Deleted(_) = account.user.state {
        return Some(wanted.place.remark(
            "username",
            "belongs to a deleted user, and usernames are never reused: remove the entry, or choose another name",
        ));
    }
    let id = account.user.id;
    let has_other = wanted.id.is_some_and(|wanted| wanted != id);
    has_other.then(|| {
        wanted.place.remark(
            "id",
            format_args!("this user already has the ID {id}, and IDs never change: use {id}, or omit the field"),
        )
    })
}

/// Decides every [`Wish::Compare`].
async fn compare(accounts: &AccountService, wishes: &mut BTreeMap<usize, Wish>) -> Result<(), HashPoolFull> {
    let jobs = wishes.iter().filter_map(|(index, wish)| {
        let Wish::Compare(password, stored) = wish else { return None };
        let (pool, password, stored) = (accounts.hash_pool().clone(), password.clone(), stored.clone());
        Some((*index, async move { pool.verify(password, Some(stored)).await }))
    });
    let jobs: Vec<_> = jobs.collect();
    for (index, is_same) in run_all(jobs).await? {
        let Some(Wish::Compare(password, _)) = wishes.remove(&index) else { continue };
        wishes.insert(index, if is_same { Wish::Keep } else { Wish::Hash(password) });
    }
    Ok(())
}

/// Turns every [`Wish::Hash`] into [`Wish::Set`].
async fn hash(
    accounts: &AccountService,
    wishes: &mut BTreeMap<usize, Wish>,
    made: &mut Hashes,
) -> Result<(), HashPoolFull> {
    let jobs = wishes.iter().filter_map(|(index, wish)| {
        let Wish::Hash(password) = wish else { return None };
        let (pool, password) = (accounts.hash_pool().clone(), password.clone());
        (!made.contains_key(index)).then_some((*index, async move { pool.hash(password).await }))
    });
    let jobs: Vec<_> = jobs.collect();
    made.extend(run_all(jobs).await?);
    for (index, wish) in wishes.iter_mut() {
        if let (Wish::Hash(_), Some(hash)) = (&*wish, made.get(index)) {
            *wish = Wish::Set(hash.clone());
        }
    }
    Ok(())
}

/// Runs jobs on the hash threads, a bounded number at once.
async fn run_all<T, F>(jobs: Vec<(usize, F)>) -> Result<Vec<(usize, T)>, HashPoolFull>
where
    T: Send + 'static,
    F: Future<Output = Result<T, HashPoolFull>> + Send + 'static,
{
    let mut done = Vec::with_capacity(jobs.len());
    let mut waiting = jobs.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < HASHES_AT_ONCE
            && let Some((index, job)) = waiting.next()
        {
            running.spawn(async move { job.await.map(|result| (index, result)) });
        }
        match running.join_next().await {
            Some(Ok(result)) => done.push(result?),
            Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            None => return Ok(done),
        }
    }
}

fn put_together(wanted: &[SeedUser], mut accounts: HashMap<String, Account>, wishes: BTreeMap<usize, Wish>) -> Plan {
    let mut plan = Plan::default();
    for (index, wish) in wishes {
        let user = &wanted[index];
        if matches!(wish, Wish::KeepStronger) {
            let text = "not changed: the stored hash is stronger, as it is after a sign-in. To set another password, use a hash of at least its cost";
            plan.notes.push(user.place.remark("password_hash", text));
        }
        let (sets_password, hash) = match wish {
            Wish::Keep | Wish::KeepStronger => (false, None),
            Wish::Set(hash) => (true, Some(hash)),
            // In a dry run nothing is hashed.
            Wish::Hash(_) | Wish::Compare(..) => (true, None),
        };
        match accounts.remove(user.username.key()) {
            None => plan.creations.push((index, hash)),
            Some(seen) if sets_password || differs(user, &seen) => {
                plan.changes.push(Change { index, seen, sets_password, hash });
            }
            Some(_) => plan.unchanged += 1,
        }
    }
    plan
}

fn differs(wanted: &SeedUser, account: &Account) -> bool {
    let is_other = |wanted: &Option<String>, stored: &Option<String>| wanted.is_some() && wanted != stored;
    is_other(&wanted.display_name, &account.user.display_name)
        || is_other(&wanted.email, &account.user.email)
        || wanted.roles.as_ref().is_some_and(|roles| *roles != account.roles)
}
