//! Statements that each connection prepares once.

use std::marker::PhantomData;

use diesel::associations::HasTable;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression};
use diesel::query_builder::{AsChangeset, AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BoolOrNullableBool;
use diesel::{QueryResult, RunQueryDsl, Table};

/// Runs a query by `execute`, `load` or `get_result` on the connection's own backend, for the paths where each
/// microsecond counts. Each connection prepares it once and finds it again by this place in the source. An `UPDATE` is
/// written with [`update_where`](super::update_where).
///
/// The text of the query must therefore depend on nothing but this place: no list of unknown length, no boxed query, no
/// optional condition, no generic function.
///
/// Diesel alone writes the text of a query on [`DbConnection`](super::DbConnection) two or three times at each use.
macro_rules! prepared {
    ($connection:expr, $query:expr, $method:ident) => {
        match $connection {
            $crate::db::DbConnection::Sqlite(connection) => {
                struct OnSqlite;
                diesel::RunQueryDsl::$method($crate::db::Prepared::<OnSqlite, _>::new($query), connection)
            }
            $crate::db::DbConnection::Postgres(connection) => {
                struct OnPostgres;
                diesel::RunQueryDsl::$method($crate::db::Prepared::<OnPostgres, _>::new($query), connection)
            }
        }
    };
}
pub(crate) use prepared;

/// A query of [`prepared`], with a type that only its place in the source has.
pub struct Prepared<Place, Q>(Q, PhantomData<Place>);

impl<Place, Q> Prepared<Place, Q> {
    /// Only for [`prepared`].
    pub fn new(query: Q) -> Self {
        Self(query, PhantomData)
    }
}

impl<Place, Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<Place, Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    // For statements that are written as SQL. Outside Diesel's documentation, but a method of this public trait. Diesel
    // asks it for those that return rows.
    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Place: 'static, Q> QueryId for Prepared<Place, Q> {
    type QueryId = Place;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Place, Q: Query> Query for Prepared<Place, Q> {
    type SqlType = Q::SqlType;
}

impl<Place, Q, Conn> RunQueryDsl<Conn> for Prepared<Place, Q> {}

/// An `UPDATE` for [`prepared`]. Diesel's own is prepared again at each use, because its text may depend on the values.
pub struct UpdateWhere<From, Changes, Filter> {
    from: From,
    changes: Changes,
    filter: Filter,
}

/// Updates the rows of the changed columns' table that match `filter`. No change may be an `Option`, which would change
/// the text.
pub fn update_where<T, C, F>(changes: C, filter: F) -> UpdateWhere<T::FromClause, C::Changeset, F>
where
    T: HasTable<Table = T> + Table,
    C: AsChangeset<Target = T>,
    F: AppearsOnTable<T> + Expression<SqlType: BoolOrNullableBool>,
{
    UpdateWhere { from: T::table().from_clause(), changes: changes.as_changeset(), filter }
}

impl<From, Changes, Filter, DB> QueryFragment<DB> for UpdateWhere<From, Changes, Filter>
where
    From: QueryFragment<DB>,
    Changes: QueryFragment<DB>,
    Filter: QueryFragment<DB>,
    DB: Backend,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.from.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.changes.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.filter.walk_ast(out)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diesel::connection::{Connection as _, InstrumentationEvent};
    use diesel::prelude::*;
    use diesel::sql_types::{BigInt, Text};
    use diesel::{QueryableByName, sql_query};

    use crate::db::schema::counters;
    use crate::db::{DbConnection, update_where};

    #[derive(QueryableByName)]
    struct Counter {
        #[diesel(sql_type = BigInt)]
        value: i64,
    }

    #[test]
    fn each_place_prepares_its_statement_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = DbConnection::open_new_file(folder.path());
        sql_query("CREATE TABLE counters (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL)")
            .execute(&mut connection)
            .expect("it is created");
        let prepared = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&prepared);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::CacheQuery { .. }) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let conn = &mut connection;
        for (name, value) in [("a", 1), ("b", 2), ("c", 3)] {
            let values = (counters::name.eq(name), counters::value.eq(value));
            let inserted = prepared!(conn, diesel::insert_into(counters::table).values(values), execute);
            assert_eq!(inserted, Ok(1));
            let updated =
                prepared!(conn, update_where(counters::value.eq(value * 10), counters::name.eq(name)), execute);
            assert_eq!(updated, Ok(1));
            let read = sql_query("SELECT value FROM counters WHERE name = ?").bind::<Text, _>(name);
            let read: QueryResult<Counter> = prepared!(conn, read, get_result);
            assert_eq!(read.expect("one row").value, value * 10);
            let found: QueryResult<Vec<i64>> =
                prepared!(conn, counters::table.filter(counters::name.le(name)).select(counters::value), load);
            assert_eq!(found.map(|found| found.len()), Ok(usize::try_from(value).expect("it is small")));
        }
        assert_eq!(prepared.load(Ordering::Relaxed), 4, "one for each of the four places");
    }
}
