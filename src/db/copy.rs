//! A copy of a whole database into an empty one, between SQLite and PostgreSQL in both directions.

mod tables;

use std::fmt::Debug;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{QueryResult, QueryableByName, RunQueryDsl as _, sql_query, sql_types};

use super::connection::{DbConnection, Durability, START_WAIT, StatementLimits};
use super::error::DbError;
use super::migrations::{self, MigrationError};
use crate::config::DatabaseUrl;
use crate::secret::sha256;

/// One `INSERT`. PostgreSQL takes 65,535 parameters, SQLite 32,766, and the widest table has 23 columns.
const BATCH: usize = 500;
/// Rows between two reports.
const REPORT_EVERY: u64 = 100_000;
/// Of one statement, which reads or writes a whole table at most.
const LIMITS: StatementLimits = StatementLimits { lock: Duration::from_mins(1), statement: Duration::from_hours(1) };

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the databases cannot be opened, or the migrations of the target failed.
    #[error(transparent)]
    Open(#[from] MigrationError),
    /// The target has data.
    #[error(
        "the target {database} is not empty: the table {table} has rows. Nothing was copied; choose a new database"
    )]
    NotEmpty {
        /// The target.
        database: String,
        /// The first table with rows.
        table: &'static str,
    },
    /// The target has some of the migrations.
    #[error("the target {0} has tables of another release. Nothing was copied; choose a new database")]
    OtherRelease(String),
    /// A table cannot be read or written.
    #[error("cannot copy the table {table}; nothing was copied: {reason}")]
    Table {
        /// The table.
        table: &'static str,
        /// The error of the database.
        reason: String,
    },
    /// What the target returns is not what was written.
    #[error(
        "the table {table} of the target differs from the source ({source_rows} rows, {target_rows} in the target); nothing was copied"
    )]
    Differs {
        /// The table.
        table: &'static str,
        /// The rows that were read from the source.
        source_rows: u64,
        /// The rows that the target returns.
        target_rows: u64,
    },
    /// A statement that concerns no single table failed.
    #[error("nothing was copied: {}", .0.reason())]
    Database(#[from] DbError),
}

/// A table that was copied.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CopiedTable {
    /// The table.
    pub table: &'static str,
    /// The number of its rows in both databases.
    pub rows: u64,
    /// A checksum over all its rows, the same in both databases: the sum of the first 128 bits of each row's SHA-256, in
    /// hex. It depends on no order.
    pub checksum: String,
}

/// A row of one table.
trait CopiedRow: Debug + Sized {
    /// Reads the table row by row.
    fn read_each<E: From<DbError>>(conn: &mut DbConnection, each: impl FnMut(Self) -> Result<(), E>) -> Result<(), E>;

    /// Inserts these rows.
    fn insert(conn: &mut DbConnection, rows: &[Self]) -> QueryResult<usize>;
}

/// The steps of the copy of one table.
struct Table {
    name: &'static str,
    copy: CopyTable,
    sum: fn(&mut DbConnection) -> Result<Checksum, DbError>,
}

/// Reads from the first connection, writes to the second, and calls the closure with the rows so far.
type CopyTable = fn(&mut DbConnection, &mut DbConnection, &mut dyn FnMut(u64)) -> Result<Checksum, DbError>;

impl Table {
    const fn of<R: CopiedRow>(name: &'static str) -> Self {
        Self { name, copy: copy_rows::<R>, sum: sum_rows::<R> }
    }
}

/// The number of rows, and the sum over them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Checksum {
    rows: u64,
    sum: u128,
}

impl Checksum {
    fn add(&mut self, row: &impl Debug) {
        let hash = sha256(format!("{row:?}").as_bytes());
        let (first, _) = hash.split_first_chunk::<16>().expect("SHA-256 has 32 bytes");
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(*first));
    }
}

/// The names of the tables that a copy contains.
pub fn table_names() -> impl Iterator<Item = &'static str> {
    tables::ALL.iter().map(|table| table.name)
}

