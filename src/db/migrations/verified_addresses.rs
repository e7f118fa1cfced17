//! What the migration `verified_addresses` changes, for its report.

use diesel::{QueryResult, QueryableByName, RunQueryDsl as _, sql_query, sql_types};

use crate::db::DbConnection;

/// The version of the migration, as Diesel writes it.
pub(super) const VERSION: &str = "20261126000000";
/// The version of the migration that added the column.
pub(super) const NEEDED_VERSION: &str = "20261125000000";

/// The accounts whose address will no longer be confirmed, each with the account that keeps it. The condition is the
/// migration's.
const QUERY: &str =
    "SELECT users.username AS username, users.id AS id, kept.username AS kept_username, kept.id AS kept_id
    FROM users JOIN users AS kept ON kept.email_key = users.email_key AND kept.email_verified_at IS NOT NULL
        AND (kept.created_at < users.created_at OR (kept.created_at = users.created_at AND kept.id < users.id))
    WHERE users.email_verified_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM users AS other WHERE other.email_key = kept.email_key AND other.email_verified_at IS NOT NULL
            AND (other.created_at < kept.created_at OR (other.created_at = kept.created_at AND other.id < kept.id))
    ) ORDER BY users.id";

#[derive(QueryableByName)]
struct Change {
    #[diesel(sql_type = sql_types::Text)]
    username: String,
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Text)]
    kept_username: String,
    #[diesel(sql_type = sql_types::BigInt)]
    kept_id: i64,
}

/// Describes each account that the migration will change, one line each. Call it before the migration runs.
pub(super) fn describe_changes(connection: &mut DbConnection) -> QueryResult<Vec<String>> {
    let query = sql_query(QUERY);
    let changes: Vec<Change> = match connection {
        DbConnection::Sqlite(connection) => query.load(connection),
        DbConnection::Postgres(connection) => query.load(connection),
    }?;
    let describe = |Change { username, id, kept_username, kept_id }| {
        format!(
            "the email address of {username} (user ID {id}) is no longer confirmed, because {kept_username} (user ID {kept_id}) has confirmed the same one"
        )
    };
    Ok(changes.into_iter().map(describe).collect())
}
