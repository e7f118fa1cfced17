//! Importing a file: one thread reads and checks rows while the batch before is written, each batch in one transaction.
//!
//! A batch that was committed is found again as duplicates. An import that was killed is therefore continued by running
//! it again, and every row is imported once.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::check::{CheckOptions, CheckedRow, RowChecker};
use super::columns::ColumnMap;
use super::error::{FileError, ImportError};
use super::format::FileFormat;
use super::hashes::{HashChecker, wrap_all};
use super::rejected::RejectedRows;
use super::report::{ImportReport, Progress};
use super::row::{Row, Stopped};
use super::source::Source;
use crate::accounts::AccountService;
use crate::audit::{self, Cause, Event, EventKind};
use crate::db::{DbConnection, DbError};
use crate::secret::random_id;
use crate::users::{self, ImportedUser, UserId, UserState};

/// The rows of one transaction.
const BATCH_ROWS: usize = 1_000;
/// On SQLite, the part of the time of a transaction for which the next one waits. A server on the same file tries again
/// and again for a second and a half whether it can write; each time it finds the file free with a chance of one in four.
const PAUSE_PART: u32 = 3;
/// The batches that wait while one is written.
const WAITING_BATCHES: usize = 1;
/// The most names, user IDs and addresses of a file that are compared with later rows: 19 MiB. Beyond that, a repeated
/// name is a duplicate of the user that the earlier row created.
const MAX_SEEN: usize = 1_800_000;

/// How a file is imported.
#[derive(Clone)]
pub struct ImportOptions {
    /// The format.
    pub format: FileFormat,
    /// The names of the columns.
    pub columns: ColumnMap,
    /// How rows are checked.
    pub check: CheckOptions,
    /// Whether nothing is written to the database.
    pub is_check_only: bool,
}

/// A row with what was found in the file alone.
struct Item {
    row: Row,
    checked: Result<CheckedRow, String>,
}

/// What happens with a row.
enum Verdict {
    Import { name_problem: Option<String> },
    Duplicate,
    Rejected(String),
}

/// Imports a file, and reports after each batch how far it is.
///
/// # Errors
/// The file cannot be read to its end, or the database fails. The batches before that were imported, and the report
/// counts them.
pub async fn import(
    accounts: &AccountService,
    source: Source,
    options: ImportOptions,
    rejected: &mut RejectedRows,
    progress: &mut dyn FnMut(Progress),
) -> (ImportReport, Result<(), ImportError>) {
    let mut report = ImportReport::default();
    let result = run(accounts, source, options, rejected, progress, &mut report).await;
    let flushed = rejected.flush().map_err(ImportError::Rejected);
    (report, result.and(flushed))
}

async fn run(
    accounts: &AccountService,
    source: Source,
    options: ImportOptions,
    rejected: &mut RejectedRows,
    progress: &mut dyn FnMut(Progress),
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    let (sender, mut batches) = mpsc::channel(WAITING_BATCHES);
    let is_check_only = options.is_check_only;
    let checker = RowChecker {
        hashes: HashChecker::new(options.check.hashes.clone()),
        accounts: accounts.clone(),
        options: options.check,
        now: accounts.clock().now(),
    };
    let meter = source.meter();
    let drop_second_factor = checker.options.drop_second_factor;
    let reading = tokio::task::spawn_blocking(move || {
        let mut reader = BatchReader { checker, is_check_only, seen: Seen::default(), batch: Vec::new(), sender };
        options.format.read_rows(source, &options.columns, drop_second_factor, &mut |row| reader.add(row))?;
        reader.send().ok();
        Ok::<(), FileError>(())
    });
    // One event counts the users of all batches.
    let event_id = random_id();
    while let Some(batch) = batches.recv().await {
        let batch: Arc<Vec<Item>> = Arc::new(batch);
        let began = Instant::now();
        let wrapped = if is_check_only { HashMap::new() } else { wrap(accounts, &batch).await? };
        let verdicts = settle(accounts, Arc::clone(&batch), is_check_only, wrapped, event_id.clone()).await?;
        if accounts.has_one_writer() && !is_check_only {
            tokio::time::sleep(began.elapsed() / PAUSE_PART).await;
        }
        for (item, verdict) in batch.iter().zip(verdicts) {
            let Item { row, checked } = item;
            report.rows += 1;
            match (checked, verdict) {
                (Ok(good), Verdict::Import { name_problem }) => {
                    report.add_imported(row.position, good, name_problem);
                }
                (Ok(good), Verdict::Duplicate) => {
                    report.add_duplicate(row.position, good.user.username.as_str());
                }
                (Ok(_), Verdict::Rejected(reason)) => {
                    report.add_rejected(row.position, &reason);
                    rejected.add(row, &reason).map_err(ImportError::Rejected)?;
                }
                (Err(reason), _) => {
                    report.add_rejected(row.position, reason);
                    rejected.add(row, reason).map_err(ImportError::Rejected)?;
                }
            }
        }
        progress(Progress { rows: report.rows, bytes: meter.bytes() });
    }
    reading.await.map_err(|_| ImportError::Panicked)??;
    Ok(())
}

