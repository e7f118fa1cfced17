//! Transactions that change who may do what: they are counted in the database, for other processes, and in memory.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use super::connection::DbConnection;
use super::prepared::{prepared, update_where};
use super::schema::counters;

const COUNTER: &str = "state_changes";
/// The most changes of this process that are remembered until they are read back. If there are more, all of them count
/// as changes of others.
const MAX_OWN: usize = 4_096;

/// What a transaction has changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Nothing,
    /// Sessions have ended.
    Sessions,
    /// Users, roles or clients, and with them what any session may do.
    Rights,
}

thread_local! {
    /// What the transaction of this thread has changed. A job runs on one thread from its beginning to its end.
    static CHANGE: Cell<Change> = const { Cell::new(Change::Nothing) };
}

/// Notes that this transaction changes a user, their roles, the scopes of a role or a client. Each function that writes
/// such a change calls this: what is kept in memory is read again, here after the commit and in other processes within
/// a second. Not for what changes at each use, such as refreshes and times of use.
pub fn note_rights_change(_: &mut DbConnection) {
    CHANGE.set(Change::Rights);
}

/// Notes that this transaction ends sessions: other processes read again what they keep in memory. This one knows which
/// sessions have ended.
pub fn note_session_end(_: &mut DbConnection) {
    CHANGE.set(CHANGE.get().max(Change::Sessions));
}

/// A change that a transaction has counted.
#[derive(Clone, Copy)]
pub(super) struct CountedChange {
    number: i64,
    change: Change,
}

/// Forgets what an earlier transaction of this thread has noted.
pub(super) fn begin() {
    CHANGE.set(Change::Nothing);
}

/// Counts the change that this transaction has noted, if any. The last statement of a transaction: all that change
/// something wait for the row.
pub(super) fn count(conn: &mut DbConnection) -> QueryResult<Option<CountedChange>> {
    let change = CHANGE.replace(Change::Nothing);
    if change == Change::Nothing {
        return Ok(None);
    }
    let one_more = counters::value.eq(counters::value + 1);
    prepared!(conn, update_where(one_more, counters::name.eq(COUNTER)), execute)?;
    Ok(Some(CountedChange { number: count_state_changes(conn)?, change }))
}

/// Reads the number of changes so far.
///
/// # Errors
/// The query failed.
pub fn count_state_changes(conn: &mut DbConnection) -> QueryResult<i64> {
    prepared!(conn, counters::table.find(COUNTER).select(counters::value), get_result)
}

/// The changes that this process knows of.
#[derive(Default)]
pub(super) struct StateEpoch {
    epoch: AtomicU64,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    /// The number of changes when they were last read.
    last: i64,
    /// The numbers of this process's changes after that.
    own: BTreeSet<i64>,
}

impl StateEpoch {
    /// A number that grows with each change of rights, and with each change by another process.
    pub fn get(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// A transaction of this process has counted a change. If its commit failed, it may have happened, and the number may
    /// become another process's.
    pub fn add(&self, counted: CountedChange, is_committed: bool) {
        if counted.change == Change::Rights || !is_committed {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
        if !is_committed {
            return;
        }
        let mut known = self.lock();
        if known.own.len() == MAX_OWN {
            known.own.clear();
        }
        known.own.insert(counted.number);
    }

    /// The database has counted this many changes. Those of this process are known already.
    pub fn set_counted(&self, count: i64) {
        let mut known = self.lock();
        let own = known.own.range(known.last.saturating_add(1)..=count.max(known.last.saturating_add(1))).count();
        if i64::try_from(own).ok() != count.checked_sub(known.last) {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
        known.last = count;
        known.own = known.own.split_off(&count.saturating_add(1));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(number: i64, change: Change) -> CountedChange {
        CountedChange { number, change }
    }

    #[test]
    fn changes_of_others_and_of_rights_begin_an_epoch() {
        let state = StateEpoch::default();
        let advances = |change: &dyn Fn()| {
            let before = state.get();
            change();
            state.get() - before
        };
        assert_eq!(advances(&|| state.set_counted(7)), 1, "changes from before this process");
        assert_eq!(advances(&|| state.set_counted(7)), 0, "nothing has changed");
        assert_eq!(
            advances(&|| state.add(own(8, Change::Sessions), true)),
            0,
            "the caller knows which sessions have ended"
        );
        assert_eq!(advances(&|| state.set_counted(8)), 0, "only its own change");
        assert_eq!(advances(&|| state.add(own(9, Change::Rights), true)), 1, "at once");
        assert_eq!(advances(&|| state.set_counted(9)), 0, "known already");
        state.add(own(11, Change::Sessions), true);
        assert_eq!(advances(&|| state.set_counted(11)), 1, "the tenth is another process's");
        assert_eq!(advances(&|| state.set_counted(11)), 0);
        // Its own change is committed, and not yet added: it counts as another's once.
        assert_eq!(advances(&|| state.set_counted(12)), 1);
        state.add(own(12, Change::Sessions), true);
        assert_eq!(advances(&|| state.set_counted(13)), 1, "the thirteenth is not hidden by the twelfth");
        assert_eq!(advances(&|| state.add(own(14, Change::Sessions), false)), 1, "its commit may have happened");
        assert_eq!(advances(&|| state.set_counted(14)), 1, "or the number is another process's");
        assert_eq!(advances(&|| state.set_counted(3)), 1, "a restored database");
    }
}