/// Runs the migrations on `target` and copies every row of `source` into it, in one transaction. Until it ends, `source`
/// accepts no writes: a row that is written after its table was copied would be lost. Calls `progress` with a table and the
/// rows of it that were copied so far. At the end, the rows of both databases are counted and compared.
///
/// # Errors
/// `target` is not empty, a database fails, or the copy differs from the source: nothing was copied then.
pub fn copy(
    source: &DatabaseUrl,
    target: &DatabaseUrl,
    mut progress: impl FnMut(&'static str, u64),
) -> Result<Vec<CopiedTable>, CopyError> {
    // Before the migrations, which must not change a database that is in use.
    reject_other_release(target)?;
    migrations::run_pending(target)?;
    let (mut source_conn, mut target_conn) = (open(source)?, open(target)?);
    source_conn.begin(Durability::Immediate, Some(LIMITS)).map_err(DbError::from)?;
    source_conn.finish(|from| {
        lock(from, "SHARE")?;
        target_conn.begin(Durability::Immediate, Some(LIMITS)).map_err(DbError::from)?;
        target_conn.finish(|to| {
            // A server that starts on the target meanwhile must not add a key to it.
            lock(to, "SHARE ROW EXCLUSIVE")?;
            empty(to, target)?;
            tables::ALL.iter().map(|table| copy_table(table, from, to, &mut progress)).collect()
        })
    })
}

fn open(url: &DatabaseUrl) -> Result<DbConnection, CopyError> {
    DbConnection::open(url, START_WAIT, "").map_err(|error| DbError::Unreachable(Box::new(error)).into())
}

/// Locks all tables of PostgreSQL against writers. The transaction has locked a SQLite file already.
fn lock(conn: &mut DbConnection, mode: &str) -> Result<(), CopyError> {
    let DbConnection::Postgres(conn) = conn else { return Ok(()) };
    let names: Vec<&str> = table_names().collect();
    Ok(conn.batch_execute(&format!("LOCK TABLE {} IN {mode} MODE", names.join(", "))).map_err(DbError::from)?)
}

/// A database that has some migrations belongs to somebody.
fn reject_other_release(target: &DatabaseUrl) -> Result<(), CopyError> {
    // Listing the migrations would create the file.
    if let DatabaseUrl::Sqlite(path) = target
        && !path.exists()
    {
        return Ok(());
    }
    let states = migrations::status(target)?;
    let is_new = states.iter().all(|state| !state.is_applied);
    if is_new || states.iter().all(|state| state.is_applied) {
        return Ok(());
    }
    Err(CopyError::OtherRelease(target.to_string()))
}

/// Checks that the target has no data, and deletes the counters that the migrations have inserted.
fn empty(conn: &mut DbConnection, target: &DatabaseUrl) -> Result<(), CopyError> {
    for table in table_names().filter(|name| *name != "counters") {
        // The names are those in the code.
        let query = sql_query(format!("SELECT COUNT(*) AS count FROM (SELECT 1 FROM {table} LIMIT 1) AS first"));
        let count: Count = match conn {
            DbConnection::Sqlite(conn) => query.get_result(conn),
            DbConnection::Postgres(conn) => query.get_result(conn),
        }
        .map_err(DbError::from)?;
        if count.count > 0 {
            return Err(CopyError::NotEmpty { database: target.to_string(), table });
        }
    }
    let deleted = match conn {
        DbConnection::Sqlite(conn) => conn.batch_execute("DELETE FROM counters"),
        DbConnection::Postgres(conn) => conn.batch_execute("DELETE FROM counters"),
    };
    Ok(deleted.map_err(DbError::from)?)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}

fn copy_table(
    table: &Table,
    from: &mut DbConnection,
    to: &mut DbConnection,
    progress: &mut impl FnMut(&'static str, u64),
) -> Result<CopiedTable, CopyError> {
    let failed = |error: DbError| CopyError::Table { table: table.name, reason: error.reason() };
    let read = (table.copy)(from, to, &mut |rows| progress(table.name, rows)).map_err(failed)?;
    let written = (table.sum)(to).map_err(failed)?;
    if read != written {
        return Err(CopyError::Differs { table: table.name, source_rows: read.rows, target_rows: written.rows });
    }
    progress(table.name, read.rows);
    Ok(CopiedTable { table: table.name, rows: read.rows, checksum: format!("{:032x}", read.sum) })
}

fn copy_rows<R: CopiedRow>(
    from: &mut DbConnection,
    to: &mut DbConnection,
    progress: &mut dyn FnMut(u64),
) -> Result<Checksum, DbError> {
    let mut checksum = Checksum::default();
    let mut batch = Vec::with_capacity(BATCH);
    R::read_each(from, |row: R| {
        checksum.add(&row);
        batch.push(row);
        if batch.len() == BATCH {
            R::insert(to, &batch)?;
            batch.clear();
        }
        if checksum.rows % REPORT_EVERY == 0 {
            progress(checksum.rows);
        }
        Ok::<(), DbError>(())
    })?;
    if !batch.is_empty() {
        R::insert(to, &batch)?;
    }
    Ok(checksum)
}

fn sum_rows<R: CopiedRow>(conn: &mut DbConnection) -> Result<Checksum, DbError> {
    let mut checksum = Checksum::default();
    R::read_each(conn, |row: R| {
        checksum.add(&row);
        Ok::<(), DbError>(())
    })?;
    Ok(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table that is added to the schema must be added to the copy.
    #[test]
    fn copy_contains_every_table_of_the_schema() {
        let schema = include_str!("schema.rs");
        let mut declared: Vec<&str> = schema
            .split("diesel::table! {")
            .skip(1)
            .map(|table| table.trim_start().split(' ').next().expect("a name"))
            .collect();
        let mut copied: Vec<&str> = table_names().collect();
        declared.sort_unstable();
        copied.sort_unstable();
        assert_eq!(copied, declared);
    }

    #[test]
    fn checksum_depends_on_every_row_and_not_on_their_order() {
        let sum = |rows: &[&str]| {
            let mut checksum = Checksum::default();
            for row in rows {
                checksum.add(row);
            }
            (checksum.rows, checksum.sum)
        };
        assert_eq!(sum(&["a", "b"]), sum(&["b", "a"]));
        assert_ne!(sum(&["a", "b"]), sum(&["a", "c"]));
        assert_ne!(sum(&["a"]), sum(&["a", "a"]));
    }
}
