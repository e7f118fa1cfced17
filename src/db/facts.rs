//! What an administrator should know of the database server.

use diesel::{QueryResult, QueryableByName, RunQueryDsl as _, sql_query, sql_types};

use super::DbConnection;

/// The version and the rights of the connection.
#[derive(Clone, Debug, QueryableByName)]
pub struct DatabaseFacts {
    /// The name and version of the database.
    #[diesel(sql_type = sql_types::Text)]
    pub version: String,
    /// Whether the connection may create tables, as migrations do.
    #[diesel(sql_type = sql_types::Bool)]
    pub can_create_tables: bool,
    /// Whether it may do everything on the server, which this program never needs.
    #[diesel(sql_type = sql_types::Bool)]
    pub is_superuser: bool,
    /// Whether it is encrypted.
    #[diesel(sql_type = sql_types::Bool)]
    pub has_tls: bool,
}

/// Asks the database.
pub fn facts(conn: &mut DbConnection) -> QueryResult<DatabaseFacts> {
    match conn {
        DbConnection::Sqlite(conn) => sql_query(
            "SELECT 'SQLite ' || sqlite_version() AS version, TRUE AS can_create_tables, FALSE AS is_superuser, \
             FALSE AS has_tls",
        )
        .get_result(conn),
        DbConnection::Postgres(conn) => sql_query(
            "SELECT 'PostgreSQL ' || current_setting('server_version') AS version, \
             COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE) AS can_create_tables, \
             current_setting('is_superuser') = 'on' AS is_superuser, \
             COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), FALSE) AS has_tls",
        )
        .get_result(conn),
    }
}
