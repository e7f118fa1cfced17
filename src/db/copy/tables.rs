//! The tables that a copy contains: all of them, in an order in which every row follows the rows that it refers to.

use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;

use super::{CopiedRow, Table};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};

/// Declares the row of each table. A column that is missing here, or is not in `schema.rs`, does not compile; a table that
/// is missing fails a test.
macro_rules! copied_tables {
    ($($table:ident { $($column:ident: $kind:ty),+ $(,)? })+) => {
        $(
            mod $table {
                use super::*;
                use crate::db::schema::$table as table;

                #[derive(Debug, Queryable, Insertable)]
                #[diesel(table_name = table, treat_none_as_default_value = false)]
                pub struct Row {
                    $($column: $kind,)+
                }

                impl CopiedRow for Row {
                    fn read_each<E: From<DbError>>(
                        conn: &mut DbConnection,
                        mut each: impl FnMut(Self) -> Result<(), E>,
                    ) -> Result<(), E> {
                        // Both read the rows one by one: a table can be larger than the memory.
                        match conn {
                            DbConnection::Sqlite(conn) => {
                                for row in table::table.load_iter::<Self, _>(conn).map_err(DbError::from)? {
                                    each(row.map_err(DbError::from)?)?;
                                }
                            }
                            DbConnection::Postgres(conn) => {
                                let rows = table::table.load_iter::<Self, PgRowByRowLoadingMode>(conn);
                                for row in rows.map_err(DbError::from)? {
                                    each(row.map_err(DbError::from)?)?;
                                }
                            }
                        }
                        Ok(())
                    }

                    fn insert(conn: &mut DbConnection, rows: &[Self]) -> QueryResult<usize> {
                        let rows = diesel::insert_into(table::table).values(rows);
                        match conn {
                            DbConnection::Sqlite(conn) => rows.execute(conn),
                            DbConnection::Postgres(conn) => rows.execute(conn),
                        }
                    }
                }
            }
        )+

        /// All tables, those that others refer to first.
        pub(super) const ALL: &[Table] = &[$(Table::of::<$table::Row>(stringify!($table)),)+];
    };
}

copied_tables! {
    users {
        id: i64,
        public_id: String,
        username: String,
        username_key: String,
        display_name: Option<String>,
        email: Option<String>,
        password_hash: Option<String>,
        password_changed_at: Option<Moment>,
        created_at: Moment,
        last_signed_in_at: Option<Moment>,
        disabled_at: Option<Moment>,
        deleted_at: Option<Moment>,
        language: Option<String>,
        email_key: Option<String>,
        email_verified_at: Option<Moment>,
        new_password_required_at: Option<Moment>,
    }
    clients {
        id: String,
        name: String,
        secret_hash: String,
        grants: String,
        scopes: String,
        created_at: Moment,
        secret_changed_at: Moment,
        forwards_client_address: bool,
    }
    counters {
        name: String,
        value: i64,
    }
    role_scopes {
        role: String,
        scope: String,
    }
    user_roles {
        user_id: i64,
        role: String,
        granted_at: Moment,
    }
    username_skeletons {
        skeleton: String,
        version: i64,
        user_id: i64,
    }
    links {
        id: String,
        purpose: String,
        secret_hash: String,
        user_id: Option<i64>,
        created_at: Moment,
        expires_at: Moment,
        used_at: Option<Moment>,
        email: Option<String>,
        roles: Option<String>,
    }
    known_devices {
        id: String,
        user_id: i64,
        kind: String,
        created_at: Moment,
        last_used_at: Moment,
    }
    sessions {
        id: String,
        kind: String,
        user_id: Option<i64>,
        client_id: Option<String>,
        secret_hash: Option<String>,
        amr: String,
        created_at: Moment,
        authenticated_at: Moment,
        last_used_at: Moment,
        access_until: Moment,
        ended_at: Option<Moment>,
        end_reason: Option<String>,
        network_address: Option<String>,
        user_agent: Option<String>,
        scope: Option<String>,
        expires_at: Option<Moment>,
        signing_kid: Option<String>,
        earlier_kid: Option<String>,
        earlier_access_until: Option<Moment>,
        proxy_secret_hash: Option<String>,
        is_remembered: bool,
        has_holders: bool,
        unlisted_at: Option<Moment>,
    }
    refresh_tokens {
        token_hash: String,
        family_id: String,
        client_id: Option<String>,
        scope: String,
        created_at: Moment,
        used_at: Option<Moment>,
        superseded_at: Option<Moment>,
        successor_hash: Option<String>,
        successor_sealed: Option<String>,
        successor_at: Option<Moment>,
        successors_lost: i64,
        generation: i64,
    }
    signing_keys {
        kid: String,
        algorithm: String,
        private_key_sealed: String,
        public_jwk: String,
        created_at: Moment,
        retired_at: Option<Moment>,
        signs_from: Option<Moment>,
    }
    token_holders {
        id: String,
        user_id: Option<i64>,
        client_id: Option<String>,
        is_for_users: bool,
        generation: i64,
        access_until: Option<Moment>,
    }
    login_attempts {
        bucket: String,
        account: String,
        failures: i64,
        in_flight: i64,
        window_started_at: Moment,
        last_tried_at: Moment,
        last_failed_at: Moment,
    }
    audit_events {
        id: String,
        kind: String,
        happened_at: Moment,
        user_id: Option<i64>,
        client_id: Option<String>,
        session_id: Option<String>,
        network_address: Option<String>,
        detail: Option<String>,
        occurrences: i64,
        actor: Option<String>,
        actor_user_id: Option<i64>,
        reason: Option<String>,
    }
    outbox {
        id: String,
        kind: String,
        user_id: Option<i64>,
        message_sealed: String,
        created_at: Moment,
        expires_at: Moment,
        next_try_at: Moment,
        claimed_until: Option<Moment>,
        tries: i64,
        last_error: Option<String>,
    }
}