/// Wraps the hashes of a batch that rest on MD5 or SHA-1, by the index of their row: only of users who do not exist yet,
/// because each takes as long as a new hash, and a second run of a file would take as long as the first.
async fn wrap(accounts: &AccountService, batch: &Arc<Vec<Item>>) -> Result<HashMap<usize, String>, ImportError> {
    let unwrapped = |item: &Item| item.checked.as_ref().is_ok_and(|row| row.unwrapped_hash().is_some());
    if !batch.iter().any(unwrapped) {
        return Ok(HashMap::new());
    }
    let (compared, cost) = (Arc::clone(batch), accounts.hash_pool().cost());
    let verdicts = accounts.read(move |conn| compare(conn, &compared)).await?;
    let batch = Arc::clone(batch);
    let wrapping = tokio::task::spawn_blocking(move || {
        let new = batch.iter().zip(&verdicts).enumerate();
        let new = new.filter(|(_, (_, verdict))| matches!(verdict, Verdict::Import { .. }));
        let (indexes, hashes): (Vec<usize>, Vec<_>) =
            new.filter_map(|(index, (item, _))| Some((index, item.checked.as_ref().ok()?.unwrapped_hash()?))).unzip();
        indexes.into_iter().zip(wrap_all(&hashes, cost)).collect()
    });
    wrapping.await.map_err(|_| ImportError::Panicked)
}

/// Compares a batch with the database, and writes it in the same transaction.
async fn settle(
    accounts: &AccountService,
    batch: Arc<Vec<Item>>,
    is_check_only: bool,
    wrapped: HashMap<usize, String>,
    event_id: String,
) -> Result<Vec<Verdict>, DbError> {
    if is_check_only {
        return accounts.read(move |conn| compare(conn, &batch)).await;
    }
    let clock = accounts.clock().clone();
    accounts
        .write(move |conn, _| {
            users::lock_accounts(conn)?;
            let mut verdicts = compare(conn, &batch)?;
            for (index, (item, verdict)) in batch.iter().zip(&mut verdicts).enumerate() {
                let is_unwrapped = item.checked.as_ref().is_ok_and(|row| row.unwrapped_hash().is_some());
                if is_unwrapped && matches!(verdict, Verdict::Import { .. }) && !wrapped.contains_key(&index) {
                    // Its address or user ID was taken a moment ago, and is free now.
                    *verdict = Verdict::Rejected("the database was changed meanwhile: import it again".to_owned());
                }
            }
            let new: Vec<Cow<'_, ImportedUser>> = batch
                .iter()
                .zip(&verdicts)
                .enumerate()
                .filter(|(_, (_, verdict))| matches!(verdict, Verdict::Import { .. }))
                .filter_map(|(index, (item, _))| {
                    let user = &item.checked.as_ref().ok()?.user;
                    let with_hash = |hash: &String| ImportedUser { password_hash: Some(hash.clone()), ..user.clone() };
                    Some(wrapped.get(&index).map_or(Cow::Borrowed(user), |hash| Cow::Owned(with_hash(hash))))
                })
                .collect();
            let new: Vec<&ImportedUser> = new.iter().map(AsRef::as_ref).collect();
            let now = clock.now();
            users::insert_imported(conn, &new, now)?;
            if !new.is_empty() {
                let event = Event::caused(EventKind::UsersImported, &Cause::command(), now);
                let occurrences = i64::try_from(new.len()).unwrap_or(i64::MAX);
                audit::record_in(conn, &event_id, &Event { occurrences, ..event })?;
            }
            Ok(verdicts)
        })
        .await
}

