//! How long database jobs may wait and run, by who waits for them.

use std::time::Duration;

use super::connection::START_WAIT;

/// How long a job may wait and run.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// The wait for a connection, before [`DbError::Busy`].
    pub connection: Duration,
    /// On SQLite, the wait of a write in the queue, before [`DbError::Busy`].
    pub turn: Duration,
    /// The whole job, connecting included.
    pub job: Duration,
}

/// A client waits for the response, and a proxy before the server gives up too.
pub(super) const REQUEST: Limits =
    Limits { connection: Duration::from_millis(500), turn: Duration::from_secs(2), job: Duration::from_secs(2) };
/// Housekeeping deletes a thousand rows in one transaction.
pub(super) const BACKGROUND: Limits = Limits { turn: Duration::from_secs(3), job: Duration::from_secs(30), ..REQUEST };
/// A seed file of ten thousand users is one transaction, and the person who waits for a command can end it.
pub(super) const COMMAND: Limits = Limits { turn: Duration::from_secs(3), job: Duration::from_mins(10), ..REQUEST };
/// Instances that start at the same time wait for each other.
pub(super) const START: Limits = Limits { connection: START_WAIT, turn: START_WAIT, job: Duration::from_mins(1) };
