//! Statements that each connection prepares once.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// A statement that each connection prepares once, and finds again by its text. Diesel prepares an `UPDATE` and a
/// statement that is written as SQL again each time, which takes longer than running it on SQLite, and another round trip
/// on PostgreSQL: their texts could be different each time, and all of them would be kept. Use this only for a
/// statement whose text depends on its types alone.
pub struct Prepared<T>(pub T);

impl<T: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<T> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    // Outside Diesel's documentation, but a method of this public trait.
    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<T> QueryId for Prepared<T> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T: Query> Query for Prepared<T> {
    type SqlType = T::SqlType;
}

impl<T, Conn> diesel::RunQueryDsl<Conn> for Prepared<T> {}