/// Compares the rows of a batch with the database and with each other.
fn compare(conn: &mut DbConnection, batch: &[Item]) -> Result<Vec<Verdict>, DbError> {
    let checked: Vec<&CheckedRow> = batch.iter().filter_map(|item| item.checked.as_ref().ok()).collect();
    let keys: Vec<&str> = checked.iter().map(|row| row.user.username.key()).collect();
    let known: HashMap<String, UserState> =
        users::list_by_keys(conn, &keys)?.into_iter().map(|(key, user)| (key, user.state)).collect();
    let new: Vec<&CheckedRow> =
        checked.into_iter().filter(|row| !known.contains_key(row.user.username.key())).collect();
    let requested: Vec<UserId> = new.iter().filter_map(|row| row.user.id).collect();
    let mut ids: HashSet<UserId> = users::list_taken_ids(conn, &requested)?.into_iter().collect();
    let addresses: Vec<&str> = new.iter().filter_map(|row| row.verified_email_key.as_deref()).collect();
    let mut addresses: HashSet<String> = users::list_verified_email_keys(conn, &addresses)?.into_iter().collect();
    let names: Vec<_> = new.iter().map(|row| &row.user.username).collect();
    let similar = users::list_similar(conn, &names)?;
    let mut judge = |row: &CheckedRow| {
        let key = row.user.username.key();
        match known.get(key) {
            Some(UserState::Deleted(_)) => {
                return Verdict::Rejected("username: it belonged to a deleted user, and is never reused".to_owned());
            }
            Some(_) => return Verdict::Duplicate,
            None => {}
        }
        if row.user.id.is_some_and(|id| !ids.insert(id)) {
            return Verdict::Rejected("id: it belongs to another user, perhaps a deleted one".to_owned());
        }
        if row.verified_email_key.as_ref().is_some_and(|address| !addresses.insert(address.clone())) {
            return Verdict::Rejected("email: another user has confirmed this address".to_owned());
        }
        let look_alike = || similar.get(key).map(|other| format!("it looks like {other}"));
        Verdict::Import { name_problem: row.name_problem.clone().or_else(look_alike) }
    };
    Ok(batch
        .iter()
        .map(|item| match &item.checked {
            Ok(row) => judge(row),
            Err(reason) => Verdict::Rejected(reason.clone()),
        })
        .collect())
}

/// Checks rows and sends them in batches.
struct BatchReader {
    checker: RowChecker,
    is_check_only: bool,
    seen: Seen,
    batch: Vec<Item>,
    sender: mpsc::Sender<Vec<Item>>,
}

impl BatchReader {
    fn add(&mut self, row: Row) -> Result<(), Stopped> {
        let checked = self.checker.check(&row).and_then(|checked| self.compare_with_earlier(checked));
        self.batch.push(Item { row, checked });
        if self.batch.len() == BATCH_ROWS { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Stopped> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(batch).map_err(|_| Stopped)
    }

    /// Rejects a row whose name an earlier row has: it would be a duplicate of the user that the earlier row creates, and
    /// its person would be lost without a word.
    fn compare_with_earlier(&mut self, row: CheckedRow) -> Result<CheckedRow, String> {
        if !self.seen.add("username", row.user.username.key()) {
            return Err("username: an earlier row of the file has it, perhaps in upper or lower case".to_owned());
        }
        // An import compares these with the database, which has the earlier rows.
        if self.is_check_only {
            if row.user.id.is_some_and(|id| !self.seen.add("id", id)) {
                return Err("id: an earlier row of the file has it".to_owned());
            }
            if row.verified_email_key.as_ref().is_some_and(|address| !self.seen.add("email", address)) {
                return Err("email: an earlier row of the file has confirmed this address".to_owned());
            }
        }
        Ok(row)
    }
}

/// The values of earlier rows, as keyed hashes of 64 bits: among a million, two are equal by chance once in 30 million
/// files.
#[derive(Default)]
struct Seen {
    state: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    /// Adds a value; `false` if it was added before.
    fn add(&mut self, kind: &str, value: impl std::hash::Hash) -> bool {
        let hash = self.state.hash_one((kind, value));
        if self.hashes.len() < MAX_SEEN { self.hashes.insert(hash) } else { !self.hashes.contains(&hash) }
    }
}
